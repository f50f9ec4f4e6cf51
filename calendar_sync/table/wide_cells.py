"""The wide table's columns: each a function from some rows to what they have in it.

One column order for ever, new columns only at the end. A column is made for many rows at once: a call
for each cell would cost more than what it does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from calendar_sync.model import DEFAULT_REMINDERS, Event, Person
from calendar_sync.points import Point, TextTable
from calendar_sync.resources import people_of
from calendar_sync.table.row_times import local_text, time_cells, times_cells
from calendar_sync.table.text import guarded, is_utf8, written

WIDE_COLUMNS = (
    "calendar_id", "calendar", "event_id", "ical_uid", "recurring_event_id", "original_start",
    "event_type", "status", "summary", "description", "location", "start", "end", "start_utc",
    "end_utc", "all_day", "start_date", "end_date_inclusive", "timezone", "duration_minutes",
    "recurrence", "organizer_email", "organizer_name", "creator_email", "self_response",
    "attendee_count", "attendees", "attendees_json", "visibility", "transparency",
    "conference_url", "html_link", "attachments_json", "color_id", "reminders_json", "created",
    "updated", "sequence",
)  # fmt: skip
HEAD = ("calendar_id", "calendar")  # the same in all rows of a batch
TIMES = WIDE_COLUMNS[WIDE_COLUMNS.index("start") : WIDE_COLUMNS.index("duration_minutes") + 1]
_NOBODY = ("", "0", "")
_UNKNOWN = Person()
_COUNTS = TextTable(str)


class TableRow(msgspec.Struct, frozen=True, gc=False):
    """One row to be written: an event and when it is. `recurrence` is for rows of series."""

    event: Event
    instant: int  # by which it is sorted
    start: Point | int | None
    end: Point | int | None
    original: Point | int | None = None
    recurrence: tuple[str, ...] = ()


class Batch:
    """Some rows of one calendar."""

    def __init__(self, rows: Sequence[TableRow], head: tuple[str, str], *, guard: bool) -> None:
        """`head`: the calendar's id and name as cells."""
        self.rows, self.head = rows, head
        self.events = [row.event for row in rows]
        self.guard: Callable[[str], str] = guarded if guard else str
        self._columns: dict[Group, list[tuple[str, ...]]] = {}

    def guarded(self, texts: list[str]) -> list[str]:
        """Guard texts that strangers write; all triggers and controls lie below `A`."""
        return [text if not text or text >= "A" else self.guard(text) for text in texts]

    def column(self, group: Group, name: str) -> Sequence[str]:
        """Return one column of a group."""
        if group not in self._columns:
            self._columns[group] = list(zip(*group.texts(self), strict=True))
        return self._columns[group][group.names.index(name)]


class Group(NamedTuple):
    """Neighbouring columns that machines write: hardly any is ever quoted.

    So each row's texts are made and joined in one go, and asked together whether one must be;
    `cells` is a quicker way to them as they are written.
    """

    names: tuple[str, ...]
    texts: Callable[[Batch], Iterable[tuple[str, ...]]]
    cells: Callable[[Batch], list[bytes]] | None = None


def _makers(batch: Batch) -> list[tuple[str | None, str | None, str | None]]:
    return [
        ((of := e.organizer or _UNKNOWN).email, of.display_name, (e.creator or _UNKNOWN).email)
        for e in batch.events
    ]


@lru_cache(maxsize=1024)  # a calendar has few of them
def _maker_cells(makers: tuple[str | None, ...], guard: Callable[[str], str]) -> bytes:
    return written([guard(text or "") for text in makers])


def _people_texts(event: Event, guard: Callable[[str], str]) -> tuple[str, str, str]:
    own, count, addresses = "", 0, []
    for person in people_of(event):
        if person.is_self and not own:
            own = person.response_status or ""
        if not person.resource:
            count += 1
            if person.email:
                addresses.append(person.email)
    return own, _COUNTS[count], guard(";".join(addresses))


def conference_url(event: Event) -> str:
    """Return where to join by video."""
    if event.conference_data is not None:
        for entry in event.conference_data.entry_points:
            if entry.entry_point_type == "video" and entry.uri:
                return entry.uri
    return event.hangout_link or ""


GROUPS = (
    Group(
        ("event_id", "ical_uid", "recurring_event_id", "original_start", "event_type", "status"),
        lambda batch: [
            (
                (e := row.event).id,
                e.ical_uid or "",
                e.recurring_event_id or "",
                "" if row.original is None else local_text(row.original),
                e.event_type or "default",
                e.status or "confirmed",
            )
            for row in batch.rows
        ],
    ),
    Group(
        TIMES,
        lambda batch: [time_cells(row.start, row.end) for row in batch.rows],
        lambda batch: times_cells([(row.start, row.end) for row in batch.rows]),
    ),
    Group(
        ("organizer_email", "organizer_name", "creator_email"),
        lambda batch: [
            tuple([batch.guard(text or "") for text in makers]) for makers in _makers(batch)
        ],
        lambda batch: [_maker_cells(makers, batch.guard) for makers in _makers(batch)],
    ),
    Group(
        ("self_response", "attendee_count", "attendees"),  # people, not rooms
        lambda batch: [
            _people_texts(e, batch.guard) if e.attendees else _NOBODY for e in batch.events
        ],
    ),
    Group(
        ("visibility", "transparency", "conference_url", "html_link"),
        lambda batch: [
            (
                e.visibility or "default",
                e.transparency or "opaque",
                conference_url(e) if e.conference_data or e.hangout_link else "",
                e.html_link or "",
            )
            for e in batch.events
        ],
    ),
    Group(
        ("created", "updated", "sequence"),
        lambda batch: [
            (e.created or "", e.updated or "", "" if e.sequence is None else _COUNTS[e.sequence])
            for e in batch.events
        ],
    ),
)  # fmt: skip

# -- texts of other columns ------------------------------------------------------------------------

TEXTS: dict[str, Callable[[Batch], Sequence[str]]] = {
    "summary": lambda batch: batch.guarded([e.summary or "" for e in batch.events]),
    "description": lambda batch: batch.guarded([e.description or "" for e in batch.events]),
    "location": lambda batch: batch.guarded([e.location or "" for e in batch.events]),
    "recurrence": lambda batch: [
        "\n".join(row.recurrence) if row.recurrence else "" for row in batch.rows
    ],
    "color_id": lambda batch: [e.color_id or "" for e in batch.events],
}


# -- cells of Google's JSON ------------------------------------------------------------------------


def _json_cells(raws: list[msgspec.Raw]) -> list[bytes]:
    """Write Google's JSON without its spaces, quoted; the values stay as they were sent."""
    sent = [raw for raw in raws if raw]
    if not sent:
        return [b""] * len(raws)
    array = b"[%b]" % b",".join(sent)
    if is_utf8(array) and msgspec.json.format(array, indent=-1) == array:  # as Google sends it
        return [_json_cell(bytes(raw)) if raw else b"" for raw in raws]
    return [_json_cell(_compact(raw)) if raw else b"" for raw in raws]


def _compact(raw: msgspec.Raw) -> bytes:
    json = msgspec.json.format(bytes(raw), indent=-1)
    return json if is_utf8(json) else json.decode("utf-8", "replace").encode()


def _json_cell(json: bytes) -> bytes:
    if _QUOTE in json:
        return b'"%b"' % json.replace(b'"', b'""')
    if _COMMA in json:
        return b'"%b"' % json
    return b"" if json == b"null" else json


_QUOTE, _COMMA = b'",'  # numbers are found in bytes at a third of the cost of bytes
_DEFAULT_REMINDERS = _json_cell(bytes(DEFAULT_REMINDERS))

JSON_CELLS: dict[str, Callable[[Batch], list[bytes]]] = {
    "attendees_json": lambda batch: _json_cells([e.attendees for e in batch.events]),
    "attachments_json": lambda batch: _json_cells([e.attachments for e in batch.events]),
    "reminders_json": lambda batch: [
        _DEFAULT_REMINDERS if e.reminders == DEFAULT_REMINDERS else _json_cells([e.reminders])[0]
        for e in batch.events
    ],
}
