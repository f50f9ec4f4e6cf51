"""The mirror: every resource Google has told us of, and the sync token that belongs to them.

One SQLite file; safe to delete, the next run reads everything anew. Resources are Google's JSON,
whole. A calendar's changes and its new sync token land in one transaction, after the last page.
One file is one account's, so no key in it names the account.
"""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from calendar_sync.errors import CannotWrite
from calendar_sync.grants.grant import read_instant

if TYPE_CHECKING:
    from calendar_sync.sync import SyncState


class DamagedMirror(Exception):
    """The file is no mirror of ours, or SQLite finds it damaged."""


@contextmanager
def sqlite_in_our_words(path: Path) -> Iterator[None]:
    """Translate SQLite's errors: a full disk is CannotWrite, a broken file DamagedMirror."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        if name.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")):
            is_full = _is_full(path)
            why = "the disk is full" if is_full else str(error)
            hint = f"Look at: {'df -h' if is_full else 'ls -l'} {path.parent}"
            raise CannotWrite(f"Cannot write {path}: {why}.", hint) from error
        is_ours = isinstance(error, sqlite3.ProgrammingError)
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or not (name or is_ours):
            raise DamagedMirror(f"{path}: {error}") from error
        raise


def open_to_look(path: Path) -> sqlite3.Connection:
    """Open a mirror's file for reading only, also on a disk with no room for what WAL keeps beside it.

    Then without its log: what the last run that ended wrote. Raises sqlite3.Error.
    """
    uri = f"{path.as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True)
    try:
        connection.execute("PRAGMA user_version")
    except sqlite3.OperationalError:
        connection.close()
        return sqlite3.connect(f"{uri}&immutable=1", uri=True)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_full(path: Path) -> bool:
    """Whether there is no room left; SQLite calls that an I/O error as often as it says so."""
    import shutil

    try:
        return shutil.disk_usage(path.parent).free < 1 << 20
    except OSError:
        return False


class Mirror:
    """An open mirror. One writer; use from one thread."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection

    def close(self) -> None:
        """Close the file; what was not committed is gone."""
        self.connection.close()

    def settle(self) -> None:
        """Have what was committed survive all that may happen, as it nearly always does already."""

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
        from calendar_sync.sync import SyncState  # whoever only looks needs none of it

        row: tuple[str | None, str, str | None, str] = self.connection.execute(
            "SELECT sync_token, fingerprint, full_read_at, read_time_zone FROM calendars"
            " WHERE key = ?",
            (key,),
        ).fetchone()
        return SyncState(row[0], row[1], read_instant(row[2]), row[3])

    def count(self, key: int) -> dict[int, int]:
        """Count the calendar's resources by sync.Kind."""
        of_kind = ", ".join(f"count(*) FILTER (WHERE kind = {kind})" for kind in range(1, 4))
        counts = self.connection.execute(  # GROUP BY takes twice as long
            f"SELECT {of_kind} FROM resources INDEXED BY resources_of_series"  # noqa: S608
            " WHERE calendar = ? AND kind > 0",
            (key,),
        ).fetchone()
        counts = (self.count_all(key) - sum(counts), *counts)
        return {kind: count for kind, count in enumerate(counts) if count}

    def count_all(self, key: int) -> int:
        """Count the calendar's resources."""
        query = "SELECT count(*) FROM resources INDEXED BY resources_by_id WHERE calendar = ?"
        return int(self.connection.execute(query, (key,)).fetchone()[0])

    def count_live(self, key: int) -> int:
        """Count the calendar's resources but cancelled occurrences."""
        cancelled = self.connection.execute(
            "SELECT count(*) FROM resources INDEXED BY resources_of_series"
            " WHERE calendar = ? AND kind > 0 AND kind = 3",  # sync.Kind
            (key,),
        ).fetchone()
        return self.count_all(key) - int(cancelled[0])

    def resources_by_series(self, key: int) -> Iterator[tuple[str, int, bytes]]:
        """Yield (series, kind, resource): a series' master first, then its exceptions by id."""
        singles = self.connection.execute(
            "SELECT id, kind, resource FROM resources INDEXED BY resources_by_id"
            " WHERE calendar = ? AND kind = 0 ORDER BY id",
            (key,),
        )
        others = self.connection.execute(
            "SELECT series, kind, resource FROM resources INDEXED BY resources_of_series"
            " WHERE calendar = ? AND kind > 0 ORDER BY series, kind, id",
            (key,),
        )
        return heapq.merge(singles, others, key=itemgetter(0))  # UNION ALL copies all of it twice

    def resources_of_series(
        self, key: int, series: Iterable[str]
    ) -> Iterator[tuple[str, int, bytes]]:
        """Yield (series, kind, resource) as `resources_by_series` does, of these series only."""
        for name in sorted(series):
            rows = self.rows_of_series(key, name)
            yield from ((series, kind, resource) for series, kind, _, resource in rows)

    def rows_of_series(self, key: int, series: str) -> Iterator[tuple[str, int, str, bytes]]:
        """Yield (series, kind, id, resource) of one series, by kind and id."""
        return self.connection.execute(
            "SELECT series, kind, id, resource FROM resources INDEXED BY resources_by_id"
            " WHERE calendar = ?1 AND id = ?2 AND kind = 0"
            " UNION ALL"
            " SELECT series, kind, id, resource FROM resources INDEXED BY resources_of_series"
            " WHERE calendar = ?1 AND series = ?2 AND kind > 0"
            " ORDER BY kind, id",
            (key, series),
        )

    def resources_by_id(self, key: int) -> Iterator[tuple[str, bytes]]:
        """Yield (id, resource), ordered by id."""
        return self.connection.execute(
            "SELECT id, resource FROM resources WHERE calendar = ? ORDER BY id", (key,)
        )
