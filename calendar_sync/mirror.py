"""The mirror: every resource Google has told us of, and the sync token that belongs to them.

One SQLite file; safe to delete, the next run reads everything anew. Resources are Google's JSON,
whole. A calendar's changes and its new sync token land in one transaction, after the last page.
One file is one account's, so no key in it names the account.
"""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from calendar_sync.errors import CannotWrite, cannot_write
from calendar_sync.files import SECRET_FILE, make_folder
from calendar_sync.grants.grant import read_instant, write_instant
from calendar_sync.schema import is_known_version, upgrade, version_of

if TYPE_CHECKING:
    from calendar_sync.sync import SyncState

_T = TypeVar("_T")


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
            why = "the disk is full" if _is_full(path) else str(error)
            hint = f"Look at: df -h {path.parent}"
            raise CannotWrite(f"Cannot write {path}: {why}.", hint) from error
        is_ours = isinstance(error, sqlite3.ProgrammingError)
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or not (name or is_ours):
            raise DamagedMirror(f"{path}: {error}") from error
        raise


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
        of_kind = ", ".join(f"count(*) FILTER (WHERE kind = {kind})" for kind in range(4))
        query = f"SELECT {of_kind} FROM resources WHERE calendar = ?"  # noqa: S608
        counts = self.connection.execute(query, (key,)).fetchone()  # GROUP BY takes twice as long
        return {kind: count for kind, count in enumerate(counts) if count}

    def count_live(self, key: int) -> int:
        """Count the calendar's resources but cancelled occurrences, in half the time of `count`."""
        query = "SELECT count(*) FROM resources WHERE calendar = ? AND kind <> 3"  # sync.Kind
        return int(self.connection.execute(query, (key,)).fetchone()[0])

    def resources_by_series(self, key: int) -> Iterator[tuple[str, int, bytes]]:
        """Yield (series, kind, resource): a series' master first, then its exceptions by id."""
        return self.connection.execute(
            "SELECT series, kind, resource FROM resources INDEXED BY resources_by_series"
            " WHERE calendar = ? ORDER BY series, kind, id",
            (key,),
        )

    def resources_of_series(
        self, key: int, series: Iterable[str]
    ) -> Iterator[tuple[str, int, bytes]]:
        """Yield (series, kind, resource) as `resources_by_series` does, of these series only."""
        for name in sorted(series):
            yield from self.connection.execute(
                "SELECT series, kind, resource FROM resources INDEXED BY resources_by_series"
                " WHERE calendar = ? AND series = ? ORDER BY kind, id",
                (key, name),
            )

    def resources_by_id(self, key: int) -> Iterator[tuple[str, bytes]]:
        """Yield (id, resource), ordered by id."""
        return self.connection.execute(
            "SELECT id, resource FROM resources WHERE calendar = ? ORDER BY id", (key,)
        )


def open_mirror(path: Path) -> Mirror:
    """Open the mirror, creating it where there is none. Raises DamagedMirror, CannotWrite."""
    make_folder(path.parent, secret=True)
    _make_private(path)
    connection: sqlite3.Connection | None = None
    try:
        with sqlite_in_our_words(path):
            _refuse_cut(path)
            connection = sqlite3.connect(path, isolation_level=None, cached_statements=64)
            _prepare(connection, path)
    except BaseException:
        if connection is not None:
            connection.close()
        raise
    return Mirror(path, connection)


def _make_private(path: Path) -> None:
    """Let nobody else read it, from its first byte; SQLite gives its companions the same mode.

    A file that is there is not opened: closing it would end the locks of SQLite's own descriptors.
    """
    try:
        if not path.exists():
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, SECRET_FILE)
            os.fchmod(descriptor, SECRET_FILE)  # whatever the umask took away
            os.close(descriptor)
        elif path.stat().st_mode & 0o077:
            path.chmod(SECRET_FILE)
    except FileExistsError:
        pass  # another one was faster
    except OSError as error:
        raise cannot_write(path, error) from error


_SECTOR = 512  # bytes of SQLite's smallest page


def _refuse_cut(path: Path) -> None:
    """Notice what SQLite does not: a few bytes are an empty file to it, the last page may lack some."""
    if path.exists() and path.stat().st_size % _SECTOR and not was_left_open(path):
        raise DamagedMirror(f"{path}: cut short")


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA page_size = 8192")  # of a new file: events are a kilobyte or more
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cache_size = -8000")
    if not is_known_version(connection):
        version = version_of(connection)
        raise DamagedMirror(f"{path}: version {version} is not one this program knows")
    upgrade(connection)


_CHECK_EVERY = dt.timedelta(days=1)


def check_mirror(mirror: Mirror, now: dt.datetime, *, was_left_open: bool) -> None:
    """Let SQLite look through the whole file now and then. Raises DamagedMirror.

    It reads every page: a few hundredths of a second for 20,000 events, as much as all the rest of a
    run without changes. So once a day, and after a run that ended without closing the file. What a
    check would find earlier shows when the page is read, and is dealt with then.
    """
    row = mirror.connection.execute("SELECT value FROM marks WHERE name = 'checked_at'").fetchone()
    checked_at = read_instant(row[0]) if row else None
    if checked_at is not None and not was_left_open and _is_recent(checked_at, now):
        return
    with sqlite_in_our_words(mirror.path):
        found = mirror.connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise DamagedMirror(f"{mirror.path}: {found}")
    with mirror.transaction():
        mirror.connection.execute(
            "INSERT OR REPLACE INTO marks VALUES ('checked_at', ?)", (write_instant(now),)
        )


def _is_recent(checked_at: dt.datetime, now: dt.datetime) -> bool:
    """Whether a check is less than a day old; one from the future tells of a clock set back."""
    return dt.timedelta(0) <= now - checked_at < _CHECK_EVERY


def was_left_open(path: Path) -> bool:
    """Whether its last writer ended without closing it: SQLite removes the log at a clean end.

    Whoever only reads, as `status` does, leaves an empty one behind.
    """
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    except OSError:
        return False


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


@contextmanager
def copied_mirror(path: Path) -> Iterator[Path]:
    """Lend a copy of the file elsewhere, what is in its log too. Nobody may write meanwhile.

    SQLite's own ways to copy would make files beside the original, or change those there.
    """
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory(prefix="calendar-sync-") as folder:
        copy = Path(folder) / path.name
        for suffix in ("", "-wal"):
            original = path.with_name(path.name + suffix)
            try:
                if original.exists():
                    shutil.copyfile(original, copy.with_name(copy.name + suffix))
            except OSError as error:
                raise cannot_write(copy, error) from error
        yield copy


def with_mirror(
    path: Path, clock: Callable[[], dt.datetime], work: Callable[[Mirror, list[str]], _T]
) -> _T:
    """Do the work with the mirror, and warnings; a damaged mirror is moved aside, work begins anew.

    Damage shows when it is opened or, in the middle of the file, when the page is read.
    """
    try:
        is_doubtful = was_left_open(path)
        with closing(open_mirror(path)) as mirror, sqlite_in_our_words(path):
            check_mirror(mirror, clock(), was_left_open=is_doubtful)
            return work(mirror, [])
    except DamagedMirror as error:
        aside = move_aside(path, clock())
        warning = f"The mirror was damaged ({error}); it is {aside.name} now, all is read anew."
    with closing(open_mirror(path)) as mirror, sqlite_in_our_words(path):
        return work(mirror, [warning])
