"""What one reader sees of one item: role, zone of the answer, attendees, deleted details."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from .instances import Series
from .parameters import EventQuery
from .resources import (
    Event,
    Resource,
    busy_block,
    compact,
    hole,
    in_order,
    show_in_zone,
    tombstone,
)
from .store import Calendar, Entry


@dataclass(slots=True)
class Instance:
    """An occurrence that has no resource of its own; written only when its page is sent."""

    master: Event
    series: Series
    wall: datetime
    cancelled: bool = False

    @property
    def id(self) -> str:
        """The id Google gives the occurrence."""
        return self.series.id_of(self.wall)

    def resource(self) -> Resource:
        """Return the occurrence as a resource; a cancelled one keeps no details."""
        instance = self.series.instance(self.wall)
        return hole(instance) if self.cancelled else instance


Item = Event | Instance


@dataclass(frozen=True)
class View:
    """How items are shown in one answer (rules 36, 38, 40; facts 1.4, 2.5)."""

    calendar: Calendar
    role: str
    asked_zone: tzinfo | None = None
    most_attendees: int | None = None
    deleted_details: bool = False  # showDeleted=true, and events.get

    def show(self, item: Item) -> bytes:
        """Return the item's JSON for this reader."""
        if isinstance(item, Event) and self._shows_as_stored(item):
            return item.raw
        return compact(self.resource(item))

    def resource(self, item: Item) -> Resource:
        """Return the item for this reader."""
        stored = item if isinstance(item, Event) else item.master
        resource = item.resource()
        if resource.get("status") == "cancelled":
            resource = self._cancelled(resource, stored)
        elif not self._sees_details(stored):
            resource = busy_block(resource)
        zone = self._zone_for(item)
        if zone:
            resource = show_in_zone(resource, zone)
        return self._fewer_attendees(resource)

    def _shows_as_stored(self, event: Event) -> bool:
        return (
            (event.state == "live" or event.state == "hole")
            and (event.state == "hole" or self._sees_details(event))
            and self.most_attendees is None
            and self._zone_for(event) is None
        )

    def _sees_details(self, event: Event) -> bool:
        if event.private:
            return self.role in ("writer", "owner")
        return self.role != "freeBusyReader"

    def _cancelled(self, resource: Resource, stored: Event) -> Resource:
        if "recurringEventId" in resource:
            return hole(resource)
        details = self.deleted_details and self._sees_details(stored)
        return resource if details else tombstone(resource)

    def _zone_for(self, item: Item) -> tzinfo | None:
        """Return the zone to write offsets in; None where they are right already."""
        if self.asked_zone:
            return self.asked_zone
        if isinstance(item, Instance):
            return self.calendar.zone
        stays = item.zone is None or item.zone == self.calendar.time_zone
        return None if stays else self.calendar.zone

    def _fewer_attendees(self, resource: Resource) -> Resource:
        attendees = resource.get("attendees", [])
        if self.most_attendees is None or len(attendees) <= self.most_attendees:
            return resource
        own = [person for person in attendees if person.get("self")]
        return in_order({**resource, "attendees": own, "attendeesOmitted": True})


def view_for(entry: Entry, query: EventQuery) -> View:
    """Return how this reader sees this listing."""
    return View(
        calendar=entry.calendar,
        role=entry.role,
        asked_zone=query.time_zone,
        most_attendees=query.max_attendees,
        deleted_details=bool(query.show_deleted),
    )
