"""The mirror's file: opened, looked through, moved aside when it is damaged, lent as a copy."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from calendar_sync.errors import cannot_write
from calendar_sync.files import SECRET_FILE, TEMPORARY_PREFIX, make_folder, sync_folder
from calendar_sync.grants.grant import read_instant, write_instant
from calendar_sync.mirror import DamagedMirror, Mirror, sqlite_in_our_words
from calendar_sync.schema import USUAL_CACHE, is_known_version, upgrade, version_of

_T = TypeVar("_T")
_COMPANIONS = ("-wal", "-shm", "-journal")
_PAGES = "page_size = 8192"  # of a new file: events are a kilobyte or more
_LOGGED = (_PAGES, "journal_mode = WAL", "synchronous = FULL")
_UNLOGGED = (_PAGES, "journal_mode = MEMORY", "synchronous = OFF", "locking_mode = EXCLUSIVE")


def open_mirror(path: Path) -> Mirror:
    """Open the mirror, creating it where there is none. Raises DamagedMirror, CannotWrite."""
    make_folder(path.parent, secret=True)
    return Mirror(path, _opened(path))


class _NewMirror(Mirror):
    """A mirror that is made beside its place, and moved there when it is settled or closed.

    Nobody looks for it there, and a kill leaves nothing of worth: so it needs no log, by which SQLite
    writes all of a first listing twice. Only who holds the run's lock may make one.
    """

    def __init__(self, path: Path) -> None:
        make_folder(path.parent, secret=True)
        draft = path.with_name(f"{TEMPORARY_PREFIX}{path.name}")
        _remove(draft)
        super().__init__(path, _opened(draft, _UNLOGGED))
        self._draft: Path | None = draft

    def settle(self) -> None:
        """Move it to its place. Raises CannotWrite."""
        if self._draft is not None:
            self._move()
            self.connection = _opened(self.path)

    def close(self) -> None:
        """Move it to its place, if it is not there yet. Raises CannotWrite."""
        self._move()

    def _move(self) -> None:
        self.connection.close()
        draft, self._draft = self._draft, None
        if draft is None:
            return
        try:
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            _remove(self.path)  # a log that a lost mirror has left would be taken for this one's
            draft.replace(self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            raise cannot_write(self.path, error) from error


def _remove(path: Path) -> None:
    """Remove a mirror's file and its companions. Raises CannotWrite."""
    try:
        for suffix in ("", *_COMPANIONS):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def _opened(path: Path, settings: Sequence[str] = _LOGGED) -> sqlite3.Connection:
    """Open a mirror's file, creating it where there is none. Raises DamagedMirror, CannotWrite."""
    _make_private(path)
    connection: sqlite3.Connection | None = None
    try:
        with sqlite_in_our_words(path):
            _refuse_cut(path)
            connection = sqlite3.connect(path, isolation_level=None, cached_statements=64)
            for setting in settings:
                connection.execute(f"PRAGMA {setting}")
            _prepare(connection, path)
    except BaseException:
        if connection is not None:
            connection.close()
        raise
    return connection


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
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(USUAL_CACHE)
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
        for suffix in _COMPANIONS:
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
        with closing(_own_mirror(path)) as mirror, sqlite_in_our_words(path):
            check_mirror(mirror, clock(), was_left_open=is_doubtful)
            return work(mirror, [])
    except DamagedMirror as error:
        aside = move_aside(path, clock())
        warning = f"The mirror was damaged ({error}); it is {aside.name} now, all is read anew."
    with closing(_own_mirror(path)) as mirror, sqlite_in_our_words(path):
        return work(mirror, [warning])


def _own_mirror(path: Path) -> Mirror:
    return open_mirror(path) if path.exists() else _NewMirror(path)
