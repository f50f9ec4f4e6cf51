"""What Google expands, held against what we expand from the mirror: the product checks itself.

Our occurrences of a calendar are made once, for the whole stretch, into a temporary table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from calendar_sync.calendars import KnownCalendar
from calendar_sync.items import read_items
from calendar_sync.mirror import Mirror
from calendar_sync.model import Event, EventWarning, Item, Series
from calendar_sync.recurrence.event_times import (
    When,
    Window,
    instant_at,
    is_within,
    original_of,
    when,
)
from calendar_sync.recurrence.occurrences import MOST_OCCURRENCES, expand
from calendar_sync.slices import Slice
from calendar_sync.times import Moment, at_instant

DIFFERS = "unlike-mirror"
_TABLE = (
    "CREATE TEMP TABLE IF NOT EXISTS expected"
    " (id TEXT PRIMARY KEY, start INTEGER, end INTEGER, original TEXT) STRICT",
    "CREATE INDEX IF NOT EXISTS temp.expected_by_start ON expected(start)",
    "DELETE FROM expected",
)
_Row = tuple[str, int, int, str]  # id, start, end, original start


class Expected:
    """Our own occurrences of one calendar within [start, end); one at a time on a mirror."""

    def __init__(self, mirror: Mirror, calendar: KnownCalendar, start: int, end: int) -> None:
        self._connection, self._calendar = mirror.connection, calendar
        self._uncounted: set[str] = set()  # series of more dates than we give
        for statement in _TABLE:
            self._connection.execute(statement)
        items = read_items(mirror.resources_by_series(calendar.key), [])
        rows = (row for item in items for row in self._rows(item, Window(start, end)))
        self._connection.executemany("INSERT OR REPLACE INTO expected VALUES (?, ?, ?, ?)", rows)

    def count(self, slice_: Slice) -> int:
        """Count our occurrences in a slice."""
        return len(self._in(slice_))

    def differences(self, slice_: Slice, events: Iterable[Event]) -> Iterator[EventWarning]:
        """Yield a warning for each occurrence that is only at Google, only here, or elsewhere."""
        ours = self._in(slice_)
        name, at = slice_.name, self._calendar.synced_at
        for event in events:
            if event.recurring_event_id in self._uncounted:
                continue
            theirs = _row(event, self._calendar.view.time_zone)
            own = ours.pop(event.id, None)
            if theirs is None or (own is not None and own[:3] == theirs[:3]):
                continue
            where = f"Google has it in {name} (original start {theirs[3]})"
            other = "does not have it there" if own is None else "has it at another time"
            yield EventWarning(event.id, DIFFERS, f"{where}; the mirror of {at} {other}.")
        for event_id, _, _, original in ours.values():
            where = f"The mirror of {at} has it in {name} (original start {original})"
            yield EventWarning(event_id, DIFFERS, f"{where}; Google does not have it there.")

    def _in(self, slice_: Slice) -> dict[str, _Row]:
        start, end = slice_.instants
        rows = self._connection.execute(
            "SELECT id, start, end, original FROM expected"
            " WHERE start < ?2 AND (end > ?1 OR start >= ?1) ORDER BY start, id",
            (start, end),
        )
        return {row[0]: row for row in rows.fetchall()}

    def _rows(self, item: Item, window: Window) -> Iterator[_Row]:
        zone = self._calendar.view.time_zone
        if not isinstance(item, Series):
            row = _row(item.event, zone)
            if row is not None and is_within(item.event, zone, None, window):
                yield row
            return
        occurrences, _ = expand(item, zone, window=window)
        if len(occurrences) >= MOST_OCCURRENCES:
            self._uncounted.add(item.master.id)
            return
        for each in occurrences:
            if each.start is not None:
                end = None if each.event.end_time_unspecified else each.end
                yield _times(each.instance_id, each.start, end, each.original, zone)


def _row(event: Event, zone: str) -> _Row | None:
    start = when(event.start, zone)
    if start is None:
        return None
    end = None if event.end_time_unspecified else when(event.end, zone)
    original = original_of(event, zone) if event.is_exception else start
    return _times(event.id, start, end, original, zone)


def _times(event_id: str, start: When, end: When | None, original: When | None, zone: str) -> _Row:
    first = instant_at(start, zone)
    last = first if end is None else instant_at(end, zone)
    return event_id, first, last, _text(original)


def _text(time: When | None) -> str:
    if time is None:
        return "unknown"
    if isinstance(time, Moment):
        return at_instant(time.instant, time.tzinfo).isoformat()
    return time.isoformat()
