"""A lock on a file that dies with its owner, because the kernel keeps it: flock(2)."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_NAP = 0.05  # seconds
_MINE = os.O_RDWR | os.O_CREAT


class IsLocked(Exception):
    """Somebody else keeps the lock."""


@contextmanager
def locked(
    path: Path,
    patience: float = 0.0,
    is_over: Callable[[], bool] = lambda: False,
    *,
    shared: bool = False,
) -> Iterator[None]:
    """Hold the lock; wait so many seconds for it, or until `is_over`. Raises IsLocked, OSError.

    `shared`: with others who only look. They touch nothing, so a missing file is an error then.
    """
    descriptor = os.open(path, os.O_NOFOLLOW | (os.O_RDONLY if shared else _MINE), 0o600)
    try:
        if not shared:
            with contextlib.suppress(OSError):  # somebody else's file
                os.fchmod(descriptor, 0o600)  # whatever the umask took away
        ends = time.monotonic() + patience
        while not _is_taken(descriptor, shared):
            if is_over() or time.monotonic() >= ends:
                raise IsLocked(str(path))
            time.sleep(_NAP)
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # a forked child may have the file open, too
    finally:
        os.close(descriptor)


def _is_taken(descriptor: int, shared: bool) -> bool:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
