"""A few changed events -> the published files anew, by copying all the rest of them.

What most runs that find something do. The bytes are those of a full rendering: the changed series are
rendered as they were and as they are, and their records are exchanged. Whatever does not fit raises
StaleIndex, and the files are made from the mirror.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from calendar_sync.blocks import Index, IndexWriter, Key, Keyed, Split, StaleIndex
from calendar_sync.calendars import KnownCalendar
from calendar_sync.config import Format
from calendar_sync.export import index_path
from calendar_sync.exporters import JsonlExporter, csv_options, ics_options
from calendar_sync.files import Draft, draft
from calendar_sync.ics.exporter import FOOT, key_of, render, split_events
from calendar_sync.ics.head import head
from calendar_sync.items import read_items, without_types
from calendar_sync.mirror import Mirror
from calendar_sync.model import EventWarning, Item
from calendar_sync.publish import PublishedFile, publish
from calendar_sync.published import entry_if_up_to_date, entry_of, remember_published
from calendar_sync.records import Record, record_key, split_records
from calendar_sync.recurrence.occurrences import Window, overlaps
from calendar_sync.table.exporter import CsvExporter, split_rows
from calendar_sync.touched import Touched
from calendar_sync.views import View

_FORMATS = frozenset(["ics", "csv", "jsonl"])
_LATER = 10_000  # than every year


def patch_calendar(
    mirror: Mirror,
    calendar: KnownCalendar,
    view: View,
    touched: Touched,
    pause: Callable[[], None] = lambda: None,
) -> bool:
    """Bring one view's files up to date by patching; False when they must be made anew."""
    window, export = view.window(calendar), view.export
    if (
        not {*export.formats} <= _FORMATS
        or export.per_uid
        or ("jsonl" in export.formats and window)
    ):
        return False
    before = replace(calendar, revision=touched.revision)
    entry = entry_if_up_to_date(mirror, before, view)
    if entry is None:
        return False
    try:
        with ExitStack() as stack:
            _Patch(mirror, calendar, view, window, touched, entry, stack, pause).publish()
    except StaleIndex:
        return False
    return True


@dataclass
class _Side:
    """The touched items, as they were or as they are, rendered: what goes and what comes."""

    events: dict[str, tuple[bytes, int]] = field(default_factory=dict)  # by series: VEVENTs, count
    zones: dict[str, int] = field(default_factory=dict)
    rows: list[Record] = field(default_factory=list)
    occurrences: int = 0
    warnings: list[EventWarning] = field(default_factory=list)

    @property
    def vevents(self) -> int:
        return sum(count for _, count in self.events.values())

    def records(self) -> list[Keyed]:
        return [
            ((record_key(0, key), count), content) for key, (content, count) in self.events.items()
        ]


@dataclass
class _Made:
    """One file in the making, and its index."""

    draft: Draft
    rows: int
    index: IndexWriter | None = None
    head: int = 0
    facts: dict[str, Any] = field(default_factory=dict)

    def publish(self, format_: Format) -> PublishedFile:
        published = publish(self.draft, format_, self.rows)
        if self.index is not None:
            self.index.finish(published.sha256, self.head, self.facts)
        return published


@dataclass
class _Patch:
    mirror: Mirror
    calendar: KnownCalendar
    view: View
    window: Window | None
    touched: Touched
    entry: dict[str, Any]
    stack: ExitStack
    pause: Callable[[], None]

    def publish(self) -> None:
        """Make all files, then put them in their places; remember it. Raises StaleIndex."""
        old = self._side(self.touched.before)
        new = self._side(self.mirror.resources_of_series(self.calendar.key, self.touched.series))
        making = {format_: self._make(format_, old, new) for format_ in self.view.export.formats}
        files = [made.publish(format_) for format_, made in making.items()]
        occurrences = int(self.entry["occurrences"]) - old.occurrences + new.occurrences
        warnings = [*self._other_warnings(), *new.warnings]
        entry = entry_of(self.mirror, self.calendar, files, occurrences, warnings)
        remember_published(self.mirror, self.calendar, self.view, entry, files)

    def _other_warnings(self) -> Iterator[EventWarning]:
        for warning in msgspec.convert(self.entry["warnings"], list[EventWarning]):
            if warning.event_id not in self.touched.ids:
                yield warning

    def _side(self, rows: Iterable[tuple[str, int, bytes]]) -> _Side:
        side = _Side()
        options = csv_options(self.view, self.calendar, self.window)
        table = CsvExporter(self.calendar.view, options, self.view.folder, sorter=_Kept(side.rows))
        for item in without_types(read_items(rows, side.warnings), self.view.export.leave_out):
            table.add(item)
            if "ics" in self.view.export.formats:
                self._render(item, side)
        table.flush()
        side.occurrences = table.occurrences
        side.warnings += table.warnings
        return side

    def _render(self, item: Item, side: _Side) -> None:
        view = self.calendar.view
        if self.window is not None and not overlaps(item, view.time_zone, self.window):
            return
        try:
            rendered = render(item, view, ics_options(self.view))
        except (ValueError, OverflowError) as error:
            raise StaleIndex("an event that cannot be written") from error
        key = key_of(item)
        content, count = side.events.get(key, (b"", 0))
        if rendered.rows:
            side.events[key] = (content + rendered.content, count + rendered.rows)
        for zone, year in rendered.zones.items():
            side.zones[zone] = min(year, side.zones.get(zone, _LATER))
        side.warnings += rendered.warnings

    # -- files

    def _make(self, format_: Format, old: _Side, new: _Side) -> _Made:
        self.pause()
        target = self.view.folder / f"{self.calendar.slug}.{format_}"
        fresh = self.stack.enter_context(draft(target))
        if format_ == "jsonl":
            jsonl = JsonlExporter(self.mirror, self.calendar, None)
            jsonl.finish(fresh.file)
            return _Made(fresh, jsonl.rows)
        path = index_path(self.mirror, target)
        index = self._index(path, format_)
        writer = self.stack.enter_context(IndexWriter(path))
        if format_ == "ics":
            return self._make_ics(index, _Made(fresh, 0, writer), old, new)
        return self._make_csv(index, _Made(fresh, 0, writer), old, new)

    def _index(self, path: Path, format_: str) -> Index:
        try:
            index = Index.read(self.stack.enter_context(path.open("rb")))
        except OSError as error:
            raise StaleIndex("no index") from error
        known = {file["format"]: file["sha256"] for file in self.entry["files"]}
        if known.get(format_) != index.sha256:
            raise StaleIndex("the index of another file")
        return index

    def _make_ics(self, index: Index, made: _Made, old: _Side, new: _Side) -> _Made:
        zones: dict[str, int] = dict(index.facts["zones"])
        for zone, year in old.zones.items():
            if zones[zone] == year < new.zones.get(zone, _LATER):
                raise StaleIndex("the earliest time of a zone may have gone")
        for zone, year in new.zones.items():
            zones[zone] = min(year, zones.get(zone, _LATER))
        made.rows = int(index.facts["rows"]) - old.vevents + new.vevents
        if not made.rows:
            raise StaleIndex("no event is left")
        made.facts = {"rows": made.rows, "zones": zones}
        gone = [key for key, _ in old.records()]
        before = head(self.calendar.view, zones)
        self._exchange(index, made, before, gone, new.records(), split_events)
        made.draft.file.write(FOOT)
        return made

    def _make_csv(self, index: Index, made: _Made, old: _Side, new: _Side) -> _Made:
        made.rows = int(index.facts["rows"]) - len(old.rows) + len(new.rows)
        made.facts = {"rows": made.rows}
        options = csv_options(self.view, self.calendar, self.window)
        with_head = CsvExporter(self.calendar.view, options, self.view.folder, sorter=_Kept([]))
        gone, _ = split_records(old.rows)
        come = [*zip(*split_records(new.rows), strict=True)]
        self._exchange(index, made, with_head.head(), gone, come, split_rows)
        return made

    def _exchange(
        self,
        index: Index,
        made: _Made,
        head: bytes,
        gone: Sequence[Key],
        come: Sequence[Keyed],
        split: Split,
    ) -> None:
        assert made.index is not None
        made.head = made.draft.file.write(head)
        with made.draft.target.open("rb") as published:
            index.patch(published, made.draft.file, made.index, gone, come, split)


@dataclass
class _Kept:
    """Keeps rows where a sorter would sort them."""

    rows: list[Record]

    def add(self, record: Record) -> None:
        self.rows.append(record)

    def extend(self, records: list[Record]) -> None:
        self.rows += records

    def sorted_blocks(self, count: int) -> Iterator[list[Record]]:
        records = sorted(self.rows)
        return (records[at : at + count] for at in range(0, len(records), count))

    def close(self) -> None:
        """There is nothing to give back."""
