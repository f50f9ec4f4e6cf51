"""The dates of one series as bare numbers: its lines of recurrence, less what is excluded.

Decided here (RFC 5545 leaves it open, or data breaks it):
- DTSTART is an occurrence even where the rule would not give it, except when every rule ended
  before it: Google leaves such series behind after "delete this and following" at the first date
  (pimutils/khal 398).
- COUNT counts what the rule gives, so an extra DTSTART comes on top, as in Google's own
  rfc2445 library.
- A date-time where a series has dates means the date as written; a date where a series has times
  means that whole day (UNTIL, EXDATE) or that day at the series' time (RDATE).
- A repetition without end is followed to the horizon or the window's end; where neither is asked, for
  400 years.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from calendar_sync.model import EventWarning, Series
from calendar_sync.recurrence.clocks import DAY, clock_of, place
from calendar_sync.recurrence.elapsed_rules import instants_by_steps
from calendar_sync.recurrence.event_times import When, Window, calendar_clock, original_of
from calendar_sync.recurrence.lines import Recurrence, Rule, Stamp, read_recurrence
from calendar_sync.recurrence.rules import (
    CYCLE,
    LAST_WALL,
    TooMuchWork,
    in_batches,
    wall_of,
    wall_times,
)
from calendar_sync.recurrence.stretches import Part, Stretches, in_order, without
from calendar_sync.times import Moment, find_zone, seconds_since_epoch

_Parts = Iterable[Iterable[int]]
_NEVER = 1 << 60
_MARGIN = 2 * DAY  # no two clocks of the world are further apart


class SeriesDates:
    """The line of a series' dates: instants, or wall times of midnights when it is all-day."""

    def __init__(
        self,
        series: Series,
        calendar_zone: str,
        begin: When,
        end: When | None,
        horizon: int | None,
        window: Window | None,
    ) -> None:
        self.series, self.zone, self.begin = series, calendar_zone, begin
        self.is_all_day = not isinstance(begin, Moment)
        self.warnings: list[EventWarning] = []
        if isinstance(begin, Moment):
            self.clock = clock_of(begin.tzinfo)
            self.start, self.wall = begin.instant, seconds_since_epoch(begin.wall)
            self.length: int | None = None
            if isinstance(end, Moment):
                self.length = end.instant - begin.instant
        else:
            self.clock = calendar_clock(calendar_zone)
            self.start = self.wall = wall_of(begin)
            self.length = None
            if end is not None and not isinstance(end, Moment):
                self.length = wall_of(end) - self.start
        self.horizon, self.window = horizon, window
        self._wanted = 0
        self.lower, self.upper = self._bounds()

    def _bounds(self) -> tuple[int, int]:
        """Return a first and a last second that no date within the bounds lies beyond.

        Where there is no window and dates are instants, all between them are within the bounds.
        """
        window = self.window or Window()
        lower = self.start
        if window.start is not None:
            lower = max(lower, window.start - max(0, self.length or 0) - _MARGIN)
        ends = [end + _MARGIN for end in (self.horizon, window.end) if end is not None]
        if self.horizon is not None and not self.is_all_day:
            ends.append(self.horizon - 1)
        return lower, min(*(ends or [lower + CYCLE]), LAST_WALL)

    def starts(self, most: int) -> Stretches:
        """Return the first dates that are neither excluded nor exceptions, ascending."""
        self._wanted = most
        recurrence = read_recurrence(self.series.master.recurrence or ())
        if recurrence.problems:
            problem = recurrence.problems[0]
            self.warn("odd-recurrence", f"A line of the recurrence was left out: {problem}.")
        dates, days = self._excluded(recurrence)
        found: list[Part] = []
        for given in self._given(recurrence):
            found += self._first(given, dates, days, most)
        return in_order(found).first(most)

    def warn(self, code: str, message: str) -> None:
        """Remember one warning about the series."""
        self.warnings.append(EventWarning(self.series.master.id, code, message))

    def _given(self, recurrence: Recurrence) -> Iterator[_Parts]:
        """Yield DTSTART, the dates and each rule's dates, those within the bounds."""
        ends = [self._last(rule) for rule in recurrence.rules]
        is_given = not ends or recurrence.problems or any(end >= self.start for end in ends)
        if is_given and self._is_within(self.start):
            yield [range(self.start, self.start + DAY, DAY)]
        yield self._within([[self._date(stamp) for stamp in recurrence.dates]])
        for rule in recurrence.rules:
            given = self._of_rule(rule)
            yield self._within(given) if self.is_all_day or self.window is not None else given

    def _first(self, given: _Parts, dates: set[int], days: set[int], most: int) -> list[Part]:
        """Take the first dates that are not excluded."""
        found: list[Part] = []
        try:
            if dates or days:
                given = chain.from_iterable(self._left(part, dates, days) for part in given)
            for part in given:
                if isinstance(part, range):
                    found.append(part if len(part) <= most else part[:most])
                else:
                    some: list[int] = []
                    found.append(some)
                    some += islice(part, most)
                most -= len(found[-1])
                if not most:
                    break
        except TooMuchWork:
            self.warn("odd-recurrence", "A rule matches next to nothing and was given up.")
        return found

    def _left(self, given: Iterable[int], dates: set[int], days: set[int]) -> _Parts:
        """Leave out what is excluded."""
        if isinstance(given, range) and not days:
            return without(given, dates)
        if days:
            given = (date for date in given if self._day(date) not in days)
        if dates:
            given = (date for date in given if date not in dates)
        return [given]

    def _within(self, given: _Parts) -> _Parts:
        """Leave out what is not within the bounds."""
        if self.horizon is None and self.window is None:
            return given
        return (filter(self._is_within, part) for part in given)

    def _is_within(self, date: int) -> bool:
        first = self._instant(date)
        if self.horizon is not None and first >= self.horizon:
            return False
        if self.window is None:
            return True
        return self.window.overlaps(first, self._instant(date + (self.length or 0)))

    def _instant(self, date: int) -> int:
        return self.clock.instant_of(date) if self.is_all_day else date

    def _day(self, date: int) -> int:
        return (date if self.is_all_day else date + self.clock.offset_at(date)) // DAY

    # -- rules

    def _of_rule(self, rule: Rule) -> _Parts:
        """Return the dates of one rule up to its UNTIL."""
        last = min(self._last(rule), self.upper)
        if self.is_all_day:
            if rule.is_sub_daily:
                self.warn("odd-recurrence", "A rule of hours says nothing about whole days.")
                return ()
            return [wall_times(_without_times(rule), self.start, self.lower, last)]
        if rule.is_sub_daily:
            return [instants_by_steps(rule, self.start, self.clock, self.lower, last)]
        upper = min(last + _MARGIN, LAST_WALL)
        walls = wall_times(rule, self.wall, self.lower - _MARGIN, upper)
        batches = in_batches(walls, self._wanted)
        return chain.from_iterable(self._instants_of(batch, last) for batch in batches)

    def _instants_of(self, walls: Sequence[int], last: int) -> Iterator[Part]:
        """Yield the wall times' instants up to the last; the master's may be a second pass."""
        usual = self.clock.instant_of(self.wall)
        for part in self.clock.instants_of(walls):
            if usual != self.start and usual in part:
                part = [self.start if instant == usual else instant for instant in part]
            if part[-1] + DAY <= last:  # no change of a clock turns it back by more
                yield part
            elif isinstance(part, range):
                yield part[: place(part, last + 1)]
            else:
                yield [instant for instant in part if instant <= last]

    def _last(self, rule: Rule) -> int:
        """Return the last second that UNTIL allows: a day's last where it is a date."""
        until = rule.until
        if until is None:
            return _NEVER
        if self.is_all_day:
            return wall_of(until.day)
        if until.seconds is None:
            return self.clock.instant_of(wall_of(until.day) + DAY - 1)
        return self._date(until)

    # -- single dates

    def _date(self, stamp: Stamp) -> int:
        """Place a date of RDATE, EXDATE or UNTIL on this line."""
        if self.is_all_day:
            return wall_of(stamp.day)
        seconds = self.wall % DAY if stamp.seconds is None else stamp.seconds
        zone = find_zone(stamp.zone) if stamp.zone else None
        return (clock_of(zone) if zone else self.clock).instant_of(wall_of(stamp.day) + seconds)

    def _excluded(self, recurrence: Recurrence) -> tuple[set[int], set[int]]:
        """Return what EXDATE, EXRULE and exceptions take away: dates, and whole days (timed)."""
        dates: set[int] = set()
        days: set[int] = set()
        for stamp in recurrence.excluded_dates:
            if stamp.seconds is None and not self.is_all_day:
                days.add(wall_of(stamp.day) // DAY)
            else:
                dates.add(self._date(stamp))
        for exception in (*self.series.edited, *self.series.cancelled):
            original = original_of(exception, self.zone)
            if isinstance(original, Moment):
                day = wall_of(original.wall.date())
                dates.add(day if self.is_all_day else original.instant)
            elif original is not None and self.is_all_day:
                dates.add(wall_of(original))
            elif original is not None:
                days.add(wall_of(original) // DAY)
        for rule in recurrence.excluded_rules:
            dates.update(self._of_excluded_rule(rule))
        return dates, days

    def _of_excluded_rule(self, rule: Rule) -> Iterator[int]:
        try:
            yield from chain.from_iterable(self._of_rule(rule))
        except TooMuchWork:
            self.warn("odd-recurrence", "An EXRULE excludes too much and was followed in part.")


def _without_times(rule: Rule) -> Rule:
    """Leave out BYHOUR and its like, which RFC 5545 says to ignore where dates have no time."""
    if not (rule.by_hour or rule.by_minute or rule.by_second):
        return rule
    return dataclasses.replace(rule, by_hour=(), by_minute=(), by_second=())
