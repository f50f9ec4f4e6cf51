"""A rule of days, weeks, months or years -> its dates, with bounded work whatever it says.

They run on the naive wall clock, in whole seconds; the zone comes after, so that 09:00 stays 09:00.
Plain rules are arithmetic, which makes a series' age cost nothing; the others go through dateutil.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from itertools import count as count_from
from itertools import islice
from typing import Any

from dateutil import rrule

from calendar_sync.recurrence.clocks import DAY
from calendar_sync.recurrence.lines import Rule
from calendar_sync.times import EPOCH, seconds_since_epoch

WEEK = 7 * DAY
CYCLE_YEARS = 400  # the Gregorian calendar repeats: as many days, and as many whole weeks
CYCLE = 146_097 * DAY
MOST_LOOKS = 500_000  # candidates looked at for one rule; about a second
_SMALLEST_BATCH, _LARGEST_BATCH = 64, 1024
_EPOCH_ORDINAL = EPOCH.toordinal()
LAST_WALL = (dt.date.max.toordinal() - _EPOCH_ORDINAL - 4) * DAY  # room for every offset
_BY_DAYS = ("by_month", "by_week_number", "by_year_day", "by_month_day", "by_day")
_BY_TIMES = ("by_hour", "by_minute", "by_second")


class TooMuchWork(Exception):
    """A rule that matches (next to) nothing was given up."""


def day_of(wall: int) -> dt.date:
    """Return the date of a wall time."""
    return dt.date.fromordinal(wall // DAY + _EPOCH_ORDINAL)


def wall_of(day: dt.date) -> int:
    """Return the wall time at which a date begins."""
    return (day.toordinal() - _EPOCH_ORDINAL) * DAY


def in_batches(given: Iterable[int], wanted: int) -> Iterator[Sequence[int]]:
    """Yield parts that grow: little work where few dates are wanted, few steps where many are.

    What came before TooMuchWork comes before it here, too.
    """
    if isinstance(given, range):
        yield from filter(None, (given[:wanted], given[wanted:]))
        return
    rest, size = iter(given), min(max(wanted, _SMALLEST_BATCH), _LARGEST_BATCH)
    while True:
        batch: list[int] = []
        try:
            batch += islice(rest, size)
        except TooMuchWork:
            if batch:
                yield batch
            raise
        if not batch:
            return
        yield batch
        size = min(2 * size, _LARGEST_BATCH)


def wall_times(rule: Rule, start: int, lower: int, upper: int) -> Iterable[int]:
    """Return the wall times the rule gives from `start` on, those in [lower, upper], in order.

    COUNT counts what the rule gives from `start` on. UNTIL is the caller's, who knows the zone.
    May raise TooMuchWork on the way.
    """
    parts = {name for name in (*_BY_DAYS, *_BY_TIMES, "by_position") if getattr(rule, name)}
    if rule.frequency == "DAILY" and not parts:
        return _every(rule.interval * DAY, rule.count, start, lower, upper)
    if rule.frequency == "WEEKLY" and parts <= {"by_day"}:
        return _weekly(rule, start, lower, upper)
    if rule.frequency == "DAILY" and rule.interval == 1 and parts == {"by_day"}:
        return _weekly(rule, start, lower, upper)
    if rule.frequency in ("MONTHLY", "YEARLY") and not parts:
        return _same_day(rule, start, lower, upper)
    return limited(_by_dateutil(rule, start, lower, upper), rule.count, start, lower, upper)


def _every(step: int, count: int | None, start: int, lower: int, upper: int) -> range:
    if count is not None:
        upper = min(upper, start + (count - 1) * step)
    skipped = max(0, -((start - lower) // step))  # steps to the first one that is not below
    return range(start + skipped * step, upper + 1, step)


def _weekly(rule: Rule, start: int, lower: int, upper: int) -> Iterable[int]:
    """Lay the weekdays out on weeks that begin on WKST, every `interval` weeks."""
    own = _weekday(start)
    into_week = (own - rule.week_start) % 7 * DAY
    week = start - into_week
    step = WEEK * rule.interval
    days = sorted({(day - rule.week_start) % 7 * DAY for _, day in rule.by_day} or {into_week})
    if rule.count is not None:
        before = sum(day < into_week for day in days)  # weekdays of the first week that passed
        weeks, index = divmod(rule.count - 1 + before, len(days))
        upper = min(upper, week + weeks * step + days[index])
    lower = max(lower, start)
    first = week + (lower - week) // step * step
    if len(days) == 1:
        first += days[0]
        return range(first + step if first < lower else first, upper + 1, step)
    walls = (begin + day for begin in range(first, upper + 1, step) for day in days)
    return (wall for wall in walls if lower <= wall <= upper)


def _weekday(wall: int) -> int:
    return (wall // DAY + 3) % 7  # 1970-01-01 was a Thursday


def _same_day(rule: Rule, start: int, lower: int, upper: int) -> Iterator[int]:
    """Yield the same day of the month every so many months; the 31st skips the short ones."""
    begin = day_of(start)
    months = rule.interval * (12 if rule.frequency == "YEARLY" else 1)
    given = _days_of_months(begin, months, start % DAY, 0 if rule.count else lower)
    return limited(given, rule.count, start, lower, upper)


def _days_of_months(begin: dt.date, step: int, seconds: int, lower: int) -> Iterator[int]:
    first = begin.year * 12 + begin.month - 1
    skipped = max(0, (lower - wall_of(begin)) // (31 * DAY) // step - 1) if lower else 0
    for month in count_from(first + skipped * step, step):
        if month // 12 > dt.MAXYEAR:
            return
        try:
            yield wall_of(dt.date(month // 12, month % 12 + 1, begin.day)) + seconds
        except ValueError:  # no such day in this month
            continue


def limited(
    given: Iterable[int], count: int | None, start: int, lower: int, upper: int
) -> Iterator[int]:
    """Apply COUNT and the bounds to ascending times, some of which may come before `start`."""
    produced = 0
    for looks, time in enumerate(given):
        if looks >= MOST_LOOKS:
            raise TooMuchWork
        if time > upper or (count is not None and produced >= count):
            return
        if time >= start:
            produced += 1
            if time >= lower:
                yield time


def _by_dateutil(rule: Rule, start: int, lower: int, upper: int) -> Iterator[int]:
    """Run dateutil from the beginning of a period, so that BYSETPOS sees whole ones.

    dateutil checks its end only when something matches, else it walks to the year 9999. So the
    calendar is moved by whole cycles of 400 years until `upper` is near that end.
    """
    cycles = max(0, (dt.MAXYEAR - 10 - _year_of(upper)) // CYCLE_YEARS)
    begin = _period(rule, start, start if rule.count else max(start, lower)) + cycles * CYCLE
    try:
        for found in rrule.rrule(
            getattr(rrule, rule.frequency),
            dtstart=EPOCH + dt.timedelta(seconds=begin),
            interval=rule.interval,
            wkst=rule.week_start,
            bysetpos=rule.by_position or None,
            **_explicit(rule, start),
        ):
            yield seconds_since_epoch(found) - cycles * CYCLE
    except (ValueError, OverflowError, IndexError):  # how dateutil takes the end of the year 9999
        return


def _year_of(wall: int) -> int:
    return 1970 + wall * CYCLE_YEARS // CYCLE


def _period(rule: Rule, start: int, near: int) -> int:
    """Return where the last period in step with `start` begins that is not after `near`."""
    day, near_day = day_of(start), day_of(near)
    step = rule.interval
    if rule.frequency == "YEARLY":
        year = day.year + (near_day.year - day.year) // step * step
        return wall_of(dt.date(year, 1, 1))
    if rule.frequency == "MONTHLY":
        first, last = (date.year * 12 + date.month - 1 for date in (day, near_day))
        month = first + (last - first) // step * step
        return wall_of(dt.date(month // 12, month % 12 + 1, 1))
    begin = start - start % DAY
    if rule.frequency == "WEEKLY":
        begin -= (_weekday(start) - rule.week_start) % 7 * DAY
    length = step * (WEEK if rule.frequency == "WEEKLY" else DAY)
    return begin + (near - begin) // length * length


def _explicit(rule: Rule, start: int) -> dict[str, Any]:
    """Say all parts that a rule leaves to its DTSTART, because dateutil gets another one.

    BYWEEKNO alone means DTSTART's weekday in those weeks (RFC 5545 3.3.10), not all seven days.
    """
    day, time = day_of(start), start % DAY
    by_month, by_month_day, by_day = rule.by_month, rule.by_month_day, rule.by_day
    if not (rule.by_week_number or rule.by_year_day or by_month_day or by_day):
        if rule.frequency == "WEEKLY":
            by_day = ((None, day.weekday()),)
        elif rule.frequency in ("MONTHLY", "YEARLY"):
            by_month_day = (day.day,)
            if rule.frequency == "YEARLY":
                by_month = by_month or (day.month,)
    elif rule.by_week_number and not (rule.by_year_day or by_month_day or by_day):
        by_day = ((None, day.weekday()),)
    return {
        "bymonth": by_month or None,
        "byweekno": rule.by_week_number or None,
        "byyearday": rule.by_year_day or None,
        "bymonthday": by_month_day or None,
        "byweekday": _weekdays(rule, by_day),
        "byhour": rule.by_hour or (time // 3600,),
        "byminute": rule.by_minute or (time // 60 % 60,),
        "bysecond": rule.by_second or (time % 60,),
    }


def _weekdays(rule: Rule, by_day: tuple[tuple[int | None, int], ...]) -> list[rrule.weekday] | None:
    """Translate BYDAY. dateutil takes `MO,1TU` for both at once, so MO becomes 1MO, 2MO, ..."""
    if not by_day:
        return None
    if rule.frequency not in ("MONTHLY", "YEARLY") or all(number is None for number, _ in by_day):
        return [rrule.weekday(day) for _, day in by_day]
    all_numbers = range(1, 54 if rule.frequency == "YEARLY" and not rule.by_month else 6)
    return [
        rrule.weekday(day, n)
        for number, day in by_day
        for n in ([number] if number is not None else all_numbers)
    ]
