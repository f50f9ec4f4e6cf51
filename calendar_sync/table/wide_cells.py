"""The wide table's columns: each a function from some rows to the cells they have in it.

One column order for ever, new columns only at the end. A column is made for many rows at once: a call
for each cell would cost more than what it does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import msgspec

from calendar_sync.model import DEFAULT_REMINDERS, Event
from calendar_sync.points import Point
from calendar_sync.resources import people_of
from calendar_sync.table.row_times import local_text, time_cells
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
TIMES = WIDE_COLUMNS[WIDE_COLUMNS.index("start") : WIDE_COLUMNS.index("duration_minutes") + 1]
_NOBODY = ("", "0", "", "")


class TableRow(msgspec.Struct, frozen=True, gc=False):
    """One row to be written: an event and when it is. `recurrence` is for rows of series."""

    event: Event
    original: Point | int | None
    start: Point | int | None
    end: Point | int | None
    recurrence: tuple[str, ...] = ()


class Batch:
    """Some rows of one calendar, by the properties that several columns need."""

    def __init__(self, rows: Sequence[TableRow], head: tuple[str, str], *, guard: bool) -> None:
        """`head`: the calendar's id and name as cells."""
        self.rows, self.head, self._guards = rows, head, guard
        self.events = [row.event for row in rows]

    def free(self, texts: Sequence[str]) -> Sequence[str]:
        """Return cells of texts that strangers write: guarded and quoted."""
        if self._guards:  # all triggers and controls lie below `A`
            texts = [guarded(text) if text and text[0] <= "@" else text for text in texts]
        return quoted(texts)

    @cached_property
    def times(self) -> list[tuple[str, ...]]:
        """The nine columns from `start` to `duration_minutes`."""
        return list(zip(*[time_cells(row.start, row.end) for row in self.rows], strict=True))

    @cached_property
    def people(self) -> list[tuple[str, ...]]:
        """`self_response`, `attendee_count`, `attendees` (people, not rooms), `attendees_json`."""
        of_each = [_people_cells(event) if event.attendees else _NOBODY for event in self.events]
        return list(zip(*of_each, strict=True))


def quoted(texts: Sequence[str]) -> Sequence[str]:
    """Quote the cells that need it; of most columns none does."""
    whole = "".join(texts)
    if '"' in whole or "," in whole or "\n" in whole or "\r" in whole:
        return [cell(text) for text in texts]
    return texts


def _people_cells(event: Event) -> tuple[str, str, str, str]:
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


def _compact_reminders(event: Event) -> str:
    return _compact(bytes(event.reminders)) if event.reminders else ""


_DEFAULT_REMINDERS = _compact(bytes(DEFAULT_REMINDERS))


Column = Callable[[Batch], Sequence[str]]


def _of_times(place: int) -> Column:
    return lambda batch: batch.times[place]


_COLUMNS: dict[str, Column] = {
    "calendar_id": lambda batch: [batch.head[0]] * len(batch.rows),
    "calendar": lambda batch: [batch.head[1]] * len(batch.rows),
    "event_id": lambda batch: quoted([e.id for e in batch.events]),
    "ical_uid": lambda batch: quoted([e.ical_uid or "" for e in batch.events]),
    "recurring_event_id": lambda batch: quoted([e.recurring_event_id or "" for e in batch.events]),
    "original_start": lambda batch: [
        "" if row.original is None else local_text(row.original) for row in batch.rows
    ],
    "event_type": lambda batch: quoted([e.event_type or "default" for e in batch.events]),
    "status": lambda batch: quoted([e.status or "confirmed" for e in batch.events]),
    "summary": lambda batch: batch.free([e.summary or "" for e in batch.events]),
    "description": lambda batch: batch.free([e.description or "" for e in batch.events]),
    "location": lambda batch: batch.free([e.location or "" for e in batch.events]),
    "start": _of_times(0),
    "end": _of_times(1),
    "start_utc": _of_times(2),
    "end_utc": _of_times(3),
    "all_day": _of_times(4),
    "start_date": _of_times(5),
    "end_date_inclusive": _of_times(6),
    "timezone": lambda batch: quoted(batch.times[7]),
    "duration_minutes": _of_times(8),
    "recurrence": lambda batch: quoted(["\n".join(row.recurrence) for row in batch.rows]),
    "organizer_email": lambda batch: batch.free(
        [(e.organizer.email or "") if e.organizer else "" for e in batch.events]
    ),
    "organizer_name": lambda batch: batch.free(
        [(e.organizer.display_name or "") if e.organizer else "" for e in batch.events]
    ),
    "creator_email": lambda batch: batch.free(
        [(e.creator.email or "") if e.creator else "" for e in batch.events]
    ),
    "self_response": lambda batch: quoted(batch.people[0]),
    "attendee_count": lambda batch: batch.people[1],
    "attendees": lambda batch: batch.free(batch.people[2]),
    "attendees_json": lambda batch: batch.people[3],
    "visibility": lambda batch: quoted([e.visibility or "default" for e in batch.events]),
    "transparency": lambda batch: quoted([e.transparency or "opaque" for e in batch.events]),
    "conference_url": lambda batch: quoted([conference_url(e) for e in batch.events]),
    "html_link": lambda batch: quoted([e.html_link or "" for e in batch.events]),
    "attachments_json": lambda batch: [
        _compact(bytes(e.attachments)) if e.attachments else "" for e in batch.events
    ],
    "color_id": lambda batch: quoted([e.color_id or "" for e in batch.events]),
    "reminders_json": lambda batch: [
        _DEFAULT_REMINDERS if e.reminders == DEFAULT_REMINDERS else _compact_reminders(e)
        for e in batch.events
    ],
    "created": lambda batch: quoted([e.created or "" for e in batch.events]),
    "updated": lambda batch: quoted([e.updated or "" for e in batch.events]),
    "sequence": lambda batch: ["" if e.sequence is None else str(e.sequence) for e in batch.events],
}


def columns_of(batch: Batch, names: Sequence[str]) -> list[Sequence[str]]:
    """Return the cells of those columns, ready to be joined by commas."""
    return [_COLUMNS[name](batch) for name in names]
