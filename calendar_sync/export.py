"""One calendar of the mirror -> the files of every export that shows it, in one pass."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from calendar_sync.blocks import IndexWriter
from calendar_sync.calendars import KnownCalendar
from calendar_sync.exporters import ics_options, temporary_file
from calendar_sync.ics.exporter import IcsExporter
from calendar_sync.items import is_of, read_items
from calendar_sync.mirror import Mirror
from calendar_sync.model import EventWarning
from calendar_sync.per_uid import PerUidFolder
from calendar_sync.published import entry_of, remember_published
from calendar_sync.rendering import Order, Result
from calendar_sync.resources import Json
from calendar_sync.table.exporter import CsvExporter
from calendar_sync.unpublished import Unpublished, open_unpublished
from calendar_sync.views import View

_PAUSE_EVERY = 100  # items; a long series is a second's work at most
WORTH_AN_INDEX = 2000  # resources; fewer are rendered as fast as a patch is begun

# Given the drafts by format and the warnings about them; raises what keeps them from publication.
Check = Callable[
    [Mirror, KnownCalendar, View, Mapping[str, Path], list[EventWarning]],
    None,
]


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
        export.finish(mirror.count_all(calendar.key))
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
        self._outputs: dict[View, list[Unpublished]] = {}
        self._folders: dict[View, PerUidFolder] = {}
        self._lent: list[tuple[Unpublished, IcsExporter | CsvExporter, BinaryIO]] = []
        self.views = frozenset(views)
        self.is_open = True
        with ExitStack() as stack:
            for view in views:
                self._outputs[view] = open_unpublished(mirror, calendar, view, stack)
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
        feeds = [output.feed(zone) for output in self._all()]
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
        outputs = [*self._all()]
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

    @property
    def can_move(self) -> bool:
        """Whether another thread may finish the files: databases stay in the one they are from."""
        return all(output.format in ("ics", "csv") for output in self._all())

    def finish(self, count: int, each: Callable[..., Iterable[None]] = map) -> None:
        """Make all files whole, on the disk; `count` resources were taken.

        With an executor's `map` for `each` one is sorted while another one is written.
        """
        open_index = self._open_index if count >= WORTH_AN_INDEX else None

        def finish(output: Unpublished) -> None:
            self._pause()
            output.finish(open_index)

        for _ in each(finish, [output for output in self._all() if output.is_wanted]):
            pass

    def publish(self, calendar: KnownCalendar, check: Check | None = None) -> None:
        """Publish all files, and remember what was published; the calendar as it is now.

        `check` is shown all drafts before the first is published, and may refuse them.
        """
        for view, outputs in self._outputs.items():
            if check is not None:
                drafts: dict[str, Path] = {o.format: o.draft.path for o in outputs if o.is_wanted}
                check(self._mirror, calendar, view, drafts, self._warnings(outputs))
        for view, outputs in self._outputs.items():
            counted = next(o.exporter for o in outputs if isinstance(o.exporter, CsvExporter))
            files = [output.publish() for output in outputs if output.is_wanted]
            warnings = self._warnings(outputs)
            entry = entry_of(self._mirror, calendar, files, counted.occurrences, warnings)
            if view in self._folders:
                entry["per_uid"] = {"path": calendar.slug, "files": self._folders[view].publish()}
            remember_published(self._mirror, calendar, view, entry, files)

    def _all(self) -> Iterable[Unpublished]:
        return chain.from_iterable(self._outputs.values())

    def _open_index(self, target: Path) -> IndexWriter:
        return self._stack.enter_context(IndexWriter(index_path(self._mirror, target)))

    def _warnings(self, outputs: list[Unpublished]) -> list[EventWarning]:
        return [*self._unreadable, *(w for output in outputs for w in output.exporter.warnings)]


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
