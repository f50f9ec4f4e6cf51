"""Stopping a run from outside, between two pages: a signal, or its own deadline."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from calendar_sync.errors import ExitCode, Stopped, TryLater

LONGEST_RUN = 2 * 3600.0  # seconds; a run that hangs must not block all later ones
_NAP = 0.2  # seconds; an Event would wake at once, but a signal handler must not touch its lock


class Stop:
    """Asked before each request and while waiting; raises when it is time to end."""

    def __init__(
        self, deadline: float | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._code: ExitCode | None = None
        self._cuts: list[Callable[[], None]] = []
        self._lent: dict[int, Stop] = {}
        self._monotonic = monotonic
        self._ends = None if deadline is None else monotonic() + deadline

    @property
    def is_requested(self) -> bool:
        """Whether somebody asked us to stop."""
        return self._code is not None

    @property
    def is_due(self) -> bool:
        """Whether `check` would raise."""
        return self.is_requested or self.remaining <= 0

    @property
    def code(self) -> ExitCode:
        """The exit code that was asked for."""
        return self._code or ExitCode.TERMINATED

    def request(self, code: ExitCode) -> None:
        """Ask the run to end at its next check, with this exit code.

        A signal handler calls this: it may have interrupted anything, so no lock is taken here.
        """
        self._code = code
        self._cut()
        for part in [*self._lent.values()]:
            part.request(code)

    def cuts(self, cut: Callable[[], None]) -> None:
        """Have `cut` called when a stop is asked for, to end what is waiting for the network.

        It must take no lock, and is to be called from signal handlers.
        """
        self._cuts.append(cut)

    def _cut(self) -> None:
        for cut in self._cuts:
            cut()

    @contextmanager
    def in_time(self) -> Iterator[None]:
        """End what is waiting for the network when the deadline passes, as a request to stop does.

        No time-out of a connection ends an answer that trickles in byte by byte.
        """
        if self._ends is None:
            yield
            return
        timer = threading.Timer(min(self.remaining, threading.TIMEOUT_MAX), self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    @contextmanager
    def lent(self, seconds: float | None = None) -> Iterator[Stop]:
        """Lend a Stop to one part of the work: it ends with this one, and is forgotten after it.

        It may have fewer `seconds` of its own.
        """
        left = min(self.remaining, math.inf if seconds is None else seconds)
        part = Stop(None if left == math.inf else left, self._monotonic)
        self._lent[id(part)] = part
        try:
            if self.is_requested:  # before it was there to be told
                part.request(self.code)
            yield part
        finally:
            del self._lent[id(part)]

    @property
    def remaining(self) -> float:
        """Seconds until the deadline; infinite without one."""
        return math.inf if self._ends is None else max(0.0, self._ends - self._monotonic())

    @property
    def seconds_left(self) -> float | None:
        """The same for another process; None without a deadline."""
        return None if self._ends is None else self.remaining

    def wait_for_request(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Sleep until somebody asks us to stop; `meanwhile` is called several times a second."""
        while not self.is_requested:
            meanwhile()
            time.sleep(_NAP)

    def check(self) -> None:
        """Raise Stopped when asked to, TryLater when the deadline has passed."""
        if self.is_requested:
            raise Stopped(self.code)
        if self.remaining <= 0:
            raise TryLater("The run reached its deadline.", "Give it more time with --deadline.")

    def wait(self, seconds: float) -> None:
        """Sleep, but not past a stop or the deadline; then check."""
        until = self._monotonic() + min(seconds, self.remaining)
        while not self.is_requested and (left := until - self._monotonic()) > 0:
            time.sleep(min(left, _NAP))
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


@contextmanager
def signals_held() -> Iterator[None]:
    """Let a first Ctrl-C or SIGTERM wait until the block is left; a second one ends the process.

    For what must not be torn apart. Where a signal only asks for a clean stop, nothing changes, and
    other threads than the main one are not interrupted by signals anyway.
    """
    abrupt = (signal.SIG_DFL, signal.default_int_handler)
    is_main = threading.current_thread() is threading.main_thread()
    caught = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) in abrupt]
    if not is_main or not caught:
        yield
        return
    came: list[int] = []

    def hold(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, hold) for number in caught}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for held in came:
            signal.raise_signal(held)
