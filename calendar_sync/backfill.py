"""Slices of the past, read anew from Google and written once each; resumable, by hand.

Google expands the series here (`singleEvents=true`); the sync state is not touched. A ledger in the
mirror's file remembers which slices are written, so an interrupted backfill goes on where it was.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from calendar_sync.answers import CalendarGone, PageTokenRefused
from calendar_sync.calendars import (
    KnownCalendar,
    is_chosen,
    list_calendars,
    remember_calendars,
)
from calendar_sync.config import Config, Format
from calendar_sync.errors import CalendarSyncError, ExitCode, SomeFailed, TryLater, WrongUsage
from calendar_sync.export import temporary_file
from calendar_sync.files import draft, make_folder, remove_leftovers
from calendar_sync.grants.grant import write_instant
from calendar_sync.history import Report, new_run_id, remember_run
from calendar_sync.home import Home
from calendar_sync.ics.exporter import IcsExporter, IcsOptions
from calendar_sync.items import read_items
from calendar_sync.listing import read_stub
from calendar_sync.lock import run_lock
from calendar_sync.mirror import Mirror, with_mirror
from calendar_sync.model import EventWarning, Item, Orphan, Single
from calendar_sync.publish import PublishedFile, publish, publish_manifest, slugs_in, stamp_of
from calendar_sync.reading import concerns_all
from calendar_sync.retrying import MOST_RESTARTS, forgetful
from calendar_sync.run import Account, Clock
from calendar_sync.slices import Slice, slices_between
from calendar_sync.sync import WindowFetch
from calendar_sync.table.exporter import CsvExporter, CsvOptions
from calendar_sync.terminal import Terminal
from calendar_sync.times import at_instant, find_zone
from calendar_sync.windows import instant_of_day_or_time

log = logging.getLogger("calendar_sync")


@dataclass(frozen=True)
class BackfillOptions:
    """What the command line asks for."""

    start: dt.date | dt.datetime
    end: dt.date | dt.datetime
    slice_name: str
    output: Path
    calendars: tuple[str, ...]
    formats: tuple[Format, ...]
    restart: bool = False
    dry_run: bool = False


def run_backfill(
    home: Home,
    config: Config,
    options: BackfillOptions,
    connect: Callable[[], Account],
    clock: Clock,
    terminal: Terminal,
) -> int:
    """Write every slice that is not written yet; return the exit code."""

    def work(mirror: Mirror, warnings: list[str]) -> int:
        for warning in warnings:
            log.warning("%s", warning)
        return _Backfill(home, config, options, mirror, clock, terminal).run(connect)

    with run_lock(home):
        return with_mirror(home.mirror, clock, work)


class _Backfill:
    """One backfill on its way through calendars and slices."""

    def __init__(
        self,
        home: Home,
        config: Config,
        options: BackfillOptions,
        mirror: Mirror,
        clock: Clock,
        terminal: Terminal,
    ) -> None:
        self.home, self.config, self.options = home, config, options
        self.mirror, self.clock, self.terminal = mirror, clock, terminal
        self.started = clock()
        self.run_id = new_run_id(self.started)
        self.failures: list[CalendarSyncError] = []
        self.written = self.skipped = 0

    def run(self, connect: Callable[[], Account]) -> int:
        """Do it; the failure of one calendar does not stop the others."""
        account = connect()
        calendars = self._calendars(account)
        for calendar in calendars:
            try:
                for slice_ in self._slices(calendar):
                    self._do(account, calendar, slice_)
            except CalendarSyncError as error:
                if concerns_all(error):
                    raise
                self.failures.append(error)
                self.terminal.error(f"failed    {calendar.view.name}: {error.message}")
        if self.options.dry_run:
            return int(ExitCode.DONE)
        self._publish_manifest(calendars)
        code = self._exit_code(len(calendars))
        self._remember(account, code)
        self.terminal.say(
            f"{self.written} slices written, {self.skipped} were there already;"
            f" {account.requests} requests."
        )
        return int(code)

    def _calendars(self, account: Account) -> list[KnownCalendar]:
        entries = account.calendars()
        former = slugs_in(self.home.exports) | slugs_in(self.options.output)
        with self.mirror.transaction():
            remember_calendars(self.mirror, entries, former)
        here = {entry.id for entry in entries}
        patterns = self.options.calendars or ("*",)
        chosen = [
            calendar
            for calendar in list_calendars(self.mirror)
            if calendar.id in here and is_chosen(calendar.id, calendar.view.name, patterns)
        ]
        if not chosen:
            raise WrongUsage(
                f"No calendar matches {' '.join(patterns)}.",
                "See their names: calendar-sync calendars",
            )
        return chosen

    def _slices(self, calendar: KnownCalendar) -> Iterator[Slice]:
        zone = find_zone(self.config.timezone or calendar.view.time_zone) or dt.UTC
        start, end = (
            at_instant(instant_of_day_or_time(value, zone), zone)
            for value in (self.options.start, self.options.end)
        )
        if start >= end:
            raise WrongUsage("--from must be earlier than --to; --to itself is not included.")
        return slices_between(start, end, self.options.slice_name)

    def _do(self, account: Account, calendar: KnownCalendar, slice_: Slice) -> None:
        folder = self.options.output / calendar.slug
        if not self.options.restart and self._is_done(calendar, slice_, folder):
            self.skipped += 1
            return
        if self.options.dry_run:
            self.terminal.data(f"{calendar.slug}/{slice_.name}")
            return
        make_folder(folder)
        remove_leftovers(folder)
        files, warnings = self._write(account, calendar, slice_, folder)
        self._note(calendar, slice_, folder, files, warnings)
        self.written += 1
        self.terminal.say(f"written   {calendar.slug}/{slice_.name}: {files[0].rows} rows")

    # -- one slice -------------------------------------------------------------------------------

    def _write(
        self, account: Account, calendar: KnownCalendar, slice_: Slice, folder: Path
    ) -> tuple[list[PublishedFile], list[EventWarning]]:
        resources = _read_slice(account, calendar.id, slice_)
        warnings: list[EventWarning] = []
        items = [*_items(resources, warnings)]
        with ExitStack() as stack:
            files = []
            for format_ in self.options.formats:
                target = folder / f"{slice_.name}.{format_}"
                new = stack.enter_context(draft(target))
                if format_ == "jsonl":
                    lines = [resources[key] for key in sorted(resources)]
                    new.file.write(b"".join(line + b"\n" for line in lines))
                    rows = len(lines)
                else:
                    exporter = _exporter(format_, calendar, folder, self.config.timezone, stack)
                    for item in items:
                        exporter.add(item)
                    exporter.finish(new.file)
                    rows, found = exporter.rows, exporter.warnings
                    warnings += found
                files.append(publish(new, format_, rows))
            return files, warnings

    # -- the ledger ------------------------------------------------------------------------------

    def _fingerprint(self, slice_: Slice) -> str:
        parts = [slice_.start.isoformat(), slice_.end.isoformat(), sorted(self.options.formats)]
        return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()

    def _is_done(self, calendar: KnownCalendar, slice_: Slice, folder: Path) -> bool:
        row = self.mirror.connection.execute(
            "SELECT fingerprint FROM slices WHERE output = ? AND calendar = ? AND name = ?",
            (str(self.options.output), calendar.id, slice_.name),
        ).fetchone()
        return (
            row is not None
            and row[0] == self._fingerprint(slice_)
            and all(stamp_of(folder / f"{slice_.name}.{f}") for f in self.options.formats)
        )

    def _note(
        self,
        calendar: KnownCalendar,
        slice_: Slice,
        folder: Path,
        files: list[PublishedFile],
        warnings: list[EventWarning],
    ) -> None:
        entry = {
            "files": [
                msgspec.structs.replace(file, path=f"{folder.name}/{file.path}") for file in files
            ],
            "warnings": warnings,
        }
        with self.mirror.transaction():
            self.mirror.connection.execute(
                "INSERT OR REPLACE INTO slices VALUES (?, ?, ?, ?, ?, ?)",
                (
                    str(self.options.output),
                    calendar.id,
                    slice_.name,
                    self._fingerprint(slice_),
                    write_instant(self.clock()),
                    msgspec.json.encode(entry),
                ),
            )

    def _publish_manifest(self, calendars: list[KnownCalendar]) -> None:
        entries: list[dict[str, Any]] = []
        for calendar in list_calendars(self.mirror):
            rows = self.mirror.connection.execute(
                "SELECT entry, done_at FROM slices WHERE output = ? AND calendar = ? ORDER BY name",
                (str(self.options.output), calendar.id),
            ).fetchall()
            slices = [msgspec.json.decode(entry) for entry, _ in rows]
            if not slices and calendar not in calendars:
                continue
            entries.append(
                {
                    "id": calendar.id,
                    "summary": calendar.view.name,
                    "slug": calendar.slug,
                    "synced_at": max((done for _, done in rows), default=None),
                    "files": [file for entry in slices for file in entry["files"]],
                    "warnings": [warning for entry in slices for warning in entry["warnings"]],
                }
            )
        make_folder(self.options.output)
        remove_leftovers(self.options.output)
        now = write_instant(self.clock())
        publish_manifest(self.options.output, self.run_id, now, entries)

    def _exit_code(self, total: int) -> ExitCode:
        if not self.failures:
            return ExitCode.DONE
        passing = all(isinstance(error, TryLater) for error in self.failures)
        everything = len(self.failures) == total
        return ExitCode.TRY_LATER if passing and everything else ExitCode.SOME_FAILED

    def _remember(self, account: Account, code: ExitCode) -> None:
        report = Report(
            run_id=self.run_id,
            command="backfill",
            started_at=write_instant(self.started),
            finished_at=write_instant(self.clock()),
            exit_code=int(code),
            message=f"{self.written} slices written",
            requests=account.requests,
        )
        remember_run(self.mirror, report)


def _exporter(
    format_: str, calendar: KnownCalendar, folder: Path, zone: str | None, stack: ExitStack
) -> IcsExporter | CsvExporter:
    if format_ == "ics":
        spool = stack.enter_context(temporary_file(folder))
        return IcsExporter(calendar.view, IcsOptions(), spool)
    exporter = CsvExporter(calendar.view, CsvOptions(zone=zone), folder)
    stack.callback(exporter.close)
    return exporter


def _read_slice(account: Account, calendar_id: str, slice_: Slice) -> dict[str, bytes]:
    """Read every page of a slice; return compact resources by id, the last one of an id winning."""
    for _ in range(MOST_RESTARTS):
        resources: dict[str, bytes] = {}
        try:
            for page in account.pages(calendar_id, WindowFetch(slice_.start, slice_.end)):
                for item in page.items:
                    resource, stub = read_stub(bytes(item))
                    if stub is not None:
                        resources[stub.id] = resource
        except PageTokenRefused:
            continue
        except CalendarGone as error:
            raise SomeFailed(f"The calendar {calendar_id} is gone.") from error
        return resources
    raise forgetful()


def _items(resources: dict[str, bytes], warnings: list[EventWarning]) -> Iterator[Item]:
    """Make each resource an item of its own: an occurrence stands without its series here."""
    rows = ((event_id, 0, resource) for event_id, resource in sorted(resources.items()))
    for item in read_items(rows, warnings):
        if isinstance(item, Single) and item.event.is_exception:
            yield Orphan(item.event)
        elif isinstance(item, Single) and not item.event.is_cancelled:
            yield item
