"""Hooks: the user's own commands around a run, with a limit, and without a shell."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from calendar_sync.history import Report
from calendar_sync.telling.sending import NotTold


def hook_environment(home: Path, moment: str, report: Report | None) -> dict[str, str]:
    """Return what a hook is told: where home is and, after a run, how it went."""
    words = {"CALENDAR_SYNC_HOME": str(home), "CALENDAR_SYNC_HOOK": moment}
    if report is not None:
        changed = " ".join(c.slug for c in report.calendars if c.result == "updated")
        words |= {
            "CALENDAR_SYNC_RUN_ID": report.run_id,
            "CALENDAR_SYNC_EXIT_CODE": str(report.exit_code),
            "CALENDAR_SYNC_CHANGED": changed,
            "CALENDAR_SYNC_MESSAGE": report.message.replace("\0", ""),
        }
    return words


def run_hook(command: tuple[str, ...], home: Path, words: dict[str, str], limit: float) -> None:
    """Run one command in the home and end it, and what it started, at the limit. Raises NotTold.

    What it prints goes to stderr: stdout belongs to our own data.
    """
    try:
        process = subprocess.Popen(
            list(command),
            cwd=home,
            env={**os.environ, **words},
            stdin=subprocess.DEVNULL,
            stdout=_talk(),
            stderr=_talk(),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise NotTold(f"it cannot be started ({type(error).__name__})") from None
    try:
        code = process.wait(limit)
    except subprocess.TimeoutExpired:
        raise NotTold(f"it was ended after {limit:g} seconds") from None
    finally:
        _end(process)
    if code:
        raise NotTold(f"it ended with {code}")


def _talk() -> int:
    try:
        return sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):  # closed by whoever started us
        return subprocess.DEVNULL


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the hook where it still runs; children that it left in the background may go on."""
    if process.poll() is not None:
        return
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
