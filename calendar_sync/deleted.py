"""`keep_deleted = true`: what Google deleted, kept in the mirror and in `<slug>.deleted.jsonl`.

A file of its own, so that all others stay what Google has: the same bytes as a fresh home's, and
nothing an importer could bring back to life. One line for each: `{"deleted_at", "resource"}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from calendar_sync.calendars import KnownCalendar
from calendar_sync.decoding import decoded
from calendar_sync.files import draft
from calendar_sync.mirror import Mirror
from calendar_sync.publish import publish
from calendar_sync.sync import Kind


@decoded
class _Line(msgspec.Struct, frozen=True):
    deleted_at: str
    resource: msgspec.Raw


@decoded
class _Id(msgspec.Struct, frozen=True):
    id: str


def path_of(folder: Path, calendar: KnownCalendar) -> Path:
    """Return where a calendar's deleted events are; no slug has a dot, so it is nobody else's."""
    return folder / f"{calendar.slug}.deleted.jsonl"


def count_deleted(mirror: Mirror, calendar: KnownCalendar) -> int:
    """Count what is kept."""
    query = "SELECT count(*) FROM deleted WHERE calendar = ?"
    return int(mirror.connection.execute(query, (calendar.key,)).fetchone()[0])


def publish_deleted(mirror: Mirror, calendar: KnownCalendar, folder: Path) -> None:
    """Write the calendar's file, by id. What an existing one holds is kept though state was lost."""
    path = path_of(folder, calendar)
    with mirror.transaction():
        _adopt(mirror, calendar, path)
    if not count_deleted(mirror, calendar):
        return
    with draft(path) as new:
        rows = 0
        for deleted_at, resource in mirror.connection.execute(
            "SELECT deleted_at, resource FROM deleted WHERE calendar = ? ORDER BY id",
            (calendar.key,),
        ):
            new.file.write(msgspec.json.encode(_Line(deleted_at, msgspec.Raw(resource))) + b"\n")
            rows += 1
        publish(new, "jsonl", rows)


def _adopt(mirror: Mirror, calendar: KnownCalendar, path: Path) -> None:
    """Take lines over that the mirror does not know, but for events that live again."""
    for event_id, line in _lines(path):
        mirror.connection.execute(
            "INSERT OR IGNORE INTO deleted SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS"
            " (SELECT 1 FROM resources WHERE calendar = ?1 AND id = ?2 AND kind <> ?5)",
            (calendar.key, event_id, line.deleted_at, bytes(line.resource), Kind.CANCELLED),
        )


def _lines(path: Path) -> Iterator[tuple[str, _Line]]:
    """Yield the readable lines of a file, which may have been edited by hand, or be missing."""
    try:
        with path.open("rb") as file:
            for text in file:
                try:
                    line = msgspec.json.decode(text, type=_Line)
                    yield msgspec.json.decode(line.resource, type=_Id).id, line
                except (msgspec.MsgspecError, UnicodeDecodeError):
                    continue
    except OSError:
        return
