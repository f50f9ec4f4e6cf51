"""The CSV's rows as cells, for formats that are tables too: every file says the same.

The CSV exporter sorts in flat memory and decides about every cell; here its bytes are read back.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Literal

from calendar_sync.errors import cannot_write
from calendar_sync.model import CalendarView, EventWarning, Item
from calendar_sync.table.exporter import WIDE_COLUMNS, CsvExporter, CsvOptions

Cells = dict[str, str]
_LONGEST_CELL = 1 << 30  # the parser's own limit is 128 KB; a description may have a megabyte


class RowSource:
    """Takes a calendar's items and gives the wide table's cells, sorted, unguarded."""

    def __init__(
        self,
        calendar: CalendarView,
        options: CsvOptions,
        folder: Path,
        rows: Literal["occurrences", "series"],
    ) -> None:
        asked = replace(options, rows=rows, columns=WIDE_COLUMNS, preset="wide", guard=False)
        self._exporter = CsvExporter(calendar, asked, folder)
        self._folder = folder

    @property
    def warnings(self) -> list[EventWarning]:
        """What there is to warn of."""
        return self._exporter.warnings

    @property
    def count(self) -> int:
        """How many rows there are so far."""
        return self._exporter.rows

    def add(self, item: Item) -> None:
        """Take one item."""
        self._exporter.add(item)

    def close(self) -> None:
        """Give memory and disk back."""
        self._exporter.close()

    def cells(self) -> Iterator[Cells]:
        """Yield every row; nothing can be added after that. Raises CannotWrite."""
        csv.field_size_limit(_LONGEST_CELL)
        try:
            with tempfile.TemporaryFile(dir=self._folder) as file:
                self._exporter.finish(file)
                file.seek(0)
                with closing(io.TextIOWrapper(file, encoding="utf-8", newline="")) as text:
                    yield from csv.DictReader(text)
        except OSError as error:
            raise cannot_write(self._folder / "a temporary file", error) from error


def number_of(text: str) -> int | float | None:
    """Read a number cell; nothing is None."""
    if not text:
        return None
    return float(text) if "." in text else int(text)


def boolean_of(text: str) -> bool | None:
    """Read a boolean cell; nothing is None."""
    return text == "true" if text else None


def text_of(text: str) -> str | None:
    """Read a text cell; nothing is None."""
    return text or None
