"""The query parameters of the list calls: read, checked, refused as Google refuses them.

Sources: facts 1.2, 1.3 (parameters), 4.2 (bodies), rules 17, 20, 23, 28, 29, 32, 46, 47.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo

from .api import ApiError, legacy_error
from .store import ROLES
from .times import find_zone, microseconds, parse_rfc3339

Query = Mapping[str, tuple[str, ...]]

EVENT_TYPES = (
    "birthday",
    "default",
    "focusTime",
    "fromGmail",
    "outOfOffice",
    "workingLocation",
)
_NOT_WITH_TOKEN = [
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
    "updatedMin",
]
_NO_TOKEN_AFTER = [
    "orderBy",
    "q",
    "iCalUID",
    "updatedMin",
    "privateExtendedProperty",
    "sharedExtendedProperty",
]
# What a sync token is for, and should be repeated with it (facts 2.1, point 3).
_SAME_AS_FIRST = ["singleEvents", "eventTypes", "maxAttendees", "timeZone", "showHiddenInvitations"]


@dataclass(frozen=True)
class EventQuery:
    """The parameters of events.list and events.instances, in our types; times in microseconds."""

    max_results: int
    single_events: bool
    show_deleted: bool | None  # None: not said, which with a sync token is not the same as false
    order_by: str | None
    time_min: int | None
    time_max: int | None
    updated_min: int | None
    time_zone: tzinfo | None
    time_zone_name: str | None
    event_types: tuple[str, ...]
    ical_uid: str | None
    max_attendees: int | None
    words: str | None
    private_properties: tuple[tuple[str, str], ...]
    shared_properties: tuple[tuple[str, str], ...]
    sync_token: str | None
    page_token: str | None
    gets_sync_token: bool  # rule 25: not after these restrictions
    same_as_first: str  # fingerprint of what a sync token is bound to by the guide


@dataclass(frozen=True)
class ListQuery:
    """The parameters of calendarList.list."""

    max_results: int
    min_role: int  # index in ROLES
    show_deleted: bool
    show_hidden: bool
    own_organization: bool
    sync_token: str | None
    page_token: str | None


def one(query: Query, name: str) -> str | None:
    """Return a parameter's value; the last one counts if it was repeated."""
    values = query.get(name)
    return values[-1] if values else None


def fingerprint(query: Query, *leave_out: str) -> str:
    """Return a text that is equal for equal parameters, whatever their order."""
    kept = {key: list(query[key]) for key in sorted(query) if key not in leave_out}
    return json.dumps(kept)


def read_event_query(query: Query) -> EventQuery:
    """Read and check the parameters of events.list; raise the 400 that Google sends."""
    max_attendees = one(query, "maxAttendees")
    read = EventQuery(
        max_results=_max_results(query, 250, 2500),
        single_events=bool(_flag(query, "singleEvents")),
        show_deleted=_flag(query, "showDeleted"),
        order_by=_choice(query, "orderBy", ("startTime", "updated")),
        time_min=_instant(query, "timeMin"),
        time_max=_instant(query, "timeMax"),
        updated_min=_instant(query, "updatedMin"),
        time_zone=_zone(query),
        time_zone_name=one(query, "timeZone"),
        event_types=_event_types(query),
        ical_uid=one(query, "iCalUID"),
        max_attendees=_whole(max_attendees, "maxAttendees") if max_attendees else None,
        words=one(query, "q"),
        private_properties=_properties(query, "privateExtendedProperty"),
        shared_properties=_properties(query, "sharedExtendedProperty"),
        sync_token=one(query, "syncToken"),
        page_token=one(query, "pageToken"),
        gets_sync_token=not any(name in query for name in _NO_TOKEN_AFTER),
        same_as_first=fingerprint({key: query[key] for key in _SAME_AS_FIRST if key in query}),
    )
    _check_sync(query, read)
    _check_together(read)
    return read


def _check_sync(query: Query, read: EventQuery) -> None:
    if read.sync_token is None:
        return
    if "orderBy" in query:
        raise legacy_error(
            400,
            "syncTokenWithNonDefaultOrdering",
            "Sync token cannot be used with non-default ordering",
            domain="calendar",
        )
    if any(name in query for name in _NOT_WITH_TOKEN) or read.show_deleted is False:
        raise _restricted_sync()


def _restricted_sync() -> ApiError:
    # The wording is believed, not seen (4.2): clients may rely on the status only.
    return legacy_error(
        400,
        "syncTokenWithRequirements",
        "Sync token cannot be used with query restrictions.",
        domain="calendar",
    )


def _check_together(read: EventQuery) -> None:
    if read.order_by == "startTime" and not read.single_events:
        raise legacy_error(
            400,
            "invalid",
            "The requested ordering is not available for the particular query.",
            location="orderBy",
            location_type="parameter",
        )
    if read.time_min is not None and read.time_max is not None and read.time_min >= read.time_max:
        raise legacy_error(
            400,
            "timeRangeEmpty",
            "The specified time range is empty.",
            domain="calendar",
            location="timeMax",
            location_type="parameter",
        )


def read_list_query(query: Query) -> ListQuery:
    """Read and check the parameters of calendarList.list; raise the 400 that Google sends."""
    role = _choice(query, "minAccessRole", ROLES)
    read = ListQuery(
        max_results=_max_results(query, 100, 250),
        min_role=ROLES.index(role) if role else 0,
        show_deleted=bool(_flag(query, "showDeleted")),
        show_hidden=bool(_flag(query, "showHidden")),
        own_organization=bool(_flag(query, "showOwnOrganizationOnly")),
        sync_token=one(query, "syncToken"),
        page_token=one(query, "pageToken"),
    )
    if read.sync_token is not None:
        shut = any(_flag(query, name) is False for name in ("showDeleted", "showHidden"))
        if shut or role or "showOwnOrganizationOnly" in query:
            raise _restricted_sync()
    return read


def _max_results(query: Query, default: int, most: int) -> int:
    text = one(query, "maxResults")
    asked = default if text is None else _whole(text, "maxResults")
    if asked <= 0:
        raise bad_parameter("maxResults", str(text))
    return min(asked, most)


def _whole(text: str, name: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise bad_parameter(name, text) from None


def _flag(query: Query, name: str) -> bool | None:
    text = one(query, name)
    if text is None:
        return None
    if text.lower() not in ("true", "false"):
        raise bad_parameter(name, text)
    return text.lower() == "true"


def _choice(query: Query, name: str, allowed: tuple[str, ...]) -> str | None:
    text = one(query, name)
    if text is not None and text not in allowed:
        raise bad_parameter(name, text)
    return text


def _event_types(query: Query) -> tuple[str, ...]:
    for text in query.get("eventTypes", ()):
        if text not in EVENT_TYPES:
            raise bad_parameter("eventTypes", text)
    return query.get("eventTypes", ())


def _instant(query: Query, name: str) -> int | None:
    text = one(query, name)
    if text is None:
        return None
    try:
        return microseconds(parse_rfc3339(text))
    except ValueError:
        raise legacy_error(400, "badRequest", "Bad Request") from None


def _zone(query: Query) -> tzinfo | None:
    text = one(query, "timeZone")
    zone = find_zone(text)
    if text is not None and zone is None:
        raise bad_parameter("timeZone", text)
    return zone


def _properties(query: Query, name: str) -> tuple[tuple[str, str], ...]:
    pairs = [text.partition("=") for text in query.get(name, ())]
    for key, equals, value in pairs:
        if not equals:
            raise bad_parameter(name, key + value)
    return tuple((key, value) for key, _, value in pairs)


def bad_parameter(name: str, value: str) -> ApiError:
    """Return the 400 for a value that cannot be (wording recalled, not seen)."""
    return legacy_error(
        400,
        "invalidParameter",
        f"Invalid value '{value}' for parameter {name}.",
        location=name,
        location_type="parameter",
    )
