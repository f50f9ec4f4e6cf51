"""Try again what is worth it: with jitter, honouring Retry-After, and not for ever."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from calendar_sync.answers import BadAnswer
from calendar_sync.errors import TryLater
from calendar_sync.stop import Stop

if TYPE_CHECKING:
    from tenacity import RetryCallState

_T = TypeVar("_T")

ATTEMPTS = 5
MOST_RESTARTS = 3  # of one listing, when Google refuses its own tokens
LONGEST = 120.0  # seconds in all; a later run is cheaper than a long wait under a lock


def retry(attempt: Callable[[], _T], stop: Stop) -> _T:
    """Call `attempt` until it succeeds; BadAnswer is tried again, everything else passes through.

    Raises TryLater when it stays bad, and whatever `stop` raises before an attempt or while waiting.
    """
    stop.check()
    begun = time.monotonic()
    try:
        try:
            return attempt()
        except BadAnswer as first:
            return _again(first, begun, attempt, stop)
    except BadAnswer as error:
        raise TryLater(f"Google could not be read: {error}.") from error


def _again(first: BadAnswer, begun: float, attempt: Callable[[], _T], stop: Stop) -> _T:
    """Go on after a first failure; tenacity, which most runs need not load, counts it as one."""
    from tenacity import (
        Retrying,
        retry_if_exception_type,
        stop_after_attempt,
        stop_after_delay,
        stop_any,
        wait_exponential,
        wait_random,
    )

    failed = [first]
    backoff = wait_exponential(multiplier=0.5, max=32) + wait_random(0, 0.5)

    def once_more() -> _T:
        if failed:
            raise failed.pop()
        return attempt()

    retrying = Retrying(
        retry=retry_if_exception_type(BadAnswer),
        stop=stop_any(
            _asks_for_too_long,  # type: ignore[arg-type]  # any function of a state is good
            stop_after_attempt(ATTEMPTS),
            stop_after_delay(LONGEST - (time.monotonic() - begun)),
        ),
        wait=lambda state: max(_asked_for(state), backoff(state)),
        sleep=stop.wait,
        reraise=True,
    )
    return retrying(once_more)


def forgetful() -> TryLater:
    """Say that a listing could not be finished however often it was begun."""
    return TryLater("Google forgets its own page tokens; no listing could be finished.")


def _asked_for(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    return (error.retry_after or 0.0) if isinstance(error, BadAnswer) else 0.0


def _asks_for_too_long(state: RetryCallState) -> bool:
    return _asked_for(state) > LONGEST
