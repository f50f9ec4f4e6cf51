"""singleEvents=true: series replaced by their occurrences (rules 31, 34, 57)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from .filters import Filter, dates_of, span
from .instances import Series, series_of
from .parameters import EventQuery
from .resources import Event, Resource, make_event, stamped, tombstone
from .store import Calendar
from .switches import Switches
from .times import microseconds
from .views import Instance, Item

_HALF_A_YEAR = timedelta(days=183)


class Expansion:
    """One calendar expanded for one query."""

    def __init__(
        self, calendar: Calendar, query: EventQuery, now: datetime, switches: Switches
    ) -> None:
        self.calendar = calendar
        self.query = query
        self.now = now
        self.cap = switches.expansion_cap
        self.six_months = switches.six_months

    def listing(self) -> Iterator[Item]:
        """Yield the occurrences of a full listing, cancelled ones only with showDeleted=true."""
        passes = Filter(self.calendar, self.query)
        cancelled = bool(self.query.show_deleted)
        for event in self.calendar.events.values():
            if event.series and event.series in self.calendar.events:
                continue  # comes with its series
            # An exception may have been moved out of all that its series' own dates span.
            moved = event.id in self.calendar.exceptions
            if not passes.state(event) or not (moved or passes.window(event)):
                continue
            for item in self.occurrences(event, cancelled):
                stored = item if isinstance(item, Event) else item.master
                if passes.content(stored) and (stored.state != "hole" or cancelled):
                    yield item

    def occurrences(self, event: Event, cancelled: bool) -> Iterator[Item]:
        """Yield one event, or a series' occurrences in the query's window, earliest first."""
        series = dates_of(self.calendar, event)
        if series is None:
            yield event
            return
        found = [*self._plain(event, series), *self._exceptions(event, cancelled)]
        yield from sorted(found, key=self.begin)

    def _plain(self, event: Event, series: Series) -> Iterator[Item]:
        gone = event.state == "gone"
        own = set() if gone else self._own_ids(event)
        window = self.query.time_min, self.query.time_max
        for wall in series.within(*window, self.now, self.cap):
            if not own or series.id_of(wall) not in own:
                yield Instance(event, series, wall, cancelled=gone)

    def _exceptions(self, event: Event, cancelled: bool) -> Iterator[Item]:
        inside = Filter(self.calendar, self.query).window
        for exception in self.calendar.exceptions_of(event.id):
            shown = exception.state == "live" or (exception.state == "hole" and cancelled)
            if shown and inside(exception):
                yield exception

    def begin(self, item: Item) -> int:
        """Return when an item begins, in microseconds."""
        if isinstance(item, Instance):
            return microseconds(item.series.moment(item.wall))
        return span(self.calendar, item)[0]

    def delta(self, changed: list[Event], since: int) -> Iterator[Item]:
        """Yield what changed events look like expanded: whole series, without a window (49, 57)."""
        touched = {event.id for event in changed}
        for event in changed:
            if event.series in touched:
                continue  # its series brings it, or cancels it
            if event.state == "gone" and event.recurring and self.six_months:
                yield from self._half_a_year_of(event)
            else:
                yield from self._changed(event, since)

    def _changed(self, event: Event, since: int) -> Iterator[Item]:
        """Yield what the event is now, then whatever else it was since, cancelled; ids once."""
        known = self._own_ids(event) if event.state == "live" else set()
        for item in self.occurrences(event, cancelled=True):
            known.add(item.id)
            yield item
        for lost in self._lost(event, since):
            if lost.id not in known:
                known.add(lost.id)
                yield lost

    def _lost(self, event: Event, since: int) -> Iterator[Item]:
        for position, resource in self.calendar.former.get(event.id, ()):
            if position > since:
                yield from self._former(event, resource)
        for exception in self.calendar.exceptions_of(event.id):
            if exception.state == "gone" and exception.position > since:
                yield exception
            elif exception.state == "buried":
                yield _bare(exception.resource(), event.position)

    def _own_ids(self, event: Event) -> set[str]:
        """Return the ids of the occurrences that are stored by themselves."""
        exceptions = self.calendar.exceptions_of(event.id)
        return {one.id for one in exceptions if one.state in ("live", "hole")}

    def _former(self, event: Event, resource: Resource) -> Iterator[Item]:
        """Yield what the event was before, cancelled: an expanded client still has it."""
        if not resource.get("recurrence"):
            yield _bare(resource, event.position)
        elif former := series_of(resource, self.calendar.zone):
            for wall in former.within(None, None, self.now, self.cap):
                yield Instance(event, former, wall, cancelled=True)

    def _half_a_year_of(self, event: Event) -> Iterator[Item]:
        """Yield only some instances of a deleted series, as Google was seen to (ruby client 860)."""
        whole = self.query
        low, high = microseconds(self.now), microseconds(self.now + _HALF_A_YEAR)
        self.query = replace(whole, time_min=low, time_max=high)
        yield from self.occurrences(event, cancelled=True)
        self.query = whole


def _bare(resource: Resource, stamp: int) -> Event:
    return make_event(stamped(tombstone(resource), stamp), stamp, None)
