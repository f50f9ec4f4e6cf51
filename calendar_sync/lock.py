"""The lock that every way to start a run shares: export, backfill, daemon, whatever comes."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from calendar_sync.errors import TryLater, WrongConfiguration, cannot_write
from calendar_sync.files import make_folder
from calendar_sync.home import Home
from calendar_sync.locking import IsLocked, locked


@contextmanager
def run_lock(home: Home) -> Iterator[None]:
    """Hold the lock every way to start a run shares. Raises TryLater when another run has it."""
    if not home.folder.is_dir():
        raise WrongConfiguration(
            f"Neither {home.client_secrets} nor {home.token} exists; {home.describe()}.",
            "Is that folder the right one? Which one is chosen and why: calendar-sync doctor",
        )
    make_folder(home.state, secret=True)
    with ExitStack() as held:
        try:
            held.enter_context(locked(home.run_lock))
        except IsLocked as error:
            raise _at_work(home) from error
        except OSError as error:
            raise cannot_write(home.run_lock, error) from error
        yield


@contextmanager
def no_run_at_work(home: Home) -> Iterator[None]:
    """Keep runs away for a moment without touching a file; where there is no lock, there is no run.

    Raises TryLater when a run has it.
    """
    with ExitStack() as held:
        try:
            held.enter_context(locked(home.run_lock, shared=True))
        except IsLocked as error:
            raise _at_work(home) from error
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                raise cannot_write(home.run_lock, error) from error
        yield


def _at_work(home: Home) -> TryLater:
    message = f"Another run is at work in {home.folder}; nothing was done."
    return TryLater(message, f"See which: fuser -v {home.run_lock}")
