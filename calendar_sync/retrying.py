"""Try again what is worth it: with jitter, honouring Retry-After, and not for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_exponential,
    wait_random,
)
from tenacity.stop import stop_base

from calendar_sync.answers import BadAnswer
from calendar_sync.errors import TryLater
from calendar_sync.stop import Stop

_T = TypeVar("_T")

ATTEMPTS = 5
MOST_RESTARTS = 3  # of one listing, when Google refuses its own tokens
LONGEST = 120.0  # seconds in all; a later run is cheaper than a long wait under a lock
_backoff = wait_exponential(multiplier=0.5, max=32) + wait_random(0, 0.5)


def retry(attempt: Callable[[], _T], stop: Stop) -> _T:
    """Call `attempt` until it succeeds; BadAnswer is tried again, everything else passes through.

    Raises TryLater when it stays bad, and whatever `stop` raises before an attempt or while waiting.
    """
    stop.check()
    retrying = Retrying(
        retry=retry_if_exception_type(BadAnswer),
        stop=_AskedToWaitTooLong() | stop_after_attempt(ATTEMPTS) | stop_after_delay(LONGEST),
        wait=_wait,
        sleep=stop.wait,
        reraise=True,
    )
    try:
        return retrying(attempt)
    except BadAnswer as error:
        raise TryLater(
            f"Google could not be read: {error}.",
            "The next run tries again. If it stays: calendar-sync doctor",
        ) from error


def forgetful() -> TryLater:
    """Say that a listing could not be finished however often it was begun."""
    return TryLater("Google forgets its own page tokens; no listing could be finished.")


def _asked_for(state: RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome else None
    return error.retry_after if isinstance(error, BadAnswer) else None


def _wait(state: RetryCallState) -> float:
    return max(_asked_for(state) or 0.0, _backoff(state))


class _AskedToWaitTooLong(stop_base):
    def __call__(self, retry_state: RetryCallState) -> bool:
        return (_asked_for(retry_state) or 0.0) > LONGEST
