"""Which call gets which answer: the paths of the read side."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from .api import ApiAnswer, ApiRequest
from .calendars import CalendarLists, calendar_resource, not_found
from .edits import edit_event
from .filters import dates_of
from .listing import EventLists
from .paging import Listing, Pager
from .parameters import read_event_query
from .resources import Event
from .store import Account, Calendar, Entry
from .switches import Switches
from .views import Instance, Item, view_for


@dataclass(frozen=True)
class Answers:
    """One call of one person."""

    account: Account
    request: ApiRequest
    switches_for: Callable[[Calendar | None], Switches]
    pager: Pager

    def answer(self) -> ApiAnswer:
        """Answer the call; 404 for a path that is none, as for what cannot be read (rule 41)."""
        request = self.request
        lists = CalendarLists(self.account, request.now, self.switches_for(None), self.pager)
        match request.segments:
            case ("users", "me", "calendarList"):
                return lists.answer(request.query)
            case ("users", "me", "calendarList", calendar_id):
                return lists.get(calendar_id)
            case ("calendars", calendar_id):
                return ApiAnswer(200, calendar_resource(lists.entry(calendar_id)), {})
            case ("calendars", calendar_id, "events"):
                return self._listings(lists.entry(calendar_id)).answer(request.query)
            case ("calendars", calendar_id, "events", event_id):
                return self._event(lists.entry(calendar_id), event_id)
            case ("calendars", calendar_id, "events", event_id, "instances"):
                return self._instances(lists.entry(calendar_id), event_id)
        raise not_found()

    def _listings(self, entry: Entry) -> EventLists:
        now, switches = self.request.now, self.switches_for(entry.calendar)

        def mutate(listing: Listing, begin: int) -> None:
            _edit_while_listed(entry.calendar, listing, begin, now, switches)

        return EventLists(entry, now, switches, self.pager, mutate)

    def _event(self, entry: Entry, event_id: str) -> ApiAnswer:
        item = _find_item(entry.calendar, event_id)
        if item is None:
            raise not_found()
        query = read_event_query({**self.request.query, "showDeleted": ("true",)})
        return ApiAnswer(200, view_for(entry, query).show(item), {})

    def _instances(self, entry: Entry, event_id: str) -> ApiAnswer:
        event = entry.calendar.events.get(event_id)
        if event is None:
            raise not_found()
        return self._listings(entry).answer_instances(event, self.request.query)


def _find_item(calendar: Calendar, event_id: str) -> Item | None:
    """Return a stored event, or an occurrence of a series by its instance id."""
    if event_id in calendar.events:
        return calendar.events[event_id]
    master = calendar.events.get(event_id.rpartition("_")[0])
    series = dates_of(calendar, master) if master else None
    if master is None or series is None:
        return None
    try:
        wall = series.find(series.wall_of(event_id))
    except ValueError:
        return None
    gone = master.state == "gone"
    return Instance(master, series, wall, cancelled=gone) if wall else None


def _edit_while_listed(
    calendar: Calendar, listing: Listing, begin: int, now: datetime, switches: Switches
) -> None:
    """Maybe edit an event between two pages, so that it comes again, or later (rule 58).

    The listing's own sync token stays older than the edit: the next delta brings it, too.
    """
    chance = random.Random(f"{switches.seed}|{listing.number}|{begin}")  # noqa: S311
    if chance.random() >= switches.mutate_listings or not listing.items:
        return
    place = chance.randrange(len(listing.items))
    item = listing.items[place]
    if not isinstance(item, Event) or item.state != "live" or item.recurring or item.series:
        return
    if calendar.events.get(item.id) is not item:
        return
    if place >= begin:
        del listing.items[place]
    summary = item.resource().get("summary", "")
    changes = {"summary": f"{summary} (edited while listed)"}
    listing.items.append(edit_event(calendar, item.id, changes, now))
