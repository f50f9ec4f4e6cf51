"""Stopping a run from outside, between two pages: a signal, or its own deadline."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from calendar_sync.errors import ExitCode, Stopped, TryLater


class Stop:
    """Asked before each request and while waiting; raises when it is time to end."""

    def __init__(
        self, deadline: float | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._requested = threading.Event()
        self.code = ExitCode.TERMINATED
        self._monotonic = monotonic
        self._ends = None if deadline is None else monotonic() + deadline

    @property
    def is_requested(self) -> bool:
        """Whether somebody asked us to stop."""
        return self._requested.is_set()

    def request(self, code: ExitCode) -> None:
        """Ask the run to end at its next check, with this exit code."""
        self.code = code
        self._requested.set()

    def wait_for_request(self) -> None:
        """Sleep until somebody asks us to stop; short naps let Python handle signals everywhere."""
        while not self._requested.wait(1.0):
            pass

    def check(self) -> None:
        """Raise Stopped when asked to, TryLater when the deadline has passed."""
        if self._requested.is_set():
            raise Stopped(self.code)
        if self._ends is not None and self._monotonic() >= self._ends:
            raise TryLater("The run reached its deadline.", "Give it more time with --deadline.")

    def wait(self, seconds: float) -> None:
        """Sleep, but not past a stop or the deadline; then check."""
        if self._ends is not None:
            seconds = min(seconds, max(0.0, self._ends - self._monotonic()))
        self._requested.wait(seconds)
        self.check()

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Make the first Ctrl-C or SIGTERM a clean stop; the second one ends the process at once."""
        codes = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}

        def handle(number: int, _frame: FrameType | None) -> None:
            for caught in codes:
                signal.signal(caught, signal.SIG_DFL)
            self.request(codes[signal.Signals(number)])

        before = {number: signal.signal(number, handle) for number in codes}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
