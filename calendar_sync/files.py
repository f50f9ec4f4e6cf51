"""Replace a file as a whole: a reader, and the next run after a crash, sees the old or the new one.

The order is the only one that survives a power cut: write a temporary file in the same folder,
fsync it, rename it over the old one, fsync the folder.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from calendar_sync.errors import CannotWrite, cannot_write

if TYPE_CHECKING:
    from calendar_sync.hashing import HashedWriter

TEMPORARY_PREFIX = ".calendar-sync-"
SECRET_FILE, SECRET_FOLDER = 0o600, 0o700


class Draft:
    """A file being written beside its target; `publish` makes it the target, else it vanishes."""

    def __init__(self, target: Path, file: HashedWriter, path: Path) -> None:
        self.target, self.file, self.path = target, file, path

    def sync(self) -> None:
        """Have all that was written on the disk. Raises OSError."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def publish(self) -> None:
        """Flush to the disk and rename over the target, durably."""
        try:
            self.sync()
            self.file.close()
            self.path.replace(self.target)
            sync_folder(self.target.parent)
        except OSError as error:
            raise cannot_write(self.target, error) from error

    def discard(self) -> None:
        """Remove the draft if it is still there."""
        with contextlib.suppress(OSError):
            self.file.close()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)


@contextlib.contextmanager
def draft(target: Path, *, secret: bool = False) -> Iterator[Draft]:
    """Lend a draft of `target`; leaving without `publish` removes it. Raises CannotWrite.

    Secret drafts are 0600 from their first byte; others get what the umask gives.
    """
    import tempfile  # with shutil and all compressions; whoever only reads needs none of it

    from calendar_sync.hashing import HashedWriter

    try:
        descriptor, name = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=target.parent)
        # mkstemp's 0600 is what is left of it by the umask: with 0777 nothing.
        os.fchmod(descriptor, SECRET_FILE if secret else 0o666 & ~current_umask())
    except OSError as error:
        raise cannot_write(target, error) from error
    result = Draft(target, HashedWriter(descriptor), Path(name))
    try:
        yield result
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        result.discard()


def replace_file(target: Path, content: bytes, *, secret: bool = False) -> None:
    """Replace `target` by `content`, atomically and durably. Raises CannotWrite."""
    with draft(target, secret=secret) as new:
        new.file.write(content)
        new.publish()


def remove_leftovers(folder: Path) -> None:
    """Remove drafts that a killed process left. Only who holds the lock there may call this."""
    for path in folder.glob(f"{TEMPORARY_PREFIX}*"):
        with contextlib.suppress(OSError):
            path.unlink()


def make_folder(folder: Path, *, secret: bool = False) -> None:
    """Create `folder` where it is missing (0700 when secret). Raises CannotWrite."""
    try:
        is_new = not folder.exists()
        folder.mkdir(mode=SECRET_FOLDER if secret else 0o777, parents=True, exist_ok=True)
        if secret and is_new:
            folder.chmod(SECRET_FOLDER)  # whatever the umask took away
    except FileExistsError as error:
        raise _no_folder(Path(error.filename)) from error
    except OSError as error:
        raise cannot_write(folder, error) from error


def _no_folder(path: Path) -> CannotWrite:
    """Say what is in the place of a folder: a link to a disk that is not mounted, or a file."""
    if path.is_symlink():
        why = f"it is a link to {path.readlink()}, which is not there; is its disk mounted?"
    else:
        why = "it is no folder."
    return CannotWrite(f"Cannot write {path}: {why}", f"Look at: ls -ld {path}")


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable; filesystems that cannot are excused."""
    with contextlib.suppress(OSError):  # also a folder one may write in, but not list
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def current_umask() -> int:
    """Read the umask; the system offers no way but to set it, and Linux a way through /proc."""
    with contextlib.suppress(OSError), Path("/proc/self/status").open(encoding="ascii") as status:
        for line in status:
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
