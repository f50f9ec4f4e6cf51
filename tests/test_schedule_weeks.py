"""A week over each change of the clock: the daemon starts exactly when Debian's cron would.

The judge below is Debian's algorithm (cron.c, "wakeupKind"; crontab(8) on DST), minute by minute,
and shares nothing with cronsim.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from calendar_sync.daemon import CronSimTrigger
from calendar_sync.schedule import previous_due

MINUTE = dt.timedelta(minutes=1)


def _numbers(field: str, least: int, most: int) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = (span if span != "*" else f"{least}-{most}").partition("-")
        found |= set(range(int(first), int(last or first) + 1, int(step or 1)))
    return found


def _matches(expression: str, wall: dt.datetime) -> bool:
    minute, hour, day, month, weekday = expression.split()
    time_fits = wall.minute in _numbers(minute, 0, 59) and wall.hour in _numbers(hour, 0, 23)
    by_day = wall.day in _numbers(day, 1, 31)
    by_weekday = wall.isoweekday() % 7 in {n % 7 for n in _numbers(weekday, 0, 7)}
    both = day.startswith("*") or weekday.startswith("*")
    day_fits = (by_day and by_weekday) if both else (by_day or by_weekday)
    return time_fits and day_fits and wall.month in _numbers(month, 1, 12)


def debians_cron(
    expression: str, zone: ZoneInfo, start: dt.datetime, end: dt.datetime
) -> list[dt.datetime]:
    """Return the instants at which Debian's cron starts a job, walking through every minute."""
    follows_the_clock = any(field.startswith("*") for field in expression.split()[:2])
    fired = []
    virtual = start.astimezone(zone).replace(tzinfo=None)
    now = start
    while now < end:
        now += MINUTE
        wall = now.astimezone(zone).replace(tzinfo=None)
        if wall <= virtual:  # the clock was put back: fixed times have been there already
            due = follows_the_clock and _matches(expression, wall)
        elif follows_the_clock:
            due = _matches(expression, wall)
            virtual = wall
        else:  # what a clock put forward left out is made up for at once
            left_out = range(1, (wall - virtual) // MINUTE + 1)
            due = any(_matches(expression, virtual + MINUTE * number) for number in left_out)
            virtual = wall
        if due:
            fired.append(now)
    return fired


def daemons(
    expression: str, zone: ZoneInfo, start: dt.datetime, end: dt.datetime
) -> list[dt.datetime]:
    """Return when the daemon's trigger fires, asked as APScheduler asks it."""
    trigger = CronSimTrigger(expression, zone)
    fired: list[dt.datetime] = []
    previous = None
    while True:
        previous = trigger.get_next_fire_time(previous, previous or start)
        if previous is None or previous > end:
            return fired
        fired.append(previous)


@pytest.mark.parametrize(
    ("name", "around"),
    [
        ("Europe/Berlin", "2026-03-29"),
        ("Europe/Berlin", "2026-10-25"),
        ("America/New_York", "2026-03-08"),
        ("America/New_York", "2026-11-01"),
        ("Australia/Lord_Howe", "2026-10-04"),
        ("Australia/Lord_Howe", "2026-04-05"),
        ("America/Santiago", "2026-09-06"),
        ("America/Santiago", "2026-04-05"),
    ],
)
@pytest.mark.parametrize(
    "expression",
    [
        "*/15 * * * *", "0 * * * *", "7 */2 * * *", "30 2 * * *", "0 3 * * *", "0 0 * * *",
        "15 1,2,3 * * *", "59 23 * * *", "45 23 * * 1-5", "30 2 * * 0", "0 2 29 * 0",
    ],
)  # fmt: skip
def test_a_week_over_a_change_of_the_clock(expression: str, name: str, around: str) -> None:
    """Every start, and no other; and whoever asks a minute after one knows that it was due."""
    zone = ZoneInfo(name)
    middle = dt.datetime.fromisoformat(around).replace(tzinfo=dt.UTC)
    start, end = middle - dt.timedelta(days=3.5), middle + dt.timedelta(days=3.5)
    expected = debians_cron(expression, zone, start, end)
    assert daemons(expression, zone, start, end) == expected
    for fired in expected[:: 1 + len(expected) // 100]:
        due = previous_due(expression, fired + MINUTE / 2, zone)
        assert due and due.astimezone(dt.UTC) == fired
    assert expected or "29" in expression or "0 2" in expression
