"""A rendered file -> `exports/`, whole or not at all; then the manifest, last.

An unchanged file is not rewritten: whoever watches it by its time sees changes only.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from calendar_sync.files import Draft, replace_file
from calendar_sync.slugs import is_slug

MANIFEST = "manifest.json"
# What tells of the run rather than of the data: it alone is no reason to write the manifest again.
_OF_THE_RUN = ("run_id", "finished_at")


class PublishedFile(msgspec.Struct, frozen=True):
    """One file as the manifest names it. `path` is relative to the manifest's folder."""

    path: str
    format: str
    bytes: int
    rows: int
    sha256: str


def publish(new: Draft, format_: str, rows: int) -> PublishedFile:
    """Put the draft in its place unless the same bytes are there already. Raises CannotWrite."""
    digest, size = new.file.digest()
    if _digest_or_none(new.target, size) != digest:
        new.publish()
    return PublishedFile(new.target.name, format_, size, rows, digest)


def _digest_or_none(path: Path, size: int) -> str | None:
    """Hash an existing file of the right size; a link or folder in its place is replaced or fails."""
    try:
        if path.is_symlink() or path.stat().st_size != size:
            return None
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def stamp_of(path: Path) -> tuple[int, int] | None:
    """Return (bytes, mtime in ns), which tells cheaply whether somebody touched a file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read a manifest; a missing or damaged one is an empty one."""
    try:
        value = msgspec.json.decode((folder / MANIFEST).read_bytes())
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    return value if isinstance(value, dict) else {}


def publish_manifest(
    folder: Path, run_id: str, finished_at: str, calendars: list[dict[str, Any]]
) -> bool:
    """Write the manifest unless only the run would be another; return whether it was written.

    `synced_at` of a calendar is the time its files' content was last confirmed different or new.
    """
    before = read_manifest(folder)
    new = {
        "version": 1,
        "run_id": run_id,
        "finished_at": finished_at,
        "calendars": calendars,
    }
    if _of_the_data(before) == _of_the_data(new):
        return False
    content = msgspec.json.format(msgspec.json.encode(new), indent=2) + b"\n"
    replace_file(folder / MANIFEST, content)
    return True


def _of_the_data(manifest: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in manifest.items() if key not in _OF_THE_RUN}
    calendars = kept.get("calendars")
    if isinstance(calendars, list):
        kept["calendars"] = [
            {key: value for key, value in calendar.items() if key != "synced_at"}
            if isinstance(calendar, dict)
            else calendar
            for calendar in calendars
        ]
    return kept


def slugs_in(folder: Path) -> dict[str, str]:
    """Return calendar id -> slug as the folder's manifest has them, for a lost state."""
    return {entry["id"]: entry["slug"] for entry in entries_in(folder)}


def entries_in(folder: Path) -> list[dict[str, Any]]:
    """Return the entries of the folder's manifest that name a calendar and a slug."""
    calendars = read_manifest(folder).get("calendars")
    if not isinstance(calendars, list):
        return []
    return [
        calendar
        for calendar in calendars
        if isinstance(calendar, dict)
        and isinstance(calendar.get("id"), str)
        and isinstance(calendar.get("slug"), str)
        and is_slug(calendar["slug"])
    ]
