"""Slices of the past: whole days, ISO weeks, months or years, cut to what was asked for. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Slice:
    """The stretch [start, end) of local days, and the name of its file: `2024-01`, `2024-W03`."""

    name: str
    start: dt.datetime
    end: dt.datetime

    @property
    def instants(self) -> tuple[int, int]:
        """The same stretch in seconds since the epoch."""
        return int(self.start.timestamp()), int(self.end.timestamp())


def slices_between(start: dt.datetime, end: dt.datetime, kind: str) -> Iterator[Slice]:
    """Yield the slices that overlap [start, end), in order; the first and last may be cut.

    `start` and `end` are aware, in the zone whose days are counted; `kind` is day, week, month
    or year.
    """
    day = _first_day(start.date(), kind)
    while True:
        following = _next(day, kind)
        slice_start = max(_midnight(day, start.tzinfo), start)
        slice_end = min(_midnight(following, start.tzinfo), end)
        if slice_start >= end:
            return
        if slice_start < slice_end:
            yield Slice(_name(day, kind), slice_start, slice_end)
        day = following


def _midnight(day: dt.date, tzinfo: dt.tzinfo | None) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, tzinfo=tzinfo)


def _first_day(day: dt.date, kind: str) -> dt.date:
    if kind == "week":
        return day - dt.timedelta(days=day.weekday())
    if kind == "month":
        return day.replace(day=1)
    return day.replace(month=1, day=1) if kind == "year" else day


def _next(day: dt.date, kind: str) -> dt.date:
    if kind == "year":
        return dt.date(day.year + 1, 1, 1)
    if kind == "month":
        return dt.date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return day + dt.timedelta(days=7 if kind == "week" else 1)


def _name(day: dt.date, kind: str) -> str:
    if kind == "week":
        year, week, _ = day.isocalendar()
        return f"{year:04d}-W{week:02d}"
    length = {"year": 4, "month": 7, "day": 10}[kind]
    return day.isoformat()[:length]
