"""What is made for an output elsewhere waits in a folder of the state; what changed in it is put.

Each file once, the manifest last. What was put is remembered in the mirror, with how the store
showed it then: a file that somebody changed or removed there is put again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from calendar_sync.errors import CalendarSyncError
from calendar_sync.files import TEMPORARY_PREFIX, make_folder, replace_file
from calendar_sync.mirror import Mirror
from calendar_sync.publish import MANIFEST, stamp_of
from calendar_sync.remote import Remote
from calendar_sync.verification.differences import Difference
from calendar_sync.views import View

Pause = Callable[[], None]
_Stamp = tuple[int, int]  # of the local file: bytes, mtime in ns
_Shown = tuple[int, str]  # of the remote one: bytes, a mark of its content
_Memory = dict[str, tuple[_Stamp, _Shown]]


def open_outputs(views: Iterable[View], pause: Pause) -> None:
    """See that each output elsewhere can be used; take over its manifest where ours is lost.

    Slugs are taken from it, and what it says of calendars that are gone stays.
    """
    for view in views:
        if view.remote:
            remote = Remote(view.remote, pause)
            if not (view.folder / MANIFEST).exists():
                manifest = remote.read(MANIFEST)
                if manifest is not None:
                    make_folder(view.folder)
                    replace_file(view.folder / MANIFEST, manifest)


def put_outputs(mirror: Mirror, views: Iterable[View], pause: Pause) -> None:
    """Put what changed in each output elsewhere; the failure of one is raised after the others."""
    failures: list[CalendarSyncError] = []
    for view in views:
        if view.remote:
            try:
                _Outbox(mirror, view, pause).put()
            except CalendarSyncError as error:
                failures.append(error)
        pause()  # a stop ends them all
    if failures:
        raise failures[0]


class _Outbox:
    """One folder on its way elsewhere."""

    def __init__(self, mirror: Mirror, view: View, pause: Pause) -> None:
        self._mirror, self._folder = mirror, view.folder
        self._remote = Remote(view.remote, pause)
        self._mark = f"put into {view.remote}"
        self._memory = self._recall()

    def put(self) -> None:
        files = [*_files(self._folder)]
        folders = {name.rpartition("/")[0] for name in files}
        shown = {
            name: each for folder in folders for name, each in self._remote.list(folder).items()
        }
        stale = [name for name in files if self._memory.get(name) != self._now(name, shown)]
        try:
            for name in stale:
                stamp = stamp_of(self._folder / name)
                put = self._remote.put(self._folder / name, name)
                if stamp is not None:
                    self._memory[name] = stamp, put
            for name in self._left_behind(files):
                self._remote.remove(name)
                del self._memory[name]
        finally:
            if stale:
                self._remember()

    def _now(self, name: str, shown: dict[str, _Shown]) -> tuple[_Stamp | None, _Shown | None]:
        return stamp_of(self._folder / name), shown.get(name)

    def _left_behind(self, files: list[str]) -> list[str]:
        """List what we put into a folder of files by UID, and is no longer in there.

        Files of the folder itself stay: those of a calendar that is gone are the last good ones.
        """
        return [
            name
            for name in {*self._memory} - {*files}
            if "/" in name and (self._folder / name).parent.is_dir()
        ]

    def _recall(self) -> _Memory:
        row = self._mirror.connection.execute(
            "SELECT value FROM marks WHERE name = ?", (self._mark,)
        ).fetchone()
        return msgspec.json.decode(row[0], type=_Memory) if row else {}

    def _remember(self) -> None:
        value = msgspec.json.encode(self._memory).decode()
        with self._mirror.transaction():
            self._mirror.connection.execute(
                "INSERT OR REPLACE INTO marks VALUES (?, ?)", (self._mark, value)
            )


def compare_output(view: View) -> Iterator[Difference]:
    """Yield what is elsewhere otherwise than here: `verify` has compared here with the mirror."""
    remote = Remote(view.remote, lambda: None)
    for name in _files(view.folder):
        content = remote.read(name)
        if content is None:
            yield Difference(f"{view.remote}/{name}", "", "file", "absent", "published")
        elif content != (view.folder / name).read_bytes():
            found, wanted = f"{len(content)} bytes", "those of the outbox"
            yield Difference(f"{view.remote}/{name}", "", "content", found, wanted)


def _files(folder: Path) -> Iterator[str]:
    """Yield the names of what is to be put: in order, the manifest last, no drafts."""
    names = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(TEMPORARY_PREFIX)
    )
    yield from (name for name in names if name != MANIFEST)
    yield from (name for name in names if name == MANIFEST)
