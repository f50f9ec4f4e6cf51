"""Rows of series, kept as templates until their days are written.

All rows of a day differ from their templates in the same few texts. So dozens of templates are joined,
and each kind of hole is filled in all of them at once; until then a row takes a few octets of memory.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import pairwise
from operator import itemgetter

from calendar_sync.blocks import Keys
from calendar_sync.points import TextTable
from calendar_sync.records import Record, join_record, split_records
from calendar_sync.recurrence.stretches import Stretches
from calendar_sync.table.together import BETWEEN, RowTemplate, Together, by_day

Hole = Callable[[TextTable[bytes], int], str]  # what marks a text of that table; RowsByDay.hole
Block = tuple[Keys, list[bytes]]  # and the rows, which may be joined
_Kind = tuple[bytes, TextTable[bytes], int]  # a hole, a table of day texts, and which of its days

# Holes: no clean cell has a control character but TAB and LF, and no key any but \1 and \2.
_HOLES = [b"%c" % code for code in (0, *range(3, 9), 11, 12, *range(14, 30))]
_MOST_KINDS = 12  # that one series needs
_HEAD = re.compile(b".([\2 -\xff]+)")  # of a key: a hole, then the second of the day, id and `_`
_KNOWN = 4  # a share of the memory: for texts that are joined for days to come
_OF_TEMPLATE, _OF_ROW, _OF_DAY = 300, 12, 200  # octets that each takes, about


class RowsByDay:
    """Takes templates of rows; gives the records to a sorter when `most` octets are kept."""

    def __init__(self, give: Callable[[list[Record]], None], most: int) -> None:
        self.give, self._most = give, most
        self._clear()

    def _clear(self) -> None:
        self._kinds: dict[tuple[int, int], _Kind] = {}
        self._templates: list[tuple[RowTemplate, Stretches]] = []
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

    def extend(self, templates: list[tuple[RowTemplate, Stretches]]) -> bytes:
        """Take a series' templates, each with its days (UTC), ascending; return the last row."""
        if not templates:
            return b""
        for (key, row), days in templates:
            self._size += len(key) + len(row) + _OF_TEMPLATE + len(days) * _OF_ROW
            self._rows += len(days)
            first, last = days.ends
            self._span = min(self._span[0], first), max(self._span[1], last)
        self._templates += templates
        (_, row), days = templates[-1]
        last_row = self._filled(row, days.ends[1])
        most_days = min(self._rows, self._span[1] - self._span[0] + 1)
        if self._size + most_days * _OF_DAY >= self._most:
            self.flush()
        return last_row

    def flush(self) -> None:
        """Give all records to the sorter."""
        for day, some in self._by_day():
            rows = self._each(some.each_row, day)
            self.give([*map(join_record, self._each(some.keys, day), rows)])

    def merged(self, others: Iterator[list[Record]]) -> Iterator[Block]:
        """Yield all rows with other sorted records, in order; `others` is begun after a flush."""
        if not self._is_order_known():
            self.flush()
        waiting: list[Record] = []
        for day, some in self._by_day():
            joined = self._filled(some.keys, day)
            keys = some.encoded(joined)
            after = joined.rpartition(BETWEEN)[2] + b"\2"  # all records of the last key
            while (not waiting or waiting[-1] < after) and (more := next(others, None)):
                waiting += more
            first, last = bisect_left(waiting, keys.first), bisect_left(waiting, after)
            if first:
                yield _block(waiting[:first])
            if first == last:
                yield keys, [self._filled(some.rows, day)]
            else:
                own = map(join_record, joined.split(BETWEEN), self._each(some.each_row, day))
                yield _block(sorted([*own, *waiting[first:last]]))
            del waiting[:last]
        if waiting:
            yield _block(waiting)
        yield from map(_block, others)

    def _is_order_known(self) -> bool:
        """Whether the records of any day are in the order of their templates.

        They are not where an id begins with another one and `_` and a digit.
        """
        self._templates.sort(key=itemgetter(0))
        heads = [found[1] for of, _ in self._templates if (found := _HEAD.match(of[0]))]
        return not any(
            after.startswith(head) and after[len(head) : len(head) + 1].isdigit()
            for head, after in pairwise(heads)
        )

    def _by_day(self) -> Iterator[tuple[int, Together]]:
        """Yield the templates of each day, many at a time, in order; forget them."""
        self._templates.sort(key=itemgetter(0))
        yield from by_day(self._templates, self._most // _KNOWN)
        self._clear()

    # -- filling in

    def _filled(self, text: bytes, day: int) -> bytes:
        for hole, table, shift in self._kinds.values():
            text = text.replace(hole, table[day + shift])
        return text

    def _each(self, texts: bytes, day: int) -> list[bytes]:
        return self._filled(texts, day).split(BETWEEN)


def _block(records: list[Record]) -> Block:
    keys, rows = split_records(records)
    return Keys.of(keys), rows


def in_blocks(given: Iterator[Block], count: int) -> Iterator[tuple[list[Keys], list[bytes]]]:
    """Put blocks together until there are `count` keys, or more."""
    keys: list[Keys] = []
    rows: list[bytes] = []
    missing = count
    for more, of_more in given:
        keys.append(more)
        rows += of_more
        missing -= more.count
        if missing <= 0:
            yield keys, rows
            keys, rows, missing = [], [], count
    if keys:
        yield keys, rows
