"""One calendar of the mirror -> the files of every export that shows it, in one pass."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from calendar_sync.blocks import IndexWriter
from calendar_sync.calendars import KnownCalendar
from calendar_sync.config import Format
from calendar_sync.errors import cannot_write
from calendar_sync.files import TEMPORARY_PREFIX, Draft, draft
from calendar_sync.formats.parquet_file import ParquetExporter
from calendar_sync.formats.sqlite_file import SqliteExporter
from calendar_sync.ics.exporter import IcsExporter, IcsOptions
from calendar_sync.items import is_of, read_items
from calendar_sync.mirror import Mirror
from calendar_sync.model import EventWarning, Item, Series
from calendar_sync.per_uid import PerUidFolder
from calendar_sync.publish import PublishedFile, publish
from calendar_sync.published import entry_of, remember_published
from calendar_sync.recurrence.occurrences import Window, overlaps
from calendar_sync.table.exporter import WIDE_COLUMNS, CsvExporter, CsvOptions
from calendar_sync.views import View

_PAUSE_EVERY = 100  # items; a long series is a second's work at most
_TABLES = ("csv", "sqlite", "parquet")
_INDEXED = ("csv", "ics")
WORTH_AN_INDEX = 2000  # resources; fewer are rendered as fast as a patch is begun


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
    index: IndexWriter | None
    head: int = 0
    left_out: tuple[str, ...] = ()  # types of events; JSONL has them all

    def add(self, item: Item, zone: str) -> None:
        """Hand the item on; tables look at their window by themselves, row by row."""
        if self.left_out and self.format != "jsonl" and is_of(item, self.left_out):
            return
        if self.window is None or self.format in _TABLES or overlaps(item, zone, self.window):
            self.exporter.add(item)

    def finish(self) -> None:
        """Write the rest; the draft can be read from now on."""
        self.head = self.exporter.finish(self.draft.file) or 0
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
    """Make and publish the calendar's files for `views`; remember what was published.

    `check` is shown all drafts before the first is published, `pause` is called often while they
    are made; what either raises ends it all, and the last good files stay.
    """
    with ExitStack() as stack:
        outputs = {view: _open_outputs(mirror, calendar, view, stack) for view in views}
        folders = {view: _open_folder(calendar, view, stack) for view in views}
        everything = [output for of_view in outputs.values() for output in of_view]
        unreadable: list[EventWarning] = []
        items = read_items(mirror.resources_by_series(calendar.key), unreadable)
        for number, item in enumerate(items):
            if number % _PAUSE_EVERY == 0:
                pause()
            for output in everything:
                output.add(item, calendar.view.time_zone)
            for view, folder in folders.items():
                if folder is not None and not is_of(item, view.export.leave_out):
                    folder.add(item)
        for view, of_view in outputs.items():
            wanted = [output for output in of_view if output.format in view.export.formats]
            for output in wanted:
                pause()
                output.finish()
            if check is not None:
                drafts: dict[str, Path] = {o.format: o.draft.path for o in wanted}
                check(mirror, calendar, view, drafts, _warnings(of_view, unreadable))
        for view, of_view in outputs.items():
            counted = next(o.exporter for o in of_view if isinstance(o.exporter, CsvExporter))
            files = [output.publish() for output in of_view if output.format in view.export.formats]
            warnings = _warnings(of_view, unreadable)
            entry = entry_of(mirror, calendar, files, counted.occurrences, warnings)
            by_uid = folders[view]
            if by_uid is not None:
                entry["per_uid"] = {"path": calendar.slug, "files": by_uid.publish()}
            remember_published(mirror, calendar, view, entry, files)


def _warnings(outputs: list[_Output], unreadable: list[EventWarning]) -> list[EventWarning]:
    return [*unreadable, *(w for output in outputs for w in output.exporter.warnings)]


def _open_outputs(
    mirror: Mirror, calendar: KnownCalendar, view: View, stack: ExitStack
) -> list[_Output]:
    """Open a draft and an exporter for each format; the CSV always, because it counts occurrences."""
    window = view.window(calendar)
    is_big = sum(mirror.count(calendar.key).values()) >= WORTH_AN_INDEX
    outputs = []
    for format_ in dict.fromkeys((*view.export.formats, "csv")):
        target = view.folder / f"{calendar.slug}.{format_}"
        index = None
        if is_big and format_ in _INDEXED and format_ in view.export.formats:
            index = stack.enter_context(IndexWriter(index_path(mirror, target)))
        exporter = _open_exporter(format_, mirror, calendar, view, window, stack, index)
        new = stack.enter_context(draft(target))
        left_out = view.export.leave_out
        outputs.append(_Output(view, format_, exporter, new, window, index, left_out=left_out))
    return outputs


def index_path(mirror: Mirror, published: Path) -> Path:
    """Return where the index of a published file is: beside the mirror, one for each place."""
    place = hashlib.sha256(os.fsencode(published.parent)).hexdigest()[:16]
    return mirror.path.parent / "blocks" / f"{place}-{published.name}"


def _open_folder(calendar: KnownCalendar, view: View, stack: ExitStack) -> PerUidFolder | None:
    """Open the folder of files by UID where the export asks for one."""
    if not view.export.per_uid:
        return None
    window = view.window(calendar)
    spool = stack.enter_context(temporary_file(view.folder))
    return PerUidFolder(
        view.folder / calendar.slug, calendar.view, ics_options(view), window, spool
    )


def _open_exporter(
    format_: Format,
    mirror: Mirror,
    calendar: KnownCalendar,
    view: View,
    window: Window | None,
    stack: ExitStack,
    index: IndexWriter | None,
) -> Exporter:
    if format_ == "jsonl":
        return JsonlExporter(mirror, calendar, window)
    if format_ == "ics":
        spool = stack.enter_context(temporary_file(view.folder))
        return IcsExporter(calendar.view, ics_options(view), spool, index)
    options = csv_options(view, calendar, window)
    exporter: CsvExporter | SqliteExporter | ParquetExporter
    if format_ == "sqlite":
        exporter = SqliteExporter(calendar.view, options, view.folder)
    elif format_ == "parquet":
        exporter = ParquetExporter(calendar.view, options, view.folder)
    else:
        exporter = CsvExporter(calendar.view, options, view.folder, index=index)
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
