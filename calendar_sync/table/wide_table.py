"""Rows of the wide table.

An event's constant cells are rendered once; a series' occurrences differ only in days, which are
filled into a template for each offset and time of day the series meets.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby, repeat

from calendar_sync.model import CalendarView, Event
from calendar_sync.points import DAYS, Point, TextTable
from calendar_sync.records import DAY_KEYS, KEY_END, Record, id_text
from calendar_sync.recurrence.clocks import DAY, clock_of
from calendar_sync.recurrence.event_times import calendar_clock
from calendar_sync.recurrence.occurrences import Plan
from calendar_sync.table.row_times import (
    BASIC_DAY_BYTES,
    DAY_BYTES,
    Texts,
    local_text,
    time_cells,
)
from calendar_sync.table.text import (
    LINE_END,
    cell,
    clean,
    encode,
    encode_all,
    guarded,
    line,
    visible,
)
from calendar_sync.table.wide_cells import TIMES, WIDE_COLUMNS, Batch, TableRow, columns_of
from calendar_sync.times import FIRST_SECOND, Moment

_HOLE = re.compile("\0(\\d+)\0")
_Hole = tuple[TextTable[bytes], int]  # a table of day texts, and days from the row's own
_Found = dict[tuple[int, int], _Hole]


class WideTable:
    """Rows of the wide table, or of some of its columns in any order."""

    def __init__(
        self, calendar: CalendarView, columns: tuple[str, ...] = WIDE_COLUMNS, *, guard: bool = True
    ) -> None:
        unknown = [name for name in columns if name not in WIDE_COLUMNS]
        if unknown or not columns:
            raise ValueError(f"unknown column {unknown[0]!r}" if unknown else "no columns")
        self._zone, self._guard, self._columns = calendar.time_zone, guard, columns
        name = guarded(calendar.name) if guard else calendar.name
        self._head = (cell(clean(calendar.id)), cell(clean(name)))

    def header(self) -> bytes:
        """Return the first line."""
        return encode(line(self._columns))

    def rows(self, rows: Sequence[TableRow]) -> list[bytes]:
        """Render rows, each with its line end."""
        lines = list(map(",".join, zip(*self._cells(rows), strict=True)))
        return encode_all(lines) if len(self._columns) > 1 else list(map(encode, lines))

    def occurrences(self, master: Event, planned: Plan) -> list[Record]:
        """Render the rows of all dates of a series that are not exceptions."""
        columns = self._cells([TableRow(master, None, None, None)])
        cells = [(name, clean(of[0])) for name, of in zip(self._columns, columns, strict=True)]
        series = _SeriesRows(master.id, cells, planned)
        if isinstance(planned.begin, Moment):
            return series.timed(planned.begin)
        return series.all_day(self._zone)

    def _cells(self, rows: Sequence[TableRow]) -> list[Sequence[str]]:
        return columns_of(Batch(rows, self._head, guard=self._guard), self._columns)


# -- occurrences -----------------------------------------------------------------------------------


class _Holes:
    """Stands in for a table of day texts and notes which days a row asks for."""

    def __init__(self, table: TextTable[bytes], day: int, found: _Found) -> None:
        self._table, self._day, self._found = table, day, found

    def __getitem__(self, day: int) -> str:
        key = (id(self._table), day - self._day)
        self._found.setdefault(key, (self._table, day - self._day))
        return f"\0{[*self._found].index(key)}\0"


class _Template:
    """A record with holes for days; the days are counted from the UTC day of the start."""

    def __init__(self, text: str, found: _Found) -> None:
        parts = _HOLE.split(text)
        self._between = [part.encode("utf-8", "surrogatepass") for part in parts[::2]]
        self._places = [int(number) for number in parts[1::2]]
        self._holes = [*found.values()]

    def records(self, days: list[int]) -> list[Record]:
        """Return the records of the occurrences that start on some days."""
        texts = [
            [*map(table.__getitem__, [day + shift for day in days] if shift else days)]
            for table, shift in self._holes
        ]
        first, *between = [repeat(text, len(days)) for text in self._between]
        parts: list[Iterable[bytes]] = [first]
        for place, text in zip(self._places, between, strict=True):
            parts += [texts[place], text]
        return [*map(b"".join, zip(*parts, strict=True))]


class _SeriesRows:
    """The records of one series, from its quoted constant cells."""

    def __init__(self, series: str, cells: list[tuple[str, str]], planned: Plan) -> None:
        self._series, self._cells, self._plan = series, cells, planned

    def timed(self, begin: Moment) -> list[Record]:
        """Return the records of a series with times."""
        end, length = self._plan.end, self._plan.length or 0
        ending = end if isinstance(end, Moment) else begin
        starts = self._plan.starts
        offsets = clock_of(begin.tzinfo).offsets_at(starts)
        end_offsets = clock_of(ending.tzinfo).offsets_at([date + length for date in starts])
        is_at_edge = bool(starts) and starts[0] < FIRST_SECOND
        seconds = starts if is_at_edge else [date % DAY for date in starts]
        alike: defaultdict[tuple[int, int, int], list[int]] = defaultdict(list)
        at = 0
        for shape, group in groupby(zip(offsets, end_offsets, seconds, strict=True)):
            end_at = at + len([*group])
            alike[shape] += starts[at:end_at]
            at = end_at
        records: list[Record] = []
        for (offset, end_offset, _), dates in alike.items():
            start = Point(dates[0], offset, begin.zone)
            stop = Point(dates[0] + length, end_offset, ending.zone) if end is ending else None
            template = self._template(dates[0], start, stop, is_fixed=is_at_edge)
            records += template.records([date // DAY for date in dates])
        return records

    def all_day(self, zone: str) -> list[Record]:
        """Return the records of an all-day series, in the order of its calendar's midnights."""
        length, instant_of = self._plan.length, calendar_clock(zone).instant_of
        alike: defaultdict[int, list[int]] = defaultdict(list)
        for date in self._plan.starts:
            alike[date - instant_of(date)].append(date)
        records: list[Record] = []
        for offset, dates in alike.items():
            date = dates[0]
            stop = None if length is None else date + length
            template = self._template(date - offset, date, stop)
            records += template.records([date // DAY for date in dates])
        return records

    def _template(
        self,
        instant: int,
        start: Point | int,
        end: Point | int | None,
        *,
        is_fixed: bool = False,
    ) -> _Template:
        """Make a template; a fixed one has no holes but in its ids: before the year 1 days saturate."""
        date = start if isinstance(start, int) else start.instant
        found: _Found = {}
        days: Texts = DAYS if is_fixed else _Holes(DAY_BYTES, date // DAY, found)
        id_end = _Holes(BASIC_DAY_BYTES, date // DAY, found)[date // DAY]
        if not isinstance(start, int):
            id_end += _id_time(date % DAY)
        times = time_cells(start, end, days)
        own = {
            "event_id": cell(f"{clean(self._series)}_{id_end}"),
            "recurring_event_id": cell(clean(self._series)),
            "original_start": local_text(start, days),
            **dict(zip(TIMES, times, strict=True)),
            "timezone": cell(clean(times[TIMES.index("timezone")])),
        }
        row = visible(line([own.get(name, text) for name, text in self._cells]))
        key_day = _Holes(DAY_KEYS, date // DAY, found)[instant // DAY]
        key = f"{key_day}{instant % DAY:05}{id_text(self._series)}_{id_end}"
        return _Template(f"{key}{KEY_END}{row}{LINE_END}", found)


def _id_time(seconds: int) -> str:
    return f"T{seconds // 3600:02}{seconds // 60 % 60:02}{seconds % 60:02}Z"
