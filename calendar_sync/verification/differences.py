"""Two tellings of the same events, compared field by field."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec

Facts = dict[str, object]
Told = tuple[str, Facts]  # an event's id, and what is told of it
_LONGEST = 120
# At the edges of the calendar writers saturate instead of failing, up to a zone's offset.
_EDGES = (-62_135_510_400, 253_402_214_400)
_ZONE_WIDTH = 100_000


class Difference(msgspec.Struct, frozen=True, order=True):
    """One thing a file says otherwise than the mirror."""

    path: str
    event_id: str
    field: str
    in_file: str
    in_mirror: str

    def __str__(self) -> str:
        where = f"{self.path}: {self.event_id}" if self.event_id else self.path
        return f"{where}: {self.field}: file {self.in_file}, mirror {self.in_mirror}"


def compare(path: str, in_file: Iterable[Told], in_mirror: Iterable[Told]) -> Iterator[Difference]:
    """Yield every event that only one side has, and every field told otherwise.

    A field that one side does not tell is not compared: files need not have every column.
    """
    found, expected = _by_id(in_file), _by_id(in_mirror)
    for event_id in sorted(found.keys() | expected.keys()):
        here, there = found.get(event_id, []), expected.get(event_id, [])
        if len(here) != len(there):
            count, wanted = f"{len(here)} times", f"{len(there)} times"
            yield Difference(path, event_id, "event", count, wanted)
            continue
        for facts, truth in zip(here, there, strict=True):
            yield from _fields(path, event_id, facts, truth)


def _by_id(told: Iterable[Told]) -> dict[str, list[Facts]]:
    by_id: dict[str, list[Facts]] = defaultdict(list)
    for event_id, facts in told:
        by_id[event_id].append(facts)
    return by_id


def _fields(path: str, event_id: str, facts: Facts, truth: Facts) -> Iterator[Difference]:
    for name in truth.keys() & facts.keys():
        if not _is_same(facts[name], truth[name]):
            yield Difference(path, event_id, name, in_words(facts[name]), in_words(truth[name]))


def _is_same(left: object, right: object) -> bool:
    if left == right:
        return True
    if isinstance(right, int) and not _EDGES[0] < right < _EDGES[1]:
        if left is None:  # an end that saturates to its start is left out
            return True
        return isinstance(left, int) and abs(left - right) < _ZONE_WIDTH
    return False


def in_words(value: object) -> str:
    """Write a fact for a person: instants as times, sets in order, long texts cut."""
    if isinstance(value, int):
        text = _instant(value)
    elif isinstance(value, frozenset | tuple):
        parts = [in_words(part) for part in value]
        text = " ".join(parts if isinstance(value, tuple) else sorted(parts))
    elif isinstance(value, dt.datetime | dt.date):
        text = value.isoformat()
    else:
        text = "nothing" if value in (None, "") else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _instant(value: int) -> str:
    try:
        return f"{(dt.datetime(1970, 1, 1) + dt.timedelta(seconds=value)).isoformat()}Z"
    except OverflowError:
        return f"second {value}"
