"""Which events a listing's restrictions let through (rules 27, 30, 37, 39)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .instances import Series, series_of
from .parameters import EventQuery
from .resources import Event, Resource, span_of
from .store import Calendar

_EVERYWHERE = (-(1 << 62), 1 << 62)


class Filter:
    """The restrictions of one query on one calendar."""

    def __init__(self, calendar: Calendar, query: EventQuery) -> None:
        self._calendar = calendar
        self._query = query
        self._reads = bool(
            query.words or query.ical_uid or query.private_properties or query.shared_properties
        )

    def state(self, event: Event) -> bool:
        """Tell whether the event is not too deleted to be listed (rules 30, 39)."""
        if event.state == "gone":
            return bool(self._query.show_deleted) or self._query.updated_min is not None
        return event.state != "buried"

    def content(self, event: Event) -> bool:
        """Tell whether type, words, UID, properties and time of change fit.

        A hole has no content, so its series decides for it.
        """
        query = self._query
        if query.updated_min is not None and event.updated < query.updated_min:
            return False
        if not query.event_types and not self._reads:
            return True
        about = event
        if event.state == "hole" and event.series:
            about = self._calendar.events.get(event.series, event)
        if query.event_types and about.event_type not in query.event_types:
            return False
        return not self._reads or self._text(about.resource())

    def _text(self, resource: Resource) -> bool:
        query = self._query
        if query.ical_uid is not None and resource.get("iCalUID") != query.ical_uid:
            return False
        extended = resource.get("extendedProperties", {})
        if not _has(extended.get("private", {}), query.private_properties):
            return False
        if not _has(extended.get("shared", {}), query.shared_properties):
            return False
        return not query.words or _mentions(resource, query.words)

    def window(self, event: Event) -> bool:
        """Tell whether the event, or any date its series can have, overlaps the window."""
        low, high = self._query.time_min, self._query.time_max
        if low is None and high is None:
            return True
        begin, end = span(self._calendar, event)
        return (low is None or end > low) and (high is None or begin < high)


def span(calendar: Calendar, event: Event) -> tuple[int, int]:
    """Return begin and end of an event in microseconds; always and ever if it cannot be read."""
    if event.span is None:
        series = dates_of(calendar, event)
        read = series.bounds() if series else span_of(event.resource(), calendar.zone)
        event.span = read or _EVERYWHERE
    return event.span


def dates_of(calendar: Calendar, event: Event) -> Series | None:
    """Return a stored event as a series, read only once; None if it is none."""
    if event.series_read is None and event.recurring:
        event.series_read = series_of(event.resource(), calendar.zone)
    return event.series_read if isinstance(event.series_read, Series) else None


def _has(properties: Mapping[str, str], wanted: tuple[tuple[str, str], ...]) -> bool:
    return all(properties.get(key) == value for key, value in wanted)


def _mentions(resource: Resource, words: str) -> bool:
    """Tell whether every word occurs in the fields that `q` searches (facts 1.3)."""
    people = [resource.get("organizer", {}), *resource.get("attendees", [])]
    place = resource.get("workingLocationProperties", {})
    texts: list[Any] = [resource.get(key) for key in ("summary", "description", "location")]
    texts += [person.get(key) for person in people for key in ("displayName", "email")]
    texts += [part.get("label") for part in place.values() if isinstance(part, dict)]
    haystack = "\n".join(text for text in texts if text).casefold()
    return all(word in haystack for word in words.casefold().split())
