"""Stretches of time in words, and the instants they mean over clock changes."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from calendar_sync.durations import Unreadable, parse_duration
from calendar_sync.windows import (
    day_after,
    default_horizon,
    instant_of_day_or_time,
    parse_day_or_time,
    parse_rolling_window,
)

BERLIN = ZoneInfo("Europe/Berlin")
SAMOA = ZoneInfo("Pacific/Apia")


def local(text: str, zone: ZoneInfo = BERLIN) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("30min", 1800),
        ("12h", 43200),
        ("30d", 2592000),
        ("4w", 2419200),
    ],
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == dt.timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "h", "-1d", "1.5h", "soon", "99999999d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        parse_duration(text)


@pytest.mark.parametrize(
    ("window", "now", "start", "end"),
    [
        ("-1d..+7d", "2026-06-10T15:30", "2026-06-09", "2026-06-17"),
        ("0d..+1d", "2026-06-10T00:00", "2026-06-10", "2026-06-11"),
        ("0d..1d", "2026-03-29T12:00", "2026-03-29", "2026-03-30"),
        ("-1d .. 0d", "2026-10-26T00:30", "2026-10-25", "2026-10-26"),
        ("-1w..+2w", "2026-06-10T15:30", "2026-06-03", "2026-06-24"),
        ("-1mo..+1mo", "2026-03-31T15:30", "2026-02-28", "2026-04-30"),
        ("-1y..+0d", "2028-02-29T15:30", "2027-02-28", "2028-02-29"),
    ],
)
def test_a_window_counts_whole_local_days(window: str, now: str, start: str, end: str) -> None:
    first, last = parse_rolling_window(window).instants(local(now), BERLIN)
    assert first == local(start).timestamp()
    assert last == local(end).timestamp()


def test_a_day_of_a_clock_change_has_23_or_25_hours() -> None:
    day = parse_rolling_window("0d..+1d")
    for now, hours in (
        ("2026-03-29T12:00", 23),
        ("2026-10-25T12:00", 25),
        ("2026-07-01T12:00", 24),
    ):
        start, end = day.instants(local(now), BERLIN)
        assert (end - start) / 3600 == hours


def test_hours_are_elapsed_time_from_now() -> None:
    now = local("2026-03-29T01:30")
    start, end = parse_rolling_window("-1h..+3h").instants(now, BERLIN)
    assert (start, end) == (now.timestamp() - 3600, now.timestamp() + 3 * 3600)


@pytest.mark.parametrize("text", ["", "7d", "..", "1d..", "+1d..-1d", "0d..0d", "1x..2x", "a..b"])
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        parse_rolling_window(text)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-05-01", "2026-05-01T00:00:00+02:00"),
        ("2026-05-01T10:00", "2026-05-01T10:00:00+02:00"),
        ("2026-05-01T10:00:00Z", "2026-05-01T10:00:00+00:00"),
        ("2026-05-01T10:00:00-07:00", "2026-05-01T10:00:00-07:00"),
    ],
)
def test_days_and_times(text: str, instant: str) -> None:
    found = instant_of_day_or_time(parse_day_or_time(text), BERLIN)
    assert found == dt.datetime.fromisoformat(instant).timestamp()


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01", "01.05.2026", "2026-5-1"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        parse_day_or_time(text)


def test_the_horizon_moves_once_a_year() -> None:
    """In the calendar's own zone: on New Year's Eve it is already next year in Samoa."""
    year_2029 = dt.datetime(2028, 1, 1, tzinfo=BERLIN).timestamp()
    assert default_horizon(local("2026-01-01T00:00"), BERLIN) == year_2029
    assert default_horizon(local("2026-12-31T23:59"), BERLIN) == year_2029
    eve = local("2026-12-31T20:00")
    assert default_horizon(eve, SAMOA) == dt.datetime(2029, 1, 1, tzinfo=SAMOA).timestamp()


def test_beyond_the_last_year_is_its_end() -> None:
    now = local("2026-12-31T20:00")
    first, last = parse_rolling_window("-99999y..+99999mo").instants(now, BERLIN)
    assert first < -62135590000 and last > 253402200000  # in the years 1 and 9999
    assert day_after(now, parse_duration("99999y"), BERLIN) == dt.date.max
    assert day_after(now, parse_duration("1d"), BERLIN) == dt.date(2027, 1, 1)
