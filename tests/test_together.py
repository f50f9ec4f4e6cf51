"""Templates by day, put together once for all days on which the same ones meet."""

from __future__ import annotations

from array import array
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from calendar_sync.recurrence.stretches import Part, Stretches
from calendar_sync.table.together import BETWEEN, by_day

even_days = st.builds(
    lambda first, step, count: range(first, first + step * count, step),
    st.integers(-9, 9),
    st.sampled_from([1, 7]),
    st.integers(1, 8),
)
odd_days = st.builds(lambda found: array("i", sorted(found)), st.sets(st.integers(-9, 99)))
some_days: st.SearchStrategy[Part] = st.one_of(even_days, even_days, odd_days)


@given(st.lists(some_days, max_size=150), st.sampled_from([0, 300, 1 << 20]))
def test_each_day_has_the_templates_that_are_there_for_it(of_all: list[Part], most: int) -> None:
    """In order, at most 64 at once, however many are remembered."""
    templates = [
        ((b"%03d" % number, b"row %03d\r\n" % number), Stretches([days]))
        for number, days in enumerate(of_all)
    ]
    found = [*by_day(templates, most)]
    expected = sorted((day, template) for template, days in templates for day in days)
    assert [(day, template) for day, some in found for template in some.templates] == expected
    for _, some in found:
        keys, rows = zip(*some.templates, strict=True)
        assert len(keys) <= 64
        assert some.keys == BETWEEN.join(keys)
        assert (some.rows, some.each_row) == (b"".join(rows), BETWEEN.join(rows))


def test_templates_that_meet_again_are_put_together_once() -> None:
    weekly = range(0, 70, 7)
    templates = [((b"%d" % number, b"row"), Stretches([weekly])) for number in range(100)]
    assert len({id(some) for _, some in by_day(templates, 1 << 20)}) == 2
    days = chain.from_iterable((day, day) for day in weekly)
    assert [day for day, _ in by_day(templates, 1 << 20)] == [*days]
