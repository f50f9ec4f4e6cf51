"""The remembered offsets are those of the zone database, to the second."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import accumulate, chain
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from calendar_sync.recurrence.clocks import SPAN_BITS, Clock
from calendar_sync.times import EPOCH, FIRST_SECOND, LAST_SECOND, at_instant, instant_of

ZONES = [
    "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Gaza",
    "America/Scoresbysund", "Pacific/Apia", "Asia/Pyongyang", "Europe/Dublin", "America/Havana",
    "Antarctica/Troll", "Asia/Kolkata", "UTC",
]  # fmt: skip
steps = st.integers(0, 50 * 86400)
zones = st.sampled_from(ZONES).map(ZoneInfo)
seconds = st.integers(-3_000_000_000, 4_000_000_000)
edges = st.integers(FIRST_SECOND, FIRST_SECOND + 3 * 86400) | st.integers(
    LAST_SECOND - 6 * 86400, LAST_SECOND - 4 * 86400
)


@given(zones, seconds | edges | st.just(10**15))
def test_offsets_at_instants(zone: ZoneInfo, instant: int) -> None:
    offset = at_instant(instant, zone).utcoffset()
    assert Clock(zone).offset_at(instant) == (offset or dt.timedelta()).total_seconds()


@given(zones, seconds)
def test_instants_of_wall_times(zone: ZoneInfo, wall: int) -> None:
    expected = instant_of(EPOCH + dt.timedelta(seconds=wall), zone)
    assert Clock(zone).instant_of(wall) == expected


def test_every_quarter_of_an_hour_around_every_change_of_five_years() -> None:
    for name in ZONES:
        clock, zone = Clock(ZoneInfo(name)), ZoneInfo(name)
        first = int(dt.datetime(2022, 1, 1, tzinfo=dt.UTC).timestamp())
        for day in range(first, first + 5 * 366 * 86400, 86400):
            if clock.offset_at(day) == clock.offset_at(day + 86400):
                continue
            for time in range(day - 86400, day + 2 * 86400, 900):
                local = at_instant(time, zone)
                offset = int((local.utcoffset() or dt.timedelta()).total_seconds())
                assert clock.offset_at(time) == offset
                is_once = local.replace(fold=1 - local.fold).utcoffset() == local.utcoffset()
                assert clock.plain_offset(time) == (offset if is_once else None)
                wall = EPOCH + dt.timedelta(seconds=time)
                assert clock.instant_of(time) == instant_of(wall, zone)


@given(zones, seconds)
def test_a_span_is_calm_where_no_change_is_near(zone: ZoneInfo, instant: int) -> None:
    """Whether or not the clock knows its changes there already."""
    clock, knowing = Clock(zone), Clock(zone)
    near = range(instant - 30 * 86400, instant + 30 * 86400, 3600)
    assert [*knowing.by_offset([near])]
    span = instant >> SPAN_BITS
    begin, end = span << SPAN_BITS, span + 1 << SPAN_BITS
    inside = {clock.offset_at(at) for at in range(begin - 86400, end + 86400, 900)}
    around = inside | {clock.offset_at(at) for at in range(begin - 3 * 86400, end + 3 * 86400, 900)}
    for calm in (clock.calm_offsets[span], knowing.calm_offsets[span]):
        if calm is None:
            assert len(around) > 1 or min(around) % 60
        else:
            assert inside == {calm}


def instants_of_all(clock: Clock, times: Sequence[int]) -> list[int]:
    return [*chain.from_iterable(clock.instants_of(times))]


def offsets_of(clock: Clock, times: Sequence[int], later: int = 0) -> list[int]:
    found: list[int] = []
    parts = [part for part in (times[:7], times[7:]) if part]
    for offset, part in clock.by_offset(parts, later):
        assert part == times[len(found) :][: len(part)]
        found += [offset] * len(part)
    return found


@given(
    st.sampled_from(ZONES),
    seconds | edges,
    st.lists(steps, max_size=100),
    st.sampled_from([0, 1, 3600, 200 * 86400]),
)
def test_many_at_once_are_as_one_by_one(
    name: str, first: int, steps: list[int], later: int
) -> None:
    times = [*accumulate(steps, initial=first)]
    clock = Clock(ZoneInfo(name))
    assert offsets_of(clock, times, later) == [clock.offset_at(time + later) for time in times]
    assert instants_of_all(clock, times) == [clock.instant_of(time) for time in times]


def test_many_at_once_around_every_change_of_five_years() -> None:
    first = int(dt.datetime(2022, 1, 1, tzinfo=dt.UTC).timestamp())
    times = range(first, first + 5 * 366 * 86400, 900)
    for name in ZONES:
        clock = Clock(ZoneInfo(name))
        for later in (0, 900):
            assert offsets_of(clock, times, later) == [clock.offset_at(t + later) for t in times]
        assert instants_of_all(clock, times) == [clock.instant_of(time) for time in times]


def test_memory_of_days_is_bounded() -> None:
    clock = Clock(ZoneInfo("Europe/Paris"))
    for day in range(-60_000, 60_000):
        clock.offset_at(day * 86400)
    assert len(clock._by_instant) <= 50_000
