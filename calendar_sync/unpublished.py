"""One file of a calendar in the making, and putting it in its place."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calendar_sync.blocks import IndexWriter
from calendar_sync.calendars import KnownCalendar
from calendar_sync.config import Format
from calendar_sync.errors import cannot_write
from calendar_sync.exporters import Exporter, csv_options, ics_options, open_exporter
from calendar_sync.files import Draft, draft
from calendar_sync.ics.exporter import IcsExporter
from calendar_sync.items import is_of
from calendar_sync.mirror import Mirror
from calendar_sync.model import Item
from calendar_sync.publish import PublishedFile, publish
from calendar_sync.recurrence.occurrences import Window, overlaps
from calendar_sync.rendering import Output
from calendar_sync.table.exporter import CsvExporter
from calendar_sync.views import View

_TABLES = ("csv", "sqlite", "parquet")


@dataclass
class Unpublished:
    """One file that is not published yet."""

    view: View
    format: Format
    exporter: Exporter
    draft: Draft
    window: Window | None
    index: IndexWriter | None = None
    head: int = 0

    def feed(self, zone: str) -> Callable[[Item], None]:
        """Return what takes items; tables look at their window by themselves, row by row."""
        left_out = self.view.export.leave_out if self.format != "jsonl" else ()
        window = self.window if self.format not in _TABLES else None
        if not left_out and window is None:
            return self.exporter.add

        def add(item: Item) -> None:
            if not is_of(item, left_out) and (window is None or overlaps(item, zone, window)):
                self.exporter.add(item)

        return add

    @property
    def is_wanted(self) -> bool:
        """Whether it is to be published; a CSV that is not only counts occurrences."""
        return self.format in self.view.export.formats

    @property
    def can_be_ordered(self) -> bool:
        """Whether single events can be rendered for it elsewhere; JSONL without a window needs none."""
        return self.format in ("ics", "csv") or (self.format == "jsonl" and self.window is None)

    def order(self, calendar: KnownCalendar, descriptor: int) -> Output:
        """Say what is to be rendered into an open file."""
        left_out = tuple(self.view.export.leave_out)
        if self.format == "csv":
            options = csv_options(self.view, calendar, self.window)
            return Output(descriptor, csv=options, left_out=left_out)
        return Output(descriptor, ics=ics_options(self.view), window=self.window, left_out=left_out)

    def finish(self, open_index: Callable[[Path], IndexWriter] | None) -> None:
        """Write the rest, with an index where there can be one; the draft can be read from now on."""
        try:
            if open_index is not None and isinstance(self.exporter, IcsExporter | CsvExporter):
                self.index = open_index(self.draft.target)
                self.head = self.exporter.finish(self.draft.file, self.index)
            else:
                self.exporter.finish(self.draft.file)
            self.draft.sync()
        except OSError as error:
            raise cannot_write(self.draft.target, error) from error

    def publish(self) -> PublishedFile:
        """Put the file in its place."""
        published = publish(self.draft, self.format, self.exporter.rows)
        if self.index is not None:
            facts: dict[str, Any] = {"rows": self.exporter.rows}
            if isinstance(self.exporter, IcsExporter):
                facts["zones"] = self.exporter.zones
            self.index.finish(published.sha256, self.head, facts)
        return published


def open_unpublished(
    mirror: Mirror, calendar: KnownCalendar, view: View, stack: ExitStack
) -> list[Unpublished]:
    """Open a draft and an exporter for each format; the CSV always, because it counts occurrences."""
    outputs = []
    for format_ in dict.fromkeys((*view.export.formats, "csv")):
        exporter = open_exporter(format_, mirror, calendar, view, stack)
        new = stack.enter_context(draft(view.folder / f"{calendar.slug}.{format_}"))
        outputs.append(Unpublished(view, format_, exporter, new, view.window(calendar)))
    return outputs
