"""The offset of a zone at any second, remembered by day: what makes an occurrence cheap.

Wall times and instants are whole seconds since 1970 here, negative before. A day on which the
offset is the same at both its midnights is calm (no zone has ever changed twice within a day), and
one dictionary look-up answers for all of it; the others ask the zone database every time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from functools import lru_cache

from calendar_sync.times import EPOCH, at_instant, instant_of

DAY = 86400
_STORMY = 1 << 30
_MOST_DAYS = 50_000  # 137 years, about 5 MB a zone
_SPAN = 1 << 19  # seconds, 6 days: what is asked for once for all of them


class Clock:
    """The clock on the wall of one zone."""

    def __init__(self, tzinfo: dt.tzinfo) -> None:
        self.tzinfo = tzinfo
        self._by_instant: dict[int, int] = {}
        self._by_wall: dict[int, int] = {}
        self._calm: dict[int, bool] = {}
        self._by_span: dict[int, int | None] = {}

    def offset_at(self, instant: int) -> int:
        """Return the seconds east of UTC at an instant."""
        day = instant // DAY
        offset = self._by_instant.get(day)
        if offset is None:
            offset = self._remember(self._by_instant, day, self._ask_at)
        return self._ask_at(instant) if offset == _STORMY else offset

    def instant_of(self, wall: int) -> int:
        """Return the instant of a wall time: first pass of two, the offset before a gap."""
        day = wall // DAY
        offset = self._by_wall.get(day)
        if offset is None:
            offset = self._remember(self._by_wall, day, self._ask_on_wall)
        return wall - (self._ask_on_wall(wall) if offset == _STORMY else offset)

    def offsets_at(self, instants: Sequence[int]) -> list[int]:
        """Return the offset at each instant; of many, each costs a third of what `offset_at` does."""
        known = self._by_instant
        found = [known.get(instant // DAY, _STORMY) for instant in instants]
        if _STORMY not in found:
            return found
        return [
            self.offset_at(instant) if offset == _STORMY else offset
            for instant, offset in zip(instants, found, strict=True)
        ]

    def instants_of(self, walls: Sequence[int]) -> list[int]:
        """Return the instant of each wall time; many cost a third of what one by one would."""
        known = self._by_wall
        offsets = [known.get(wall // DAY, _STORMY) for wall in walls]
        return [
            self.instant_of(wall) if offset == _STORMY else wall - offset
            for wall, offset in zip(walls, offsets, strict=True)
        ]

    def is_calm(self, wall: int) -> bool:
        """Whether no clock change is near: every wall time of that day happens exactly once."""
        day = wall // DAY
        found = self._calm.get(day)
        if found is None:
            if len(self._calm) >= _MOST_DAYS:
                self._calm.clear()
            for near in (day - 1, day, day + 1):  # a change may touch both sides of a midnight
                self.instant_of(near * DAY)
            found = all(self._by_wall.get(d, _STORMY) != _STORMY for d in (day - 1, day, day + 1))
            self._calm[day] = found
        return found

    def calm_offset_at(self, instant: int) -> int | None:
        """Return the offset at an instant, None where the clock may change within a day of it.

        None also for the local mean times of old, which have seconds. Asked once for 6 days:
        `is_calm` and `offset_at` for those who read one time after the other.
        """
        span = instant // _SPAN
        try:
            return self._by_span[span]
        except KeyError:
            if len(self._by_span) >= _MOST_DAYS:
                self._by_span.clear()
            around = range(span * _SPAN - DAY, (span + 1) * _SPAN + 2 * DAY, DAY)
            offsets = {self._ask_at(at) for at in around}
            found = min(offsets) if len(offsets) == 1 and min(offsets) % 60 == 0 else None
            self._by_span[span] = found
            return found

    @staticmethod
    def _remember(known: dict[int, int], day: int, ask: Callable[[int], int]) -> int:
        if len(known) >= _MOST_DAYS:
            known.clear()
        first = ask(day * DAY)
        known[day] = first if first == ask(day * DAY + DAY) else _STORMY
        return known[day]

    def _ask_at(self, instant: int) -> int:
        offset = at_instant(instant, self.tzinfo).utcoffset()
        return int(offset.total_seconds()) if offset else 0

    def _ask_on_wall(self, wall: int) -> int:
        try:
            return wall - instant_of(EPOCH + dt.timedelta(seconds=wall), self.tzinfo)
        except OverflowError:  # past the year 9999 or before the year 1
            return self._ask_at(wall)


@lru_cache(maxsize=64)
def clock_of(tzinfo: dt.tzinfo) -> Clock:
    """Return the one clock of a zone."""
    return Clock(tzinfo)
