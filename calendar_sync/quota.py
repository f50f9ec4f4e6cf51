"""Google's quotas, kept by waiting before they are hit: per user and per project, in each minute.

https://developers.google.com/workspace/calendar/api/guides/quota
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

if TYPE_CHECKING:
    from calendar_sync.stop import Stop

# Google counts in a sliding minute, when requests arrive; the second is for those that are slow.
PERIOD = 61.0
_Requests = Annotated[int, Meta(ge=1)]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[quota]`: the requests a minute that Google allows; the defaults are what it publishes."""

    per_user_per_minute: _Requests = 600
    per_project_per_minute: _Requests = 10_000

    def shared_by(self, parts: int) -> Limits:
        """Return one part's limits, of so many shards or processes that work at once.

        The project is theirs together; a user is read by one of them alone.
        """
        share = max(1, self.per_project_per_minute // parts)
        return msgspec.structs.replace(self, per_project_per_minute=share)


class _Bucket:
    """So many tokens, each of which is back a period after it was taken."""

    def __init__(self, size: int) -> None:
        self._taken: deque[float] = deque(maxlen=size)

    def ready_at(self) -> float:
        """Return when a token is there; long ago when one is there already."""
        return self._taken[0] + PERIOD if len(self._taken) == self._taken.maxlen else -PERIOD

    def take(self, at: float) -> None:
        """Take the next token, to be used at that time; the oldest one taken is forgotten."""
        self._taken.append(at)


class Quota:
    """The buckets of one project and its users; safe for many threads."""

    def __init__(self, limits: Limits, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limits, self._monotonic = limits, monotonic
        self._project = _Bucket(limits.per_project_per_minute)
        self._users: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def take(self, user: str, stop: Stop) -> None:
        """Wait until one more request of a user is allowed; raises what `stop` raises meanwhile."""
        with self._lock:
            now = self._monotonic()
            mine = self._users.get(user)
            if mine is None:
                mine = self._users[user] = _Bucket(self._limits.per_user_per_minute)
            at = max(now, mine.ready_at(), self._project.ready_at())
            mine.take(at)
            self._project.take(at)
        if at > now:
            stop.wait(at - now)


@cache
def process_quota(limits: Limits) -> Quota:
    """Return the quota that everything in this process shares."""
    return Quota(limits)
