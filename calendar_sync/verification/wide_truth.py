"""The cells of the wide table told from a resource, each by itself: slowly, and by datetime."""

from __future__ import annotations

import datetime as dt
import json
import re

from calendar_sync.model import Event
from calendar_sync.recurrence.event_times import When
from calendar_sync.resources import people_of
from calendar_sync.times import EPOCH, Moment, at_instant

GUARDED = ("summary", "description", "location", "organizer_email", "organizer_name",
           "creator_email", "attendees")  # fmt: skip
JSON_COLUMNS = ("attendees_json", "attachments_json", "reminders_json")
_REMOVED = re.compile("[\x00-\x08\x0b-\x1f]")
_DAY = dt.timedelta(days=1)


def plain(text: str) -> str:
    """Return a text as the CSV rules write it."""
    return _REMOVED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def resource_cells(event: Event) -> dict[str, str]:
    """Tell what comes of the resource alone, before the guard."""
    organizer, creator = event.organizer, event.creator
    people = [person for person in people_of(event) if not person.resource]
    own = [person.response_status for person in people_of(event) if person.is_self]
    return {
        "ical_uid": event.ical_uid or "",
        "event_type": event.event_type or "default",
        "status": event.status or "confirmed",
        "summary": event.summary or "",
        "description": event.description or "",
        "location": event.location or "",
        "organizer_email": (organizer and organizer.email) or "",
        "organizer_name": (organizer and organizer.display_name) or "",
        "creator_email": (creator and creator.email) or "",
        "self_response": next(filter(None, own), ""),
        "attendee_count": str(len(people)),
        "attendees": ";".join(person.email for person in people if person.email),
        "attendees_json": _json(bytes(event.attendees)),
        "visibility": event.visibility or "default",
        "transparency": event.transparency or "opaque",
        "conference_url": _video(event) or event.hangout_link or "",
        "html_link": event.html_link or "",
        "attachments_json": _json(bytes(event.attachments)),
        "color_id": event.color_id or "",
        "reminders_json": _json(bytes(event.reminders)),
        "created": event.created or "",
        "updated": event.updated or "",
        "sequence": "" if event.sequence is None else str(event.sequence),
    }


def _video(event: Event) -> str:
    entries = event.conference_data.entry_points if event.conference_data else ()
    return next((each.uri for each in entries if each.entry_point_type == "video" and each.uri), "")


def _json(raw: bytes) -> str:
    return canonical_json(raw.decode("utf-8", "replace"))


def canonical_json(text: str) -> str:
    """Return JSON in one spelling, so that values are compared; text that is none as it is."""
    try:
        value = json.loads(text) if text else None
    except ValueError:
        return text
    return "" if value is None else plain(json.dumps(value, ensure_ascii=False))


def time_cells(start: When | None, end: When | None) -> dict[str, str]:
    """Tell the cells of the times; `end` is None when there is none of the start's kind."""
    if start is None:
        names = ("start", "end", "start_utc", "end_utc", "all_day", "start_date",
                 "end_date_inclusive", "timezone", "duration_minutes")  # fmt: skip
        return dict.fromkeys(names, "")
    cells = {
        "start": local_text(start),
        "end": local_text(end),
        "start_utc": _utc(start),
        "end_utc": _utc(end),
        "all_day": "true",
        "start_date": local_text(start)[:10],
        "end_date_inclusive": _last_day(start, end).isoformat(),
        "timezone": "",
        "duration_minutes": "",
    }
    if isinstance(start, Moment):
        cells |= {"all_day": "false", "timezone": plain(start.zone)}
        if isinstance(end, Moment):
            minutes = round((end.instant - start.instant) / 60, 2)
            cells["duration_minutes"] = str(int(minutes) if minutes.is_integer() else minutes)
    return cells


def _last_day(start: When, end: When | None) -> dt.date:
    if isinstance(start, Moment):
        first = _date(start.instant + start.offset)
        if not isinstance(end, Moment):
            return first
        is_later = end.instant > start.instant
        return _date(end.instant + end.offset - is_later)  # a midnight belongs to the day before
    is_later = end is not None and not isinstance(end, Moment) and end > start
    return end - _DAY if is_later and isinstance(end, dt.date) else start


def _date(seconds: int) -> dt.date:
    return moved(seconds).date()


def local_text(time: When | None) -> str:
    """Write a time on its own clock, or a date."""
    if not isinstance(time, Moment):
        return "" if time is None else time.isoformat()
    zone = dt.timezone(dt.timedelta(seconds=time.offset))
    return moved(time.instant + time.offset).replace(tzinfo=zone).isoformat()


def _utc(time: When | None) -> str:
    if not isinstance(time, Moment):
        return ""
    return f"{at_instant(time.instant, dt.UTC).replace(tzinfo=None).isoformat()}Z"


def moved(seconds: int) -> dt.datetime:
    """Return the naive time so many seconds after 1970; before year 1 the day saturates."""
    try:
        return EPOCH + dt.timedelta(seconds=seconds)
    except OverflowError:
        edge = dt.date.max if seconds > 0 else dt.date.min
        return dt.datetime.combine(edge, (EPOCH + dt.timedelta(seconds=seconds % 86400)).time())
