"""How many events begin on each day of a year: series by their occurrences."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator

from calendar_sync.calendars import KnownCalendar
from calendar_sync.items import read_items
from calendar_sync.mirror import Mirror
from calendar_sync.model import Event, Item, Series
from calendar_sync.recurrence.event_times import Window, when
from calendar_sync.recurrence.occurrences import plan
from calendar_sync.times import Moment, at_instant, find_zone, midnight


def count_days(
    mirror: Mirror, calendar: KnownCalendar, zone: str | None, year: int
) -> Counter[dt.date]:
    """Count what begins on each day of the year, on the clock of `zone`, else of the calendar."""
    own = calendar.view.time_zone
    tzinfo = find_zone(zone or own) or dt.UTC
    first, after = dt.date(year, 1, 1), dt.date(year + 1, 1, 1)
    # A day wider: an all-day date counts from midnight in the calendar's zone, not in this one.
    window = Window(midnight(first, tzinfo) - 86400, midnight(after, tzinfo) + 86400)
    days: Counter[dt.date] = Counter()
    for item in read_items(mirror.resources_by_series(calendar.key), []):
        days.update(_days(item, own, tzinfo, window))
    return Counter({day: number for day, number in days.items() if first <= day < after})


def _days(item: Item, own: str, tzinfo: dt.tzinfo, window: Window) -> Iterator[dt.date]:
    events: tuple[Event, ...] | list[Event]
    if isinstance(item, Series):
        planned = plan(item, own, horizon=window.end, window=window)
        events = planned.edited
        # An all-day series has its dates as walls, which are instants of UTC.
        clock = tzinfo if isinstance(planned.begin, Moment) else dt.UTC
        yield from (at_instant(start, clock).date() for start in planned.starts)
    else:
        events = (item.event,)
    for event in events:
        start = when(event.start, own)
        if isinstance(start, Moment):
            yield at_instant(start.instant, tzinfo).date()
        elif start is not None:
            yield start
