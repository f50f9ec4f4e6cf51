"""The times of a row as texts, from the points they are.

Those of a row's own days can be left open, for the rows of a series to fill in.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from calendar_sync.points import BASIC_DAYS, CLOCKS, DAYS, Point, TextTable
from calendar_sync.recurrence.clocks import DAY
from calendar_sync.table.text import cell, clean, written
from calendar_sync.times import FIRST_SECOND, LAST_SECOND

_Nine = tuple[str, str, str, str, str, str, str, str, str]


# -- texts -----------------------------------------------------------------------------------------


class Texts(Protocol):
    """The text of a day or a second of the day, by number."""

    def __getitem__(self, number: int, /) -> str:
        """Return the text of one."""


def _offset_text(offset: int) -> str:
    seconds = abs(offset)
    text = f"{'-' if offset < 0 else '+'}{seconds // 3600:02}:{seconds // 60 % 60:02}"
    return f"{text}:{seconds % 60:02}" if seconds % 60 else text


DAY_BYTES = TextTable(lambda day: DAYS[day].encode())
BASIC_DAY_BYTES = TextTable(lambda day: BASIC_DAYS[day].encode())
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
    wall = start.instant + start.offset
    first = days[wall // DAY]
    start_text = f"{first}T{CLOCKS[wall % DAY]}{OFFSETS[start.offset]}"
    utc = _utc_text(start.instant, days)
    if end is None:
        return (start_text, "", utc, "", "false", first, first, start.zone, "")
    end_wall = end.instant + end.offset
    last = days[end_wall // DAY]
    end_text = f"{last}T{CLOCKS[end_wall % DAY]}{OFFSETS[end.offset]}"
    if end_wall % DAY == 0 and end.instant > start.instant:  # a midnight is of the day before
        last = days[end_wall // DAY - 1]
    return (
        start_text,
        end_text,
        utc,
        _utc_text(end.instant, days),
        "false",
        first,
        last,
        start.zone,
        MINUTES[end.instant - start.instant],
    )


def _utc_text(instant: int, days: Texts) -> str:
    """Write an instant; what is no longer year 1 or 9999 in UTC saturates, as in the ICS."""
    if days is DAYS and not FIRST_SECOND <= instant <= LAST_SECOND:
        instant = FIRST_SECOND if instant < FIRST_SECOND else LAST_SECOND
    return f"{days[instant // DAY]}T{CLOCKS[instant % DAY]}Z"


def minutes_text(seconds: int) -> str:
    """Write a length in minutes, whole or with up to two decimals."""
    if seconds % 60 == 0:
        return str(seconds // 60)
    return f"{seconds / 60:.2f}".rstrip("0").rstrip(".")


MINUTES = TextTable(minutes_text)


# -- all nine as cells -----------------------------------------------------------------------------


class _Days(dict[int, str]):
    """Gives each day that is asked for a mark."""

    def __missing__(self, day: int) -> str:
        self[day] = mark = chr(len(self))
        return mark


class _Shape(NamedTuple):
    """What is around a row's own day, with marks for days that are not it."""

    around: list[bytes]
    others: list[tuple[bytes, int]]  # marks, and how far their days are


class _Shapes(dict[tuple[int, int, int, int, str], _Shape]):
    """How timed rows look that differ in their days only.

    By the second of the day, the offset, the end's offset, the length and the zone.
    """

    def __missing__(self, key: tuple[int, int, int, int, str]) -> _Shape:
        if len(self) >= _MOST_SHAPES:
            self.clear()
        second, offset, end_offset, length, zone = key
        start = Point(second - offset, offset, cell(clean(zone)))
        end = Point(start.instant + length, end_offset, zone)
        days = _Days({0: _OWN})
        text = ",".join(_timed_cells(start, end, days)).encode()
        others = [(mark.encode(), day) for day, mark in days.items() if day]
        self[key] = shape = _Shape(text.split(_OWN.encode()), others)
        return shape


_OWN = "\0"  # mark
_MOST_SHAPES = 5000  # 4 MB; varied events of ten years have 3,300
_SHAPES = _Shapes()


def times_cells(times: Iterable[tuple[Point | int | None, Point | int | None]]) -> list[bytes]:
    """Return what `time_cells` does for many rows, as cells joined by commas."""
    found: list[bytes] = []
    shapes, texts, day_texts = _SHAPES, DAY_BYTES, DAYS
    for start, end in times:
        if (
            isinstance(start, Point) and start.is_plain and isinstance(end, Point) and end.is_plain
        ):  # and so not at an end of the calendar, where days saturate
            instant, offset = start.instant, start.offset
            wall = instant + offset
            day, second = wall // DAY, wall % DAY
            around, others = shapes[second, offset, end.offset, end.instant - instant, start.zone]
            content = texts[day].join(around)
            for mark, shift in others:
                content = content.replace(mark, texts[day + shift])
            found.append(content)
        elif isinstance(start, int) and isinstance(end, int):
            first, after = day_texts[start // DAY], day_texts[end // DAY]
            last = day_texts[max(start, end - DAY) // DAY]
            found.append(f"{first},{after},,,true,{first},{last},,".encode())
        else:
            found.append(written(time_cells(start, end)))
    return found
