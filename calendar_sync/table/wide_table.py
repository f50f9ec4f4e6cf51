"""Rows of the wide table.

An event's constant cells are rendered once; a series' occurrences differ only in days, which are
filled into a template for each offset and time of day the series meets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import repeat

from calendar_sync.model import CalendarView, Event
from calendar_sync.points import BASIC_DAYS, DAYS, Point, TextTable
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
from calendar_sync.table.sorting import Row
from calendar_sync.table.text import cell, clean, encode, encode_all, guarded, line
from calendar_sync.table.wide_cells import TIMES, WIDE_COLUMNS, Batch, TableRow, columns_of
from calendar_sync.times import FIRST_SECOND, Moment

_HOLE = re.compile("\0(\\d+)\0")
_Hole = tuple[TextTable[bytes], int]  # a table of day texts, and days from the row's own


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

    def occurrences(self, master: Event, planned: Plan) -> Iterator[Row]:
        """Yield the rows of all dates of a series that are not exceptions."""
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

    def __init__(self, table: TextTable[bytes], day: int, found: list[_Hole]) -> None:
        self._table, self._day, self._found = table, day, found

    def __getitem__(self, day: int) -> str:
        self._found.append((self._table, day - self._day))
        return f"\0{len(self._found) - 1}\0"


class _Template:
    """A row with holes for days; the days are counted from the UTC day of the start."""

    def __init__(self, text: str, found: list[_Hole], id_end: str) -> None:
        holes = [found[int(number)] for number in _HOLE.findall(text)]
        distinct = {(id(table), shift): (table, shift) for table, shift in holes}
        self._holes, names = [*distinct.values()], [*distinct]
        self._places = [names.index((id(table), shift)) for table, shift in holes]
        self._format = encode(_HOLE.sub("%b", text.replace("%", "%%")))
        self.id_end = id_end

    def rows(self, dates: list[int]) -> Iterator[bytes]:
        """Yield the rows of the occurrences that start on the days of some dates."""
        days = [date // DAY for date in dates]
        texts = [[table[day + shift] for day in days] for table, shift in self._holes]
        if not texts:  # a row that shows no day
            return repeat(self._format % (), len(days))
        return map(
            self._format.__mod__, zip(*[texts[place] for place in self._places], strict=True)
        )


class _SeriesRows:
    """The rows of one series, from its quoted constant cells."""

    def __init__(self, series: str, cells: list[tuple[str, str]], planned: Plan) -> None:
        self._series, self._cells, self._plan = series, cells, planned

    def timed(self, begin: Moment) -> Iterator[Row]:
        """Yield the rows of a series with times."""
        end, length = self._plan.end, self._plan.length or 0
        ending = end if isinstance(end, Moment) else begin
        starts = self._plan.starts
        offsets = clock_of(begin.tzinfo).offsets_at(starts)
        end_offsets = clock_of(ending.tzinfo).offsets_at([date + length for date in starts])
        is_at_edge = bool(starts) and starts[0] < FIRST_SECOND
        alike: dict[tuple[int, ...], list[int]] = {}
        seconds = [date if is_at_edge else date % DAY for date in starts]
        for date, *shape in zip(starts, offsets, end_offsets, seconds, strict=True):
            alike.setdefault(tuple(shape), []).append(date)
        for (offset, end_offset, _), dates in alike.items():
            start = Point(dates[0], offset, begin.zone)
            stop = Point(dates[0] + length, end_offset, ending.zone) if end is ending else None
            template = self._template(start, stop, is_fixed=is_at_edge)
            yield from zip(
                dates, self._ids(dates, template.id_end), template.rows(dates), strict=True
            )

    def all_day(self, zone: str) -> Iterator[Row]:
        """Yield the rows of an all-day series, in the order of its calendar's midnights."""
        dates, length = self._plan.starts, self._plan.length
        if dates:
            template = self._template(dates[0], None if length is None else dates[0] + length)
            instants = map(calendar_clock(zone).instant_of, dates)
            yield from zip(instants, self._ids(dates, ""), template.rows(dates), strict=True)

    def _ids(self, dates: list[int], end: str) -> list[str]:
        return [f"{self._series}_{BASIC_DAYS[date // DAY]}{end}" for date in dates]

    def _template(
        self, start: Point | int, end: Point | int | None, *, is_fixed: bool = False
    ) -> _Template:
        """Make a template of a row; a fixed one has no holes: before the year 1 days saturate."""
        date = start if isinstance(start, int) else start.instant
        found: list[_Hole] = []
        days: Texts = DAYS if is_fixed else _Holes(DAY_BYTES, date // DAY, found)
        basic_days: Texts = _Holes(BASIC_DAY_BYTES, date // DAY, found)
        id_end = "" if isinstance(start, int) else _id_time(date % DAY)
        times = time_cells(start, end, days)
        own = {
            "event_id": cell(f"{clean(self._series)}_{basic_days[date // DAY]}{id_end}"),
            "recurring_event_id": cell(clean(self._series)),
            "original_start": local_text(start, days),
            **dict(zip(TIMES, times, strict=True)),
            "timezone": cell(clean(times[TIMES.index("timezone")])),
        }
        cells = [own.get(name, text) for name, text in self._cells]
        return _Template(line(cells), found, id_end)


def _id_time(seconds: int) -> str:
    return f"T{seconds // 3600:02}{seconds // 60 % 60:02}{seconds % 60:02}Z"
