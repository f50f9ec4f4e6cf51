"""When an event begins and ends, where its rule put it, and whether that is within bounds."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from calendar_sync.model import Event, EventTime
from calendar_sync.recurrence.clocks import Clock, clock_of
from calendar_sync.recurrence.rules import wall_of
from calendar_sync.times import Moment, UnreadableTime, find_zone, read_time

_SUFFIX = re.compile(r".*_(\d{8})(?:T(\d{6})Z)?$")
When = dt.date | Moment


@dataclass(frozen=True)
class Window:
    """A stretch of time, [start, end) in seconds since the epoch; None is open."""

    start: int | None = None
    end: int | None = None

    def overlaps(self, start: int, end: int) -> bool:
        """Whether [start, end) is in it for a while; what has no length is there at its start."""
        if self.end is not None and start >= self.end:
            return False
        return self.start is None or end > self.start or start >= self.start


def when(time: EventTime | None, zone: str) -> When | None:
    """Read a start or an end; None when there is none or it cannot be read."""
    if time is None:
        return None
    try:
        return read_time(time, zone)
    except UnreadableTime:
        return None


def calendar_clock(zone: str) -> Clock:
    """Return the clock that all-day events are ordered and cut by."""
    return clock_of(find_zone(zone) or dt.UTC)


def instant_at(time: When, zone: str) -> int:
    """Return the instant of a start or end; a date begins at midnight in the calendar's zone."""
    if isinstance(time, Moment):
        return time.instant
    return calendar_clock(zone).instant_of(wall_of(time))


def original_of(event: Event, zone: str) -> When | None:
    """Return where the rule put an exception: its originalStartTime, else its id's suffix."""
    original = when(event.original_start_time, zone)
    suffix = _SUFFIX.match(event.id)
    if original is not None or suffix is None:
        return original
    text = f"{suffix[1][:4]}-{suffix[1][4:6]}-{suffix[1][6:]}"
    if suffix[2] is None:
        return when(EventTime(date=text), zone)
    of_start = event.start.time_zone if event.start else None
    return when(EventTime(date_time=f"{text}T{suffix[2]}Z", time_zone=of_start), zone)


def is_within(event: Event, zone: str, horizon: int | None, window: Window | None) -> bool:
    """Whether an event's own times lie within the bounds; without a start, only where none are."""
    start = when(event.start, zone)
    if start is None:
        return window is None
    first = instant_at(start, zone)
    if horizon is not None and first >= horizon:
        return False
    if window is None:
        return True
    end = None if event.end_time_unspecified else when(event.end, zone)
    return window.overlaps(first, first if end is None else instant_at(end, zone))
