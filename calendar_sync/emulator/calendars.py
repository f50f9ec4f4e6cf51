"""calendarList.list and .get, calendars.get (rules 17-22)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .api import ApiAnswer, ApiError, legacy_error
from .paging import Listing, Page, Pager
from .parameters import ListQuery, Query, fingerprint, read_list_query
from .resources import Resource, opaque_etag
from .store import ROLES, Account, Entry
from .switches import Switches
from .tokens import SyncToken, read_sync_token


def entry_resource(entry: Entry) -> Resource:
    """Write a list entry; booleans only when true, a removed one without content (rule 18)."""
    calendar = entry.calendar
    head = {
        "kind": "calendar#calendarListEntry",
        "etag": f'"{entry.stamp}"',
        "id": calendar.id,
    }
    if entry.deleted:
        return {**head, "deleted": True}
    resource: Resource = {
        **head,
        "summary": calendar.summary,
        "summaryOverride": entry.summary_override,
        "description": calendar.description,
        "location": calendar.location,
        "timeZone": calendar.time_zone,
        "dataOwner": "" if entry.primary else calendar.data_owner,
        "colorId": entry.color[0],
        "backgroundColor": entry.color[1],
        "foregroundColor": "#000000",
        "hidden": entry.hidden,
        "selected": entry.selected and not entry.hidden,
        "accessRole": entry.role,
        "defaultReminders": entry.reminders,
        "notificationSettings": _notifications() if entry.primary else None,
        "primary": entry.primary,
        "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
    }
    # An empty list of reminders is shown (facts 1.2), all other empties and falses are not.
    return {key: value for key, value in resource.items() if value not in (None, "", False)}


def _notifications() -> Resource:
    kinds = ("eventCreation", "eventChange", "eventCancellation", "eventResponse")
    return {"notifications": [{"type": kind, "method": "email"} for kind in kinds]}


def calendar_resource(entry: Entry) -> Resource:
    """Write calendars.get: the calendar itself, without anybody's choices."""
    calendar = entry.calendar
    resource: Resource = {
        "kind": "calendar#calendar",
        "etag": opaque_etag(calendar.id, calendar.summary, calendar.time_zone),
        "id": calendar.id,
        "summary": calendar.summary,
        "description": calendar.description,
        "location": calendar.location,
        "timeZone": calendar.time_zone,
        "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
        "dataOwner": "" if entry.primary else calendar.data_owner,
    }
    return {key: value for key, value in resource.items() if value != ""}


@dataclass(frozen=True)
class CalendarLists:
    """The calendar list of one request."""

    account: Account
    now: datetime
    switches: Switches
    pager: Pager

    def answer(self, parameters: Query) -> ApiAnswer:
        """Answer calendarList.list."""
        query = read_list_query(parameters)
        bound_to = f"{self.account.key}|{fingerprint(parameters, 'pageToken')}"
        if query.page_token is not None:
            page = self.pager.resume(query.page_token, bound_to, self.now, self.switches)
            return self._answer(page)
        listing = Listing(self._entries(query), bound_to, query.max_results, self.now)
        listing.position = self.account.stamp
        listing.next_sync_token = SyncToken(self.account.stamp, self.account.key).text()
        return self._answer(self.pager.begin(listing, self.switches))

    def get(self, calendar_id: str) -> ApiAnswer:
        """Answer calendarList.get."""
        return ApiAnswer(200, entry_resource(self.entry(calendar_id)), {})

    def entry(self, calendar_id: str) -> Entry:
        """Return the entry of a readable calendar; unknown and unreadable are both 404 (41)."""
        entry = self.account.find(calendar_id)
        if entry is None:
            raise not_found()
        return entry

    def _entries(self, query: ListQuery) -> list[Resource]:
        entries = self.account.entries.values()
        if query.sync_token is not None:
            token = read_sync_token(query.sync_token, self.account.key, self.account.stamp)
            return [entry_resource(one) for one in entries if one.stamp > token.position]
        return [entry_resource(one) for one in entries if _is_listed(one, query)]

    def _answer(self, page: Page) -> ApiAnswer:
        body: Resource = {
            "kind": "calendar#calendarList",
            "etag": opaque_etag(self.account.email, page.listing.position),
        }
        if page.next_page_token:
            body["nextPageToken"] = page.next_page_token
        elif page.next_sync_token:
            body["nextSyncToken"] = page.next_sync_token
        return ApiAnswer(200, {**body, "items": page.items}, {})


def _is_listed(entry: Entry, query: ListQuery) -> bool:
    if entry.deleted:
        return query.show_deleted
    return (
        (query.show_hidden or not entry.hidden)
        and ROLES.index(entry.role) >= query.min_role
        and (entry.own_organization or not query.own_organization)
    )


def not_found() -> ApiError:
    """Return the 404 of a calendar or event that is unknown, or not this reader's to read."""
    return legacy_error(404, "notFound", "Not Found")
