"""The emulator's clock: the real one, moved forward at will."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def utc_now() -> datetime:
    """Say what time it really is."""
    return datetime.now(UTC)


class Clock:
    """An aware UTC clock that a test can advance; pass a constant source to freeze it."""

    def __init__(self, source: Callable[[], datetime] = utc_now) -> None:
        self._source = source
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Say what time it is here."""
        return self._source() + self._ahead

    def advance(self, seconds: float) -> datetime:
        """Move on (or back, when negative) and say what time it is now."""
        self._ahead += timedelta(seconds=seconds)
        return self.now()
