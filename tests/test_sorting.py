"""Rows come out by instant and event id, whatever their number and the memory."""

from __future__ import annotations

import errno
import random
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_sync.errors import CannotWrite
from calendar_sync.table import sorting
from calendar_sync.table.sorting import RowSorter

rows = st.lists(
    st.tuples(
        st.integers(min_value=-(1 << 62), max_value=1 << 62),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
        st.binary(max_size=400),
    )
)


@given(rows, st.integers(min_value=1, max_value=5000))
def test_runs_on_the_disk_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str, bytes]], run_bytes: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    with RowSorter(folder, run_bytes) as sorter:
        for row in rows:
            sorter.add(*row)
        assert list(sorter.sorted_rows()) == sorted(rows)


def test_a_small_calendar_never_touches_the_disk(tmp_path: Path) -> None:
    with RowSorter(tmp_path / "not there") as sorter:
        for number in (3, 1, 2):
            sorter.add(number, "id", b"%d\r\n" % number)
        assert b"".join(row for _, _, row in sorter.sorted_rows()) == b"1\r\n2\r\n3\r\n"


def test_a_spill_leaves_no_name_in_the_folder_even_when_killed(tmp_path: Path) -> None:
    with RowSorter(tmp_path, run_bytes=1) as sorter:
        sorter.add(1, "id", b"row")
        assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    with RowSorter(tmp_path / "missing", run_bytes=1) as sorter, pytest.raises(CannotWrite):
        sorter.add(1, "id", b"row")


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    class FullDisk(RowSorter):
        @staticmethod
        def _write(file: object, block: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with FullDisk(tmp_path, run_bytes=1) as sorter, pytest.raises(CannotWrite, match="full"):
        sorter.add(1, "id", b"row")


def test_closing_twice_is_fine(tmp_path: Path) -> None:
    sorter = RowSorter(tmp_path, run_bytes=1)
    sorter.add(1, "id", b"row")
    sorter.close()
    sorter.close()


def test_memory_stays_flat_for_many_rows(tmp_path: Path) -> None:
    """Case 124, in small: 30 MB of rows through half a megabyte."""
    numbers = random.Random(1)
    tracemalloc.start()
    with RowSorter(tmp_path, run_bytes=1 << 19) as sorter:
        for number in range(50_000):
            sorter.add(numbers.randrange(1 << 30), f"id{number}", b"x" * 300)
        assert sum(1 for _ in sorter.sorted_rows()) == 50_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 << 20
    assert sorting.RUN_BYTES <= 32 << 20
