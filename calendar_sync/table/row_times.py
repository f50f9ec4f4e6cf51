"""Starts and ends as the few numbers a row needs, and their texts; `times` at a third of its cost.

Texts are looked up by day and by second of the day: a calendar's rows share them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

import msgspec

from calendar_sync.model import EventTime
from calendar_sync.recurrence.clocks import DAY, Clock, clock_of
from calendar_sync.recurrence.event_times import When, when
from calendar_sync.recurrence.rules import wall_of
from calendar_sync.times import EPOCH, Moment, find_zone

_EPOCH_ORDINAL = EPOCH.toordinal()
_LAST_ORDINAL = dt.date.max.toordinal()
_FULL = (20, 25)  # 2024-07-01T07:00:00Z, 2024-07-01T09:00:00+02:00


class Point(msgspec.Struct, frozen=True, gc=False):
    """A timed start or end."""

    instant: int
    offset: int
    zone: str


_Nine = tuple[str, str, str, str, str, str, str, str, str]


def read_point(time: EventTime | None, calendar_zone: str) -> Point | int | None:
    """Read a start or an end as `times.read_time` does; None when it cannot be read.

    An int is the wall time at which a day begins.
    """
    if time is not None and time.date_time is not None and len(time.date_time) in _FULL:
        zone = time.time_zone or calendar_zone
        clock = named_clock(zone)
        if clock is not None and time.date_time[:4] not in ("0001", "9999"):
            try:
                sent = dt.datetime.fromisoformat(time.date_time)
            except ValueError:
                return None
            if sent.tzinfo is not None:
                instant = int(sent.timestamp())
                return Point(instant, clock.offset_at(instant), zone)
    return point_of(when(time, calendar_zone))


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


class Texts(Protocol):
    """The text of a day or a second of the day, by number."""

    def __getitem__(self, number: int, /) -> str:
        """Return the text of one."""


_T = TypeVar("_T", str, bytes)


class TextTable(dict[int, _T], Generic[_T]):
    """Texts made when first asked for, and forgotten when there are very many."""

    def __init__(self, make: Callable[[int], _T]) -> None:
        super().__init__()
        self._make: Callable[[int], _T] = make

    def __missing__(self, number: int) -> _T:
        if len(self) > 100_000:
            self.clear()
        text: _T = self._make(number)
        self[number] = text
        return text


def date_of(day: int) -> dt.date:
    """Return the date of a day counted from 1970; the ends of the calendar saturate."""
    return dt.date.fromordinal(min(max(day + _EPOCH_ORDINAL, 1), _LAST_ORDINAL))


def _clock_text(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _offset_text(offset: int) -> str:
    seconds = abs(offset)
    text = f"{'-' if offset < 0 else '+'}{seconds // 3600:02}:{seconds // 60 % 60:02}"
    return f"{text}:{seconds % 60:02}" if seconds % 60 else text


DAYS = TextTable(lambda day: date_of(day).isoformat())
BASIC_DAYS = TextTable(lambda day: date_of(day).isoformat().replace("-", ""))
DAY_BYTES = TextTable(lambda day: DAYS[day].encode())
BASIC_DAY_BYTES = TextTable(lambda day: BASIC_DAYS[day].encode())
CLOCKS = TextTable(_clock_text)
OFFSETS = TextTable(_offset_text)


def local_text(time: Point | int, days: Texts = DAYS) -> str:
    """Write a time on its own clock: `2024-07-01T09:00:00+02:00`, or a date."""
    if isinstance(time, int):
        return days[time // DAY]
    local = time.instant + time.offset
    return f"{days[local // DAY]}T{CLOCKS[local % DAY]}{OFFSETS[time.offset]}"


def time_cells(start: Point | int | None, end: Point | int | None, days: Texts = DAYS) -> _Nine:
    """Return start, end, start_utc, end_utc, all_day, start_date, end_date_inclusive, timezone
    and duration_minutes. `end` is None when there is none or it is of the other kind.
    """
    if start is None:
        return ("",) * 9
    if isinstance(start, int):
        return _all_day_cells(start, end if isinstance(end, int) else None, days)
    return _timed_cells(start, end if isinstance(end, Point) else None, days)


def _all_day_cells(start: int, end: int | None, days: Texts) -> _Nine:
    first, last = start // DAY, start // DAY
    if end is not None:
        last = max(first, end // DAY - 1)
    end_text = "" if end is None else days[end // DAY]
    return (days[first], end_text, "", "", "true", days[first], days[last], "", "")


def _timed_cells(start: Point, end: Point | None, days: Texts) -> _Nine:
    start_text = local_text(start, days)
    first = days[(start.instant + start.offset) // DAY]
    utc = f"{days[start.instant // DAY]}T{CLOCKS[start.instant % DAY]}Z"
    if end is None:
        return (start_text, "", utc, "", "false", first, first, start.zone, "")
    return (
        start_text,
        local_text(end, days),
        utc,
        f"{days[end.instant // DAY]}T{CLOCKS[end.instant % DAY]}Z",
        "false",
        first,
        days[last_day(start, end)],
        start.zone,
        minutes_text(end.instant - start.instant),
    )


def last_day(start: Point, end: Point) -> int:
    """Return the last local day of a timed event; a midnight belongs to the day before."""
    local = end.instant + end.offset
    return (local - 1 if end.instant > start.instant else local) // DAY


def minutes_text(seconds: int) -> str:
    """Write a length in minutes, whole or with up to two decimals."""
    if seconds % 60 == 0:
        return str(seconds // 60)
    return f"{seconds / 60:.2f}".rstrip("0").rstrip(".")
