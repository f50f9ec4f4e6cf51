"""`per_uid = true`: one ICS file for each UID, as CalDAV servers store them and import them.

A series and its exceptions share a file, for they share a UID. An unchanged file is not rewritten, and
the file of a UID that is gone is removed; other files in the folder are nobody's business.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from calendar_sync.errors import cannot_write
from calendar_sync.files import make_folder, remove_leftovers, replace_file
from calendar_sync.ics.exporter import IcsOptions, render
from calendar_sync.ics.head import header
from calendar_sync.ics.text import to_bytes
from calendar_sync.ics.timezones import vtimezone
from calendar_sync.model import CalendarView, Item
from calendar_sync.recurrence.occurrences import Window, overlaps

_BEGIN = b"BEGIN:VEVENT\r\n"
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_OURS = re.compile(r"[A-Za-z0-9_-]*-[0-9a-f]{16}\.ics")


@dataclass
class _OfUid:
    """Where the spool has the events of one UID, and the zones they name."""

    places: list[tuple[int, int]] = field(default_factory=list)  # offset, length
    zones: dict[str, int] = field(default_factory=dict)


class PerUidFolder:
    """Takes a calendar's items; `publish` brings the folder up to date.

    Memory holds a few numbers for each UID; the events wait in `spool`, a temporary file.
    """

    def __init__(
        self,
        folder: Path,
        calendar: CalendarView,
        options: IcsOptions,
        window: Window | None,
        spool: BinaryIO,
    ) -> None:
        self._folder, self._calendar, self._options = folder, calendar, options
        self._window, self._spool = window, spool
        self._by_uid: dict[str, _OfUid] = defaultdict(_OfUid)

    def add(self, item: Item) -> None:
        """Take one item; what cannot be written is not, and the one big file warns of it."""
        zone = self._calendar.time_zone
        if self._window is not None and not overlaps(item, zone, self._window):
            return
        try:
            rendered = render(item, self._calendar, self._options)
        except (ValueError, OverflowError):
            return
        for uid, event in _events(rendered.content):
            of_uid = self._by_uid[uid]
            of_uid.places.append((self._spool.tell(), self._spool.write(event)))
            for name, year in rendered.zones.items():
                of_uid.zones[name] = min(year, of_uid.zones.get(name, year))

    def publish(self) -> int:
        """Write new and changed files, remove those of UIDs that are gone; return how many there are.

        Each file is replaced as a whole. Raises CannotWrite.
        """
        make_folder(self._folder)
        remove_leftovers(self._folder)
        names = {name_of(uid): of_uid for uid, of_uid in self._by_uid.items()}
        for name, of_uid in sorted(names.items()):
            _write(self._folder / name, self._content(of_uid))
        try:
            for path in self._folder.iterdir():
                if path.name not in names and _OURS.fullmatch(path.name):
                    path.unlink()
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        return len(names)

    def _content(self, of_uid: _OfUid) -> bytes:
        lines = header(CalendarView(id="", time_zone=self._calendar.time_zone))
        for zone in sorted(of_uid.zones):
            lines += vtimezone(zone, of_uid.zones[zone])
        pieces = [to_bytes(lines)]
        for offset, length in of_uid.places:
            self._spool.seek(offset)
            pieces.append(self._spool.read(length))
        return b"".join([*pieces, b"END:VCALENDAR\r\n"])


def read_folder(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield our files in such a folder, in order of their names. Raises OSError."""
    for path in sorted(folder.iterdir()):
        if _OURS.fullmatch(path.name):
            yield path, path.read_bytes()


def _events(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield each VEVENT with its UID: exceptions written on their own have others than the series."""
    for event in content.split(_BEGIN)[1:]:
        unfolded = event.replace(b"\r\n ", b"")
        uid, _, _ = unfolded.removeprefix(b"UID:").partition(b"\r\n")
        yield uid.decode(), _BEGIN + event


def name_of(uid: str) -> str:
    """Return a file name for any UID: its safe part, and a hash that no two share."""
    readable = _UNSAFE.sub("-", uid.removesuffix("@google.com")).strip("-")[:60]
    digest = hashlib.sha256(uid.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{readable}-{digest[:16]}.ics"


def _write(path: Path, content: bytes) -> None:
    try:
        if path.stat().st_size == len(content) and path.read_bytes() == content:
            return
    except OSError:
        pass
    replace_file(path, content)
