"""The lock that every way to start a run shares: export, backfill, daemon, whatever comes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from calendar_sync.errors import TryLater, WrongConfiguration, cannot_write
from calendar_sync.files import make_folder
from calendar_sync.home import Home


@contextmanager
def run_lock(home: Home) -> Iterator[None]:
    """Hold the lock every way to start a run shares. Raises TryLater when another run has it."""
    if not home.folder.is_dir():
        raise WrongConfiguration(
            f"Neither {home.client_secrets} nor {home.token} exists; {home.describe()}.",
            "Is that folder the right one? Which one is chosen and why: calendar-sync doctor",
        )
    make_folder(home.state, secret=True)
    lock = FileLock(home.run_lock, mode=0o600, fallback_to_soft=False)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        message = f"Another run is at work in {home.folder}; nothing was done."
        raise TryLater(message, f"See which: fuser -v {home.run_lock}") from error
    except OSError as error:
        raise cannot_write(home.run_lock, error) from error
    try:
        yield
    finally:
        lock.release()
