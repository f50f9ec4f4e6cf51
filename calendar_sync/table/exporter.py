"""One calendar as CSV: items in, a header and sorted rows out, in flat memory.

RFC 4180, UTF-8, CRLF. By occurrence (one row for each date of a series) or by series (one row for
each live resource); the order is the start's instant, then the event's id.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from calendar_sync.blocks import IndexWriter, Key
from calendar_sync.model import CalendarView, Event, EventWarning, Item, Orphan, Series, Single
from calendar_sync.part import Part
from calendar_sync.points import Point, point_of, read_point, read_points
from calendar_sync.records import heads_of
from calendar_sync.recurrence.clocks import Clock
from calendar_sync.recurrence.event_times import calendar_clock, is_within, original_of
from calendar_sync.recurrence.occurrences import Plan, Window, plan
from calendar_sync.sorting import RUN_BYTES, RowSorter
from calendar_sync.table.by_day import RowsByDay, in_blocks
from calendar_sync.table.options import CsvOptions, Sorter
from calendar_sync.table.presets import PresetTable
from calendar_sync.table.unseen import EXCEL_CELL, warnings_of
from calendar_sync.table.wide_cells import WIDE_COLUMNS, TableRow
from calendar_sync.table.wide_table import WideTable

__all__ = ["WIDE_COLUMNS", "CsvExporter", "CsvOptions"]

_ROWS_AT_ONCE = 250
_ROWS_IN_A_BLOCK = 256
_BY_DAY_RUNS = 4  # the memory of so many runs for the rows of series: 16 MB
_BEFORE_ALL = -(1 << 62)  # where rows without a readable start go


class CsvExporter:
    """Takes a calendar's items in any order and writes its CSV.

    `folder` is where sorting may put what `run_bytes` of memory do not hold; `close` takes it away.
    Raises ValueError for unknown options, CannotWrite for a full disk, nothing for odd data: that costs
    one warning, and an event keeps its row.
    """

    def __init__(
        self,
        calendar: CalendarView,
        options: CsvOptions,
        folder: Path,
        run_bytes: int = RUN_BYTES,
        sorter: Sorter | None = None,
    ) -> None:
        if options.rows not in ("occurrences", "series"):
            raise ValueError(f"unknown kind of rows {options.rows!r}")
        self._zone, self._options = calendar.time_zone, options
        self._clock: Clock = calendar_clock(calendar.time_zone)
        self._by_series = options.rows == "series" and options.preset == "wide"
        self._table = _table(calendar, options)
        self._sorter: Sorter = sorter or RowSorter(folder, run_bytes)
        self._by_day = RowsByDay(self._sorter.extend, _BY_DAY_RUNS * run_bytes)
        self._pending: list[TableRow] = []
        self.rows = 0
        self.occurrences = 0
        self._warnings: list[EventWarning] = []

    @property
    def warnings(self) -> list[EventWarning]:
        """What a reader of the file should know."""
        self._render()
        return self._warnings

    def add(self, item: Item) -> None:
        """Render the rows of one item; never raises for odd data."""
        try:
            if isinstance(item, Single) and self._add_plainly(item.event):  # as most are
                return
            if isinstance(item, Series):
                self._add_series(item)
            else:
                self._add_single(item)
        except (ValueError, OverflowError) as error:
            event = item.master if isinstance(item, Series) else item.event
            self._warn(event, "odd-event", f"It could not be written: {error}.")

    def flush(self) -> None:
        """Give all rows to the sorter."""
        self._render()
        self._by_day.flush()

    def _render(self) -> None:
        """Render the rows that are still to be rendered, many at a time."""
        pending, self._pending = self._pending, []
        if not pending:
            return
        try:
            self._take(pending)
        except (ValueError, OverflowError):
            for row in pending:
                self._take_odd(row)

    def _take(self, rows: list[TableRow]) -> None:
        heads = heads_of([row.instant for row in rows], [row.event.id for row in rows])
        records = self._table.records(heads, rows)
        for row, record in zip(rows, records, strict=True):
            if row.event.attendees_omitted or len(record) > EXCEL_CELL:
                self._warnings += warnings_of(row.event, record)
        self._sorter.extend(records)
        self.rows += len(records)

    def _take_odd(self, row: TableRow) -> None:
        try:
            self._take([row])
        except (ValueError, OverflowError) as error:
            self._warn(row.event, "odd-event", f"It could not be written: {error}.")

    def finish(self, file: BinaryIO, index: IndexWriter | None = None) -> int:
        """Write the header and all rows, noting in `index` where what is; return its length."""
        self._render()
        head = file.write(self.head())
        merged = self._by_day.merged(self._sorter.sorted_blocks(_ROWS_IN_A_BLOCK))
        for keys, rows in in_blocks(merged, _ROWS_IN_A_BLOCK):
            length = file.write(b"".join(rows))
            if index is not None:
                index.add_parts(keys, length)
        return head

    def head(self) -> bytes:
        """Return the header."""
        return self._table.header()

    def handed_over(self) -> Part:
        """Give away all that was taken, from a RowSorter; the file is another exporter's to write."""
        self.flush()
        assert isinstance(self._sorter, RowSorter)
        runs = self._sorter.handed_over()
        return Part(runs, self.rows, self.occurrences, self._warnings)

    def take_over(self, part: Part, file: BinaryIO) -> None:
        """Take what another exporter of this calendar has handed over."""
        assert isinstance(self._sorter, RowSorter)
        self._sorter.take_over(file, part.runs)
        self.rows += part.rows
        self.occurrences += part.occurrences
        self._warnings += part.warnings

    def close(self) -> None:
        """Remove what sorting put on the disk; may be called twice."""
        self._sorter.close()

    # -- rows

    def _add_plainly(self, event: Event) -> bool:
        """Add a row for an event whose times say all there is to know; False where they do not."""
        start, end = read_points(event, self._zone)
        if start is None or type(start) is not type(end) or event.end_time_unspecified:
            return False
        if self._options.window is not None:
            return False
        self.occurrences += 1
        instant = start.instant if isinstance(start, Point) else self._clock.instant_of(start)
        self._put(TableRow(event, instant, start, end))
        return True

    def _add_single(self, item: Single | Orphan) -> None:
        event = item.event
        start, end = self._times_of(event)
        window = self._options.window
        if window is not None and not self._overlaps(start, end, window):
            return
        self.occurrences += 1
        original = None if isinstance(item, Single) else self._original_of(event)
        self._add_row(event, start, end, original)

    def _add_series(self, series: Series) -> None:
        options = self._options
        planned = plan(series, self._zone, horizon=options.horizon, window=options.window)
        self._warnings += planned.warnings
        if planned.begin is not None and planned.end is None and not self._by_series:
            self._check_end(series.master)
        is_lost = planned.begin is None and options.window is None
        self.occurrences += len(planned) + is_lost
        if self._by_series:
            self._add_resources(series, planned)
            return
        if is_lost:
            self._add_master(series.master)
        last = self._table.occurrences(series.master, planned, self._by_day)
        self.rows += len(planned.starts)
        self._warnings += warnings_of(series.master, last)
        for event in planned.edited:
            self._add_exception(event)

    def _add_resources(self, series: Series, planned: Plan) -> None:
        window = self._options.window
        if window is None or planned.starts:
            self._add_master(series.master)
        for event in series.edited:
            if window is None or is_within(event, self._zone, None, window):
                self._add_exception(event)

    def _add_master(self, event: Event) -> None:
        recurrence = event.recurrence if self._by_series else None
        self._add_row(event, *self._times_of(event), None, recurrence or ())

    def _add_exception(self, event: Event) -> None:
        self._add_row(event, *self._times_of(event), self._original_of(event))

    def _add_row(
        self,
        event: Event,
        start: Point | int | None,
        end: Point | int | None,
        original: Point | int | None = None,
        recurrence: tuple[str, ...] = (),
    ) -> None:
        if start is not None and not isinstance(end, type(start)):
            self._check_end(event)
        instant = self._instant(start, _BEFORE_ALL)
        self._put(TableRow(event, instant, start, end, original, recurrence))

    def _put(self, row: TableRow) -> None:
        self._pending.append(row)
        if len(self._pending) >= _ROWS_AT_ONCE:
            self._render()

    # -- times

    def _times_of(self, event: Event) -> tuple[Point | int | None, Point | int | None]:
        """Return start and end; no end also for one that Google made up (`endTimeUnspecified`)."""
        start, end = read_points(event, self._zone)
        if start is None:
            self._warn(event, "odd-time", "Its start cannot be read; the row has no times.")
        return start, None if event.end_time_unspecified else end

    def _check_end(self, event: Event) -> None:
        """Warn of an end that is there but says nothing: unreadable, or a date after a time."""
        if event.end is not None and not event.end_time_unspecified:
            self._warn(event, "odd-time", "Its end cannot be read or is of another kind.")

    def _original_of(self, event: Event) -> Point | int | None:
        if event.original_start_time is not None:
            return read_point(event.original_start_time, self._zone)
        return point_of(original_of(event, self._zone))

    def _instant(self, time: Point | int | None, otherwise: int) -> int:
        if isinstance(time, Point):  # as most are
            return time.instant
        return otherwise if time is None else self._clock.instant_of(time)

    def _overlaps(self, start: Point | int | None, end: Point | int | None, window: Window) -> bool:
        if start is None:
            return False
        first = self._instant(start, _BEFORE_ALL)
        return window.overlaps(first, self._instant(end, first))

    def _warn(self, event: Event, code: str, message: str) -> None:
        self._warnings.append(EventWarning(event.id, code, message))


def split_rows(block: bytes, keys: list[Key]) -> list[bytes]:  # noqa: ARG001  # any block's
    """Cut a block into its rows; CR is nowhere else in our files, not in a quoted cell either."""
    return [row + b"\r\n" for row in block.split(b"\r\n")[:-1]]


def _table(calendar: CalendarView, options: CsvOptions) -> WideTable | PresetTable:
    if options.preset == "wide":
        return WideTable(calendar, options.columns, guard=options.guard)
    return PresetTable(calendar, options.preset, guard=options.guard, zone=options.zone)
