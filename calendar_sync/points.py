"""Starts and ends as the few numbers that files need: `times` at a fifth of its cost.

Texts are looked up by day and by second of the day: a calendar's events share them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import lru_cache
from typing import Generic, TypeVar

import msgspec

from calendar_sync.model import Event, EventTime
from calendar_sync.recurrence.clocks import DAY, Clock, clock_of
from calendar_sync.recurrence.event_times import When, when
from calendar_sync.recurrence.rules import wall_of
from calendar_sync.times import EPOCH, Moment, find_zone

_EPOCH_ORDINAL = EPOCH.toordinal()
_LAST_ORDINAL = dt.date.max.toordinal()
_FULL = (20, 25)  # 2024-07-01T07:00:00Z, 2024-07-01T09:00:00+02:00


class Point(msgspec.Struct, frozen=True, gc=False):
    """A timed start or end. `is_plain`: its wall time happens once, and Google's offset agrees."""

    instant: int
    offset: int
    zone: str
    is_plain: bool = False


def read_point(time: EventTime | None, calendar_zone: str) -> Point | int | None:
    """Read a start or an end as `times.read_time` does; None when it cannot be read.

    An int is the wall time at which a day begins.
    """
    if time is None:
        return None
    text = time.date_time
    if text is not None and len(text) in _FULL and text[10] == "T":
        zone = time.time_zone or calendar_zone
        start = _start_of_day(text[:10], text[19:], zone, calendar_zone)
        if start is not None:
            seconds = SECONDS.get(text[11:19])
            if seconds is not None:
                return Point(start[0] + seconds, start[1], zone, True)
        return _read_moment(text, zone, calendar_zone)
    return _read_date(time.date, text, time.time_zone, calendar_zone)


def read_points(event: Event, calendar_zone: str) -> tuple[Point | int | None, Point | int | None]:
    """Read an event's start and end; one exporter asks after the other for the same event."""
    global _last
    if _last[0] is not event or _last[1] != calendar_zone:
        points = read_point(event.start, calendar_zone), read_point(event.end, calendar_zone)
        _last = (event, calendar_zone, points)
    return _last[2]


_last: tuple[Event | None, str, tuple[Point | int | None, Point | int | None]] = (
    None, "", (None, None),
)  # fmt: skip
# `09:30:00` -> its second of the day, for every minute of it; what lies between is read the slow way.
SECONDS = {f"{m // 60:02}:{m % 60:02}:00": m * 60 for m in range(1440)}


@lru_cache(maxsize=8192)
def _start_of_day(day: str, sent: str, zone: str, calendar_zone: str) -> tuple[int, int] | None:
    """Return the instant at which a written day begins, and the zone's offset all that day.

    None where a clock changes near, where Google's offset is odd, or where there is none.
    """
    clock = named_clock(zone)
    if clock is None or day[:4] in ("0001", "9999"):
        return None
    try:
        begin = dt.datetime.fromisoformat(f"{day}T00:00:00{sent}")
    except ValueError:
        return None
    if begin.tzinfo is None:
        return None
    instant = int(begin.timestamp())
    points = [_judged(at, sent, zone, clock, calendar_zone) for at in (instant, instant + DAY)]
    is_even = all(point.is_plain for point in points) and points[0].offset == points[1].offset
    return (instant, points[0].offset) if is_even else None


def _read_moment(text: str, zone: str, calendar_zone: str) -> Point | int | None:
    clock = named_clock(zone)
    if clock is not None and text[:4] not in ("0001", "9999"):
        try:
            sent = dt.datetime.fromisoformat(text)
        except ValueError:
            return None
        if sent.tzinfo is not None:
            return _judged(int(sent.timestamp()), text[19:], zone, clock, calendar_zone)
    return _read_date(None, text, zone, calendar_zone)


def _judged(instant: int, sent: str, zone: str, clock: Clock, calendar_zone: str) -> Point:
    offset = clock.offset_at(instant)
    sent_offset = _offset_of(sent)
    if sent_offset not in (offset, 0):
        shown = named_clock(calendar_zone)
        if shown is None or shown.offset_at(instant) != sent_offset:
            return Point(instant, offset, zone)
    return Point(instant, offset, zone, clock.is_calm(instant + offset))


@lru_cache(maxsize=2048)  # all-day dates come again
def _read_date(
    date: str | None, date_time: str | None, time_zone: str | None, calendar_zone: str
) -> Point | int | None:
    return point_of(when(EventTime(date, date_time, time_zone), calendar_zone))


@lru_cache(maxsize=256)
def _offset_of(text: str) -> int:
    try:
        offset = dt.datetime.fromisoformat(f"2000-01-01T00:00:00{text}").utcoffset()
    except ValueError:  # fractions of a second, as no API of Google's writes them
        return -DAY
    return 0 if offset is None else int(offset.total_seconds())


def point_of(time: When | None) -> Point | int | None:
    """Turn what `times` read into a point."""
    if isinstance(time, Moment):
        return Point(time.instant, time.offset, time.zone)
    return None if time is None else wall_of(time)


@lru_cache(maxsize=256)
def named_clock(zone: str) -> Clock | None:
    """Return the clock of a zone, None when nobody knows it."""
    tzinfo = find_zone(zone)
    return None if tzinfo is None else clock_of(tzinfo)


# -- texts -----------------------------------------------------------------------------------------

_T = TypeVar("_T", str, bytes)


class TextTable(dict[int, _T], Generic[_T]):
    """Texts made when first asked for, and forgotten when there are very many."""

    def __init__(self, make: Callable[[int], _T]) -> None:
        super().__init__()
        self._make: Callable[[int], _T] = make

    def __missing__(self, number: int) -> _T:
        if len(self) > 50_000:
            self.clear()
        text: _T = self._make(number)
        self[number] = text
        return text


def date_of(day: int) -> dt.date:
    """Return the date of a day counted from 1970; the ends of the calendar saturate."""
    return dt.date.fromordinal(min(max(day + _EPOCH_ORDINAL, 1), _LAST_ORDINAL))


def _clock_text(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


DAYS = TextTable(lambda day: date_of(day).isoformat())
BASIC_DAYS = TextTable(lambda day: date_of(day).isoformat().replace("-", ""))
CLOCKS = TextTable(_clock_text)
BASIC_CLOCKS = TextTable(lambda seconds: _clock_text(seconds).replace(":", ""))
