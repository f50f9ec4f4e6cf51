"""What a table is asked for, and what puts its rows in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from calendar_sync.records import Record
from calendar_sync.recurrence.event_times import Window
from calendar_sync.table.wide_cells import WIDE_COLUMNS


@dataclass(frozen=True)
class CsvOptions:
    """What the rows are and which; instants are seconds since the epoch.

    Occurrences start before `horizon` (single events are never cut). Rows overlap `window`.
    `zone` is that of the presets' local times, None the calendar's.
    """

    rows: str = "occurrences"
    columns: tuple[str, ...] = WIDE_COLUMNS
    preset: str = "wide"
    guard: bool = True
    horizon: int | None = None
    window: Window | None = None
    zone: str | None = None


class Sorter(Protocol):
    """What puts rows in order; several calendars may share one."""

    def add(self, record: Record) -> None:
        """Take one record."""
        ...

    def extend(self, records: list[Record]) -> None:
        """Take many records."""
        ...

    def sorted_blocks(self, count: int) -> Iterator[list[Record]]:
        """Yield all records in order, so many at a time."""
        ...

    def close(self) -> None:
        """Give memory and disk back."""
        ...
