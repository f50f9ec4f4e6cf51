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


class IsLocked(Exception):
    """Somebody else keeps the lock."""


@contextmanager
def locked(
    path: Path, patience: float = 0.0, is_over: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Hold the lock; wait so many seconds for it, or until `is_over`. Raises IsLocked, OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        with contextlib.suppress(OSError):  # somebody else's file
            os.fchmod(descriptor, 0o600)  # whatever the umask took away
        ends = time.monotonic() + patience
        while not _is_taken(descriptor):
            if is_over() or time.monotonic() >= ends:
                raise IsLocked(str(path))
            time.sleep(_NAP)
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # a forked child may have the file open, too
    finally:
        os.close(descriptor)


def _is_taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
