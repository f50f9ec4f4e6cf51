"""What is published, from what it was made, and what the manifest says of it.

Files are made only where something they are made from has changed; the fingerprint says so.
"""

from __future__ import annotations

from typing import Any

import msgspec

from calendar_sync.calendars import KnownCalendar, is_chosen
from calendar_sync.mirror import Mirror
from calendar_sync.model import EventWarning
from calendar_sync.publish import PublishedFile, entries_in, stamp_of
from calendar_sync.sync import Kind
from calendar_sync.views import View

_Stamps = dict[str, tuple[int, int]]


def is_up_to_date(mirror: Mirror, calendar: KnownCalendar, view: View) -> bool:
    """Whether the calendar's files are made from what the mirror holds, and still as published."""
    return entry_if_up_to_date(mirror, calendar, view) is not None


def entry_if_up_to_date(
    mirror: Mirror, calendar: KnownCalendar, view: View
) -> dict[str, Any] | None:
    """Return the calendar's entry of the manifest where its files are up to date, else None."""
    row = mirror.connection.execute(
        "SELECT fingerprint, stamps, entry FROM published WHERE output = ? AND calendar = ?",
        (str(view.folder), calendar.id),
    ).fetchone()
    if row is None or row[0] != view.fingerprint(calendar):
        return None
    stamps: dict[str, tuple[int, int]] = msgspec.json.decode(row[1], type=_Stamps)
    if any(stamp_of(view.folder / name) != known for name, known in stamps.items()):
        return None
    entry: dict[str, Any] = msgspec.json.decode(row[2])
    return entry


def entry_of(
    mirror: Mirror,
    calendar: KnownCalendar,
    files: list[PublishedFile],
    occurrences: int,
    warnings: list[EventWarning],
) -> dict[str, Any]:
    """Make the calendar's entry in the manifest."""
    counts = mirror.count(calendar.key)
    live = sum(number for kind, number in counts.items() if kind != Kind.CANCELLED)
    return {
        "id": calendar.id,
        "summary": calendar.view.name,
        "slug": calendar.slug,
        "synced_at": calendar.synced_at,
        "events": live,
        "series": counts.get(Kind.SERIES, 0),
        "exceptions": counts.get(Kind.EDITED, 0) + counts.get(Kind.CANCELLED, 0),
        "occurrences": occurrences,
        "files": files,
        "warnings": _unique(warnings),
    }


def _unique(warnings: list[EventWarning]) -> list[EventWarning]:
    """One warning for an event and code: ICS and CSV stumble over the same things."""
    first = {(warning.event_id, warning.code): warning for warning in reversed(warnings)}
    return sorted(first.values(), key=lambda warning: (warning.event_id, warning.code))


def remember_published(
    mirror: Mirror,
    calendar: KnownCalendar,
    view: View,
    entry: dict[str, Any],
    files: list[PublishedFile],
) -> None:
    """Remember what was published, and from what."""
    names = [file.path for file in files]
    if "per_uid" in entry:
        names.append(entry["per_uid"]["path"])
    stamps = {name: stamp_of(view.folder / name) for name in names}
    with mirror.transaction():
        mirror.connection.execute(
            "INSERT OR REPLACE INTO published VALUES (?, ?, ?, ?, ?)",
            (
                str(view.folder),
                calendar.id,
                view.fingerprint(calendar),
                msgspec.json.encode(entry),
                msgspec.json.encode(stamps),
            ),
        )


def manifest_entries(
    mirror: Mirror, view: View, calendars: list[KnownCalendar], now: str
) -> list[dict[str, Any]]:
    """List the entries of one output's manifest, by slug; gone calendars are marked with the date.

    What the last manifest says stays true of files that nobody has made since the mirror was lost.
    """
    entries = []
    for calendar in calendars:
        row = mirror.connection.execute(
            "SELECT entry FROM published WHERE output = ? AND calendar = ?",
            (str(view.folder), calendar.id),
        ).fetchone()
        if row is None or not view.shows(calendar):
            continue
        entry: dict[str, Any] = msgspec.json.decode(row[0])
        entry["synced_at"] = calendar.synced_at
        if calendar.gone_at is not None:
            entry["gone"] = calendar.gone_at
        entries.append(entry)
    listed = {entry["id"] for entry in entries}
    known = {calendar.id: calendar for calendar in calendars}
    former = (entry for entry in entries_in(view.folder) if entry["id"] not in listed)
    entries += (e for entry in former if (e := _kept(entry, known.get(entry["id"]), view, now)))
    return sorted(entries, key=lambda entry: str(entry["slug"]))


def _kept(
    entry: dict[str, Any], calendar: KnownCalendar | None, view: View, now: str
) -> dict[str, Any] | None:
    """Return a former entry as it is to be now, None to drop it."""
    if calendar is None or calendar.gone_at is not None:
        chosen = is_chosen(entry["id"], str(entry.get("summary")), view.export.calendars)
        return {**entry, "gone": entry.get("gone") or now} if chosen else None
    is_there = view.shows(calendar) and calendar.slug == entry["slug"]
    return {key: entry[key] for key in entry if key != "gone"} if is_there else None
