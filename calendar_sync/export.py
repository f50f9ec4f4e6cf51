"""One calendar of the mirror -> the files of every export that shows it, in one pass."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from calendar_sync.blocks import IndexWriter
from calendar_sync.calendars import KnownCalendar
from calendar_sync.config import Format
from calendar_sync.exporters import (
    Exporter,
    csv_options,
    ics_options,
    open_exporter,
    temporary_file,
)
from calendar_sync.files import Draft, draft
from calendar_sync.ics.exporter import IcsExporter
from calendar_sync.items import is_of, read_items
from calendar_sync.mirror import Mirror
from calendar_sync.model import EventWarning, Item
from calendar_sync.per_uid import PerUidFolder
from calendar_sync.publish import PublishedFile, publish
from calendar_sync.published import entry_of, remember_published
from calendar_sync.recurrence.occurrences import Window, overlaps
from calendar_sync.rendering import Order, Output, Result
from calendar_sync.resources import Json
from calendar_sync.table.exporter import CsvExporter
from calendar_sync.views import View

_PAUSE_EVERY = 100  # items; a long series is a second's work at most
_TABLES = ("csv", "sqlite", "parquet")
WORTH_AN_INDEX = 2000  # resources; fewer are rendered as fast as a patch is begun

# Given the drafts by format and the warnings about them; raises what keeps them from publication.
Check = Callable[
    [Mirror, KnownCalendar, View, Mapping[str, Path], list[EventWarning]],
    None,
]


@dataclass
class _Output:
    """One file in the making."""

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
        if open_index is not None and isinstance(self.exporter, IcsExporter | CsvExporter):
            self.index = open_index(self.draft.target)
            self.head = self.exporter.finish(self.draft.file, self.index)
        else:
            self.exporter.finish(self.draft.file)
        self.draft.file.flush()

    def publish(self) -> PublishedFile:
        """Put the file in its place."""
        published = publish(self.draft, self.format, self.exporter.rows)
        if self.index is not None:
            facts: dict[str, Any] = {"rows": self.exporter.rows}
            if isinstance(self.exporter, IcsExporter):
                facts["zones"] = self.exporter.zones
            self.index.finish(published.sha256, self.head, facts)
        return published


def export_calendar(
    mirror: Mirror,
    calendar: KnownCalendar,
    views: list[View],
    check: Check | None = None,
    pause: Callable[[], None] = lambda: None,
) -> None:
    """Make and publish the calendar's files for `views`; see CalendarExport."""
    with CalendarExport(mirror, calendar, views, pause) as export:
        export.add(mirror.resources_by_series(calendar.key))
        export.publish(calendar, check)


class CalendarExport:
    """One calendar's files in the making, for some views; to be used in a `with` block.

    `pause` is called often while they are made; what it raises ends it all, and the last good files
    stay. Raises CannotWrite.
    """

    def __init__(
        self,
        mirror: Mirror,
        calendar: KnownCalendar,
        views: list[View],
        pause: Callable[[], None] = lambda: None,
    ) -> None:
        self._mirror, self._calendar, self._pause = mirror, calendar, pause
        self._unreadable: list[EventWarning] = []
        self._outputs: dict[View, list[_Output]] = {}
        self._folders: dict[View, PerUidFolder] = {}
        self._lent: list[tuple[_Output, IcsExporter | CsvExporter, BinaryIO]] = []
        self.views = frozenset(views)
        self.is_open = True
        with ExitStack() as stack:
            for view in views:
                self._outputs[view] = _open_outputs(mirror, calendar, view, stack)
                if view.export.per_uid:
                    self._folders[view] = _open_folder(calendar, view, stack)
            self._stack = stack.pop_all()

    def __enter__(self) -> CalendarExport:
        return self

    def __exit__(self, *details: Any) -> None:
        self.is_open = False
        self._stack.__exit__(*details)  # drafts put a full disk in our words

    def close(self) -> None:
        """Take away what was not published; may be called twice."""
        self.__exit__(None, None, None)

    def add(self, rows: Iterable[tuple[str, int, Json]]) -> None:
        """Take (series, kind, resource) rows; all of a series in one piece, in order."""
        zone = self._calendar.view.time_zone
        feeds = [each.feed(zone) for each in chain.from_iterable(self._outputs.values())]
        for number, item in enumerate(read_items(rows, self._unreadable)):
            if number % _PAUSE_EVERY == 0:
                self._pause()
            for feed in feeds:
                feed(item)
            for view, folder in self._folders.items():
                if not is_of(item, view.export.leave_out):
                    folder.add(item)

    def order(self) -> Order | None:
        """Return what another process must know to render single events for us, if it can."""
        outputs = [*chain.from_iterable(self._outputs.values())]
        if self._folders or any(not output.can_be_ordered for output in outputs):
            return None
        for output in outputs:
            if isinstance(output.exporter, IcsExporter | CsvExporter):
                file = self._stack.enter_context(temporary_file(output.view.folder))
                self._lent.append((output, output.exporter, file))
        orders = [output.order(self._calendar, file.fileno()) for output, _, file in self._lent]
        return Order(self._calendar.view, orders)

    def take_over(self, result: Result) -> None:
        """Take what the other process has rendered."""
        self._unreadable += result.unreadable
        for (_, exporter, file), part in zip(self._lent, result.parts, strict=True):
            exporter.take_over(part, file)

    def publish(self, calendar: KnownCalendar, check: Check | None = None) -> None:
        """Finish all files, publish them, and remember what was published; the calendar as it is now.

        `check` is shown all drafts before the first is published, and may refuse them.
        """
        is_big = sum(self._mirror.count(calendar.key).values()) >= WORTH_AN_INDEX
        for view, outputs in self._outputs.items():
            wanted = [output for output in outputs if output.format in view.export.formats]
            for output in wanted:
                self._pause()
                output.finish(self._open_index if is_big else None)
            if check is not None:
                drafts: dict[str, Path] = {o.format: o.draft.path for o in wanted}
                check(self._mirror, calendar, view, drafts, self._warnings(outputs))
        for view, outputs in self._outputs.items():
            counted = next(o.exporter for o in outputs if isinstance(o.exporter, CsvExporter))
            files = [output.publish() for output in outputs if output.format in view.export.formats]
            warnings = self._warnings(outputs)
            entry = entry_of(self._mirror, calendar, files, counted.occurrences, warnings)
            if view in self._folders:
                entry["per_uid"] = {"path": calendar.slug, "files": self._folders[view].publish()}
            remember_published(self._mirror, calendar, view, entry, files)

    def _open_index(self, target: Path) -> IndexWriter:
        return self._stack.enter_context(IndexWriter(index_path(self._mirror, target)))

    def _warnings(self, outputs: list[_Output]) -> list[EventWarning]:
        return [*self._unreadable, *(w for output in outputs for w in output.exporter.warnings)]


def _open_outputs(
    mirror: Mirror, calendar: KnownCalendar, view: View, stack: ExitStack
) -> list[_Output]:
    """Open a draft and an exporter for each format; the CSV always, because it counts occurrences."""
    outputs = []
    for format_ in dict.fromkeys((*view.export.formats, "csv")):
        exporter = open_exporter(format_, mirror, calendar, view, stack)
        new = stack.enter_context(draft(view.folder / f"{calendar.slug}.{format_}"))
        outputs.append(_Output(view, format_, exporter, new, view.window(calendar)))
    return outputs


def _open_folder(calendar: KnownCalendar, view: View, stack: ExitStack) -> PerUidFolder:
    """Open the folder of files by UID."""
    spool = stack.enter_context(temporary_file(view.folder))
    window = view.window(calendar)
    return PerUidFolder(
        view.folder / calendar.slug, calendar.view, ics_options(view), window, spool
    )


def index_path(mirror: Mirror, published: Path) -> Path:
    """Return where the index of a published file is: beside the mirror, one for each place."""
    place = hashlib.sha256(os.fsencode(published.parent)).hexdigest()[:16]
    return mirror.path.parent / "blocks" / f"{place}-{published.name}"
