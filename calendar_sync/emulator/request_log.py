"""What was asked of this Google, without a single secret."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from calendar_sync.emulator.wire import HttpRequest, Query

# Only these fields of a form are kept; the others are secrets or of no interest.
_SAFE_FIELDS = {"grant_type", "scope", "redirect_uri", "decision", "account"}
_SECRET_PARAMETERS = {"access_token", "oauth_token", "token", "code", "refresh_token", "key"}


@dataclass(frozen=True)
class LoggedRequest:
    """One request and what it got; `status` 0 means that no answer was begun."""

    method: str  # after x-http-method-override
    path: str
    query: Query  # secrets masked
    form: Query  # only fields that are never secret
    status: int
    when: datetime  # the emulator's clock
    account: str | None
    connection: int  # number of the TCP connection
    authorized: bool  # an Authorization header was there
    fault: str | None
    user_agent: str

    def as_json(self) -> dict[str, Any]:
        """Render for the control interface."""
        return asdict(self) | {"when": self.when.isoformat()}


def safe_query(query: Query) -> Query:
    """Mask the values of parameters that carry secrets."""
    return {key: ("***",) if key in _SECRET_PARAMETERS else values for key, values in query.items()}


def safe_form(request: HttpRequest) -> Query:
    """Keep the harmless fields of a form."""
    return {key: values for key, values in request.form().items() if key in _SAFE_FIELDS}


@dataclass
class RequestLog:
    """All requests in order; a request is there before its client has the answer's first byte."""

    _entries: list[LoggedRequest] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def add(self, entry: LoggedRequest) -> None:
        """Append an entry and wake whoever waits."""
        with self._changed:
            self._entries.append(entry)
            self._changed.notify_all()

    def __iter__(self) -> Iterator[LoggedRequest]:
        return iter(self.all())

    def __len__(self) -> int:
        return len(self.all())

    def __getitem__(self, index: int) -> LoggedRequest:
        return self.all()[index]

    def all(self) -> list[LoggedRequest]:
        """Copy the list."""
        with self._changed:
            return list(self._entries)

    def to(self, place: str) -> list[LoggedRequest]:
        """List the requests whose path contains the regular expression `place`."""
        return [entry for entry in self.all() if re.search(place, entry.path)]

    def count(self, place: str = "") -> int:
        """Count them."""
        return len(self.to(place))

    def clear(self) -> None:
        """Forget everything."""
        with self._changed:
            self._entries.clear()

    def wait_for(
        self, is_wanted: Callable[[LoggedRequest], bool], timeout: float = 10.0
    ) -> LoggedRequest:
        """Wait for the first request that fits, past ones included; raise TimeoutError."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                for entry in self._entries:
                    if is_wanted(entry):
                        return entry
                if not self._changed.wait(deadline - time.monotonic()):
                    raise TimeoutError("no such request came")
