"""Faults told in advance: which request, after how many, how often, and what goes wrong."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from calendar_sync.emulator.wire import HttpAnswer, HttpRequest

# Short words for where; anything else is a regular expression searched in the path.
PLACES = {
    "token": r"^/(o/oauth2/|oauth2/v4/)?token$",
    "auth": r"^/(o/oauth2/(v2/)?)?auth$",
    "revoke": r"^/(o/oauth2/)?revoke$",
    "tokeninfo": r"/tokeninfo$",
    "api": r"^/calendar/v3/",
    "calendarList": r"/calendarList(/|$)",
    "events": r"/events$",
    "instances": r"/instances$",
}


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    `answer` replaces the true one and nothing is done for the request; `change` edits the true one;
    `breakage` names how the bytes are spoiled (see breakage.py); `delay` comes first, in seconds.
    """

    name: str
    answer: HttpAnswer | None = None
    change: Callable[[HttpAnswer], HttpAnswer] | None = None
    breakage: str | None = None
    delay: float = 0.0


@dataclass
class _Armed:
    fault: Fault
    place: re.Pattern[str]
    query: re.Pattern[str]
    skip: int
    count: int | None  # None: for ever

    def hits(self, request: HttpRequest) -> bool:
        """Tell whether this request is meant, counting the skipped ones."""
        sent = urlencode(request.query, doseq=True)
        if not self.place.search(request.path) or not self.query.search(sent):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.count is not None:
            self.count -= 1
        return True


@dataclass
class Faults:
    """The queue of faults; the first that fits a request is taken."""

    make: Callable[..., Fault]
    _armed: list[_Armed] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _released: threading.Event = field(default_factory=threading.Event)

    def add(
        self,
        name: str,
        *,
        on: str = "",
        query: str = "",
        skip: int = 0,
        count: int | None = 1,
        **options: Any,
    ) -> None:
        """Arm a fault by its catalogue name.

        `on` is a word of PLACES or a regular expression on the path, `query` one on the encoded
        query; the first `skip` requests that fit pass, then `count` are hit (None: all).
        """
        fault = self.make(name, **options)
        armed = _Armed(fault, re.compile(PLACES.get(on, on)), re.compile(query), skip, count)
        with self._lock:
            self._armed.append(armed)

    def take(self, request: HttpRequest) -> Fault | None:
        """Take the fault that is due for a request, if any."""
        with self._lock:
            due = next((armed for armed in self._armed if armed.hits(request)), None)
            self._armed = [armed for armed in self._armed if armed.count != 0]
            return due.fault if due else None

    def pending(self) -> list[str]:
        """List the names of faults not used up yet."""
        with self._lock:
            return [armed.fault.name for armed in self._armed]

    def clear(self) -> None:
        """Forget all faults and let go of whoever hangs in one."""
        with self._lock:
            self._armed.clear()
        self.release()

    def release(self) -> None:
        """Let go of every request that hangs or is delayed now."""
        with self._lock:
            self._released.set()
            self._released = threading.Event()

    def released(self) -> threading.Event:
        """Lend the event that the next release() sets."""
        with self._lock:
            return self._released
