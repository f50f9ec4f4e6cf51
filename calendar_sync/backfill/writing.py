"""The files of one slice, each replaced as a whole."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from calendar_sync.backfill.ledger import Entry, SliceFile, SliceWarning
from calendar_sync.backfill.reading import SliceContent
from calendar_sync.calendars import KnownCalendar
from calendar_sync.config import Format
from calendar_sync.files import draft
from calendar_sync.ics.exporter import IcsExporter, IcsOptions
from calendar_sync.model import EventWarning
from calendar_sync.publish import publish
from calendar_sync.slices import Slice
from calendar_sync.table.exporter import CsvExporter, CsvOptions


def write_slice(
    content: SliceContent,
    calendar: KnownCalendar,
    slice_: Slice,
    formats: tuple[Format, ...],
    folder: Path,
) -> Entry:
    """Write a slice's files into the calendar's folder; return what the ledger keeps.

    All are made before the first is published. Raises CannotWrite; the last good files stay then.
    """
    warnings = [*content.warnings]
    with ExitStack() as stack:
        drafts = {
            format_: stack.enter_context(draft(folder / f"{slice_.name}.{format_}"))
            for format_ in formats
        }
        rows = {
            format_: _write(format_, new.file, content, calendar, folder, warnings)
            for format_, new in drafts.items()
        }
        published = [publish(new, format_, rows[format_]) for format_, new in drafts.items()]
    files = [
        SliceFile(
            path=f"{folder.name}/{file.path}",
            format=file.format,
            bytes=file.bytes,
            rows=file.rows,
            sha256=file.sha256,
            slice=slice_.name,
            start=slice_.start.isoformat(),
            end=slice_.end.isoformat(),
        )
        for file in published
    ]
    return Entry(tuple(files), _of_slice(slice_.name, warnings))


def _write(
    format_: Format,
    file: BinaryIO,
    content: SliceContent,
    calendar: KnownCalendar,
    folder: Path,
    warnings: list[EventWarning],
) -> int:
    """Write one format; return how many rows it has."""
    if format_ == "jsonl":
        file.writelines(resource + b"\n" for resource in content.resources)
        return len(content.resources)
    with ExitStack() as stack:
        exporter: IcsExporter | CsvExporter
        if format_ == "ics":
            exporter = IcsExporter(calendar.view, IcsOptions(), folder)
        else:
            exporter = CsvExporter(calendar.view, CsvOptions(), folder)
        stack.callback(exporter.close)
        for item in content.items:
            exporter.add(item)
        exporter.finish(file)
        warnings += exporter.warnings
        return exporter.rows


def _of_slice(name: str, warnings: list[EventWarning]) -> tuple[SliceWarning, ...]:
    """One warning for an event and code: ICS and CSV stumble over the same things."""
    first = {(w.event_id, w.code): w for w in reversed(warnings)}
    ordered = sorted(first.values(), key=lambda w: (w.event_id, w.code))
    return tuple(SliceWarning(name, w.event_id, w.code, w.message) for w in ordered)
