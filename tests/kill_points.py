"""A run in a process of its own that SIGKILLs itself at the n-th write: no moment is left to luck.

The process is a fork: a run costs no interpreter's start, and what it does is what any run does.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.chmod", "os.truncate")
_STATEMENTS = ("BEGIN", "COMMIT", "UPDATE", "DELETE", "INSERT OR REPLACE", "CREATE")
_connect = sqlite3.connect
_PATIENCE = 60.0  # seconds for a run of a few events


class _Points:
    """Counts what writes below a folder, and kills at one of them."""

    def __init__(self, folder: Path, kill_at: int) -> None:
        self.folder, self.kill_at, self.passed = str(folder), kill_at, 0

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Count opens for writing, renames, removals."""
        if event == "open":
            path, _, flags = arguments
            if flags & (os.O_WRONLY | os.O_RDWR) and self.folder in str(path):
                self.reach()
        elif event in _CHANGES and self.folder in str(arguments[0]):
            self.reach()

    def connect(self, *arguments: Any, **options: Any) -> sqlite3.Connection:
        """Open a database that tells of its statements: it raises no audit event for them."""
        connection = _connect(*arguments, **options)
        connection.set_trace_callback(self.statement)
        return connection

    def statement(self, text: str) -> None:
        if text.lstrip().startswith(_STATEMENTS):
            self.reach()

    def reach(self) -> None:
        self.passed += 1
        if self.passed == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def run_until(folder: Path, kill_at: int, work: Callable[[], Any]) -> int | None:
    """Do the work in a child killed at a point; return None then, else how many points it passed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _work_in_child(_Points(folder, kill_at), work, writing)
    os.close(writing)
    status = _end_of(child)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return None
    assert os.WEXITSTATUS(status) == 0, told.decode()
    return int(told)


def _work_in_child(points: _Points, work: Callable[[], Any], writing: int) -> None:
    """Never return: the child must not go on with the tests."""
    code, told = 1, b"?"
    try:
        sys.addaudithook(points.hook)
        sqlite3.connect = points.connect  # type: ignore[assignment]  # the child's own
        work()
        code, told = 0, str(points.passed).encode()
    except BaseException as error:
        told = repr(error).encode()
    finally:
        os.write(writing, told)
        os._exit(code)


def _end_of(child: int) -> int:
    """Wait for the child; one that hangs (a lock that was held at the fork) counts as killed."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]
