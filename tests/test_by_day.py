"""Rows of many series, filled in day by day, are those of each series alone, in order."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections import defaultdict
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from test_csv_rows import CALENDAR, days, timed

from calendar_sync.model import Event, Item, Series, Single
from calendar_sync.table.exporter import CsvExporter, CsvOptions

# Ids that begin with other ids, those of "this and following" among them, and with what no id has.
IDS = [
    "a",
    "a_",
    "a_1",
    "a_2",
    "a_20260105T080000Z",
    "a_R20260105T080000",
    "a0",
    "ab",
    "a\3",
    "a\x1e",
]

RULE = ["RRULE:FREQ=WEEKLY;COUNT=5"]


def weekly(id_: str, day: int, hour: int, **length: int) -> Event:
    """Five weeks; the clocks change after the fourth."""
    start = f"2026-03-{day:02}"
    if "days" in length:
        end = f"2026-04-{length['days']:02}"
        return days(start, end, id=id_, recurrence=RULE)  # type: ignore[no-any-return]
    begin, end = (f"{start}T{hour + more:02}:30:00+01:00" for more in (0, length["hours"]))
    return timed(begin, end, id=id_, recurrence=RULE)  # type: ignore[no-any-return]


def single(id_: str, day: int, hour: int) -> Event:
    """Beside the first occurrences, or one of them where its id is theirs."""
    start = f"2026-03-{day:02}T{hour:02}:30:00+01:00"
    return timed(start, start, id=id_)  # type: ignore[no-any-return]


def exported(items: list[Item], folder: Path, run_bytes: int = 1 << 22) -> list[list[str]]:
    exporter = CsvExporter(CALENDAR, CsvOptions(), folder, run_bytes)
    for item in items:
        exporter.add(item)
    file = io.BytesIO()
    exporter.finish(file)
    exporter.close()
    assert exporter.warnings == []
    _, *rows = csv.reader(io.StringIO(file.getvalue().decode(), newline=""))
    assert len(rows) == exporter.rows
    return rows


def order(id_: str, row: list[str]) -> tuple[dt.datetime, str, list[str]]:
    """What a row is sorted by: start, id, and its content where they are the same."""
    start = dt.datetime.fromisoformat(row[11])
    if start.tzinfo is None:
        start = start.replace(tzinfo=ZoneInfo(CALENDAR.time_zone))
    instance = row[2][row[2].rindex("_") :] if row[4] else ""
    return start.astimezone(dt.UTC), f"{id_}{instance}", row


drawn_series = st.tuples(
    st.sampled_from(IDS),
    st.integers(2, 8),
    st.integers(0, 22),
    st.one_of(
        st.builds(lambda n: {"hours": n}, st.integers(0, 1)),
        st.builds(lambda n: {"days": n}, st.integers(1, 28)),
    ),
)


singles = st.tuples(
    st.sampled_from([*IDS, "a_20260302T083000Z", "a_1_20260303T093000Z"]),
    st.integers(2, 8),
    st.integers(0, 22),
)
MANY = [(f"{n:03}", 2, 9, {"hours": 1}) for n in range(400, 0, -1)]
BETWEEN_MANY = [(f"{n}x", 2, 9) for n in range(100, 400)]
AFTER_MANY = [(f"a_{n}", 2, 9, {"hours": 1}) for n in range(1000, 1300)]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(drawn_series, max_size=8, unique_by=lambda of: of[0]),
    st.lists(singles, max_size=8, unique_by=lambda of: of[0]),
    st.sampled_from([1, 900, 1 << 22]),
)
@example([(f"{n:02}", 2, 0, {"days": n}) for n in range(1, 29)], [], 1 << 22)
@example(MANY, [("200", 2, 9), ("400", 2, 9), ("a", 8, 9)], 1 << 22)
@example(MANY, BETWEEN_MANY, 1 << 22)
@example([("a", 2, 9, {"hours": 1}), *AFTER_MANY], [], 1 << 22)
@example([("a", 2, 9, {"hours": 0})], [("a_20260302T083000Z", 2, 9)], 1 << 22)
@example([("a", 2, 9, {"hours": 1})], [("a_20260302T083000Z", 2, 9)], 1 << 22)
def test_rows_of_many_series_are_those_of_each_alone(
    tmp_path_factory: pytest.TempPathFactory, series: list[Any], others: list[Any], run_bytes: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    items: dict[str, list[Item]] = defaultdict(list)
    for id_, day, hour, length in series:
        items[id_].append(Series(weekly(id_, day, hour, **length)))
    for other in others:
        items[other[0]].append(Single(single(*other)))
    alone = [
        (id_, row)
        for id_, of_id in items.items()
        for item in of_id
        for row in exported([item], folder)
    ]
    alone.sort(key=lambda of: order(*of))
    together = exported([*chain.from_iterable(items.values())], folder, run_bytes)
    assert together == [row for _, row in alone]
