"""Templates of rows by the days they are for, those of a day together.

The series of a day meet again a week later, mostly the same ones: their texts are joined once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain
from operator import itemgetter

from calendar_sync.blocks import Keys
from calendar_sync.recurrence.stretches import Part, Stretches

RowTemplate = tuple[bytes, bytes]  # a key and its row, with holes for days
BETWEEN = b"\x1e"  # of texts that are joined to be filled in, and cut again
_KEY, _ROW = itemgetter(0), itemgetter(1)  # of a template
_AT_ONCE = 64  # templates, so few that their texts stay in a processor's cache


class Together:
    """Some templates of one day, in order."""

    def __init__(self, templates: list[RowTemplate]) -> None:
        self.templates = templates
        self.keys = BETWEEN.join(map(_KEY, templates))
        self._are_alike = len({len(key) for key, _ in templates}) == 1  # all keys of one length
        self.rows = b"".join(map(_ROW, templates))

    def encoded(self, keys: bytes) -> Keys:
        """Return the keys for an index, from what they were filled in to."""
        if self._are_alike:
            return Keys.of_joined(keys, BETWEEN, len(self.templates))
        return Keys.of(keys.split(BETWEEN))

    @property
    def each_row(self) -> bytes:
        """The rows with a mark between them."""
        return BETWEEN.join(map(_ROW, self.templates))


def by_day(
    templates: list[tuple[RowTemplate, Stretches]], most: int
) -> Iterator[tuple[int, Together]]:
    """Yield the templates of each day, so many at a time, in order; remember `most` octets of them."""
    alike = _alike(templates)
    of_days: defaultdict[int, list[int]] = defaultdict(list)
    for number, (days, _) in enumerate(alike):
        for of_day in map(of_days.__getitem__, days):
            of_day.append(number)
    known: dict[tuple[int, ...], list[Together]] = {}
    size = 0
    for day in sorted(of_days):
        numbers = tuple(of_days.pop(day))
        if numbers not in known:
            known[numbers] = _together(alike[number][1] for number in numbers)
            size += _size(known[numbers])
            while size > most and len(known) > 1:
                size -= _size(known.pop(next(iter(known))))
        for some in known[numbers]:
            yield day, some


def _alike(
    templates: list[tuple[RowTemplate, Stretches]],
) -> list[tuple[Part, list[RowTemplate]]]:
    """Return templates by the days they have in common, where these are even."""
    even: defaultdict[range, list[RowTemplate]] = defaultdict(list)
    others: list[tuple[Part, list[RowTemplate]]] = []
    for template, days in templates:
        for part in days.parts:
            if isinstance(part, range):
                even[part].append(template)
            else:
                others.append((part, [template]))
    return [*even.items(), *others]


def _together(alike: Iterable[list[RowTemplate]]) -> list[Together]:
    templates = sorted(chain.from_iterable(alike))
    return [Together(templates[at : at + _AT_ONCE]) for at in range(0, len(templates), _AT_ONCE)]


def _size(together: list[Together]) -> int:
    return sum(len(some.keys) + len(some.rows) for some in together)
