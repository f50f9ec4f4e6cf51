"""Rows of the wide table.

An event's constant cells are rendered once; a series' occurrences differ only in days, which are
filled into a template for each offset and time of day the series meets.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from calendar_sync.model import CalendarView, Event
from calendar_sync.points import DAYS, Point, TextTable
from calendar_sync.recurrence.clocks import DAY, clock_of
from calendar_sync.recurrence.event_times import calendar_clock
from calendar_sync.recurrence.occurrences import Plan
from calendar_sync.table.records import DAY_KEYS, KEY_END, Record, id_key
from calendar_sync.table.row_times import (
    BASIC_DAY_BYTES,
    DAY_BYTES,
    Texts,
    local_text,
    time_cells,
)
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

    def __init__(self, table: TextTable[bytes], day: int, found: list[_Hole]) -> None:
        self._table, self._day, self._found = table, day, found

    def __getitem__(self, day: int) -> str:
        self._found.append((self._table, day - self._day))
        return f"\0{len(self._found) - 1}\0"


class _Template:
    """A record with holes for days; the days are counted from the UTC day of the start."""

    def __init__(self, key: bytes, of_key: list[_Hole], row: str, found: list[_Hole]) -> None:
        holes = [*of_key, *[found[int(number)] for number in _HOLE.findall(row)]]
        distinct = {(id(table), shift): (table, shift) for table, shift in holes}
        self._holes, names = [*distinct.values()], [*distinct]
        self._places = [names.index((id(table), shift)) for table, shift in holes]
        self._format = key + KEY_END + encode(_HOLE.sub("%b", row.replace("%", "%%")))

    def records(self, days: list[int]) -> list[Record]:
        """Return the records of the occurrences that start on some days."""
        texts = [[table[day + shift] for day in days] for table, shift in self._holes]
        filled = zip(*[texts[place] for place in self._places], strict=True)
        return [*map(self._format.__mod__, filled)]


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
        alike: dict[tuple[int, ...], list[int]] = {}
        seconds = [date if is_at_edge else date % DAY for date in starts]
        for date, *shape in zip(starts, offsets, end_offsets, seconds, strict=True):
            alike.setdefault(tuple(shape), []).append(date)
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
        alike: dict[int, list[int]] = {}
        for date in self._plan.starts:
            alike.setdefault(date - instant_of(date), []).append(date)
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
        row = line([own.get(name, text) for name, text in self._cells])
        series = id_key(self._series).replace(b"%", b"%%")
        key = b"%%b%05d%b_%%b%b" % (instant % DAY, series, id_end.encode())
        of_key = [(DAY_KEYS, (instant // DAY) - date // DAY), (BASIC_DAY_BYTES, 0)]
        return _Template(key, of_key, row, found)


def _id_time(seconds: int) -> str:
    return f"T{seconds // 3600:02}{seconds // 60 % 60:02}{seconds % 60:02}Z"
