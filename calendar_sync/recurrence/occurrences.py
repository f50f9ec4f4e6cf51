"""A series and a window -> dates. Pure: no disk, network, clock or environment.

`plan` gives the dates as bare numbers, for files of a million rows; `expand` gives them as objects.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import msgspec

from calendar_sync.model import Event, EventWarning, Item, Series
from calendar_sync.recurrence.clocks import DAY, clock_of
from calendar_sync.recurrence.event_times import (
    When,
    Window,
    instant_at,
    is_within,
    original_of,
    when,
)
from calendar_sync.recurrence.rules import day_of
from calendar_sync.recurrence.series_dates import SeriesDates
from calendar_sync.recurrence.stretches import Stretches
from calendar_sync.times import EPOCH, Moment

__all__ = ["MOST_OCCURRENCES", "Occurrence", "Plan", "Window", "expand", "overlaps", "plan"]

MOST_OCCURRENCES = 10_000
_FIRST = -(1 << 60)


class Occurrence(msgspec.Struct, frozen=True):
    """One date of a series: `event` is the master, or the exception that took its place.

    `original` is where the rule put it; None and None times are those of unreadable exceptions.
    """

    instance_id: str
    original: When | None
    start: When | None
    end: When | None
    event: Event


@dataclass
class Plan:
    """All dates of a series within the bounds.

    `starts` are those not edited, ascending: instants, or for an all-day series wall times of
    midnights; `length` is theirs, in seconds. `edited` are the exceptions within the bounds.
    """

    begin: When | None
    end: When | None
    length: int | None = None
    starts: Stretches = field(default_factory=Stretches)
    edited: list[Event] = field(default_factory=list)
    warnings: list[EventWarning] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.starts) + len(self.edited)


def overlaps(item: Item, zone: str, window: Window) -> bool:
    """Whether a single event, or any occurrence of a series, overlaps the window."""
    if isinstance(item, Series):
        return len(plan(item, zone, horizon=None, window=window, limit=1)) > 0
    return is_within(item.event, zone, None, window)


def plan(
    series: Series,
    calendar_zone: str,
    *,
    horizon: int | None,
    window: Window | None,
    limit: int = MOST_OCCURRENCES,
) -> Plan:
    """Find all dates of a series that start before the horizon and overlap the window.

    Edited exceptions count by their own times; beyond `limit` the latest dates of the rule are left
    out, with a warning. Never raises for odd data.
    """
    master = series.master
    begin, end = when(master.start, calendar_zone), when(master.end, calendar_zone)
    if master.end_time_unspecified or isinstance(begin, Moment) != isinstance(end, Moment):
        end = None
    result = Plan(begin, end)
    within = (e for e in series.edited if is_within(e, calendar_zone, horizon, window))
    edited = sorted(within, key=lambda e: _order(e, calendar_zone))
    result.edited = edited[:limit]
    if begin is None:
        return result
    line = SeriesDates(series, calendar_zone, begin, end, horizon, window)
    result.length = line.length
    result.starts = line.starts(limit + 1)
    if len(result.starts) + len(edited) > limit:
        line.warn("too-many-occurrences", f"Only the first {limit} occurrences are given.")
        result.starts = result.starts.first(limit - len(result.edited))
    result.warnings = line.warnings
    return result


def _order(event: Event, zone: str) -> tuple[int, str]:
    start = when(event.start, zone)
    return (_FIRST if start is None else instant_at(start, zone), event.id)


# -- occurrences as objects ------------------------------------------------------------------------


def instance_id(series_id: str, date: int, *, is_all_day: bool) -> str:
    """Return the id Google gives the occurrence at a date of a series' plan."""
    day = f"{series_id}_{day_of(date):%Y%m%d}"
    if is_all_day:
        return day
    seconds = date % DAY
    return f"{day}T{seconds // 3600:02}{seconds // 60 % 60:02}{seconds % 60:02}Z"


def expand(
    series: Series,
    calendar_zone: str,
    *,
    horizon: int | None = None,
    window: Window | None = None,
    limit: int = MOST_OCCURRENCES,
) -> tuple[list[Occurrence], list[EventWarning]]:
    """Return the occurrences within the bounds by start, and what there is to warn of.

    Bounds as in `plan`. Each lasts as long as its series, elapsed; an exception as itself.
    """
    planned = plan(series, calendar_zone, horizon=horizon, window=window, limit=limit)
    found = [_as_planned(series.master, planned, date) for date in planned.starts]
    found += [
        Occurrence(
            event.id,
            original_of(event, calendar_zone),
            when(event.start, calendar_zone),
            when(event.end, calendar_zone),
            event,
        )
        for event in planned.edited
    ]
    return sorted(found, key=lambda o: _position(o, calendar_zone)), planned.warnings


def _position(occurrence: Occurrence, zone: str) -> tuple[int, str]:
    start = occurrence.start
    return (_FIRST if start is None else instant_at(start, zone), occurrence.instance_id)


def _as_planned(master: Event, planned: Plan, date: int) -> Occurrence:
    begin, end = planned.begin, planned.end
    if not isinstance(begin, Moment):
        day = day_of(date)
        last = None if planned.length is None else day_of(date + planned.length)
        return Occurrence(instance_id(master.id, date, is_all_day=True), day, day, last, master)
    start = moment_at(date, begin)
    last_moment = moment_at(date + (planned.length or 0), end) if isinstance(end, Moment) else None
    name = instance_id(master.id, date, is_all_day=False)
    return Occurrence(name, start, start, last_moment, master)


def moment_at(instant: int, like: Moment) -> Moment:
    """Return the moment of an instant on the clock of another moment."""
    clock = clock_of(like.tzinfo)
    offset = clock.offset_at(instant)
    wall = EPOCH + dt.timedelta(seconds=instant + offset)
    first, second = (wall.replace(tzinfo=like.tzinfo, fold=fold).utcoffset() for fold in (0, 1))
    return Moment(
        wall=wall,
        zone=like.zone,
        tzinfo=like.tzinfo,
        offset=offset,
        instant=instant,
        is_ambiguous=first != second,
        is_zone_known=like.is_zone_known,
    )
