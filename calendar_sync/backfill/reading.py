"""One slice as Google expands it: what lies in it, and what reaches beyond its borders."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

from calendar_sync.answers import PageTokenRefused
from calendar_sync.calendars import KnownCalendar
from calendar_sync.items import read_items
from calendar_sync.model import Event, EventWarning, Item, Orphan, Single
from calendar_sync.reading import Source
from calendar_sync.recurrence.event_times import Window, instant_at, is_within, when
from calendar_sync.retrying import MOST_RESTARTS, forgetful
from calendar_sync.slices import Slice
from calendar_sync.sync import Kind, WindowFetch, read_stub

# Google takes what ends after timeMin: an event without length at a slice's very start is in none
# of its slices. So a second more is asked for, and what does not belong is left out here.
_A_SECOND = dt.timedelta(seconds=1)
CROSSES = "crosses-border"
NO_ID = "no-id"


@dataclass
class SliceContent:
    """What Google has of a slice. `resources` are compact JSON in order of their ids."""

    resources: list[bytes] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    warnings: list[EventWarning] = field(default_factory=list)

    @property
    def items(self) -> Iterator[Item]:
        """Yield each event as an item of its own: an occurrence stands without its series here."""
        for event in self.events:
            yield Orphan(event) if event.is_exception else Single(event)


def read_slice(source: Source, calendar: KnownCalendar, slice_: Slice) -> SliceContent:
    """Read every page of a slice. Raises CalendarGone, or our errors."""
    content = SliceContent()
    resources, without_id = _list(source, calendar.id, slice_)
    if without_id:
        message = f"Left out of the slice {slice_.name}, for want of an id: {without_id}."
        content.warnings.append(EventWarning("", NO_ID, message))
    for event_id, resource in sorted(resources.items()):
        item = next(read_items([(event_id, Kind.SINGLE, resource)], content.warnings), None)
        if not isinstance(item, Single):  # it cannot be read: JSONL keeps it, a warning tells
            content.resources.append(resource)
        elif _belongs(item.event, calendar, slice_):
            content.resources.append(resource)
            content.events.append(item.event)
            content.warnings += _crossing(item.event, calendar, slice_)
    return content


def _list(source: Source, calendar_id: str, slice_: Slice) -> tuple[dict[str, bytes], int]:
    """Return compact resources by id, the last one of an id winning; and how many have none."""
    window = WindowFetch(slice_.start - _A_SECOND, slice_.end)
    for _ in range(MOST_RESTARTS):
        resources: dict[str, bytes] = {}
        without_id = 0
        try:
            for page in source.pages(calendar_id, window):
                for item in page.items:
                    resource, stub = read_stub(bytes(item))
                    if stub is None:
                        without_id += 1
                    else:
                        resources[stub.id] = resource
        except PageTokenRefused:
            continue
        return resources, without_id
    raise forgetful()


def _belongs(event: Event, calendar: KnownCalendar, slice_: Slice) -> bool:
    """Whether an event lies in the slice; one without a readable start is where Google has it."""
    if event.is_cancelled:
        return False
    zone = calendar.view.time_zone
    return when(event.start, zone) is None or is_within(event, zone, None, Window(*slice_.instants))


def _crossing(event: Event, calendar: KnownCalendar, slice_: Slice) -> Iterator[EventWarning]:
    """Warn of an event that reaches over a border; it is in each slice that it overlaps."""
    zone = calendar.view.time_zone
    start, end = when(event.start, zone), when(event.end, zone)
    first, last = slice_.instants
    words = []
    if start is not None and instant_at(start, zone) < first:
        words.append("began before it")
    if end is not None and not event.end_time_unspecified and instant_at(end, zone) > last:
        words.append("goes on after it")
    if words:
        message = f"It reaches over a border of the slice {slice_.name}: it {' and '.join(words)}."
        yield EventWarning(event.id, CROSSES, message)
