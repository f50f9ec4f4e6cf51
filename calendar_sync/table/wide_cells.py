"""The wide table's columns, and an event's cells in them.

One column order for ever, new columns only at the end.
"""

from __future__ import annotations

from functools import lru_cache
from operator import itemgetter

import msgspec

from calendar_sync.model import Event, people_of
from calendar_sync.table.text import cell, guarded

WIDE_COLUMNS = (
    "calendar_id", "calendar", "event_id", "ical_uid", "recurring_event_id", "original_start",
    "event_type", "status", "summary", "description", "location", "start", "end", "start_utc",
    "end_utc", "all_day", "start_date", "end_date_inclusive", "timezone", "duration_minutes",
    "recurrence", "organizer_email", "organizer_name", "creator_email", "self_response",
    "attendee_count", "attendees", "attendees_json", "visibility", "transparency",
    "conference_url", "html_link", "attachments_json", "color_id", "reminders_json", "created",
    "updated", "sequence",
)  # fmt: skip
PLACE = {name: place for place, name in enumerate(WIDE_COLUMNS)}
ID, SERIES, ORIGINAL, START = (
    PLACE[name] for name in ("event_id", "recurring_event_id", "original_start", "start")
)
ZONE = PLACE["timezone"]
RECURRENCE = PLACE["recurrence"]
_JSON = tuple(PLACE[name] for name in ("attendees_json", "attachments_json", "reminders_json"))
_GUARDED = tuple(
    PLACE[name]
    for name in (
        "summary", "description", "location", "organizer_email", "organizer_name",
        "creator_email", "attendees",
    )
)  # fmt: skip
_REST = tuple(place for place in range(2, len(WIDE_COLUMNS)) if place not in _JSON)
_rest_of = itemgetter(*_REST)
TIMES = slice(START, ZONE + 2)  # start to duration_minutes
_NO_TIMES = ("",) * 9
_NOBODY = ("", "0", "", "")


def cells_of(event: Event, head: list[str], *, guard: bool) -> list[str]:
    """Return all cells but those of times and recurrence, guarded; head and JSON are quoted."""
    organizer, creator = event.organizer, event.creator
    cells = [
        *head,
        event.id,
        event.ical_uid or "",
        event.recurring_event_id or "",
        "",  # original_start
        event.event_type or "default",
        event.status or "confirmed",
        event.summary or "",
        event.description or "",
        event.location or "",
        *_NO_TIMES,
        "",  # recurrence
        (organizer.email or "") if organizer else "",
        (organizer.display_name or "") if organizer else "",
        (creator.email or "") if creator else "",
        *(_people_cells(event) if event.attendees else _NOBODY),
        event.visibility or "default",
        event.transparency or "opaque",
        conference_url(event),
        event.html_link or "",
        _compact(bytes(event.attachments)) if event.attachments else "",
        event.color_id or "",
        _compact_reminders(bytes(event.reminders)) if event.reminders else "",
        event.created or "",
        event.updated or "",
        "" if event.sequence is None else str(event.sequence),
    ]
    if guard:
        for place in _GUARDED:
            text = cells[place]
            if text and text[0] <= "@":  # all triggers and controls lie there
                cells[place] = guarded(text)
    return cells


def _people_cells(event: Event) -> tuple[str, str, str, str]:
    """Return self_response, attendee_count, attendees (people, not rooms) and attendees_json."""
    own, count, addresses = "", 0, []
    for person in people_of(event):
        if person.is_self and not own:
            own = person.response_status or ""
        if not person.resource:
            count += 1
            if person.email:
                addresses.append(person.email)
    return own, str(count), ";".join(addresses), _compact(bytes(event.attendees))


def conference_url(event: Event) -> str:
    """Return where to join by video."""
    if event.conference_data is not None:
        for entry in event.conference_data.entry_points:
            if entry.entry_point_type == "video" and entry.uri:
                return entry.uri
    return event.hangout_link or ""


def _compact(json: bytes) -> str:
    """Write Google's JSON without its spaces, quoted; the values stay as they were sent."""
    text = msgspec.json.format(json, indent=-1).decode("utf-8", "replace")
    return "" if text == "null" else cell(text)


_compact_reminders = lru_cache(maxsize=256)(_compact)


def quote(cells: list[str]) -> None:
    """Quote the cells that need it: all but the head and JSON, which are; most rows need nothing."""
    rest = ",".join(_rest_of(cells))
    if '"' in rest or "\n" in rest or "\r" in rest or rest.count(",") != len(_REST) - 1:
        for place in _REST:
            if cells[place]:
                cells[place] = cell(cells[place])
