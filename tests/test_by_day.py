"""Rows of many series, filled in day by day, are those of each series alone, in order."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from test_csv_rows import CALENDAR, days, timed

from calendar_sync.model import Event, Series
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


def exported(masters: list[Event], folder: Path, run_bytes: int = 1 << 22) -> list[list[str]]:
    exporter = CsvExporter(CALENDAR, CsvOptions(), folder, run_bytes)
    for master in masters:
        exporter.add(Series(master))
    file = io.BytesIO()
    exporter.finish(file)
    exporter.close()
    assert exporter.warnings == []
    _, *rows = csv.reader(io.StringIO(file.getvalue().decode(), newline=""))
    assert len(rows) == exporter.rows
    return rows


def by_start_and_id(id_: str, row: list[str]) -> tuple[dt.datetime, str]:
    """What a row is sorted by."""
    start = dt.datetime.fromisoformat(row[11])
    if start.tzinfo is None:
        start = start.replace(tzinfo=ZoneInfo(CALENDAR.time_zone))
    return start.astimezone(dt.UTC), f"{id_}{row[2][row[2].rindex('_') :]}"


drawn_series = st.tuples(
    st.sampled_from(IDS),
    st.integers(2, 8),
    st.integers(0, 22),
    st.one_of(
        st.builds(lambda n: {"hours": n}, st.integers(0, 1)),
        st.builds(lambda n: {"days": n}, st.integers(1, 28)),
    ),
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(drawn_series, max_size=8, unique_by=lambda of: of[0]),
    st.sampled_from([1, 900, 1 << 22]),
)
@example([(f"{n:02}", 2, 0, {"days": n}) for n in range(1, 29)], 1 << 22)
@example([(f"{n:03}", 2, 9, {"hours": 1}) for n in range(300, 0, -1)], 1 << 22)
@example(
    [("a", 2, 9, {"hours": 1}), *((f"a_{n}", 2, 9, {"hours": 1}) for n in range(1000, 1300))],
    1 << 22,
)
def test_rows_of_many_series_are_those_of_each_alone(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[Any], run_bytes: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    series = [weekly(id_, day, hour, **length) for id_, day, hour, length in drawn]
    alone = [(master.id, row) for master in series for row in exported([master], folder)]
    alone.sort(key=lambda of: by_start_and_id(*of))
    assert exported(series, folder, run_bytes) == [row for _, row in alone]
