"""When a series recurs, as ICS lines: rules repaired, dates on the clock of DTSTART.

RFC 5545 sections 3.3.10 and 3.8.5. Readers fail on an UNTIL or an EXDATE of another type than DTSTART,
and refuse a series without any occurrence left.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from calendar_sync.ics.rule import DATE, ends_by_count, rule_parts
from calendar_sync.ics.text import parameter
from calendar_sync.model import Event, EventTime, Series
from calendar_sync.times import (
    EPOCH,
    Moment,
    UnreadableTime,
    at_instant,
    find_zone,
    instant_of,
    is_utc,
    read_time,
)

GOOGLE_EXDATE_LIMIT = 90  # more are refused by Google's own importer
Warn = Callable[[str, str], None]
Time = dt.date | Moment
_LEAP_SECOND = re.compile(r"60(?=Z?\Z)")


class Clock:
    """How all times of one series are written: as dates, in UTC, or on the clock of one zone.

    Inside, a time of the series is a naive wall time on that clock, a date its midnight.
    """

    def __init__(self, start: Time) -> None:
        self.is_date = not isinstance(start, Moment)
        self.zone: str | None = None
        self.tzinfo: dt.tzinfo = dt.UTC
        if isinstance(start, Moment) and start.is_zone_known and not is_utc(start.zone):
            self.zone, self.tzinfo = start.zone, start.tzinfo
        self.start = self._on_clock(start) if isinstance(start, Moment) else _midnight(start)
        self._parameter = ";VALUE=DATE" if self.is_date else zone_parameter(self.zone)

    def wall(self, time: Time) -> dt.datetime:
        """Bring a time to this clock: an instant keeps its instant, a date gets DTSTART's time."""
        if isinstance(time, Moment):
            return _midnight(time.wall) if self.is_date else self._ruled(self._on_clock(time))
        return dt.datetime.combine(time, self.start.time())

    def _on_clock(self, time: Moment) -> dt.datetime:
        if time.zone == self.zone:
            return time.wall
        return at_instant(time.instant, self.tzinfo).replace(tzinfo=None, fold=0)

    def _ruled(self, wall: dt.datetime) -> dt.datetime:
        """Put a time that a gap of the clock moved back to where the rule has it: 2:30, not 3:30.

        Both are one instant (RFC 5545 3.3.5), but ical.js and libical find an occurrence by what is
        written: they would show it though it was cancelled, and twice if it was edited.
        """
        ruled = dt.datetime.combine(wall, self.start.time())
        if ruled < wall and instant_of(ruled, self.tzinfo) == instant_of(wall, self.tzinfo):
            return ruled
        return wall

    def line(self, name: str, wall: dt.datetime) -> str:
        """Write a property with one time of this clock."""
        if self.is_date:
            return f"{name}{self._parameter}:{wall_text(wall)[:8]}"
        return f"{name}{self._parameter}:{wall_text(wall)}{'' if self.zone else 'Z'}"

    def read(self, text: str, tzid: str | None) -> dt.datetime:
        """Read an iCalendar DATE or DATE-TIME; without a zone it is on this clock. ValueError."""
        if len(text) == 8:
            return self.wall(dt.date.fromisoformat(text))
        value = dt.datetime.fromisoformat(without_leap_second(text))
        tzinfo = value.tzinfo or (find_zone(tzid) if tzid else None)
        wall = value.replace(tzinfo=None)
        if self.is_date:
            return _midnight(wall)
        if tzinfo is not None:
            wall = at_instant(instant_of(wall, tzinfo), self.tzinfo).replace(tzinfo=None, fold=0)
        return self._ruled(wall)


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time())


@lru_cache(maxsize=1024)
def zone_parameter(zone: str | None) -> str:
    """Return `;TZID=...`, nothing for UTC."""
    return f";TZID={parameter(zone)}" if zone else ""


def wall_text(wall: dt.datetime) -> str:
    """Write a naive time; strftime would not pad the year 1."""
    return wall.isoformat(timespec="seconds").replace("-", "").replace(":", "")


def without_leap_second(text: str) -> str:
    """Write the 60th second as the 59th; most clocks have none (RFC 5545 3.3.12)."""
    return _LEAP_SECOND.sub("59", text)


def utc_text(instant: int) -> str:
    """Write an instant; before year 1 and after 9999 it saturates."""
    try:
        wall = EPOCH + dt.timedelta(seconds=instant)
    except OverflowError:
        wall = at_instant(instant, dt.UTC).replace(tzinfo=None)
    return f"{wall_text(wall)}Z"


@dataclass
class Recurrence:
    """The rules and dates of one series, read but not yet written."""

    rules: list[str] = field(default_factory=list)
    untils: list[dt.datetime | None] = field(default_factory=list)  # of `rules`, on the clock
    added: set[dt.datetime] = field(default_factory=set)
    removed: set[dt.datetime] = field(default_factory=set)

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
    # What Google shows of an occurrence both excluded and edited is the edited one.
    result.removed -= {original_wall(event, clock, calendar_zone) for event in series.edited}
    if len(result.rules) > 1:
        warn("several-rules", "The series has several RRULEs; many programs read only the first.")
    if len(result.removed) > GOOGLE_EXDATE_LIMIT:
        warn("many-exdates", f"{len(result.removed)} EXDATEs; Google refuses to import over 90.")
    return result


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
        dates = into.added if name == "RDATE" else into.removed
        _read_dates(match[3], tzid[1] if tzid else None, clock, dates, warn)
    elif name == "EXRULE":
        warn("exrule", "An EXRULE has no place in today's iCalendar: what it excludes is shown.")
    else:
        warn("odd-rule", f"The recurrence line {line[:100]!r} is not understood; left out.")


def _read_dates(
    text: str, tzid: str | None, clock: Clock, into: set[dt.datetime], warn: Warn
) -> None:
    for value in text.upper().replace(" ", "").split(","):
        start, _, length = value.partition("/")
        try:
            if not DATE.fullmatch(start):
                raise ValueError(start)
            into.add(clock.read(start, tzid))
        except (ValueError, OverflowError):
            warn("odd-date", f"The recurrence date {value[:40]!r} is not understood; left out.")
            continue
        if length:
            warn("period", f"The period {value[:60]!r} is written as its start only.")


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
