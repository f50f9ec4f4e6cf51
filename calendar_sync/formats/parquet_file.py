"""One calendar's occurrences as a Parquet file with typed columns; needs the extra `parquet`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from calendar_sync.errors import WrongConfiguration
from calendar_sync.formats.rows import Cells, RowSource, boolean_of, number_of, text_of
from calendar_sync.model import CalendarView, EventWarning, Item
from calendar_sync.table.exporter import WIDE_COLUMNS, CsvOptions

_BATCH = 10_000  # rows in memory at once, and in a row group
_INSTANTS = ("start_utc", "end_utc", "created", "updated")
_DATES = ("start_date", "end_date_inclusive")
_COUNTS = ("attendee_count", "sequence")


def load_pyarrow() -> Any:
    """Import pyarrow, which only this format needs. Raises WrongConfiguration without it."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        message = "The format parquet needs the package pyarrow, which is not installed."
        raise WrongConfiguration(
            message, "Run: pip install 'calendar-sync[parquet]', or choose another format."
        ) from error
    return pyarrow


class ParquetExporter:
    """Takes a calendar's items and writes their occurrences; `close` gives disk and memory back."""

    def __init__(self, calendar: CalendarView, options: CsvOptions, folder: Path) -> None:
        self._arrow = load_pyarrow()
        self._dates = RowSource(calendar, options, folder, "occurrences")
        self.rows = 0
        self.warnings: list[EventWarning] = []

    def add(self, item: Item) -> None:
        """Take one item; odd data becomes a warning."""
        self._dates.add(item)

    def finish(self, file: BinaryIO) -> None:
        """Write the whole file."""
        arrow = self._arrow
        schema = arrow.schema([(name, _type_of(arrow, name)) for name in WIDE_COLUMNS])
        with arrow.parquet.ParquetWriter(file, schema, compression="zstd") as writer:
            for batch in _batches(self._dates.cells()):
                columns = [
                    arrow.array([_READERS.get(name, text_of)(cells[name]) for cells in batch], kind)
                    for name, kind in zip(WIDE_COLUMNS, schema.types, strict=True)
                ]
                writer.write_table(arrow.table(columns, schema=schema))
        self.rows = self._dates.count
        self.warnings = self._dates.warnings

    def close(self) -> None:
        """Give memory and disk back; may be called twice."""
        self._dates.close()


def _batches(rows: Iterator[Cells]) -> Iterator[list[Cells]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch


def _type_of(arrow: Any, column: str) -> Any:
    if column in _INSTANTS:
        return arrow.timestamp("ms", tz="UTC")
    if column in _DATES:
        return arrow.date32()
    if column in _COUNTS:
        return arrow.int64()
    if column == "duration_minutes":
        return arrow.float64()
    return arrow.bool_() if column == "all_day" else arrow.string()


def _instant_of(text: str) -> dt.datetime | None:
    """Read an instant; old data has `0000-12-31T00:00:00.000Z`, which is none."""
    try:
        instant = dt.datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return instant if instant is None or instant.tzinfo else instant.replace(tzinfo=dt.UTC)


def _date_of(text: str) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


_READERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(_INSTANTS, _instant_of),
    **dict.fromkeys(_DATES, _date_of),
    **dict.fromkeys(_COUNTS, number_of),
    "duration_minutes": number_of,
    "all_day": boolean_of,
}
