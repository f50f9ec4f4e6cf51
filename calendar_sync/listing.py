"""One calendar's listing being taken into the mirror: what each resource means for what is there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from calendar_sync.changes import MOST_CHANGES, Journal
from calendar_sync.grants.grant import write_instant
from calendar_sync.mirror import Mirror
from calendar_sync.resources import Json
from calendar_sync.schema import build_indexes, drop_indexes
from calendar_sync.sync import Kind, Stub, fingerprint, kind_of, read_stub
from calendar_sync.touched import Touched, find_touched

_Row = tuple[int, str, str, int, Json]  # calendar, id, series, kind, resource
_ADD = "INSERT INTO resources VALUES (?, ?, ?, ?, ?)"
_PUT = (
    f"{_ADD} ON CONFLICT (calendar, id) DO UPDATE SET"
    " series = excluded.series, kind = excluded.kind, resource = excluded.resource"
)


@dataclass(frozen=True)
class Counts:
    """How many changes a person would see. `removed`: events deleted, occurrences cancelled."""

    added: int = 0
    changed: int = 0
    removed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.added + other.added, self.changed + other.changed, self.removed + other.removed
        )


NO_COUNTS = Counts()


@dataclass(frozen=True)
class RunFacts:
    """What a reading must know of its run."""

    run_id: str = ""
    keep_deleted: bool = False


Resource = tuple[str, int, Json]  # series, kind, resource, as `items` takes them
Member = tuple[str, str, int, Json]  # of a series: its id, and then the same


class Taken(NamedTuple):
    """What a page of a first listing has put into the mirror: single events, and members of series."""

    singles: list[Resource]
    members: list[Member]


_NOTHING = Taken([], [])


class Reading:
    """One calendar's listing being taken in, inside a transaction of the mirror.

    A calendar's first listing has no changes: all of it is new, and counted only.
    """

    def __init__(self, mirror: Mirror, key: int, *, full: bool, run: RunFacts) -> None:
        self._mirror, self._connection = mirror, mirror.connection
        self._key, self._full, self._run = key, full, run
        self._deleted: set[str] = set()
        self.is_first = mirror.sync_state(key).full_read_at is None
        self._put_first = 0  # resources
        self._journal = None if self.is_first else Journal(self._connection, key)
        self.unreadable = 0
        self.named: set[str] = set()  # by an incremental listing
        self.changes: dict[str, str] = {}  # id -> title, of those kept in detail
        self.touched: Touched | None = None  # known when finished, if it is not too much
        self.before = self._live() if full else 0
        self._is_bare = self.is_first and drop_indexes(self._connection)
        if full and not self.is_first:
            self._connection.execute("CREATE TEMP TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY)")
            self._connection.execute("DELETE FROM temp.seen")

    def take(self, items: Iterable[msgspec.Raw]) -> Taken:
        """Apply one page, in order: a later item of the same id wins.

        Returns what came in a first listing, see `kept_all`.
        """
        if self.is_first:
            return self._take_first(items)
        for item in items:
            resource, stub = read_stub(bytes(item))
            if stub is None:
                self.unreadable += 1  # not even an id: there is nothing to keep it under
                continue
            if not self._full:
                self.named.add(stub.id)
            kind = kind_of(stub)
            if kind is None:
                self._remove(stub.id)
            else:
                self._put(stub, kind, resource)
        return _NOTHING

    def _take_first(self, items: Iterable[msgspec.Raw]) -> Taken:
        """Put a page where nothing is yet, all at once: nothing to look up, to compare, to tell."""
        rows: list[_Row] = []
        for item in items:
            resource, stub = read_stub(item)
            if stub is None:
                self.unreadable += 1
                continue
            kind = kind_of(stub)
            if kind is None:
                self._put_all(rows)
                rows = []
                self._build_indexes()
                self._remove(stub.id)
            else:
                series = stub.recurring_event_id or stub.id
                rows.append((self._key, stub.id, series, kind, resource))
        self._put_all(rows)
        singles = [(row[2], row[3], row[4]) for row in rows if row[3] == Kind.SINGLE]
        return Taken(singles, [row[1:] for row in rows if row[3] != Kind.SINGLE])

    def kept_all(self) -> bool:
        """Whether all that `take` returned is what the mirror holds, and all single events are single.

        None came twice, none was removed again, and none has occurrences that name it as their series.
        """
        if self._deleted or self._mirror.count_all(self._key) != self._put_first:
            return False
        named = self._connection.execute(
            "SELECT 1 FROM resources e JOIN resources s ON s.calendar = ?1 AND s.id = e.series"
            " WHERE e.calendar = ?1 AND e.kind > 0 AND e.kind IN (?2, ?3) AND s.kind = ?4"
            " LIMIT 1",
            (self._key, Kind.EDITED, Kind.CANCELLED, Kind.SINGLE),
        )
        return named.fetchone() is None

    def _put_all(self, rows: list[_Row]) -> None:
        self._put_first += len(rows)
        self._connection.executemany(_ADD if self._is_bare else _PUT, rows)

    def _build_indexes(self) -> None:
        if self._is_bare:
            build_indexes(self._connection)
            self._is_bare = False

    def finish(self, sync_token: str | None, time_zone: str, now: dt.datetime) -> Counts:
        """Drop what a full listing did not name, remember the sync token, raise the revision."""
        self._build_indexes()
        if self._full and not self.is_first:
            self._drop("calendar = ? AND id NOT IN (SELECT id FROM temp.seen)", self._key)
        self._remove_lost_holes()
        counts, is_touched = self._compare(now)
        if is_touched and self._journal is not None:
            self.touched = find_touched(self._mirror, self._key, self._journal)
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
                is_touched,
                self._key,
            ),
        )
        return counts

    @property
    def after(self) -> int:
        """How many live resources there are now."""
        return self._live()

    def _compare(self, now: dt.datetime) -> tuple[Counts, bool]:
        """Keep and count the changes; say whether any byte is another, which files may show."""
        if self._journal is None:
            return Counts(added=self._live()), self._mirror.count_all(self._key) > 0
        counts, is_touched = {"added": 0, "changed": 0, "cancelled": 0}, False
        for found in self._journal.touched():
            is_touched = True
            if found is not None:
                counts[found.kind] += 1
                if sum(counts.values()) <= MOST_CHANGES:
                    self._journal.keep(self._run.run_id, now, found)
                    self.changes[found.event_id] = found.summary
        self._journal.tally(self._run.run_id, now, sum(counts.values()) - MOST_CHANGES)
        if self._run.keep_deleted:
            self._journal.keep_deleted(now)
        return Counts(*counts.values()), is_touched

    def _live(self) -> int:
        return self._mirror.count_live(self._key)

    def _put(self, stub: Stub, kind: int, resource: bytes) -> None:
        if self._full:
            self._connection.execute("INSERT OR IGNORE INTO temp.seen VALUES (?)", (stub.id,))
        series = stub.recurring_event_id or stub.id
        old = self._connection.execute(
            "SELECT kind, resource FROM resources WHERE calendar = ? AND id = ?",
            (self._key, stub.id),
        ).fetchone()
        if old is not None and old[1] == resource:
            return
        if self._journal is not None:
            self._journal.remember(stub.id, series, old)
        self._connection.execute(_PUT, (self._key, stub.id, series, kind, resource))

    def _remove(self, event_id: str) -> None:
        """Remove an event and, when it is a series, its exceptions with it."""
        self._deleted.add(event_id)
        # One by one: for `OR` SQLite looks through the calendar.
        for condition in ("id = ?", "series = ? AND kind > 0"):
            self._drop(f"calendar = ? AND {condition}", self._key, event_id)

    def _remove_lost_holes(self) -> None:
        """Remove cancelled occurrences of series deleted in this reading, in whatever order."""
        for series in self._deleted:
            self._drop(
                "calendar = ?1 AND kind = ?2 AND series = ?3 AND kind > 0"
                " AND NOT EXISTS (SELECT 1 FROM resources WHERE calendar = ?1 AND id = ?3)",
                self._key,
                Kind.CANCELLED,
                series,
            )

    def _drop(self, condition: str, *arguments: Any) -> None:
        if self._journal is not None:
            self._journal.remember_all(condition, arguments)
        self._connection.execute(f"DELETE FROM resources WHERE {condition}", arguments)  # noqa: S608
