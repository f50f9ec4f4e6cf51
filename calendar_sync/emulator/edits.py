"""Edits of single events and whole series, as a person makes them in Google's own calendar.

Each leaves in the change log what a real one leaves (facts 2.5). One edit has one stamp, so all
that it sends again has one etag. Times are stored with the offsets of the calendar's zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .instances import Series, series_of
from .resources import (
    Event,
    Resource,
    html_link,
    make_event,
    new_id,
    show_in_zone,
    stamped,
    tombstone,
)
from .store import Calendar
from .times import second_text

_TIMES = ("start", "end")


def add_event(calendar: Calendar, fields: Mapping[str, Any], now: datetime) -> str:
    """Create an event or series from any of a resource's fields; returns its id."""
    stamp = calendar.tick(now)
    calendar.made += 1
    event_id = fields.get("id") or new_id(f"{calendar.id}|{calendar.made}")
    if is_live(calendar.events.get(event_id)):
        raise ValueError(f"there is an event {event_id!r} already")
    owner = dict(calendar.organizer)
    resource: Resource = {
        "id": event_id,
        "status": "confirmed",
        "htmlLink": html_link(event_id, calendar.id),
        "created": second_text(stamp),
        "creator": owner,
        "organizer": owner,
        "iCalUID": f"{event_id}@google.com",
        "sequence": 0,
        "reminders": {"useDefault": True},
        "eventType": "default",
    } | dict(fields)
    save(calendar, with_zone(calendar, resource), stamp)
    return str(event_id)


def with_zone(calendar: Calendar, resource: Resource) -> Resource:
    """Give a recurring timed event a zone of its own, which Google always does (facts 3.1)."""
    if resource.get("recurrence"):
        for key in _TIMES:
            if "dateTime" in resource.get(key, {}) and "timeZone" not in resource[key]:
                resource[key] = {**resource[key], "timeZone": calendar.time_zone}
    return resource


def save(calendar: Calendar, resource: Resource, stamp: int) -> Event:
    """Store one changed resource under a stamp."""
    shown = show_in_zone(stamped(resource, stamp), calendar.zone)
    event = make_event(shown, stamp, calendar.time_zone)
    calendar.put(event)
    return event


def touch_series(calendar: Calendar, master: Resource, stamp: int) -> None:
    """Send a series again: the master first, then all its exceptions, one etag (rules 50, 51)."""
    save(calendar, master, stamp)
    for exception in calendar.exceptions_of(master["id"]):
        if exception.state in ("live", "hole") and exception.position != stamp:
            save(calendar, exception.resource(), stamp)


def edit_event(
    calendar: Calendar, event_id: str, changes: Mapping[str, Any], now: datetime
) -> Event:
    """Change fields of an event or a whole series; None removes one; new times raise `sequence`.

    Exceptions whose date the series no longer has become bare tombstones.
    """
    event = live_event(calendar, event_id)
    before = event.resource()
    after = with_zone(calendar, changed_resource(before, changes))
    stamp = calendar.tick(now)
    if event.series:
        touch_exception(calendar, after, stamp)
    elif event.recurring or after.get("recurrence"):
        if any(before.get(key) != after.get(key) for key in (*_TIMES, "recurrence")):
            remember_former(calendar, before, stamp)
        drop_orphans(calendar, after, stamp)
        touch_series(calendar, after, stamp)
    else:
        save(calendar, after, stamp)
    return calendar.events[event_id]


def touch_exception(calendar: Calendar, exception: Resource, stamp: int) -> None:
    """Store a changed exception; its series and all its other exceptions are sent with it."""
    series_id = exception["recurringEventId"]
    master = calendar.events.get(series_id)
    if master is not None:
        save(calendar, master.resource(), stamp)
    for other_id in [*calendar.exceptions.get(series_id, ())]:
        other = calendar.events[other_id]
        if other_id == exception["id"]:
            save(calendar, exception, stamp)
        elif other.state in ("live", "hole"):
            save(calendar, other.resource(), stamp)
    if exception["id"] not in calendar.events:
        save(calendar, exception, stamp)


def changed_resource(resource: Resource, changes: Mapping[str, Any]) -> Resource:
    """Merge changes; a moved event has the next `sequence` (seen: 1 after a move)."""
    moved = any(key in changes and changes[key] != resource.get(key) for key in _TIMES)
    changed = {**resource, **changes}
    if moved and "sequence" not in changes:
        changed["sequence"] = resource.get("sequence", 0) + 1
    return changed


def remember_former(calendar: Calendar, before: Resource, stamp: int) -> None:
    """Keep what dates a series had: expanded deltas must cancel those it loses."""
    calendar.former.setdefault(before["id"], []).append((stamp, before))


def drop_orphans(calendar: Calendar, master: Resource, stamp: int) -> None:
    """Turn exceptions whose date is no more into bare tombstones (rule 53)."""
    series = series_of(master, calendar.zone) if master.get("recurrence") else None
    for exception in calendar.exceptions_of(master["id"]):
        kept = series is not None and _has_date_of(series, exception)
        if exception.state in ("live", "hole") and not kept:
            remove(calendar, exception, stamp)


def _has_date_of(series: Series, exception: Event) -> bool:
    try:
        return series.find(series.wall_of(original_text(exception.resource()))) is not None
    except ValueError:  # loaded garbage; what cannot be placed is no occurrence
        return False


def original_text(exception: Resource) -> str:
    """Return an exception's original start as text; the id tells where it is missing."""
    original = exception.get("originalStartTime", {})
    return str(original.get("dateTime") or original.get("date") or exception["id"])


def remove(calendar: Calendar, event: Event, stamp: int) -> None:
    """Make an event a tombstone. Its details are kept for events.get and showDeleted=true.

    A removed exception has none: only its bare tombstone was ever seen.
    """
    resource = {**event.resource(), "status": "cancelled"}
    if event.series:
        resource = tombstone(resource)
    gone = make_event(stamped(resource, stamp), stamp, calendar.time_zone)
    gone.state, gone.series = "gone", event.series
    gone.event_type, gone.private = event.event_type, event.private
    calendar.put(gone)


def delete_event(calendar: Calendar, event_id: str, now: datetime) -> None:
    """Delete a single event or a whole series: one bare tombstone in deltas, whichever it was."""
    event = live_event(calendar, event_id)
    if event.series in calendar.events:
        raise ValueError(f"{event_id!r} is an occurrence: cancel_instance cancels it")
    for exception in calendar.exceptions_of(event_id):
        calendar.bury(exception.id)
    remove(calendar, event, calendar.tick(now))


def touch_event(calendar: Calendar, event_id: str, now: datetime) -> None:
    """Send an event, or its whole series, again without a change; Google sometimes does."""
    edit_event(calendar, event_id, {}, now)


def live_event(calendar: Calendar, event_id: str) -> Event:
    """Return a stored event that is not deleted; ValueError says what is wrong."""
    event = calendar.events.get(event_id)
    if event is None or not is_live(event):
        raise ValueError(f"calendar {calendar.id!r} has no live event {event_id!r}")
    return event


def is_live(event: Event | None) -> bool:
    """Tell whether there is such an event and it is not deleted."""
    return event is not None and event.state == "live"
