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
from calendar_sync.recurrence.clocks import DAY, SPAN_BITS, Clock, clock_of
from calendar_sync.recurrence.event_times import When, when
from calendar_sync.recurrence.rules import wall_of
from calendar_sync.times import EPOCH, Moment, find_zone

_K = TypeVar("_K", int, tuple[int, int], Clock)
_T = TypeVar("_T", str, bytes)
_EPOCH_ORDINAL = EPOCH.toordinal()
_LAST_ORDINAL = dt.date.max.toordinal()
_FULL = (20, 25)  # 2024-07-01T07:00:00Z, 2024-07-01T09:00:00+02:00


class Point(msgspec.Struct, frozen=True, gc=False):
    """A timed start or end.

    `is_plain`: its wall time happens once, Google's offset agrees, and is one of whole minutes.
    """

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
    zone = time.time_zone or calendar_zone
    try:
        if text is None:
            return _DAY_STARTS[time.date or ""]
        seconds, sent = _TIMES[text[10:]]
        instant = _DAY_STARTS[text[:10]] + seconds
        clock, span = _CLOCKS[zone], instant >> SPAN_BITS
        offset = clock.calm_offsets[span]
        if sent == offset or (
            offset is not None and sent in (0, _CLOCKS[calendar_zone].calm_offsets[span])
        ):
            return Point(instant, offset, zone, True)
    except KeyError:
        return _read_odd(time, zone, calendar_zone)
    return _judged(instant, sent, zone, clock, calendar_zone)


Points = tuple[Point | int | None, Point | int | None]


def read_points(event: Event, calendar_zone: str) -> Points:
    """Read an event's start and end; one exporter asks after the other for the same event."""
    global _last
    last = _last  # once: other threads render other users' events
    if last[0] is not event or last[1] != calendar_zone:
        points = read_point(event.start, calendar_zone), read_point(event.end, calendar_zone)
        _last = last = (event, calendar_zone, points)
    return last[2]


_last: tuple[Event | None, str, Points] = (None, "", (None, None))
# `T09:30:00` -> its second of the day, for every minute of it; what lies between is read the slow way.
_SECONDS = {f"T{m // 60:02}:{m % 60:02}:00": m * 60 for m in range(1440)}


class _Known(dict[str, _K]):
    """What texts mean, each read once; KeyError for those that mean nothing, or too much."""

    def __init__(self, read: Callable[[str], _K | None]) -> None:
        super().__init__()
        self._read: Callable[[str], _K | None] = read

    def __missing__(self, text: str) -> _K:
        value = self._read(text)
        if value is None:
            raise KeyError(text)
        if len(self) > 50_000:
            self.clear()
        self[text] = value
        return value


def _day_start(day: str) -> int | None:
    if day[:4] in ("0001", "9999"):  # where a zone's clock may show a year that has no text
        return None
    try:
        return (dt.date.fromisoformat(day).toordinal() - _EPOCH_ORDINAL) * DAY
    except ValueError:
        return None


def _time_of_day(text: str) -> tuple[int, int] | None:
    """Read `T09:30:00+02:00`: the seconds from the date's midnight in UTC to it, and its offset."""
    second, sent = _SECONDS.get(text[:9]), _sent_offset(text[9:])
    if second is None or sent is None or len(text) not in (10, 15):
        return None
    return second - sent, sent


def _shown_offset(instant: int, calendar_zone: str) -> int | None:
    """Return the offset of the calendar's own zone, which Google's times carry."""
    clock = named_clock(calendar_zone)
    return None if clock is None else clock.offset_at(instant)


def _read_odd(time: EventTime, zone: str, calendar_zone: str) -> Point | int | None:
    text = time.date_time or ""
    if not (len(text) in _FULL and text[10] == "T"):
        return _read_date(time.date, text, time.time_zone, calendar_zone)
    clock = named_clock(zone)
    if clock is not None and text[:4] not in ("0001", "9999"):
        try:
            sent = dt.datetime.fromisoformat(text)
        except ValueError:
            return None
        if sent.tzinfo is not None:
            return _judged(
                int(sent.timestamp()), _sent_offset(text[19:]), zone, clock, calendar_zone
            )
    return _read_date(None, text, zone, calendar_zone)


def _judged(instant: int, sent: int | None, zone: str, clock: Clock, calendar_zone: str) -> Point:
    offset = clock.plain_offset(instant)
    if offset is None:
        return Point(instant, clock.offset_at(instant), zone)
    is_plain = sent is not None and (
        sent in (offset, 0) or sent == _shown_offset(instant, calendar_zone)
    )
    return Point(instant, offset, zone, is_plain)


@lru_cache(maxsize=2048)  # all-day dates come again
def _read_date(
    date: str | None, date_time: str | None, time_zone: str | None, calendar_zone: str
) -> Point | int | None:
    return point_of(when(EventTime(date, date_time, time_zone), calendar_zone))


@lru_cache(maxsize=256)
def _sent_offset(text: str) -> int | None:
    """Read `Z` or `+02:00`; None for fractions of a second, as no API of Google's writes them."""
    try:
        offset = dt.datetime.fromisoformat(f"2000-01-01T00:00:00{text}").utcoffset()
    except ValueError:
        return None
    return None if offset is None else int(offset.total_seconds())


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


_DAY_STARTS: _Known[int] = _Known(_day_start)
_TIMES: _Known[tuple[int, int]] = _Known(_time_of_day)
_CLOCKS: _Known[Clock] = _Known(named_clock)


# -- texts -----------------------------------------------------------------------------------------


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
BASIC_CLOCKS = TextTable(lambda seconds: f"T{_clock_text(seconds).replace(':', '')}")
