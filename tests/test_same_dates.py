"""Calendar programs and spreadsheets read the same dates: any series, in ICS and CSV."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ics_export import CALENDAR, export
from test_csv_rows import write
from test_ics_properties import read

from calendar_sync.model import Series
from calendar_sync.recurrence.occurrences import Window

ZONES = ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]
WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
FIRST, LAST = dt.datetime(2026, 3, 1), dt.datetime(2026, 12, 1)  # two changes of the clock


@st.composite
def masters(draw: st.DrawFn) -> dict[str, Any]:
    """A series whose rule gives its start: else readers do not agree (RFC 5545 section 3.8.5.3)."""
    start = draw(st.datetimes(FIRST - dt.timedelta(60), FIRST + dt.timedelta(60)))
    start = start.replace(second=0, microsecond=0)
    own = WEEKDAYS[start.weekday()]
    rule = draw(st.sampled_from([
        "FREQ=DAILY", "FREQ=WEEKLY", f"FREQ=WEEKLY;BYDAY={own}", "FREQ=MONTHLY", "FREQ=YEARLY",
        f"FREQ=WEEKLY;WKST=SU;BYDAY={own},{WEEKDAYS[start.weekday() - 3]}",
        f"FREQ=MONTHLY;BYMONTHDAY={start.day}", f"FREQ=MONTHLY;BYDAY={(start.day + 6) // 7}{own}",
    ]))  # fmt: skip
    rule += draw(
        st.sampled_from(["", ";INTERVAL=2", ";COUNT=30", ";UNTIL=20260930", ";INTERVAL=3"])
    )
    recurrence = [f"RRULE:{rule}"]
    if draw(st.booleans()):
        days = draw(st.lists(st.integers(1, 60), max_size=3))
        dates = (f"{start + dt.timedelta(day):%Y%m%d}" for day in days)
        recurrence += [f"EXDATE;VALUE=DATE:{date}" for date in dates]
    if draw(st.integers(0, 3)) == 0:
        end = start.date() + dt.timedelta(draw(st.integers(1, 3)))
        return {"id": "s", "recurrence": recurrence, "start": {"date": f"{start.date()}"},
                "end": {"date": f"{end}"}}  # fmt: skip
    zone = draw(st.sampled_from(ZONES))
    begin = start.replace(tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)
    finish = begin + dt.timedelta(minutes=draw(st.integers(1, 3000)))
    return {"id": "s", "recurrence": recurrence,
            "start": {"dateTime": begin.isoformat(), "timeZone": zone},
            "end": {"dateTime": finish.isoformat(), "timeZone": zone}}  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(masters(), st.sets(st.integers(0, 40), max_size=4), st.sets(st.integers(0, 40), max_size=3))
def test_any_series_has_the_same_dates_in_both_files(
    tmp_path_factory: pytest.TempPathFactory,
    resource: dict[str, Any],
    cancelled: set[int],
    moved: set[int],
) -> None:
    """With dates cancelled and moved as Google's occurrences are: by their original starts."""
    folder = tmp_path_factory.getbasetemp()
    series = Series(read(resource))
    window = Window(*(int(day.replace(tzinfo=dt.UTC).timestamp()) for day in (FIRST, LAST)))
    rows = write([series], folder, CALENDAR, window=window).records
    gone = tuple(exception(row, n, None) for n, row in enumerate(rows) if n in cancelled)
    elsewhere = tuple(
        exception(row, n, resource) for n, row in enumerate(rows) if n in moved - cancelled
    )
    series = Series(read(resource), elsewhere, gone)
    rows = write([series], folder, CALENDAR, window=window).records
    in_csv = sorted(row["start_utc"] or row["start"] for row in rows)
    content, _ = export(series)
    if b"BEGIN:VEVENT" not in content:
        assert in_csv == []
        return
    # It takes a series in UTC to be on the clock of X-WR-TIMEZONE; no standard says so.
    content = content.replace(b"X-WR-TIMEZONE:", b"X-NOT-TIMEZONE:")
    query = recurring_ical_events.of(icalendar.Calendar.from_ical(content))
    found = query.between(FIRST - dt.timedelta(5), LAST + dt.timedelta(5))
    starts = [(event["DTSTART"].dt, event.end) for event in found]
    in_ics = sorted(text_of(start) for start, end in starts if overlaps(start, end))
    assert in_ics == in_csv


def exception(row: dict[str, str], number: int, resource: dict[str, Any] | None) -> Any:
    """The occurrence of a row: cancelled, or moved by five hours or days."""
    is_day = row["all_day"] == "true"
    key = "date" if is_day else "dateTime"
    fields: dict[str, Any] = {
        "id": row["event_id"],
        "recurringEventId": "s",
        "originalStartTime": {key: row["original_start"]},
    }
    if resource is None:
        return read({**fields, "status": "cancelled"})
    days = dt.timedelta(5 if is_day else 0, 0 if is_day else 5 * 3600)
    times = {
        name: {
            key: (dt.datetime.fromisoformat(row[name]) + days).isoformat()[: 10 if is_day else 25]
        }
        for name in ("start", "end")
    }
    return read({**fields, **times})


def overlaps(start: dt.date, end: dt.date) -> bool:
    zone = ZoneInfo(CALENDAR.time_zone)
    bounds = [
        time.astimezone(dt.UTC)
        if isinstance(time, dt.datetime)
        else dt.datetime.combine(time, dt.time(), zone).astimezone(dt.UTC)
        for time in (start, end)
    ]
    first, last = FIRST.replace(tzinfo=dt.UTC), LAST.replace(tzinfo=dt.UTC)
    return bounds[0] < last and (bounds[1] > first or bounds[0] >= first)


def text_of(start: dt.date) -> str:
    if isinstance(start, dt.datetime):
        return f"{start.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    return start.isoformat()
