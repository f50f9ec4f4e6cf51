"""A rule of hours, minutes or seconds -> its instants, with bounded work whatever it says.

Such rules count elapsed time and look at the wall clock only to filter. dateutil is not asked: on
aware times it repeats an hour at one change of the offset and loses one at the other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from calendar_sync.recurrence.clocks import DAY, Clock
from calendar_sync.recurrence.lines import Rule
from calendar_sync.recurrence.rules import MOST_LOOKS, TooMuchWork, day_of, limited

_UNITS = {"HOURLY": 3600, "MINUTELY": 60, "SECONDLY": 1}


def instants_by_steps(
    rule: Rule, start: int, clock: Clock, lower: int, upper: int
) -> Iterator[int]:
    """Yield the instants an HOURLY, MINUTELY or SECONDLY rule gives in [lower, upper], in order.

    Steps are elapsed time from the instant `start`; BY parts look at the wall clock. COUNT as in
    `wall_times`. Raises TooMuchWork when nothing matches for too long.
    """
    given = _steps(rule, start, clock, start if rule.count else max(start, lower), upper)
    return limited(given, rule.count, start, lower, upper)


def _steps(rule: Rule, start: int, clock: Clock, near: int, upper: int) -> Iterator[int]:
    step = _UNITS[rule.frequency] * rule.interval
    first_wall = start + clock.offset_at(start)
    at = start + max(0, (near - start) // step - 1) * step
    looks = 0
    while at <= upper:
        looks += 1
        if looks > MOST_LOOKS:
            raise TooMuchWork
        wall = at + clock.offset_at(at)
        closed = _closed_for(rule, wall)
        if closed:
            closed -= max(0, clock.offset_at(at + closed) - clock.offset_at(at))
            at += max(1, -(-closed // step)) * step
            continue
        yield from (at + other - wall for other in _in_period(rule, wall, first_wall))
        at += step


def _closed_for(rule: Rule, wall: int) -> int:
    """Return the seconds until a filter could let something through, 0 when all do now."""
    if not _is_day_open(rule, day_of(wall)):
        return DAY - wall % DAY
    if rule.by_hour and wall // 3600 % 24 not in rule.by_hour:
        return 3600 - wall % 3600
    if rule.frequency == "HOURLY":
        return 0
    if rule.by_minute and wall // 60 % 60 not in rule.by_minute:
        return 60 - wall % 60
    if rule.frequency == "MINUTELY":
        return 0
    return 1 if rule.by_second and wall % 60 not in rule.by_second else 0


def _is_day_open(rule: Rule, day: dt.date) -> bool:
    if rule.by_month and day.month not in rule.by_month:
        return False
    if rule.by_day and all(day.weekday() != weekday for _, weekday in rule.by_day):
        return False
    if rule.by_month_day:
        next_month = (day.replace(day=28) + dt.timedelta(days=4)).replace(day=1)
        from_end = (day - next_month).days
        if day.day not in rule.by_month_day and from_end not in rule.by_month_day:
            return False
    if rule.by_year_day:
        number = day.timetuple().tm_yday
        from_end = number - 1 - dt.date(day.year, 12, 31).timetuple().tm_yday
        return number in rule.by_year_day or from_end in rule.by_year_day
    return True


def _in_period(rule: Rule, wall: int, first: int) -> list[int]:
    """Return the wall times in the hour, minute or second of `wall`, after BYSETPOS."""
    seconds = rule.by_second or (first % 60,)
    if rule.frequency == "HOURLY":
        minutes = rule.by_minute or (first // 60 % 60,)
        hour = wall - wall % 3600
        times = [hour + minute * 60 + second for minute in minutes for second in seconds]
    elif rule.frequency == "MINUTELY":
        times = [wall - wall % 60 + second for second in seconds]
    else:
        times = [wall]
    if not rule.by_position:
        return times
    picked = {p - 1 if p > 0 else len(times) + p for p in rule.by_position}
    return [time for index, time in enumerate(times) if index in picked]
