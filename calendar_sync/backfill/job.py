"""One backfill on its way through calendars and slices."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from calendar_sync.answers import CalendarGone
from calendar_sync.backfill.comparison import Expected
from calendar_sync.backfill.ledger import Ledger
from calendar_sync.backfill.manifest import manifest_entries
from calendar_sync.backfill.reading import read_slice
from calendar_sync.backfill.report import BackfillReport, Reporting, SliceReport
from calendar_sync.backfill.writing import write_slice
from calendar_sync.calendars import KnownCalendar, is_chosen, list_calendars, remember_calendars
from calendar_sync.config import Config, Format
from calendar_sync.errors import CalendarSyncError, ExitCode, WrongUsage
from calendar_sync.files import make_folder, remove_leftovers
from calendar_sync.grants.grant import write_instant
from calendar_sync.history import new_run_id, remember_run
from calendar_sync.home import Home
from calendar_sync.intake import concerns_all
from calendar_sync.lock import run_lock
from calendar_sync.logs import run_id
from calendar_sync.mirror import Mirror
from calendar_sync.mirror_file import copied_mirror, with_mirror
from calendar_sync.progress import Progress
from calendar_sync.publish import publish_manifest, slugs_in
from calendar_sync.run import Account, Clock
from calendar_sync.slices import Slice, slices_between
from calendar_sync.sync import PAGE_SIZE
from calendar_sync.times import at_instant, find_zone
from calendar_sync.windows import instant_of_day_or_time

Tell = Callable[[SliceReport], None]


@dataclass(frozen=True)
class BackfillOptions:
    """What the command line asks for."""

    start: dt.date | dt.datetime
    end: dt.date | dt.datetime
    slice_name: str
    output: Path | None  # None: `backfill` in the exports of the home
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
    tell: Tell,
    progress: Progress = Progress(),  # noqa: B008 - draws nothing
) -> BackfillReport:
    """Write every slice that is not written yet; `tell` hears of each slice as it is done.

    What ends it early is remembered, and raised; what was written by then is in the manifest.
    """

    def work(mirror: Mirror, warnings: list[str]) -> BackfillReport:
        mirror.settle()  # a kill may cost the slice in hand, not the ledger of those before
        reporting = Reporting(tell, warnings)
        backfill = _Backfill(home, config, options, mirror, clock, reporting)
        backfill.progress = progress
        return backfill.planned(connect) if options.dry_run else backfill.remembered(connect)

    if options.dry_run:
        with copied_mirror(home.mirror) as copy:
            return with_mirror(copy, clock, work)
    with run_lock(home):
        return with_mirror(home.mirror, clock, work)


class _Backfill:
    """What one backfill knows on its way."""

    def __init__(
        self,
        home: Home,
        config: Config,
        options: BackfillOptions,
        mirror: Mirror,
        clock: Clock,
        reporting: Reporting,
    ) -> None:
        self.home, self.config, self.options = home, config, options
        self.mirror, self.clock, self.reporting = mirror, clock, reporting
        asked = options.output
        self.output = asked / home.account if asked else home.exports / "backfill"
        self.ledger = Ledger(mirror, self.output, clock)
        self.started = clock()
        self.run_id = new_run_id(self.started)
        run_id.set(self.run_id)
        self.account: Account | None = None
        self.here: set[str] = set()  # the ids of the account's calendars
        self.progress = Progress()

    def remembered(self, connect: Callable[[], Account]) -> BackfillReport:
        """Do it; publish the manifest and store the report, also when it ends early."""
        try:
            account = self._connected(connect)
            for calendar, slices in self._calendars(account):
                self._do_calendar(account, calendar, slices)
        except CalendarSyncError as error:
            self._end(error.exit_code, error.message)
            raise
        return self._end(self.reporting.exit_code(), self.reporting.message())

    def planned(self, connect: Callable[[], Account]) -> BackfillReport:
        """Only look what there is to do, and how many requests that takes at least."""
        account = self._connected(connect)
        needed = 0
        for calendar, slices in self._calendars(account):
            expected = self._expected(calendar, slices)
            for slice_ in slices:
                if not self.options.restart and self._is_done(calendar, slice_):
                    self.reporting.slice(calendar, slice_, "there")
                    continue
                self.reporting.slice(calendar, slice_, "to read")
                needed += max(1, -(-expected.count(slice_) // PAGE_SIZE)) if expected else 1
        return self._report(ExitCode.DONE, "", needed)

    def _connected(self, connect: Callable[[], Account]) -> Account:
        """Connect; what there is to say of the grant belongs into the report."""
        self.account = connect()
        self.reporting.warnings += self.account.warnings
        return self.account

    # -- calendars -------------------------------------------------------------------------------

    def _calendars(self, account: Account) -> list[tuple[KnownCalendar, list[Slice]]]:
        """Return what is to be done: each chosen calendar with its slices."""
        entries = account.calendars()
        former = slugs_in(self.home.exports) | slugs_in(self.output)
        with self.mirror.transaction():
            remember_calendars(self.mirror, entries, former)
        self.here = {entry.id for entry in entries}
        patterns = self.options.calendars or ("*",)
        chosen = [
            calendar
            for calendar in list_calendars(self.mirror)
            if calendar.id in self.here and is_chosen(calendar.id, calendar.view.name, patterns)
        ]
        if not chosen:
            raise WrongUsage(
                f"No calendar matches {' '.join(patterns)}.",
                "See their names: calendar-sync calendars",
            )
        work = [(calendar, [*self._slices(calendar)]) for calendar in chosen]
        self.progress.total(sum(len(slices) for _, slices in work))
        return work

    def _slices(self, calendar: KnownCalendar) -> Iterator[Slice]:
        zone = find_zone(self.config.timezone or calendar.view.time_zone) or dt.UTC
        start, end = (
            at_instant(instant_of_day_or_time(value, zone), zone)
            for value in (self.options.start, self.options.end)
        )
        if start >= end:
            raise WrongUsage("--from must be earlier than --to; --to itself is not included.")
        return slices_between(start, end, self.options.slice_name)

    def _do_calendar(self, account: Account, calendar: KnownCalendar, slices: list[Slice]) -> None:
        """Do one calendar; its own failure does not stop the others."""
        if self.options.restart:
            self.ledger.forget(calendar.id, slices)
        try:
            self._do_slices(account, calendar, slices)
        except CalendarGone:
            self.here.discard(calendar.id)
            self.reporting.calendar(calendar, "gone")
        except CalendarSyncError as error:
            if concerns_all(error):
                raise
            self.reporting.calendar(calendar, "failed", error)
        else:
            self.reporting.calendar(calendar, "done")

    # -- slices ----------------------------------------------------------------------------------

    def _do_slices(self, account: Account, calendar: KnownCalendar, slices: list[Slice]) -> None:
        expected: Expected | None = None
        folder = self.output / calendar.slug
        for slice_ in slices:
            if self._is_done(calendar, slice_):
                self.reporting.slice(calendar, slice_, "there")
                continue
            self.progress.detail(f"{calendar.slug}/{slice_.name}")
            make_folder(folder)
            remove_leftovers(folder)
            expected = expected or self._expected(calendar, slices)
            before = account.requests
            content = read_slice(account, calendar, slice_)
            if expected is not None:
                content.warnings += expected.differences(slice_, content.events)
            entry = write_slice(content, calendar, slice_, self.options.formats, folder)
            self.ledger.note(calendar.id, slice_, entry)
            self.reporting.slice(calendar, slice_, "written", entry, account.requests - before)

    def _is_done(self, calendar: KnownCalendar, slice_: Slice) -> bool:
        return self.ledger.is_done(calendar.id, slice_, self.options.formats)

    def _expected(self, calendar: KnownCalendar, slices: list[Slice]) -> Expected | None:
        """Return our own occurrences; None of a calendar that was never exported."""
        if calendar.synced_at is None or not slices:
            return None
        return Expected(self.mirror, calendar, slices[0].instants[0], slices[-1].instants[1])

    # -- the end ---------------------------------------------------------------------------------

    def _end(self, code: ExitCode, message: str) -> BackfillReport:
        """Publish the manifest and store the run."""
        if self.here and code != ExitCode.CANNOT_WRITE:
            self._publish_manifest()
        report = self._report(code, message)
        remember_run(self.mirror, report.without_slices())
        return report

    def _publish_manifest(self) -> None:
        make_folder(self.output)
        remove_leftovers(self.output)
        now = write_instant(self.clock())
        entries = manifest_entries(self.ledger, list_calendars(self.mirror), self.here, now)
        publish_manifest(self.output, self.run_id, now, entries)

    def _report(self, code: ExitCode, message: str, needed: int | None = None) -> BackfillReport:
        return BackfillReport(
            run_id=self.run_id,
            command="backfill",
            started_at=write_instant(self.started),
            finished_at=write_instant(self.clock()),
            exit_code=int(code),
            message=message,
            requests=self.account.requests if self.account else 0,
            calendars=tuple(self.reporting.calendars),
            warnings=tuple(self.reporting.warnings),
            slices=tuple(self.reporting.slices),
            requests_needed=needed,
        )
