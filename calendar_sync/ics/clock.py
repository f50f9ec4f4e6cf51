"""The clock of a series, and times written as iCalendar has them."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache

from calendar_sync.ics.text import parameter
from calendar_sync.times import EPOCH, Moment, at_instant, find_zone, instant_of, is_utc

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
