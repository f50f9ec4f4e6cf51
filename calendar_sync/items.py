"""From the mirror's rows to what exporters take: singles, series with their exceptions, orphans."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from calendar_sync.model import Event, EventWarning, Item, Orphan, Series, Single
from calendar_sync.resources import (
    ODD,
    Json,
    UnreadableEvent,
    decode_event,
    decode_events,
    read_event,
)
from calendar_sync.sync import Kind, read_stub


def read_items(
    rows: Iterable[tuple[str, int, Json]], warnings: list[EventWarning]
) -> Iterator[Item]:
    """Yield items from (series, kind, resource) rows sorted by series, kind and id.

    What cannot be read costs one warning; it stays in the mirror and in the JSONL.
    """
    rows = iter(rows)
    row = next(rows, None)
    while row is not None:
        series_id, kind, resource = row
        row = next(rows, None)
        if kind == Kind.SINGLE and (row is None or row[0] != series_id):  # as most are
            event = _read(resource, series_id, warnings)
            if event is not None:
                yield Single(event)
            continue
        group = [(kind, resource)]
        while row is not None and row[0] == series_id:
            group.append(row[1:])
            row = next(rows, None)
        members = [
            (kind, event)
            for kind, resource in group
            if (event := _read(resource, series_id, warnings)) is not None
        ]
        yield from _items_of(members)


def read_lines(lines: bytes, warnings: list[EventWarning]) -> Iterable[Item]:
    """Return the items of single events' resources, one on each line; warnings as of `read_items`."""
    try:
        return map(Single, decode_events(lines))
    except ODD:
        return read_items(_rows_of(lines), warnings)


def _rows_of(lines: bytes) -> Iterator[tuple[str, int, Json]]:
    for line in lines.split(b"\n"):
        _, stub = read_stub(line)
        yield stub.id if stub else "", Kind.SINGLE, line


def without_types(items: Iterable[Item], types: Collection[str]) -> Iterable[Item]:
    """Leave out items of these event types; a series is of its master's."""
    return (item for item in items if not is_of(item, types)) if types else items


def is_of(item: Item, types: Collection[str]) -> bool:
    """Whether an item is of one of these event types."""
    event = item.master if isinstance(item, Series) else item.event
    return (event.event_type or "default") in types


def _items_of(members: list[tuple[int, Event]]) -> Iterator[Item]:
    masters = [event for kind, event in members if kind == Kind.SERIES]
    edited = tuple(event for kind, event in members if kind == Kind.EDITED)
    if masters:
        cancelled = tuple(event for kind, event in members if kind == Kind.CANCELLED)
        yield Series(masters[0], edited, cancelled)
        return
    yield from (Single(event) for kind, event in members if kind == Kind.SINGLE)
    yield from (Orphan(event) for event in edited)


def _read(resource: Json, series_id: str, warnings: list[EventWarning]) -> Event | None:
    try:
        return decode_event(resource)
    except ODD:
        pass
    try:
        event, found = read_event(resource)
    except UnreadableEvent as error:
        message = f"The resource cannot be read ({error}); it is in the JSONL only."
        warnings.append(EventWarning(series_id, "unreadable", message))
        return None
    warnings += found
    return event
