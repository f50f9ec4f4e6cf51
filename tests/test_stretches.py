"""Ascending numbers in parts are what one list of them would be."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from calendar_sync.recurrence.stretches import Stretches, in_order, without

numbers = st.integers(-40, 40)
ranges = st.builds(range, numbers, numbers, st.integers(1, 9))
parts = st.lists(ranges | st.lists(numbers, max_size=5), max_size=5)


@given(parts)
def test_numbers_in_order_are_there_once(given_parts: list[Sequence[int]]) -> None:
    assert [*in_order(given_parts)] == sorted({*chain.from_iterable(given_parts)})


def test_even_numbers_stay_ranges_also_behind_a_first_one_that_is_theirs() -> None:
    found = in_order([range(0, 7, 7), range(0, 21, 7), range(22, 40, 7)])
    assert found.parts == [range(0, 21, 7), range(22, 40, 7)]
    assert found.ends == (0, 36)


@given(parts, st.integers(0, 50))
def test_the_first_ones_are_those_of_a_list(given_parts: list[Sequence[int]], count: int) -> None:
    found = in_order(given_parts)
    first = found.first(count)
    assert [*first] == [*found][:count]
    assert len(first) == min(count, len(found))
    assert all(first.parts)
    assert bool(first) == any(True for _ in first)


@given(ranges, st.lists(numbers))
def test_what_is_left_of_a_range_is_ranges(whole: range, left_out: list[int]) -> None:
    found = without(whole, {*left_out})
    assert [*Stretches(found)] == [number for number in whole if number not in left_out]
