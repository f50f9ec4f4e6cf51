"""Rows of the wide table.

An event's constant cells are rendered once; a series' occurrences differ only in days, which are
filled into a template for each offset and time of day the series meets.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby, repeat
from operator import add

from calendar_sync.model import CalendarView, Event
from calendar_sync.points import DAYS, Point, TextTable
from calendar_sync.records import DAY_KEYS, Record, encoded, id_text
from calendar_sync.recurrence.clocks import DAY, clock_of
from calendar_sync.recurrence.event_times import calendar_clock
from calendar_sync.recurrence.occurrences import Plan
from calendar_sync.recurrence.stretches import Part, Stretches
from calendar_sync.table.by_day import Hole, RowsByDay
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
    guarded,
    line,
    visible,
)
from calendar_sync.table.together import RowTemplate
from calendar_sync.table.wide_cells import TIMES, WIDE_COLUMNS, Batch, TableRow
from calendar_sync.table.wide_parts import RowPart, cells_of, parts_of
from calendar_sync.times import FIRST_SECOND, Moment

_OWN = ("event_id", "recurring_event_id", "original_start", *TIMES)  # of a series' occurrences


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
        self._parts = parts_of(columns)
        self._of_series = _parts_of_series(columns)

    def header(self) -> bytes:
        """Return the first line."""
        return encode(line(self._columns))

    def records(self, heads: Sequence[bytes], rows: Sequence[TableRow]) -> list[Record]:
        """Render rows, each after its head and with its line end."""
        batch = Batch(rows, self._head, guard=self._guard)
        if len(self._columns) == 1:
            return list(map(add, heads, map(encode, cells_of(batch, self._columns[0]))))
        contents = map(b",".join, zip(*[part(batch) for part in self._parts], strict=True))
        return list(map(b"".join, zip(heads, contents, repeat(b"\r\n"))))

    def occurrences(self, master: Event, planned: Plan, rows: RowsByDay) -> bytes:
        """Give the rows of all dates of a series that are not exceptions; return the last one."""
        batch = Batch([TableRow(master, 0, None, None)], self._head, guard=self._guard)
        cells = [
            (name, b",".join([part(batch)[0] for part in parts]).decode())
            for name, parts in self._of_series
        ]
        rows.begin_series()
        series = _SeriesRows(master.id, cells, planned, rows.hole)
        if isinstance(planned.begin, Moment):
            return rows.extend(series.timed(planned.begin))
        return rows.extend(series.all_day(self._zone))


def _parts_of_series(columns: tuple[str, ...]) -> list[tuple[str, list[RowPart]]]:
    """Return the names of columns in which each date of a series has its own, and what is between."""
    found: list[tuple[str, list[RowPart]]] = []
    for is_own, group in groupby(columns, key=_OWN.__contains__):
        names = (*group,)
        found += [(name, []) for name in names] if is_own else [("", parts_of(names))]
    return found


# -- occurrences -----------------------------------------------------------------------------------


_Template = tuple[RowTemplate, Stretches]  # and the days it is there for


class _Holes:
    """Stands in for a table of day texts, in a record of one day."""

    def __init__(self, hole: Hole, table: TextTable[bytes], day: int) -> None:
        self._hole, self._table, self._day = hole, table, day

    def __getitem__(self, day: int) -> str:
        return self._hole(self._table, day - self._day)


class _SeriesRows:
    """The templates of one series' records, from its cells: those without a name are constant."""

    def __init__(
        self, series: str, cells: list[tuple[str, str]], planned: Plan, hole: Hole
    ) -> None:
        self._series, self._cells, self._plan, self._hole = series, cells, planned, hole

    def timed(self, begin: Moment) -> list[_Template]:
        """Return the templates of a series with times: one for each offset and time of day."""
        end, length = self._plan.end, self._plan.length or 0
        ending = end if isinstance(end, Moment) else begin
        starts = self._plan.starts
        clock, end_clock = clock_of(begin.tzinfo), clock_of(ending.tzinfo)
        is_at_edge = bool(starts) and starts.ends[0] < FIRST_SECOND
        alike: defaultdict[tuple[int, int, int], list[Part]] = defaultdict(list)
        begins = [*clock.by_offset(starts.parts)]
        ends = end_clock.by_offset([part for _, part in begins], length)
        for offset, part in begins:
            left = len(part)
            while left:
                end_offset, dates = next(ends)
                left -= len(dates)
                for second, days in _by_date(dates) if is_at_edge else _by_second(dates):
                    alike[offset, end_offset, second].append(days)
        templates: list[_Template] = []
        for (offset, end_offset, second), parts in alike.items():
            date = second if is_at_edge else parts[0][0] * DAY + second
            start = Point(date, offset, begin.zone)
            stop = Point(date + length, end_offset, ending.zone) if end is ending else None
            template = self._template(date, start, stop, is_fixed=is_at_edge)
            templates.append((template, Stretches(parts)))
        return templates

    def all_day(self, zone: str) -> list[_Template]:
        """Return those of an all-day series: one for each offset at its calendar's midnights."""
        length, instant_of = self._plan.length, calendar_clock(zone).instant_of
        alike: defaultdict[int, list[int]] = defaultdict(list)
        for date in self._plan.starts:
            alike[date - instant_of(date)].append(date)
        templates: list[_Template] = []
        for offset, dates in alike.items():
            date = dates[0]
            stop = None if length is None else date + length
            template = self._template(date - offset, date, stop)
            days = array("i", [(date - offset) // DAY for date in dates])
            templates.append((template, Stretches([days])))
        return templates

    def _template(
        self,
        instant: int,
        start: Point | int,
        end: Point | int | None,
        *,
        is_fixed: bool = False,
    ) -> RowTemplate:
        """Make a template; a fixed one has no holes but in its ids: before the year 1 days saturate.

        Its holes are for days counted from the instant's.
        """
        date = start if isinstance(start, int) else start.instant
        days: Texts = DAYS if is_fixed else self._holes(DAY_BYTES, instant)
        id_end = self._holes(BASIC_DAY_BYTES, instant)[date // DAY]
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
        key_day = self._holes(DAY_KEYS, instant)[instant // DAY]
        key = f"{key_day}{instant % DAY:05}{id_text(self._series)}_{id_end}"
        return encoded(key), encoded(f"{row}{LINE_END}")

    def _holes(self, table: TextTable[bytes], instant: int) -> _Holes:
        return _Holes(self._hole, table, instant // DAY)


def _by_second(dates: Part) -> Iterable[tuple[int, Part]]:
    """Return the days of ascending dates for each second of the day."""
    first, last = dates[0], dates[-1]
    if isinstance(dates, range) and dates.step % DAY == 0:  # as most are
        return [(first % DAY, range(first // DAY, last // DAY + 1, dates.step // DAY))]
    found: defaultdict[int, array[int]] = defaultdict(lambda: array("i"))
    for date in dates:
        found[date % DAY].append(date // DAY)
    return found.items()


def _by_date(dates: Part) -> Iterable[tuple[int, Part]]:
    return [(date, [date // DAY]) for date in dates]


def _id_time(seconds: int) -> str:
    return f"T{seconds // 3600:02}{seconds // 60 % 60:02}{seconds % 60:02}Z"
