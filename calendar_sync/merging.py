"""`merge = true`: one ICS and one CSV for all calendars of an export, named after the export.

Made anew, from the mirror, when any of the calendars has changed. Each calendar keeps its own entry in
the manifest; `merged` there lists all calendars in the files.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from calendar_sync.calendars import KnownCalendar
from calendar_sync.exporters import csv_options, ics_options
from calendar_sync.files import draft
from calendar_sync.ics.exporter import IcsExporter
from calendar_sync.items import read_items, without_types
from calendar_sync.mirror import Mirror
from calendar_sync.model import CalendarView, EventWarning
from calendar_sync.publish import publish
from calendar_sync.published import entry_of, is_up_to_date, remember_published
from calendar_sync.records import Record, with_calendar
from calendar_sync.recurrence.occurrences import overlaps
from calendar_sync.slugs import make_slug
from calendar_sync.sorting import RowSorter
from calendar_sync.table.exporter import CsvExporter
from calendar_sync.views import View

Warnings = Mapping[str, list[EventWarning]]  # by calendar id
CheckMerged = Callable[
    [Mirror, list[KnownCalendar], View, Mapping[str, Path], Warnings],
    None,
]


def merged_slug(name: str) -> str:
    """Return what the merged files are called."""
    return make_slug(name, name, ())


def is_merged_up_to_date(mirror: Mirror, calendars: list[KnownCalendar], view: View) -> bool:
    """Whether the files are made of these calendars, of what the mirror holds of them now."""
    ids = [calendar.id for calendar in calendars]
    return all(
        is_up_to_date(mirror, calendar, view) and _merged_with(mirror, calendar, view) == ids
        for calendar in calendars
    )


def _merged_with(mirror: Mirror, calendar: KnownCalendar, view: View) -> list[str]:
    row = mirror.connection.execute(
        "SELECT entry FROM published WHERE output = ? AND calendar = ?",
        (str(view.folder), calendar.id),
    ).fetchone()
    entry: dict[str, Any] = msgspec.json.decode(row[0]) if row else {}
    return list(entry.get("merged", []))


def export_merged(
    mirror: Mirror,
    calendars: list[KnownCalendar],
    view: View,
    check: CheckMerged | None = None,
) -> None:
    """Make and publish the merged files of one view; `check` may refuse them before."""
    name = merged_slug(view.export.name)
    with ExitStack() as stack:
        making = _Making(mirror, view, stack)
        for calendar in calendars:
            making.add(calendar)
        drafts = {
            format_: stack.enter_context(draft(view.folder / f"{name}.{format_}"))
            for format_ in view.export.formats
        }
        for format_, new in drafts.items():
            making.finish(format_, new.file)
            new.file.flush()
        if check is not None:
            paths: dict[str, Path] = {format_: new.path for format_, new in drafts.items()}
            check(mirror, calendars, view, paths, making.warnings)
        files = [publish(new, format_, making.rows(format_)) for format_, new in drafts.items()]
        for calendar in calendars:
            occurrences, warnings = making.occurrences[calendar.id], making.warnings[calendar.id]
            entry = entry_of(mirror, calendar, files, occurrences, warnings)
            entry["merged"] = [each.id for each in calendars]
            remember_published(mirror, calendar, view, entry, files)


class _Making:
    """The two files in the making, and what each calendar gave to them."""

    def __init__(self, mirror: Mirror, view: View, stack: ExitStack) -> None:
        self._mirror, self._view, self._stack = mirror, view, stack
        self._sorter = stack.enter_context(RowSorter(view.folder))
        options = dataclasses.replace(ics_options(view), names_calendar=True)
        whole = CalendarView(id="", name=view.export.name, time_zone=view.zone or "")
        self._ics = IcsExporter(whole, options, view.folder)
        stack.callback(self._ics.close)
        self._tables: list[CsvExporter] = []
        self.occurrences: dict[str, int] = {}
        self.warnings: dict[str, list[EventWarning]] = {}

    def add(self, calendar: KnownCalendar) -> None:
        """Take all items of one calendar."""
        window, zone = self._view.window(calendar), calendar.view.time_zone
        sorter = _OfCalendar(self._sorter, calendar.id)
        options = csv_options(self._view, calendar, window)
        table = CsvExporter(calendar.view, options, self._view.folder, sorter=sorter)
        unreadable: list[EventWarning] = []
        before = len(self._ics.warnings)
        items = read_items(self._mirror.resources_by_series(calendar.key), unreadable)
        for item in without_types(items, self._view.export.leave_out):
            table.add(item)
            if window is None or overlaps(item, zone, window):
                self._ics.add(item, calendar.view)
        table.flush()
        self._tables.append(table)
        self.occurrences[calendar.id] = table.occurrences
        self.warnings[calendar.id] = [*unreadable, *self._ics.warnings[before:], *table.warnings]

    def finish(self, format_: str, file: BinaryIO) -> None:
        """Write one of the files; the CSV has the one header."""
        if format_ == "ics":
            self._ics.finish(file)
        else:
            self._tables[0].finish(file)

    def rows(self, format_: str) -> int:
        """Return how many VEVENTs or records the file has."""
        if format_ == "ics":
            return self._ics.rows
        return sum(table.rows for table in self._tables)


class _OfCalendar:
    """Gives one calendar's rows to the common sorter: by start, event id, calendar id."""

    def __init__(self, sorter: RowSorter, calendar: str) -> None:
        self._sorter, self._calendar = sorter, calendar

    def add(self, record: Record) -> None:
        self._sorter.add(with_calendar(record, self._calendar))

    def extend(self, records: list[Record]) -> None:
        self._sorter.extend([with_calendar(record, self._calendar) for record in records])

    def sorted_blocks(self, count: int) -> Iterator[list[Record]]:
        return self._sorter.sorted_blocks(count)

    def close(self) -> None:
        """Leave the common sorter to whoever owns it."""
