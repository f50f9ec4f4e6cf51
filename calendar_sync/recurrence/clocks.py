"""The offset of a zone at any second, remembered by day: what makes an occurrence cheap.

Wall times and instants are whole seconds since 1970 here, negative before. A day on which the
offset is the same at both its midnights is calm (no zone has ever changed twice within a day), and
one dictionary look-up answers for all of it; the others ask the zone database every time.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from typing import NamedTuple

from calendar_sync.recurrence.stretches import Part
from calendar_sync.times import EPOCH, FIRST_SECOND, LAST_SECOND, at_instant

DAY = 86400
_STORMY = 1 << 30
_MOST_DAYS = 50_000  # 137 years, about 5 MB a zone
_LONG_SPAN = 512 * DAY  # looked through for changes of the offset when many times lie in it
_MOST_SPANS = 1000
_MANY = 16
SPAN_BITS = 19  # of seconds, 6 days: what is asked for once for all of them


class _Change(NamedTuple):
    """From an instant on there is an offset."""

    instant: int
    offset: int


_NO_MORE = _Change(1 << 62, 0)


class _CalmOffsets(dict[int, int | None]):
    """The offset at any second of a span, None where the clock may change within a day of it.

    None also for the local mean times of old, which have seconds.
    """

    def __init__(self, find: Callable[[int, int], int | None]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, span: int) -> int | None:
        if len(self) >= _MOST_DAYS:
            self.clear()
        self[span] = found = self._find(span << SPAN_BITS, span + 1 << SPAN_BITS)
        return found


class Clock:
    """The clock on the wall of one zone."""

    def __init__(self, tzinfo: dt.tzinfo) -> None:
        self.tzinfo = tzinfo
        self._by_instant: dict[int, int] = {}
        self._by_wall: dict[int, int] = {}
        self.calm_offsets = _CalmOffsets(self._calm_offset)  # by span, `instant >> SPAN_BITS`
        self._by_long_span: dict[int, list[_Change]] = {}
        self._by_spans: dict[range, list[_Change]] = {}
        self._plain_stretches: dict[int, list[tuple[int, int, int]]] = {}

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

    def by_offset(self, parts: Sequence[Part], later: int = 0) -> Iterator[tuple[int, Part]]:
        """Yield ascending instants, cut where the offset so many seconds later changes, with it.

        Many instants cost next to nothing each.
        """
        if _are_sparse(parts):
            for part in parts:
                for at, instant in enumerate(part):
                    yield self.offset_at(instant + later), part[at : at + 1]
            return
        changes = iter(self._changes(parts[0][0] + later, parts[-1][-1] + later))
        (_, offset), after = next(changes), next(changes)
        for part in parts:
            rest = part
            while rest[-1] >= (until := after.instant - later):
                if rest[0] < until:
                    end = place(rest, until)
                    yield offset, rest[:end]
                    rest = rest[end:]
                (_, offset), after = after, next(changes)
            yield offset, rest

    def instants_of(self, walls: Part) -> list[Part]:
        """Return the instant of each of ascending wall times, in parts that are ranges where they were.

        Many cost next to nothing each.
        """
        if _are_sparse([walls]) or walls[0] < FIRST_SECOND + DAY or walls[-1] > LAST_SECOND - DAY:
            return [[self.instant_of(wall) for wall in walls]]
        # What happens twice is meant the first time; what never happens, by the clock before.
        changes = pairwise(self._changes(walls[0], walls[-1]))
        untils = [
            (after.instant + max(of.offset, after.offset), of.offset) for of, after in changes
        ]
        if isinstance(walls, range):
            return _even_instants(walls, untils)
        found: list[Part] = []
        begin = 0
        for until, offset in untils:
            end = bisect_left(walls, until, begin)
            if end > begin:
                found.append([wall - offset for wall in walls[begin:end]])
                begin = end
        return found

    def _changes(self, first: int, last: int) -> list[_Change]:
        """Return what changes the offset between two times, or near, and what is in force before.

        The last one is a change beyond all times.
        """
        spans = range((first - DAY) // _LONG_SPAN, (last + DAY) // _LONG_SPAN + 1)
        known = self._by_spans.get(spans)
        if known is None:
            if len(self._by_spans) >= _MOST_SPANS:
                self._by_spans.clear()
            known = [*self._changes_in(spans[0])]
            for change in chain.from_iterable(map(self._changes_in, spans[1:])):
                if known[-1].offset != change.offset:
                    known.append(change)
            known.append(_NO_MORE)
            self._by_spans[spans] = known
        return known

    def _changes_in(self, span: int) -> list[_Change]:
        known = self._by_long_span.get(span)
        if known is None:
            begin = span * _LONG_SPAN
            known = [_Change(begin, self._ask_at(begin))]
            for day in range(begin + DAY, begin + _LONG_SPAN + 1, DAY):
                before, offset = known[-1].offset, self._ask_at(day)
                if offset != before:
                    seconds = range(day - DAY, day + 1)
                    at = bisect_left(seconds, True, key=lambda i: self._ask_at(i) != before)
                    known.append(_Change(seconds[at], offset))
            self._by_long_span[span] = known
        return known

    def _calm_offset(self, begin: int, end: int) -> int | None:
        first, last = begin - DAY, end + DAY
        if all(at // _LONG_SPAN in self._by_long_span for at in (first - DAY, last + DAY)):
            changes = pairwise(self._changes(first, last))
            offsets = {o for (at, o), after in changes if at <= last and after.instant >= first}
        else:  # no need to look through two years
            offsets = {self._ask_at(at) for at in range(first, last + DAY, DAY)}
        offset = offsets.pop()
        return None if offsets or offset % 60 else offset

    def plain_offset(self, instant: int) -> int | None:
        """Return the offset at an instant whose wall time the clock shows once only, else None.

        None also where the offset is not one of whole minutes.
        """
        offset = self.calm_offsets[instant >> SPAN_BITS]
        return self._offset_near_change(instant) if offset is None else offset

    def _offset_near_change(self, instant: int) -> int | None:
        span = instant >> SPAN_BITS
        stretches = self._plain_stretches.get(span)
        if stretches is None:
            if len(self._plain_stretches) >= _MOST_SPANS:
                self._plain_stretches.clear()
            stretches = self._plain_stretches[span] = [*self._stretches_in(span)]
        for first, end, offset in stretches:
            if first <= instant < end:
                return offset
        return None

    def _stretches_in(self, span: int) -> Iterator[tuple[int, int, int]]:
        """Yield from when to when the clock shows what it does not show twice, and the offset."""
        changes = self._changes(span << SPAN_BITS, span + 1 << SPAN_BITS)
        for before, change, after in zip(changes[:1] + changes, changes, changes[1:], strict=False):
            offset = change.offset
            if offset % 60 == 0:
                first = change.instant + max(before.offset - offset, 0)
                yield first, after.instant - max(offset - after.offset, 0), offset

    @staticmethod
    def _remember(known: dict[int, int], day: int, ask: Callable[[int], int]) -> int:
        if len(known) >= _MOST_DAYS:
            known.clear()
        first = ask(day * DAY)
        known[day] = first if first == ask(day * DAY + DAY) else _STORMY
        return known[day]

    def _ask_at(self, instant: int) -> int:
        try:
            local = dt.datetime.fromtimestamp(instant, self.tzinfo)  # at half of at_instant's cost
        except (ValueError, OverflowError, OSError):  # at the ends of the calendar
            local = at_instant(instant, self.tzinfo)
        return _seconds(local.utcoffset())

    def _ask_on_wall(self, wall: int) -> int:
        try:
            local = EPOCH + dt.timedelta(seconds=wall)
        except OverflowError:  # past the year 9999 or before the year 1
            return self._ask_at(wall)
        return _seconds(local.replace(tzinfo=self.tzinfo).utcoffset())


def _seconds(offset: dt.timedelta | None) -> int:
    return offset.days * DAY + offset.seconds if offset else 0


def place(times: Part, time: int) -> int:
    """Return the index of the first of ascending times that is not before `time`."""
    if isinstance(times, range):
        at = -((times.start - time) // times.step)
        return max(0, min(at, len(times)))
    return bisect_left(times, time)


def _even_instants(walls: range, untils: Iterable[tuple[int, int]]) -> list[Part]:
    """Return the instants of even wall times, each offset being in force until a wall time."""
    found: list[Part] = []
    at, last, step = walls.start, walls[-1], walls.step
    for until, offset in untils:
        if until > last:
            return [*found, range(at - offset, last - offset + 1, step)]
        if at < until:
            first = until + (at - until) % step  # that is not before
            found.append(range(at - offset, first - offset, step))
            at = first
    return found


def _are_sparse(parts: Sequence[Part]) -> bool:
    """Whether so few times are not worth looking at all days between them."""
    count = sum(map(len, parts))
    return not count or count * _LONG_SPAN < _MANY * (parts[-1][-1] - parts[0][0] + _LONG_SPAN)


@lru_cache(maxsize=64)
def clock_of(tzinfo: dt.tzinfo) -> Clock:
    """Return the one clock of a zone."""
    return Clock(tzinfo)
