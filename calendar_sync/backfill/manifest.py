"""What the manifest of a backfill's folder says: every slice that is there, whoever wrote it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from calendar_sync.backfill.ledger import Ledger, SliceFile, SliceWarning, is_there
from calendar_sync.calendars import KnownCalendar
from calendar_sync.publish import entries_in


def manifest_entries(
    ledger: Ledger, calendars: list[KnownCalendar], here: Collection[str], now: str
) -> list[dict[str, Any]]:
    """List the entries by slug. A calendar that is not `here`, in the account, is marked as gone.

    Slices that only the last manifest knows stay while their files do: the ledger is safe to delete.
    """
    former = {entry["id"]: entry for entry in entries_in(ledger.output)}
    known = {calendar.id: calendar for calendar in calendars}
    entries = []
    for id_ in {**former, **known}:
        calendar, before = known.get(id_), former.get(id_, {})
        entry = {
            "id": id_,
            "summary": calendar.view.name if calendar else before.get("summary"),
            "slug": calendar.slug if calendar else before.get("slug"),
            **_slices(ledger, id_, before),
        }
        if id_ not in here:
            entry["gone"] = before.get("gone") or now
        if entry["files"]:
            entries.append(entry)
    ordered = sorted(entries, key=lambda entry: str(entry["slug"]))
    plain: list[dict[str, Any]] = msgspec.to_builtins(ordered)
    return plain


def _slices(ledger: Ledger, calendar_id: str, before: dict[str, Any]) -> dict[str, Any]:
    """Put together what the ledger and the last manifest know of one calendar's slices."""
    written = ledger.entries(calendar_id)
    files = {file.path: file for _, entry in written.values() for file in entry.files}
    files = {file.path: file for file in _read(before.get("files"), SliceFile)} | files
    kept = [file for _, file in sorted(files.items()) if is_there(ledger.output, file)]
    names = {file.slice for file in kept}
    warnings = [w for _, entry in written.values() for w in entry.warnings]
    warnings += [w for w in _read(before.get("warnings"), SliceWarning) if w.slice not in written]
    done = [done for name, (done, _) in written.items() if name in names]
    return {
        "synced_at": max(done, default=before.get("synced_at")),
        "files": kept,
        "warnings": sorted(
            (w for w in warnings if w.slice in names),
            key=lambda w: (w.slice, w.event_id, w.code),
        ),
    }


def _read(values: Any, kind: type[Any]) -> list[Any]:
    """Read a list of a manifest, which a person may have edited; what is none is left out."""
    found = []
    for value in values if isinstance(values, list) else []:
        try:
            found.append(msgspec.convert(value, kind))
        except msgspec.ValidationError:
            continue
    return found
