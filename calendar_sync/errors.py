"""Every way a command can fail: one class, one exit code, one message a person can act on.

A message says what happened and to which thing; the hint is the next command to type. Foreign
errors (Google's, SQLite's, the system's) are translated into these at the edges, never here.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """The exit codes of every command, after sysexits(3); `meaning` is what users read."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> ExitCode:
        """Carry the words beside the number, so that help, README and tests share one table."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    DONE = 0, "done, also when nothing had changed"
    SOME_FAILED = 1, "done, but some calendars failed; or a check found something"
    USAGE = 2, "wrong usage"
    DAMAGED_INPUT = (
        65,
        "an input file is damaged or of an unknown kind, or verify found a difference",
    )
    BUG = 70, "a bug in this program"
    CANNOT_WRITE = 73, "cannot write: disk full, quota, no permission"
    TRY_LATER = 75, "try again later: network, Google, quota, or another run is at work"
    CONSENT_NEEDED = 77, "a person must consent: calendar-sync consent"
    CONFIGURATION = 78, "configuration: client secrets, calendar-sync.toml, API or policy"
    INTERRUPTED = 130, "interrupted (Ctrl-C), after a clean stop"
    TERMINATED = 143, "terminated (SIGTERM), after a clean stop"


def together(codes: Iterable[int]) -> ExitCode:
    """Return the exit code of several runs: the one they share, else that some of them failed."""
    different = set(codes) or {0}
    if len(different) > 1:
        return ExitCode.SOME_FAILED
    return next(code for code in ExitCode if code in different)


class CalendarSyncError(Exception):
    """What all our errors share: an exit code, a message and, where there is one, a next step."""

    exit_code: ExitCode = ExitCode.BUG

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class SomeFailed(CalendarSyncError):
    """The work was done, but not for every calendar, or a check found a problem."""

    exit_code = ExitCode.SOME_FAILED


class WrongUsage(CalendarSyncError):
    """The command line asks for something that cannot be."""

    exit_code = ExitCode.USAGE


class DamagedInput(CalendarSyncError):
    """A file given to us is broken, or is not what it was taken for."""

    exit_code = ExitCode.DAMAGED_INPUT


class CannotWrite(CalendarSyncError):
    """The disk, a quota or a permission refused a write; what was there before is still there."""

    exit_code = ExitCode.CANNOT_WRITE


class TryLater(CalendarSyncError):
    """Nothing is wrong with the grant or the configuration; a later run may succeed."""

    exit_code = ExitCode.TRY_LATER

    def __init__(
        self,
        message: str,
        hint: str = "The next run tries again. If it stays: calendar-sync doctor",
    ) -> None:
        super().__init__(message, hint)


class ConsentNeeded(CalendarSyncError):
    """Only a person's yes can mend this."""

    exit_code = ExitCode.CONSENT_NEEDED

    def __init__(self, message: str, hint: str = "Run: calendar-sync consent") -> None:
        super().__init__(message, hint)


class WrongConfiguration(CalendarSyncError):
    """A file, a project or a policy has to be changed by a person before any run can succeed."""

    exit_code = ExitCode.CONFIGURATION


class Stopped(CalendarSyncError):
    """A signal asked us to stop and we did, between two pages."""

    def __init__(self, exit_code: ExitCode) -> None:
        super().__init__("Stopped on request; the last good files are in place.")
        self.exit_code = exit_code


NO_ROOM = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up"}


def cannot_write(path: Path, error: OSError) -> CannotWrite:
    """Say in words why `path` could not be written."""
    why = NO_ROOM.get(error.errno or 0) or (error.strerror or "unknown reason").lower()
    if error.errno == errno.EFBIG:
        why = "the file would be larger than this system allows"
    hint = "Free some space, then run the same command again; nothing was lost."
    if error.errno not in NO_ROOM:
        hint = f"Look at: ls -ld {path.parent}"
    return CannotWrite(f"Cannot write {path}: {why}.", hint)
