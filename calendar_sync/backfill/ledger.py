"""Which slices are written, in the mirror's file: an interrupted backfill goes on where it was."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from calendar_sync.config import Format
from calendar_sync.decoding import decoded
from calendar_sync.grants.grant import write_instant
from calendar_sync.mirror import Mirror
from calendar_sync.publish import stamp_of
from calendar_sync.slices import Slice


class SliceFile(msgspec.Struct, frozen=True, rename={"start": "from", "end": "to"}):
    """One file as the manifest names it: [start, end) is what was asked of Google for it."""

    path: str
    format: str
    bytes: int
    rows: int
    sha256: str
    slice: str
    start: str
    end: str


class SliceWarning(msgspec.Struct, frozen=True):
    """One thing a reader of a slice's files should know about one event in it."""

    slice: str
    event_id: str
    code: str
    message: str


@decoded
class Entry(msgspec.Struct, frozen=True):
    """What the ledger says of one slice."""

    files: tuple[SliceFile, ...] = ()
    warnings: tuple[SliceWarning, ...] = ()


@dataclass(frozen=True)
class Ledger:
    """The slices written into one output folder."""

    mirror: Mirror
    output: Path
    clock: Callable[[], dt.datetime]

    def is_done(self, calendar_id: str, slice_: Slice, formats: Iterable[Format]) -> bool:
        """Whether the slice was read with these borders, and its files are still as written."""
        entry = self._entry(calendar_id, slice_)
        there = {f.format for f in entry.files if is_there(self.output, f)} if entry else set()
        return there >= {*formats}

    def note(self, calendar_id: str, slice_: Slice, entry: Entry) -> None:
        """Remember a slice as done; its files of other formats stay known while its borders do."""
        before = self._entry(calendar_id, slice_) or Entry()
        written = {file.format for file in entry.files}
        others = [file for file in before.files if file.format not in written]
        entry = msgspec.structs.replace(entry, files=(*entry.files, *others))
        values = (str(self.output), calendar_id, slice_.name, _borders(slice_))
        done = (write_instant(self.clock()), msgspec.json.encode(entry))
        with self.mirror.transaction():
            self.mirror.connection.execute(
                "INSERT OR REPLACE INTO slices VALUES (?, ?, ?, ?, ?, ?)", (*values, *done)
            )

    def forget(self, calendar_id: str, slices: Iterable[Slice]) -> None:
        """Take slices for not done; their files stay until they are written again."""
        with self.mirror.transaction():
            self.mirror.connection.executemany(
                "DELETE FROM slices WHERE output = ? AND calendar = ? AND name = ?",
                [(str(self.output), calendar_id, slice_.name) for slice_ in slices],
            )

    def entries(self, calendar_id: str) -> dict[str, tuple[str, Entry]]:
        """Return when each slice was done and what of it is written, by its name."""
        rows = self.mirror.connection.execute(
            "SELECT name, done_at, entry FROM slices WHERE output = ? AND calendar = ? ORDER BY name",
            (str(self.output), calendar_id),
        )
        return {name: (done, _decode(entry)) for name, done, entry in rows.fetchall()}

    def _entry(self, calendar_id: str, slice_: Slice) -> Entry | None:
        row = self.mirror.connection.execute(
            "SELECT fingerprint, entry FROM slices WHERE output = ? AND calendar = ? AND name = ?",
            (str(self.output), calendar_id, slice_.name),
        ).fetchone()
        return _decode(row[1]) if row is not None and row[0] == _borders(slice_) else None


def is_there(output: Path, file: SliceFile) -> bool:
    """Whether a file is still there, as large as it was written."""
    stamp = stamp_of(output / file.path)
    return stamp is not None and stamp[0] == file.bytes


def _borders(slice_: Slice) -> str:
    return f"{write_instant(slice_.start)}/{write_instant(slice_.end)}"


def _decode(entry: bytes) -> Entry:
    return msgspec.json.decode(entry, type=Entry)
