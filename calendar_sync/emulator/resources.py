"""Event resources as Google writes them: key order, stamps, ids, reduced shapes.

Sources: facts sections 1.4 (who sees what), 2.5 (what a deletion looks like), 3.1 (fields).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from sys import intern
from typing import Any, Literal

from .times import in_zone, microseconds, moment_of, stamp_text

Resource = dict[str, Any]
State = Literal["live", "hole", "gone", "buried"]
"""live · hole: a cancelled occurrence of a live series · gone: a tombstone that deltas show ·
buried: an exception that was deleted with its series, and that no listing shows."""

_KEYS = """
    kind etag id status htmlLink created updated summary description location colorId creator
    organizer start end endTimeUnspecified recurrence recurringEventId originalStartTime
    transparency visibility iCalUID sequence attendees attendeesOmitted extendedProperties
    anyoneCanAddSelf guestsCanInviteOthers guestsCanModify guestsCanSeeOtherGuests privateCopy
    locked hangoutLink conferenceData gadget reminders source attachments eventType
    birthdayProperties focusTimeProperties outOfOfficeProperties workingLocationProperties
"""
KEY_ORDER = tuple(_KEYS.split())
BUSY_KEYS = (
    "kind",
    "etag",
    "id",
    "status",
    "htmlLink",
    "updated",
    "start",
    "end",
    "visibility",
    "iCalUID",
)
HOLE_KEYS = ("kind", "etag", "id", "status", "recurringEventId", "originalStartTime")
TOMBSTONE_KEYS = ("kind", "etag", "id", "status")
_RANK = {key: rank for rank, key in enumerate(KEY_ORDER)}
_BASE32HEX = "0123456789abcdefghijklmnopqrstuv"


@dataclass(slots=True)
class Event:
    """One version of an event. An edit makes a new one, so that open listings keep theirs.

    `raw` is the resource as compact JSON: a page of 2,500 is a join, and a million events fit
    in memory. Not frozen only because frozen slots take twice as long to make.
    """

    id: str
    raw: bytes
    state: State
    position: int  # in the change log, microseconds
    updated: int  # microseconds; half the etag
    series: str | None  # id of the series this is an exception of
    recurring: bool
    private: bool
    event_type: str
    zone: str | None  # whose offsets `raw` shows; None: loaded verbatim, served verbatim
    span: tuple[int, int] | None = None  # begin and end in microseconds, once somebody asked
    series_read: object = None  # a Series, once somebody asked; not imported, it imports us

    def resource(self) -> Resource:
        """Return a fresh copy of the JSON, free to be changed."""
        resource: Resource = json.loads(self.raw)
        return resource


def compact(value: Any) -> bytes:
    """Write JSON as Google does with prettyPrint=false: no spaces, UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def make_event(resource: Resource, position: int, zone: str | None) -> Event:
    """Store a resource; what listings ask often is read out of it once."""
    return Event(
        id=resource["id"],
        raw=compact(resource),
        state=_state_of(resource),
        position=position,
        updated=updated_of(resource, position),
        series=resource.get("recurringEventId"),
        recurring=bool(resource.get("recurrence")),
        private=resource.get("visibility") in ("private", "confidential"),
        event_type=intern(resource.get("eventType", "default")),
        zone=zone,
    )


def _state_of(resource: Resource) -> State:
    if resource.get("status") != "cancelled":
        return "live"
    return "hole" if "recurringEventId" in resource else "gone"


def updated_of(resource: Resource, otherwise: int) -> int:
    """Return the microseconds of the last change: half the etag, else `updated`, else as told."""
    etag = resource.get("etag", "").strip('"')
    if etag.isdecimal():
        return int(etag) // 2
    if "updated" in resource:
        return microseconds(datetime.fromisoformat(resource["updated"]))
    return otherwise


def in_order(resource: Mapping[str, Any]) -> Resource:
    """Put keys in Google's order and leave out what Google leaves out: empties, never null."""
    kept = {key: value for key, value in resource.items() if value not in (None, "", [])}
    return dict(sorted(kept.items(), key=lambda item: _RANK.get(item[0], len(_RANK))))


def etag_of(stamp: int) -> str:
    """Return an event's etag: twice the microseconds of its change, in quotes (seen)."""
    return f'"{2 * stamp}"'


def stamped(resource: Mapping[str, Any], stamp: int) -> Resource:
    """Return the resource as changed at `stamp`; a cancelled one has no `updated` (2.5)."""
    changed = {**resource, "kind": "calendar#event", "etag": etag_of(stamp)}
    if resource.get("status") != "cancelled" or "updated" in resource:
        changed["updated"] = stamp_text(stamp)
    return in_order(changed)


def reduced(resource: Mapping[str, Any], keys: tuple[str, ...]) -> Resource:
    """Keep only these keys, in this order."""
    return {key: resource[key] for key in keys if key in resource}


def tombstone(resource: Mapping[str, Any]) -> Resource:
    """Return what a delta says of a deleted event."""
    return {**reduced(resource, TOMBSTONE_KEYS), "status": "cancelled"}


def hole(resource: Mapping[str, Any]) -> Resource:
    """Return what deltas and listings say of a cancelled occurrence."""
    return {**reduced(resource, HOLE_KEYS), "status": "cancelled"}


def busy_block(resource: Mapping[str, Any]) -> Resource:
    """Return what a reader without the right to details sees (captured in 2024)."""
    return reduced({**resource, "visibility": "private"}, BUSY_KEYS)


def show_in_zone(resource: Resource, zone: tzinfo) -> Resource:
    """Show all the resource's times with the offsets of a zone."""
    for key in ("start", "end", "originalStartTime"):
        if key in resource:
            resource[key] = in_zone(resource[key], zone)
    return resource


def span_of(resource: Mapping[str, Any], zone: tzinfo) -> tuple[int, int] | None:
    """Return begin and end in microseconds; None where a time is missing or cannot be read.

    A hole has only its original start; it is taken as a moment.
    """
    begin = resource.get("start") or resource.get("originalStartTime")
    try:
        first = microseconds(moment_of(begin, zone))  # type: ignore[arg-type]  # None raises below
        end = resource.get("end")
        return first, microseconds(moment_of(end, zone)) if end else first + 1
    except (ValueError, TypeError, OverflowError):
        return None


def new_id(seed: str) -> str:
    """Return an id like Google's, 26 characters of base32hex, always the same for a seed."""
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:17])
    return "".join(_BASE32HEX[number >> 5 * place & 31] for place in range(26))


def html_link(event_id: str, calendar_id: str) -> str:
    """Return the event's page: unpadded base64 of id and shortened calendar id (seen)."""
    short = calendar_id.replace("@gmail.com", "@m").replace("@group.calendar.google.com", "@g")
    code = base64.b64encode(f"{event_id} {short}".encode()).decode().rstrip("=")
    return f"https://www.google.com/calendar/event?eid={code}"


def opaque_etag(*parts: object) -> str:
    """Return a collection's etag: opaque, and the same as long as its parts are."""
    return f'"p3{new_id(repr(parts))[:11]}o0o"'
