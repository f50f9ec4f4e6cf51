"""The exporters of all formats, and what an `[[export]]` asks of them."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from calendar_sync.calendars import KnownCalendar
from calendar_sync.config import Format
from calendar_sync.errors import cannot_write
from calendar_sync.files import TEMPORARY_PREFIX
from calendar_sync.formats.parquet_file import ParquetExporter
from calendar_sync.formats.sqlite_file import SqliteExporter
from calendar_sync.ics.exporter import IcsExporter, IcsOptions
from calendar_sync.mirror import Mirror
from calendar_sync.model import EventWarning, Item, Series
from calendar_sync.recurrence.occurrences import Window
from calendar_sync.table.exporter import WIDE_COLUMNS, CsvExporter, CsvOptions
from calendar_sync.views import View

_TABLES = {"csv": CsvExporter, "sqlite": SqliteExporter, "parquet": ParquetExporter}


class Exporter(Protocol):
    """One format of one calendar."""

    @property
    def rows(self) -> int:
        """How many rows, VEVENTs or lines there are."""
        ...

    @property
    def warnings(self) -> list[EventWarning]:
        """What a reader of the file should know."""
        ...

    def add(self, item: Item) -> None:
        """Take one item; odd data becomes a warning."""
        ...

    def finish(self, file: BinaryIO) -> int | None:
        """Write the whole file; return how many bytes come before the first record."""
        ...


class JsonlExporter:
    """The mirror's resources, one a line, by id; within a window those of the items shown."""

    def __init__(self, mirror: Mirror, calendar: KnownCalendar, window: Window | None) -> None:
        self._mirror, self._calendar, self._window = mirror, calendar, window
        self._shown: set[str] = set()
        self.rows = 0
        self.warnings: list[EventWarning] = []

    def add(self, item: Item) -> None:
        """Note what is shown; without a window everything is."""
        if self._window is None:
            return
        if isinstance(item, Series):
            self._shown.add(item.master.id)
            self._shown.update(event.id for event in (*item.edited, *item.cancelled))
        else:
            self._shown.add(item.event.id)

    def finish(self, file: BinaryIO) -> None:
        """Write the lines."""
        for event_id, resource in self._mirror.resources_by_id(self._calendar.key):
            if self._window is None or event_id in self._shown:
                file.write(resource + b"\n")
                self.rows += 1


def open_exporter(
    format_: Format, mirror: Mirror, calendar: KnownCalendar, view: View, stack: ExitStack
) -> Exporter:
    """Open one format of one calendar, until `stack` is left. Raises CannotWrite."""
    window = view.window(calendar)
    if format_ == "jsonl":
        return JsonlExporter(mirror, calendar, window)
    exporter: IcsExporter | CsvExporter | SqliteExporter | ParquetExporter
    if format_ == "ics":
        exporter = IcsExporter(calendar.view, ics_options(view), view.folder)
    else:
        table = _TABLES[format_]
        exporter = table(calendar.view, csv_options(view, calendar, window), view.folder)
    stack.callback(exporter.close)
    return exporter


def ics_options(view: View) -> IcsOptions:
    """Translate an `[[export]]` into what the ICS needs."""
    export = view.export
    return IcsOptions(
        orphans=export.orphans, default_reminders=export.default_reminders, html=export.html
    )


def csv_options(view: View, calendar: KnownCalendar, window: Window | None) -> CsvOptions:
    """Translate an `[[export]]` into what the CSV needs."""
    export = view.export
    return CsvOptions(
        rows=export.rows,
        columns=export.columns or WIDE_COLUMNS,
        preset=export.preset,
        guard=export.csv_guard,
        horizon=view.horizon(calendar),
        window=window,
        zone=view.zone,
    )


def temporary_file(folder: Path) -> BinaryIO:
    """Open a nameless file on the disk of `folder`; the caller closes it. Raises CannotWrite."""
    try:
        file = tempfile.TemporaryFile(dir=folder, prefix=TEMPORARY_PREFIX)  # noqa: SIM115
    except OSError as error:
        raise cannot_write(folder, error) from error
    return cast(BinaryIO, file)
