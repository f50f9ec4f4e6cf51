"""What the stories of the export share: looking at folders, at Google's truth, and at requests."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calendar_sync.emulator.local_google import LocalGoogle

if TYPE_CHECKING:
    from conftest import HomeFolder

ADA = "ada@example.com"
TEAM = "team@group.calendar.google.com"
HOLIDAYS = "en.usa#holiday@group.v.calendar.google.com"
MANIFEST = "manifest.json"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but the manifests, by its path in the folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


def stamps(folder: Path) -> dict[str, tuple[int, int, int]]:
    """What changes when a file is rewritten, even by the same bytes: inode, time, size."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.stat()
        found[str(path.relative_to(folder))] = status.st_ino, status.st_mtime_ns, status.st_size
    return found


def manifest(folder: Path) -> dict[str, Any]:
    """The manifest's entries by calendar id."""
    whole = json.loads((folder / MANIFEST).read_bytes())
    assert list(whole) == ["version", "run_id", "finished_at", "calendars"]
    assert whole["version"] == 1
    return {entry["id"]: entry for entry in whole["calendars"]}


def check_manifest(folder: Path) -> dict[str, Any]:
    """Compare every file the manifest names with the file on the disk, then return the entries."""
    entries = manifest(folder)
    for entry in entries.values():
        for file in entry["files"]:
            content = (folder / file["path"]).read_bytes()
            assert file["bytes"] == len(content), file
            assert file["sha256"] == hashlib.sha256(content).hexdigest(), file
            assert file["rows"] == rows_in(content, file["format"]), file
    return entries


def rows_in(content: bytes, format_: str) -> int:
    if format_ == "ics":
        return content.count(b"BEGIN:VEVENT\r\n")
    if format_ == "jsonl":
        return content.count(b"\n")
    return len(table(content))


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def truth(google: LocalGoogle, calendar: str) -> list[dict[str, Any]]:
    """What a full listing gives the owner: live resources and cancelled occurrences, by id."""
    items = google.control("list_state", calendar=calendar)["items"]
    return sorted(items, key=lambda item: item["id"].encode())


def same_json(left: Any, right: Any) -> bool:
    """Whether two values are the same, key order included."""
    return json.dumps(left) == json.dumps(right)


def report(home: HomeFolder, *arguments: str, expect: int = 0) -> dict[str, Any]:
    """Run an export and return its report; `by_id` holds its calendars."""
    done = home.run("export", "--json", *arguments, expect=expect)
    found: dict[str, Any] = json.loads(done.stdout)["report"]
    found["by_id"] = {calendar["id"]: calendar for calendar in found["calendars"]}
    found["stderr"] = done.stderr
    return found


def add_calendar(google: LocalGoogle, name: str, **more: Any) -> str:
    calendar = more.pop("id", f"{name.lower().replace(' ', '-')}@group.calendar.google.com")
    google.control("add_calendar", calendar=calendar, summary=name, **more)
    return calendar


def add_singles(google: LocalGoogle, calendar: str, count: int) -> list[str]:
    """Add events of one hour, one a day from 2026-05-01 on; return their ids."""
    from datetime import date, timedelta

    days = [date(2026, 5, 1) + timedelta(days=number) for number in range(count)]
    events = [
        {
            "summary": f"Event {number}",
            "start": {"dateTime": f"{day}T10:00:00+02:00"},
            "end": {"dateTime": f"{day}T11:00:00+02:00"},
        }
        for number, day in enumerate(days)
    ]
    ids: list[str] = google.control("add_events", calendar=calendar, events=events)["ids"]
    return ids


def place(calendar: str) -> str:
    """A regular expression for the path of a calendar's events in faults and the request log."""
    from urllib.parse import quote

    return f"/calendars/{quote(calendar, safe='')}/events$"


def wait_until(is_so: Callable[[], bool], patience: float = 20.0) -> None:
    ends = time.monotonic() + patience
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.01)
