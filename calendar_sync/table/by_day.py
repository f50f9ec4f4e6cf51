"""Rows of series, kept as templates until their days are written.

All rows of a day differ from their templates in the same few texts. So dozens of templates are joined,
and each kind of hole is filled in all of them at once; until then a row takes a few octets of memory.
"""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

from calendar_sync.points import TextTable
from calendar_sync.records import Record

RowTemplate = tuple[bytes, "array[int]"]  # a record with holes, and the days it is there for
Hole = Callable[[TextTable[bytes], int], str]  # what marks a text of that table; RowsByDay.hole
_Kind = tuple[bytes, TextTable[bytes], int]  # a hole, a table of day texts, and which of its days

RECORD_END = "\x1e"  # where the joined records are cut again
# Holes: no clean cell has a control character but TAB and LF, and no key any but \1 and \2.
_HOLES = [b"%c" % code for code in (0, *range(3, 9), 11, 12, *range(14, 30))]
_MOST_KINDS = 12  # that one series needs
_HEAD = re.compile(b".([\2 -\xff]+)")  # a key's holes, and between them: second, id and `_`
_ROWS_AT_ONCE = 64  # so few that their texts stay in a processor's cache
_OF_TEMPLATE, _OF_ROW, _OF_DAY = 200, 12, 200  # octets that each takes, about


class RowsByDay:
    """Takes templates of records; gives the records to a sorter when `most` octets are kept."""

    def __init__(self, give: Callable[[list[Record]], None], most: int) -> None:
        self.give, self._most = give, most
        self._clear()

    def _clear(self) -> None:
        self._kinds: dict[tuple[int, int], _Kind] = {}
        self._templates: list[RowTemplate] = []
        self._size = self._rows = 0
        self._span = (1 << 30, -(1 << 30))  # from the first day to the last

    def begin_series(self) -> None:
        """Make room for the holes of one more series."""
        if len(self._kinds) + _MOST_KINDS > len(_HOLES):
            self.flush()

    def hole(self, table: TextTable[bytes], shift: int) -> str:
        """Return what marks the text of the day that comes so many days after a record's own."""
        key = (id(table), shift)
        if key not in self._kinds:
            self._kinds[key] = (_HOLES[len(self._kinds)], table, shift)
        return self._kinds[key][0].decode()

    def extend(self, templates: list[RowTemplate]) -> Record:
        """Take a series' templates, each with its days (UTC), ascending; return the last record."""
        if not templates:
            return b""
        for template, days in templates:
            self._templates.append((template, days))
            self._size += len(template) + _OF_TEMPLATE + len(days) * _OF_ROW
            self._rows += len(days)
            self._span = min(self._span[0], days[0]), max(self._span[1], days[-1])
        template, days = templates[-1]
        (last,) = self._fill([template], days[-1])
        most_days = min(self._rows, self._span[1] - self._span[0] + 1)
        if self._size + most_days * _OF_DAY >= self._most:
            self.flush()
        return last

    def _fill(self, templates: list[bytes], day: int) -> list[Record]:
        """Return the records of some templates on a day."""
        text = b"".join(templates)
        for hole, table, shift in self._kinds.values():
            text = text.replace(hole, table[day + shift])
        return text.split(RECORD_END.encode())[:-1]

    def flush(self) -> None:
        """Give all records to the sorter."""
        for records in self._blocks():
            self.give(records)

    def sorted_blocks(self) -> Iterable[list[Record]]:
        """Return all records in order, or nothing where they had to be given to the sorter."""
        if self._is_order_known():
            return self._blocks()
        self.flush()
        return ()

    def _is_order_known(self) -> bool:
        """Whether the records of any day are in the order of their templates.

        They are not where an id begins with another one and `_` and a digit.
        """
        self._templates.sort()
        heads = [found[1] for of in self._templates if (found := _HEAD.match(of[0]))]
        return not any(
            after.startswith(head) and after[len(head) : len(head) + 1].isdigit()
            for head, after in pairwise(heads)
        )

    def _blocks(self) -> Iterator[list[Record]]:
        by_day: defaultdict[int, list[bytes]] = defaultdict(list)
        self._templates.sort(reverse=True)
        while self._templates:
            template, days = self._templates.pop()
            for day in days:
                by_day[day].append(template)
        block: list[Record] = []
        for day in sorted(by_day):
            templates = by_day.pop(day)
            for at in range(0, len(templates), _ROWS_AT_ONCE):
                block += self._fill(templates[at : at + _ROWS_AT_ONCE], day)
                if len(block) >= _ROWS_AT_ONCE:
                    yield block
                    block = []
        yield block
        self._clear()
