"""Calendars, their events and change logs; accounts and their calendar lists."""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from .resources import Event, Resource, make_event
from .times import find_zone, microseconds

ROLES = ("freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner")


@dataclass
class Calendar:
    """One calendar. Its change log orders everything by microsecond stamps that only grow."""

    id: str
    summary: str
    time_zone: str
    description: str = ""
    location: str = ""
    data_owner: str = ""  # the account whose calendar it is
    organizer: Resource = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    exceptions: dict[str, dict[str, None]] = field(default_factory=dict)  # ids in order, by series
    log: list[tuple[int, str]] = field(default_factory=list)
    position: int = 0  # of the last change
    epoch: int = 0  # sync tokens of an older epoch are 410
    former: dict[str, list[tuple[int, Resource]]] = field(default_factory=dict)
    issued: dict[str, datetime] = field(default_factory=dict)  # sync tokens and when last given
    switches: dict[str, Any] = field(default_factory=dict)  # that differ for this calendar
    made: int = 0  # events made here, so that new ids differ

    @property
    def zone(self) -> tzinfo:
        """The calendar's own zone."""
        return find_zone(self.time_zone) or UTC

    @property
    def key(self) -> int:
        """A number that names this calendar and epoch inside sync tokens."""
        return zlib.crc32(f"{self.id}|{self.epoch}".encode()) & 0xFFFFFFF

    def tick(self, now: datetime) -> int:
        """Return the stamp of a new change: now, but later than every stamp before."""
        self.position = max(microseconds(now), self.position + 1)
        return self.position

    def put(self, event: Event) -> None:
        """Store a version of an event and write it into the change log."""
        self.events[event.id] = event
        if event.series:
            self.exceptions.setdefault(event.series, {})[event.id] = None
        self.log.append((event.position, event.id))

    def bury(self, event_id: str) -> None:
        """Hide an exception that was deleted with its series; no delta mentions it (2.5)."""
        self.events[event_id].state = "buried"

    def load(self, resources: Iterable[Resource], zone: str | None = None) -> int:
        """Store resources as one change, unchanged; the newest of them gives the stamp."""
        fresh = [make_event(resource, 0, zone) for resource in resources]
        return self.load_events(fresh)

    def load_events(self, fresh: list[Event]) -> int:
        """Store ready events as one change; returns how many."""
        # What nobody has seen yet may well be older than the calendar.
        floor = self.position + 1 if self.log or self.issued else 0
        self.position = max(floor, max((event.updated for event in fresh), default=0))
        for event in fresh:
            event.position = self.position
            event.updated = event.updated or self.position
            self.put(event)
        return len(fresh)

    def clear(self) -> None:
        """Forget everything, as a reset calendar does; old sync tokens are 410."""
        self.events.clear()
        self.exceptions.clear()
        self.log.clear()
        self.former.clear()
        self.epoch += 1

    def in_order(self) -> Iterator[Event]:
        """Yield every event in a stable order, each series before its exceptions (rule 33)."""
        for event in self.events.values():
            if event.series and event.series in self.events:
                continue
            yield event
            yield from self.exceptions_of(event.id)

    def exceptions_of(self, series_id: str) -> list[Event]:
        """Return the exceptions of a series, in the order they were made."""
        return [self.events[key] for key in self.exceptions.get(series_id, ())]

    def changed_since(self, position: int) -> list[Event]:
        """Return what changed after a stamp, oldest change first, each event once."""
        first = bisect_right(self.log, position, key=lambda entry: entry[0])
        changed: dict[str, Event] = {}
        for stamp, event_id in self.log[first:]:
            event = self.events.get(event_id)
            if event and event.position == stamp and event.state != "buried":
                changed[event_id] = event
        return list(changed.values())


@dataclass
class Entry:
    """A calendar in somebody's list: what this person may do and has chosen."""

    calendar: Calendar
    role: str
    stamp: int  # microseconds of the last change of the entry: its etag
    primary: bool = False
    hidden: bool = False
    deleted: bool = False
    selected: bool = True
    summary_override: str = ""
    color: tuple[str, str] = ("14", "#9fe1e7")
    reminders: list[Resource] = field(default_factory=list)
    own_organization: bool = True


@dataclass
class Account:
    """A person with a calendar list."""

    email: str
    entries: dict[str, Entry] = field(default_factory=dict)
    stamp: int = 0  # of the last change of the list
    epoch: int = 0  # list sync tokens of an older epoch are 410

    @property
    def key(self) -> int:
        """A number that names this list and epoch inside sync tokens."""
        return zlib.crc32(f"calendarList|{self.email}|{self.epoch}".encode()) & 0xFFFFFFF

    def tick(self, now: datetime) -> int:
        """Return the stamp of a new change of the list, later than every one before."""
        self.stamp = max(microseconds(now), self.stamp + 1)
        return self.stamp

    def find(self, calendar_id: str) -> Entry | None:
        """Return the entry of a readable calendar; `primary` is this account's own (rule 22)."""
        if calendar_id == "primary":
            calendar_id = self.email
        entry = self.entries.get(calendar_id)
        return None if entry is None or entry.deleted else entry
