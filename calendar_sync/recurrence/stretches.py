"""Ascending numbers in few parts: between two changes of a clock most series are even."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise

Part = Sequence[int]  # not empty; a range where the numbers are even


class Stretches:
    """Numbers of which those of a range take neither memory nor time."""

    def __init__(self, parts: Iterable[Part] = ()) -> None:
        self.parts = [part for part in parts if part]

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(self.parts)

    @property
    def ends(self) -> tuple[int, int]:
        """The first number and the last one, of which there must be some."""
        return self.parts[0][0], self.parts[-1][-1]

    def first(self, count: int) -> Stretches:
        """Return the first so many."""
        if count >= len(self):
            return self
        found: list[Part] = []
        for part in self.parts:
            found.append(part[:count])
            count -= len(found[-1])
        return Stretches(found)


def in_order(parts: Iterable[Part]) -> Stretches:
    """Put numbers in order, each once; even ones that follow each other stay as they are."""
    given = Stretches(parts)
    if len(given.parts) > 1 and given.parts[0] == given.parts[1][:1]:
        del given.parts[0]  # DTSTART, which its rule has given, too
    are_even = all(isinstance(part, range) for part in given.parts)
    if are_even and all(part[-1] < after[0] for part, after in pairwise(given.parts)):
        return given
    return Stretches([[*dict.fromkeys(sorted(given))]])


def without(part: range, left_out: Iterable[int]) -> list[range]:
    """Return what is left of a range, in parts."""
    found: list[range] = []
    begin = 0
    for end in sorted(part.index(number) for number in left_out if number in part):
        found.append(part[begin:end])
        begin = end + 1
    return [*found, part[begin:]]
