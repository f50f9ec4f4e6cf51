"""When a series recurs, as ICS lines: rules repaired, dates on the clock of DTSTART.

RFC 5545 sections 3.3.10 and 3.8.5. Readers fail on an UNTIL or an EXDATE of another type than DTSTART,
and refuse a series without any occurrence left.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from calendar_sync.ics.clock import Clock, Time, utc_text, without_leap_second
from calendar_sync.ics.rule import DATE, ends_by_count, rule_parts, times_on
from calendar_sync.model import Event, EventTime, Series
from calendar_sync.times import (
    UnreadableTime,
    instant_of,
    read_time,
)

GOOGLE_EXDATE_LIMIT = 90  # more are refused by Google's own importer
Warn = Callable[[str, str], None]


@dataclass
class Recurrence:
    """The rules and dates of one series, read but not yet written."""

    rules: list[str] = field(default_factory=list)
    untils: list[dt.datetime | None] = field(default_factory=list)  # of `rules`, on the clock
    added: set[dt.datetime] = field(default_factory=set)
    removed: set[dt.datetime] = field(default_factory=set)
    removed_days: set[dt.date] = field(default_factory=set)  # of a series with times

    def lines(self, clock: Clock) -> list[str]:
        """Write everything but DTSTART: one date a line, in order."""
        return [
            *self.rules,
            *(clock.line("RDATE", wall) for wall in sorted(self.added)),
            *(clock.line("EXDATE", wall) for wall in sorted(self.removed)),
        ]

    def earliest(self, clock: Clock) -> dt.datetime:
        """Return the first wall time that any line names; the VTIMEZONE must reach back to it."""
        return min([clock.start, *self.added, *self.removed])


def read_recurrence(series: Series, clock: Clock, calendar_zone: str, warn: Warn) -> Recurrence:
    """Read a series' recurrence and its exceptions. An unusable line costs a warning, never more."""
    result = Recurrence()
    for line in series.master.recurrence or ():
        _read_line(line, clock, result, warn)
    for exception in series.cancelled:
        wall = original_wall(exception, clock, calendar_zone)
        if wall is None:
            warn(
                "odd-exception", f"The cancelled occurrence {exception.id!r} has no original time."
            )
        else:
            result.removed.add(wall)
    result.removed |= _times_on_removed_days(result, clock)
    # What Google shows of an occurrence both excluded and edited is the edited one.
    result.removed -= {original_wall(event, clock, calendar_zone) for event in series.edited}
    if len(result.rules) > 1:
        warn("several-rules", "The series has several RRULEs; many programs read only the first.")
    if len(result.removed) > GOOGLE_EXDATE_LIMIT:
        warn("many-exdates", f"{len(result.removed)} EXDATEs; Google refuses to import over 90.")
    return result


def _times_on_removed_days(recurrence: Recurrence, clock: Clock) -> set[dt.datetime]:
    """Return what else there is on days that a date excludes: EXDATE must name each by its time."""
    days = recurrence.removed_days
    found = {wall for wall in recurrence.added if wall.date() in days}
    for day in days:
        for rule in recurrence.rules:
            found.update(times_on(rule.removeprefix("RRULE:"), clock.start, day, clock.tzinfo))
    return found


_ID_SUFFIX = re.compile(r"_(\d{8})(?:T(\d{6})Z)?\Z", re.ASCII)


def original_wall(exception: Event, clock: Clock, calendar_zone: str) -> dt.datetime | None:
    """Return where the rule put an exception, from its originalStartTime or else from its id."""
    time = original_time(exception, calendar_zone)
    return None if time is None else clock.wall(time)


def original_time(exception: Event, calendar_zone: str) -> Time | None:
    """Return an exception's original start; its id ends in the same, as a date or in UTC."""
    try:
        if exception.original_start_time:
            return read_time(exception.original_start_time, calendar_zone)
        suffix = _ID_SUFFIX.search(exception.id)
        if suffix and suffix[2]:
            return read_time(EventTime(date_time=f"{suffix[1]}T{suffix[2]}Z", time_zone="UTC"), "")
        return dt.date.fromisoformat(suffix[1]) if suffix else None
    except (UnreadableTime, ValueError):
        return None


# -- one line of `recurrence` ----------------------------------------------------------------------

_LINE = re.compile(r'([A-Za-z]+)((?:;[^=:;"]+=(?:"[^"]*"|[^:;"]*))*):(.*)', re.DOTALL)
_TZID = re.compile(r';TZID="?([^";]*)', re.IGNORECASE)


def _read_line(line: str, clock: Clock, into: Recurrence, warn: Warn) -> None:
    match = _LINE.fullmatch(line.strip())
    name = match[1].upper() if match else ""
    if match and name == "RRULE":
        _read_rule(match[3], clock, into, warn)
    elif match and name in ("RDATE", "EXDATE"):
        tzid = _TZID.search(match[2])
        zone, dates = tzid[1] if tzid else None, set[dt.datetime]()
        days = _read_dates(match[3], zone, clock, dates, warn)
        if name == "RDATE":
            into.added |= dates
        else:
            into.removed |= dates
            into.removed_days |= set() if clock.is_date else days
    elif name == "EXRULE":
        warn("exrule", "An EXRULE has no place in today's iCalendar: what it excludes is shown.")
    else:
        warn("odd-rule", f"The recurrence line {line[:100]!r} is not understood; left out.")


def _read_dates(
    text: str, tzid: str | None, clock: Clock, into: set[dt.datetime], warn: Warn
) -> set[dt.date]:
    """Read a list of dates; return those that are dates and no times."""
    days: set[dt.date] = set()
    for value in text.upper().replace(" ", "").split(","):
        start, _, length = value.partition("/")
        try:
            if not DATE.fullmatch(start):
                raise ValueError(start)
            into.add(clock.read(start, tzid))
            if len(start) == 8:
                days.add(dt.date.fromisoformat(start))
        except (ValueError, OverflowError):
            warn("odd-date", f"The recurrence date {value[:40]!r} is not understood; left out.")
            continue
        if length:
            warn("period", f"The period {value[:60]!r} is written as its start only.")
    return days


def _read_rule(text: str, clock: Clock, into: Recurrence, warn: Warn) -> None:
    parts = rule_parts(text)
    if parts is None:
        warn("odd-rule", f"The rule {text[:100]!r} is not understood; left out.")
        return
    until = parts.get("UNTIL")
    try:
        wall = None if until is None else _until_wall(until, clock)
        repaired = None if wall is None else _until_text(str(until), wall, clock)
    except (ValueError, OverflowError):
        warn("odd-rule", f"The end of the rule {text[:100]!r} is no date; the rule was left out.")
        return
    written = {**parts, "UNTIL": repaired} if repaired else parts
    if wall is not None and "COUNT" in written:
        other = "UNTIL" if ends_by_count(text, clock.start, wall, clock.tzinfo) else "COUNT"
        del written[other]  # RFC 5545 3.3.10: they must not stand together
        wall = None if other == "UNTIL" else wall
        warn(
            "two-ends", f"The rule has COUNT and UNTIL; {other}, which ends it later, is left out."
        )
    into.untils.append(wall)
    into.rules.append("RRULE:" + ";".join(f"{name}={value}" for name, value in written.items()))


def _until_wall(until: str, clock: Clock) -> dt.datetime:
    """Return UNTIL on the clock of the series; a date means the end of that day."""
    if len(until) == 8 and not clock.is_date:
        return dt.datetime.combine(dt.date.fromisoformat(until), dt.time(23, 59, 59))
    return clock.read(until[:8] if clock.is_date else until, None)


def _until_text(until: str, wall: dt.datetime, clock: Clock) -> str:
    """Return UNTIL in the only type that DTSTART allows: a date, or UTC."""
    if clock.is_date:
        return until[:8]
    if until.endswith("Z"):
        return without_leap_second(until)
    return utc_text(instant_of(wall, clock.tzinfo))
