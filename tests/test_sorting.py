"""Rows come out by instant and event id, whatever their number and the memory."""

from __future__ import annotations

import random
import resource
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_sync import sorting
from calendar_sync.errors import CannotWrite
from calendar_sync.records import head_columns, heads_of, record_of, split_records, with_calendar
from calendar_sync.recurrence.clocks import DAY
from calendar_sync.sorting import RowSorter
from calendar_sync.times import FIRST_SECOND, LAST_SECOND

ids = st.text(max_size=5)
rows = st.lists(
    st.tuples(
        st.integers(min_value=FIRST_SECOND - DAY, max_value=LAST_SECOND + DAY),
        ids,
        st.binary(max_size=400),
    )
)


@given(rows, st.integers(min_value=1, max_value=5000), st.integers(min_value=1, max_value=9))
def test_runs_on_the_disk_change_nothing(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[int, str, bytes]],
    run_bytes: int,
    count: int,
) -> None:
    folder = tmp_path_factory.getbasetemp()
    with RowSorter(folder, run_bytes) as sorter:
        sorter.extend([record_of(*row) for row in rows[::2]])
        for row in rows[1::2]:
            sorter.add(record_of(*row))
        blocks = [*sorter.sorted_blocks(count)]
    assert {len(block) for block in blocks[:-1]} <= {count}
    found = [row for block in blocks for row in split_records(block)[1]]
    assert found == [row for _, _, row in sorted(rows)]


@given(rows)
def test_many_records_are_as_each_by_itself(rows: list[tuple[int, str, bytes]]) -> None:
    heads = heads_of([number for number, _, _ in rows], [id_ for _, id_, _ in rows])
    records = [head + content for head, (_, _, content) in zip(heads, rows, strict=True)]
    assert records == [record_of(*row) for row in rows]


@given(rows, st.integers(0, 10**6))
def test_a_record_is_its_head_and_its_content(
    rows: list[tuple[int, str, bytes]], number: int
) -> None:
    columns = head_columns(number, [id_ for _, id_, _ in rows])
    heads = map("".join, zip(*columns, strict=True))
    records = [record_of(number, id_, content) for _, id_, content in rows]
    contents = [content for _, _, content in rows]
    assert [h.encode("latin-1") + c for h, c in zip(heads, contents, strict=True)] == records


@given(st.lists(st.tuples(ids, ids)))
def test_equal_keys_of_several_calendars_are_in_the_order_of_the_calendars(
    rows: list[tuple[str, str]],
) -> None:
    content = {row: b"%d" % number for number, row in enumerate(rows)}
    records = [with_calendar(record_of(7, id_, content[id_, of]), of) for id_, of in content]
    assert split_records(sorted(records))[1] == [content[row] for row in sorted(content)]


def test_a_small_calendar_never_touches_the_disk(tmp_path: Path) -> None:
    with RowSorter(tmp_path / "not there") as sorter:
        for number in (3, 1, 2):
            sorter.add(b"%d\r\n" % number)
        assert [*sorter.sorted_blocks(2)] == [[b"1\r\n", b"2\r\n"], [b"3\r\n"]]


def test_a_spill_leaves_no_name_in_the_folder_even_when_killed(tmp_path: Path) -> None:
    with RowSorter(tmp_path, run_bytes=1) as sorter:
        sorter.add(b"record")
        assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    with RowSorter(tmp_path / "missing", run_bytes=1) as sorter, pytest.raises(CannotWrite):
        sorter.add(b"record")


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    """A limit on files' sizes refuses what a full disk refuses, and again when it is closed."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(CannotWrite, match="temporary file"), RowSorter(tmp_path, 1) as sorter:
            sorter.extend([b"x" * 2000])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_closing_twice_is_fine(tmp_path: Path) -> None:
    sorter = RowSorter(tmp_path, run_bytes=1)
    sorter.add(b"record")
    sorter.close()
    sorter.close()


def test_memory_stays_flat_for_many_rows(tmp_path: Path) -> None:
    """Case 124, in small: 30 MB of rows through half a megabyte."""
    numbers = random.Random(1)
    tracemalloc.start()
    with RowSorter(tmp_path, run_bytes=1 << 19) as sorter:
        for number in range(50_000):
            sorter.add(record_of(60 * numbers.randrange(1 << 24), f"id{number}", b"x" * 300))
        assert sum(map(len, sorter.sorted_blocks(256))) == 50_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 << 20
    assert sorting.RUN_BYTES <= 32 << 20
