"""The mirror: every resource Google has told us of, and the sync token that belongs to them.

One SQLite file; safe to delete, the next run reads everything anew. Resources are Google's JSON,
whole. A calendar's changes and its new sync token land in one transaction, after the last page.
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from calendar_sync.errors import CannotWrite, cannot_write
from calendar_sync.files import make_folder
from calendar_sync.grants.grant import read_instant, write_instant
from calendar_sync.sync import Kind, Stub, SyncState, fingerprint, kind_of

SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE calendars (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    slug TEXT NOT NULL UNIQUE,
    view BLOB NOT NULL,             -- CalendarView as JSON: name, zone, default reminders
    revision INTEGER NOT NULL DEFAULT 0,  -- raised by every change that can show in a file
    sync_token TEXT, fingerprint TEXT NOT NULL DEFAULT '', full_read_at TEXT,
    read_time_zone TEXT NOT NULL DEFAULT '', synced_at TEXT, gone_at TEXT
) STRICT;
CREATE TABLE resources (
    calendar INTEGER NOT NULL REFERENCES calendars(key) ON DELETE CASCADE,
    id TEXT NOT NULL,
    series TEXT NOT NULL,           -- the series it belongs to; its own id when to none
    kind INTEGER NOT NULL,          -- sync.Kind
    resource BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX resources_by_id ON resources(calendar, id);
CREATE INDEX resources_by_series ON resources(calendar, series, kind, id);
CREATE TABLE runs (
    id TEXT PRIMARY KEY, command TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT,
    exit_code INTEGER, message TEXT NOT NULL DEFAULT '', report BLOB
) STRICT;
CREATE INDEX runs_by_start ON runs(started_at);
CREATE TABLE slices (               -- the ledger of backfills
    output TEXT NOT NULL, calendar TEXT NOT NULL, name TEXT NOT NULL,
    fingerprint TEXT NOT NULL, done_at TEXT NOT NULL, entry BLOB NOT NULL,
    PRIMARY KEY (output, calendar, name)
) STRICT;
CREATE TABLE published (
    output TEXT NOT NULL,           -- the folder, as an absolute path
    calendar TEXT NOT NULL,         -- Google's id
    fingerprint TEXT NOT NULL,      -- of everything the files were made from
    entry BLOB NOT NULL,            -- the calendar's entry in the manifest, as JSON
    stamps BLOB NOT NULL,           -- path -> [bytes, mtime_ns] when it was published
    PRIMARY KEY (output, calendar)
) STRICT;
"""
_decode_stub = msgspec.json.Decoder(Stub).decode


class DamagedMirror(Exception):
    """The file is no mirror of ours, or SQLite finds it damaged."""


@dataclass(frozen=True)
class Counts:
    """How many resources a read added, changed and removed."""

    added: int = 0
    changed: int = 0
    removed: int = 0

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


NO_COUNTS = Counts()


@contextmanager
def sqlite_in_our_words(path: Path) -> Iterator[None]:
    """Translate SQLite's errors: a full disk is CannotWrite, a broken file DamagedMirror."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        if name.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")):
            message = f"Cannot write {path}: {error}."
            raise CannotWrite(message, f"Look at: df -h {path.parent}") from error
        is_ours = isinstance(error, sqlite3.ProgrammingError)
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or not (name or is_ours):
            raise DamagedMirror(f"{path}: {error}") from error
        raise


class Mirror:
    """An open mirror. One writer; use from one thread."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection

    def close(self) -> None:
        """Close the file; what was not committed is gone."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is done inside, or nothing of it."""
        with sqlite_in_our_words(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    # -- reading ---------------------------------------------------------------------------------

    def sync_state(self, key: int) -> SyncState:
        """Return what is known of the calendar's last complete read."""
        row: tuple[str | None, str, str | None, str] = self.connection.execute(
            "SELECT sync_token, fingerprint, full_read_at, read_time_zone FROM calendars"
            " WHERE key = ?",
            (key,),
        ).fetchone()
        return SyncState(row[0], row[1], read_instant(row[2]), row[3])

    def count(self, key: int) -> dict[int, int]:
        """Count the calendar's resources by sync.Kind."""
        rows = self.connection.execute(
            "SELECT kind, count(*) FROM resources WHERE calendar = ? GROUP BY kind", (key,)
        )
        return dict(rows.fetchall())

    def resources_by_series(self, key: int) -> Iterator[tuple[str, int, bytes]]:
        """Yield (series, kind, resource): a series' master first, then its exceptions by id."""
        return self.connection.execute(
            "SELECT series, kind, resource FROM resources INDEXED BY resources_by_series"
            " WHERE calendar = ? ORDER BY series, kind, id",
            (key,),
        )

    def resources_by_id(self, key: int) -> Iterator[tuple[str, bytes]]:
        """Yield (id, resource), ordered by id."""
        return self.connection.execute(
            "SELECT id, resource FROM resources WHERE calendar = ? ORDER BY id", (key,)
        )


class Reading:
    """One calendar's listing being taken in, inside a transaction of the mirror."""

    def __init__(self, mirror: Mirror, key: int, *, full: bool) -> None:
        self._connection = mirror.connection
        self._key, self._full = key, full
        self._added = self._changed = self._removed = 0
        self._deleted: set[str] = set()
        self.unreadable = 0
        self.before = self._live()
        if full:
            self._connection.execute("CREATE TEMP TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY)")
            self._connection.execute("DELETE FROM temp.seen")

    def take(self, items: Iterable[bytes]) -> None:
        """Apply one page, in order: a later item of the same id wins."""
        for item in items:
            resource, stub = read_stub(item)
            if stub is None:
                self.unreadable += 1  # not even an id: there is nothing to keep it under
                continue
            kind = kind_of(stub)
            if kind is None:
                self._remove(stub.id)
            else:
                self._put(stub, kind, resource)

    def finish(self, sync_token: str | None, time_zone: str, now: dt.datetime) -> Counts:
        """Drop what a full listing did not name, remember the sync token, raise the revision."""
        if self._full:
            self._remove_unseen()
        self._remove_lost_holes()
        counts = Counts(self._added, self._changed, self._removed)
        stamp = write_instant(now)
        self._connection.execute(
            "UPDATE calendars SET sync_token = ?, fingerprint = ?, read_time_zone = ?,"
            " synced_at = ?, full_read_at = iif(?, ?, full_read_at), gone_at = NULL,"
            " revision = revision + ? WHERE key = ?",
            (
                sync_token,
                fingerprint(),
                time_zone,
                stamp,
                self._full,
                stamp,
                bool(counts),
                self._key,
            ),
        )
        return counts

    @property
    def after(self) -> int:
        """How many live resources there are now."""
        return self._live()

    def _live(self) -> int:
        return int(
            self._connection.execute(
                "SELECT count(*) FROM resources WHERE calendar = ? AND kind <> ?",
                (self._key, Kind.CANCELLED),
            ).fetchone()[0]
        )

    def _put(self, stub: Stub, kind: int, resource: bytes) -> None:
        if self._full:
            self._connection.execute("INSERT OR IGNORE INTO temp.seen VALUES (?)", (stub.id,))
        series = stub.recurring_event_id or stub.id
        old = self._connection.execute(
            "SELECT resource FROM resources WHERE calendar = ? AND id = ?", (self._key, stub.id)
        ).fetchone()
        if old is None:
            self._connection.execute(
                "INSERT INTO resources VALUES (?, ?, ?, ?, ?)",
                (self._key, stub.id, series, kind, resource),
            )
            self._added += 1
        elif old[0] != resource:
            self._connection.execute(
                "UPDATE resources SET series = ?, kind = ?, resource = ?"
                " WHERE calendar = ? AND id = ?",
                (series, kind, resource, self._key, stub.id),
            )
            self._changed += 1

    def _remove(self, event_id: str) -> None:
        """Remove an event and, when it is a series, its exceptions with it."""
        self._deleted.add(event_id)
        self._removed += self._connection.execute(
            "DELETE FROM resources WHERE calendar = ? AND (id = ? OR series = ?)",
            (self._key, event_id, event_id),
        ).rowcount

    def _remove_unseen(self) -> None:
        self._removed += self._connection.execute(
            "DELETE FROM resources WHERE calendar = ? AND id NOT IN (SELECT id FROM temp.seen)",
            (self._key,),
        ).rowcount

    def _remove_lost_holes(self) -> None:
        """Remove cancelled occurrences of series deleted in this reading, in whatever order."""
        for series in self._deleted:
            self._removed += self._connection.execute(
                "DELETE FROM resources WHERE calendar = ?1 AND kind = ?2 AND series = ?3"
                " AND NOT EXISTS (SELECT 1 FROM resources WHERE calendar = ?1 AND id = ?3)",
                (self._key, Kind.CANCELLED, series),
            ).rowcount


def read_stub(item: bytes) -> tuple[bytes, Stub | None]:
    """Return the resource as compact JSON and its stub; half surrogates take a slower way."""
    try:
        resource = msgspec.json.format(item, indent=-1)
        return resource, _decode_stub(resource)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        pass
    try:
        value = json.loads(item)
        return json.dumps(value, separators=(",", ":")).encode(), msgspec.convert(value, Stub)
    except (ValueError, TypeError, msgspec.MsgspecError):
        return b"", None


def open_mirror(path: Path) -> Mirror:
    """Open the mirror, creating it where there is none. Raises DamagedMirror, CannotWrite."""
    make_folder(path.parent, secret=True)
    connection: sqlite3.Connection | None = None
    try:
        with sqlite_in_our_words(path):
            connection = sqlite3.connect(path, isolation_level=None, cached_statements=64)
            _prepare(connection, path)
    except BaseException:
        if connection is not None:
            connection.close()
        raise
    return Mirror(path, connection)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cache_size = -16000")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == SCHEMA_VERSION:
        return
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if version or tables:
        raise DamagedMirror(f"{path}: version {version} is not one this program knows")
    connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")


def move_aside(path: Path, now: dt.datetime) -> Path:
    """Move a damaged mirror and its companions out of the way; return its new name."""
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    target = path.with_name(f"mirror.damaged-{stamp}.sqlite3")
    try:
        path.replace(target)
        for suffix in ("-wal", "-shm"):
            companion = path.with_name(path.name + suffix)
            if companion.exists():
                companion.replace(target.with_name(target.name + suffix))
    except OSError as error:
        raise cannot_write(path, error) from error
    return target
