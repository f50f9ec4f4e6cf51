"""token.json on the disk: who may read it, who may write it, and how it is replaced.

The lock is a separate file: on some network filesystems a locked file refuses all other reads, and
a rename would change the locked inode (flock(2), NFS and CIFS).
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from calendar_sync.errors import (
    ConsentNeeded,
    DamagedInput,
    TryLater,
    WrongConfiguration,
    cannot_write,
)
from calendar_sync.files import (
    SECRET_FILE,
    SECRET_FOLDER,
    Draft,
    draft,
    make_folder,
    remove_leftovers,
)
from calendar_sync.grants.grant import Grant, parse_grant
from calendar_sync.grants.sealing import Seal, is_sealed
from calendar_sync.locking import IsLocked, locked

if TYPE_CHECKING:
    from calendar_sync.stop import Stop

LOCK_TIMEOUT = 90.0  # the holder may wait three times 20 s for the token server
_NO_TIME = 0.5  # seconds; a refresh is over by then, mostly
_LARGEST = 64 * 1024


class LockIsHeld(Exception):
    """Another process kept the grant's lock for the whole time we were willing to wait."""


class TokenFile:
    """The only reader and writer of token.json.

    `patience` is how many seconds `locked` waits for another process.
    """

    def __init__(
        self, path: Path, patience: float = LOCK_TIMEOUT, seal: Seal | None = None
    ) -> None:
        self.path, self.patience, self._seal = path, patience, seal

    def exists(self) -> bool:
        """Whether something is there, whatever it is; in a folder closed to us nobody can say."""
        try:
            os.lstat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def read(self) -> Grant:
        """Read the grant. Raises ConsentNeeded, DamagedInput or WrongConfiguration."""
        if self.path.is_symlink():
            raise WrongConfiguration(
                f"{self.path} is a symbolic link; a refresh would replace the link, not its target.",
                f"Put the file itself there: cp --remove-destination $(readlink -f {self.path})"
                f" {self.path}",
            )
        try:
            content = self._content()
        except FileNotFoundError as error:
            raise ConsentNeeded(f"There is no grant yet: {self.path} does not exist.") from error
        except OSError as error:
            why = (error.strerror or "unknown reason").lower()
            raise WrongConfiguration(
                f"Cannot read {self.path}: {why}.", f"ls -l {self.path}"
            ) from error
        if len(content) > _LARGEST:
            raise DamagedInput(f"{self.path} is far too large for a token store.")
        return parse_grant(self._unsealed(content), str(self.path))

    def read_replaced(self) -> Grant | None:
        """Read the grant that a new one replaces; None where there is none, or a damaged one.

        Raises WrongConfiguration for what a new grant is no cure for: a link, or a wrong key.
        """
        try:
            return self.read()
        except (ConsentNeeded, DamagedInput):
            return None

    def _unsealed(self, content: bytes) -> bytes:
        if not is_sealed(content):
            return content  # from before there was a key; the next refresh encrypts it
        if self._seal is None:
            raise WrongConfiguration(
                f"{self.path} is encrypted, and no key is configured.",
                "Set token_key in calendar-sync.toml to the key it was encrypted with.",
            )
        return self._seal.open(content, str(self.path))

    def _content(self) -> bytes:
        # O_NONBLOCK: a pipe in its place would keep us waiting for ever.
        descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise DamagedInput(f"{self.path} is not a regular file.")
            return file.read(_LARGEST + 1)

    @contextlib.contextmanager
    def locked(self, stop: Stop | None = None, patience: float | None = None) -> Iterator[None]:
        """Hold the grant's lock. Raises LockIsHeld when patience or `stop` ends, CannotWrite.

        The kernel frees it when its owner dies.
        """
        make_folder(self.path.parent, secret=True)
        path = self.path.with_name(self.path.name + ".lock")
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(
                    locked(
                        path,
                        self.patience if patience is None else patience,
                        lambda: stop is not None and stop.is_due,
                    )
                )
            except IsLocked as error:
                raise LockIsHeld(str(path)) from error
            except OSError as error:
                raise cannot_write(path, error) from error
            yield

    @contextlib.contextmanager
    def locked_for(self, say: Callable[[str], None]) -> Iterator[None]:
        """Hold the grant's lock for a person, who is told of a wait. Raises TryLater at its end."""
        with contextlib.ExitStack() as held:
            try:
                try:
                    held.enter_context(self.locked(patience=_NO_TIME))
                except LockIsHeld as error:
                    say(
                        f"Another process holds {error}; waiting up to {self.patience:.0f} seconds."
                    )
                    held.enter_context(self.locked())
            except LockIsHeld as error:
                raise TryLater(
                    f"Another process keeps hold of {error}; nothing was changed.",
                    f"See who: fuser -v {error}",
                ) from error
            yield

    @contextlib.contextmanager
    def reserve(self) -> Iterator[Draft]:
        """Lend a draft with room for a grant already on the disk; the caller holds the lock.

        Taken before the token server is asked: an answer that cannot be saved may be the only
        living refresh token there is. Raises CannotWrite.
        """
        remove_leftovers(self.path.parent)  # a killed refresh leaves a draft with secrets in it
        with draft(self.path, secret=True) as new:
            new.file.write(b" " * 8192)
            new.file.flush()
            os.fsync(new.file.fileno())
            new.file.seek(0)
            yield new

    def replace(self, grant: Grant, reserved: Draft) -> None:
        """Make `grant` the stored one, atomically and durably."""
        content = grant.to_json()
        reserved.file.write(self._seal.close(content) if self._seal else content)
        reserved.file.truncate()
        reserved.publish()


def close_to_others(paths: list[Path], *, allow_open: bool) -> list[str]:
    """Take secrets away from group and others; return what was mended, in words.

    Raises WrongConfiguration where a mount forces its modes on us, unless `allow_open`.
    """
    warnings: list[str] = []
    for path in paths:
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue
        if not mode & 0o077 or os.name == "nt":
            continue
        wanted = SECRET_FOLDER if path.is_dir() else SECRET_FILE
        if _change_mode(path, wanted):
            warnings.append(f"{path} was open to others ({mode:04o}); it is {wanted:04o} now.")
        elif allow_open:
            warnings.append(f"{path} is open to others ({mode:04o}), as allow_open_modes permits.")
        else:
            raise WrongConfiguration(
                f"{path} is open to others ({mode:04o}) and could not be closed.",
                f"chmod {wanted:o} {path}    (or set allow_open_modes = true in calendar-sync.toml)",
            )
    return warnings


def _change_mode(path: Path, wanted: int) -> bool:
    try:
        path.chmod(wanted)
        return not stat.S_IMODE(path.stat().st_mode) & 0o077
    except OSError:
        return False
