"""events.list and events.instances: full listings, deltas, and their pages (rules 23-60)."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .api import ApiAnswer, legacy_error
from .expansion import Expansion
from .filters import Filter, span
from .paging import Listing, Page, Pager
from .parameters import EventQuery, Query, fingerprint, read_event_query
from .resources import Event, compact, opaque_etag
from .store import Calendar, Entry
from .switches import Switches
from .times import from_microseconds, microseconds, stamp_text
from .tokens import SyncToken, full_sync_required, read_sync_token, short_hash
from .views import Instance, Item, view_for

OLDEST_UPDATED_MIN = timedelta(days=28)
"""Reports say 20 to 30 days (facts 4.2); rule 39 settles on 28."""


@dataclass(frozen=True)
class EventLists:
    """The event listings of one request: who asks, when, and with which switches on."""

    entry: Entry
    now: datetime
    switches: Switches
    pager: Pager
    mutate: Callable[[Listing, int], None]  # changes an event between two pages (rule 58)

    @property
    def calendar(self) -> Calendar:
        """The calendar that is listed."""
        return self.entry.calendar

    def answer(self, parameters: Query) -> ApiAnswer:
        """Answer events.list."""
        query = read_event_query(parameters)
        bound_to = f"{self.calendar.key}|{fingerprint(parameters, 'pageToken')}"
        if query.page_token is not None:
            page = self.pager.resume(
                query.page_token, bound_to, self.now, self.switches, self.mutate
            )
        else:
            listing = self._listing(query, bound_to)
            page = self.pager.begin(listing, self.switches)
        return self._answer(query, page)

    def answer_instances(self, event: Event, parameters: Query) -> ApiAnswer:
        """Answer events.instances: like list, but timeMin is inclusive and no token is given."""
        query = read_event_query(parameters)
        low = None if query.time_min is None else query.time_min - 1
        query = replace(query, single_events=True, time_min=low)
        bound_to = f"{self.calendar.key}|{event.id}|{fingerprint(parameters, 'pageToken')}"
        if query.page_token is not None:
            page = self.pager.resume(query.page_token, bound_to, self.now, self.switches)
            return self._answer(query, page)
        expansion = Expansion(self.calendar, query, self.now, self.switches)
        items = list(expansion.occurrences(event, bool(query.show_deleted)))
        listing = Listing(items, bound_to, query.max_results, self.now)
        listing.position = self.calendar.position
        return self._answer(query, self.pager.begin(listing, self.switches))

    def _listing(self, query: EventQuery, bound_to: str) -> Listing:
        items = self._full(query) if query.sync_token is None else self._delta(query)
        listing = Listing(items, bound_to, query.max_results, self.now)
        listing.position = self.calendar.position
        listing.next_sync_token = self._next_token(query)
        return listing

    def _full(self, query: EventQuery) -> list[Item]:
        self._check_updated_min(query)
        if self.switches.pretend_empty:
            return []
        if query.single_events:
            expansion = Expansion(self.calendar, query, self.now, self.switches)
            items = list(expansion.listing())
        else:
            items = self._plain(query)
        return self._disturbed(self._ordered(items, query))

    def _plain(self, query: EventQuery) -> list[Item]:
        passes = Filter(self.calendar, query)
        return [
            event
            for event in self.calendar.in_order()
            if passes.state(event) and passes.content(event) and passes.window(event)
        ]

    def _ordered(self, items: list[Item], query: EventQuery) -> list[Item]:
        if query.order_by == "updated":
            return sorted(items, key=lambda item: _stored(item).updated)
        if query.order_by == "startTime":
            return sorted(items, key=self._begin)
        return items

    def _begin(self, item: Item) -> int:
        if isinstance(item, Instance):
            return microseconds(item.series.moment(item.wall))
        return span(self.calendar, item)[0]

    def _disturbed(self, items: list[Item]) -> list[Item]:
        """Drop or repeat items, if a switch says so."""
        if self.switches.shrink:
            items = [item for item in items if zlib.crc32(_series_id(item).encode()) & 1]
        if self.switches.duplicate_items:
            chance = random.Random(self.switches.seed)  # noqa: S311
            items = items + [
                item for item in items if chance.random() < self.switches.duplicate_items
            ]
        return items

    def _check_updated_min(self, query: EventQuery) -> None:
        if query.updated_min is None:
            return
        if query.updated_min < microseconds(self.now - OLDEST_UPDATED_MIN):
            raise legacy_error(
                410,
                "updatedMinTooLongAgo",
                "The requested minimum modification time lies too far in the past.",
                domain="calendar",
                location="updatedMin",
                location_type="parameter",
            )

    def _delta(self, query: EventQuery) -> list[Item]:
        token = self._token(query)
        passes = Filter(self.calendar, query)
        changed = [
            event
            for event in self.calendar.changed_since(token.position)
            if passes.content(event) and not self._is_forgotten(event)
        ]
        if not query.single_events:
            return list(changed)
        expansion = Expansion(self.calendar, query, self.now, self.switches)
        return list(expansion.delta(changed, token.position))

    def _token(self, query: EventQuery) -> SyncToken:
        text = query.sync_token or ""
        token = read_sync_token(text, self.calendar.key, self.calendar.position)
        if self.switches.strict_sync and token.parameters != short_hash(query.same_as_first):
            raise legacy_error(400, "invalid", "Invalid Value")
        given = self.calendar.issued.get(text, from_microseconds(token.position))
        days = self.switches.token_age_days
        if days and self.now - given > timedelta(days=days):
            raise full_sync_required()
        return token

    def _is_forgotten(self, event: Event) -> bool:
        days = self.switches.tombstone_days
        oldest = microseconds(self.now) - int(days * 86_400_000_000)
        return bool(days) and event.state == "gone" and event.position < oldest

    def _next_token(self, query: EventQuery) -> str | None:
        full = query.sync_token is None
        if not query.gets_sync_token or (full and self.switches.no_sync_token):
            return None
        busy_only = self.entry.role == "freeBusyReader"
        parameters = short_hash(query.same_as_first)
        token = SyncToken(self.calendar.position, self.calendar.key, busy_only, parameters)
        self.calendar.issued[token.text()] = self.now
        return token.text()

    def _answer(self, query: EventQuery, page: Page) -> ApiAnswer:
        calendar, position = self.calendar, page.listing.position
        head = {
            "kind": "calendar#events",
            "etag": opaque_etag(calendar.id, position, self.entry.role),
            "summary": self.entry.calendar.summary,
            "description": calendar.description,
            "updated": stamp_text(position),
            "timeZone": query.time_zone_name or calendar.time_zone,
            "accessRole": self.entry.role,
            "defaultReminders": self.entry.reminders,
        }
        if page.next_page_token:
            head["nextPageToken"] = page.next_page_token
        elif page.next_sync_token:
            head["nextSyncToken"] = page.next_sync_token
        show = view_for(self.entry, query).show
        items = b",".join([show(item) for item in page.items])
        return ApiAnswer(200, compact(head)[:-1] + b',"items":[' + items + b"]}", {})


def _stored(item: Item) -> Event:
    return item if isinstance(item, Event) else item.master


def _series_id(item: Item) -> str:
    stored = _stored(item)
    return stored.series or stored.id
