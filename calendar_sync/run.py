"""One run: fetch -> mirror -> export -> remember. The same for cron, the daemon and a person.

It knows no Google and no browser: it is handed a source of calendars and pages.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing
from typing import Any, Protocol

from calendar_sync.calendars import (
    KnownCalendar,
    is_chosen,
    known_calendar,
    list_calendars,
    mark_gone,
    remember_calendars,
)
from calendar_sync.config import Config
from calendar_sync.durations import parse_duration
from calendar_sync.errors import CalendarSyncError, DamagedInput, ExitCode, WrongUsage
from calendar_sync.files import make_folder, remove_leftovers
from calendar_sync.grants.grant import write_instant
from calendar_sync.history import Report, new_run_id, remember_end, remember_run
from calendar_sync.home import Home
from calendar_sync.intake import Outcome, Task, Writer
from calendar_sync.listing import RunFacts
from calendar_sync.lock import no_run_at_work, run_lock
from calendar_sync.mirror import DamagedMirror, Mirror, sqlite_in_our_words
from calendar_sync.mirror_file import copied_mirror, with_mirror
from calendar_sync.model import CalendarEntry
from calendar_sync.options import RunOptions, views_of
from calendar_sync.progress import Counted, Progress
from calendar_sync.publish import entries_in
from calendar_sync.publishing import Publishing
from calendar_sync.reading import Source, read_calendars
from calendar_sync.reporting import Reporting
from calendar_sync.sync import choose_fetch
from calendar_sync.views import View

Clock = Callable[[], dt.datetime]


class Account(Source, Protocol):
    """A source that also knows its calendars."""

    requests: int
    warnings: tuple[str, ...]  # about the grant; they have been logged

    def calendars(self) -> list[CalendarEntry]:
        """List every calendar of the account."""
        ...

    def close(self) -> None:
        """Give up every connection; a next request would make a new one."""
        ...


def run_export(
    home: Home,
    config: Config,
    options: RunOptions,
    connect: Callable[[], Account],
    clock: Clock,
    pause: Callable[[], None] = lambda: None,
    progress: Progress = Progress(),  # noqa: B008 - draws nothing
) -> Report:
    """Bring the exports up to date and remember the run; the report's exit code is the run's.

    What ends a run early is remembered too, and raised. `pause` is called often while files are
    made, and may raise to end the run (a signal, a deadline).
    """
    if options.dry_run:
        return _dry_run(home, config, options, connect, clock, progress)

    def work(mirror: Mirror, warnings: list[str]) -> Report:
        run = _Run(home, config, options, mirror, clock, warnings)
        run.publishing.pause, run.progress = pause, progress
        return run.remembered(connect)

    with run_lock(home):
        return with_mirror(home.mirror, clock, work)


def _dry_run(
    home: Home,
    config: Config,
    options: RunOptions,
    connect: Callable[[], Account],
    clock: Clock,
    progress: Progress,
) -> Report:
    """Fetch into a copy of the mirror elsewhere and publish nothing; home is only read."""

    def work(mirror: Mirror, damage: list[str]) -> Report:
        warnings = ["The mirror is damaged; a run moves it aside and reads all anew."] * len(damage)
        run = _Run(home, config, options, mirror, clock, warnings)
        run.progress = progress
        return run.done(connect)

    with ExitStack() as lent:
        with no_run_at_work(home):
            copy = lent.enter_context(copied_mirror(home.mirror))
        return with_mirror(copy, clock, work)


class _Run:
    """One run's state on its way from the first request to the report."""

    def __init__(
        self,
        home: Home,
        config: Config,
        options: RunOptions,
        mirror: Mirror,
        clock: Clock,
        warnings: list[str],
    ) -> None:
        self.home, self.config, self.options = home, config, options
        self.mirror, self.clock = mirror, clock
        self.reporting = Reporting(mirror, warnings)
        self.started = clock()
        self.run_id = options.run_id or new_run_id(self.started)
        self.account: Account | None = None
        self.progress = Progress()
        self.views = views_of(home, config, options, self.started)
        self.publishing = Publishing(
            mirror,
            self.views,
            verify=options.verify,
            keep_deleted=config.keep_deleted,
            dry_run=options.dry_run,
            may_help=(options.jobs or config.jobs) > 1,
        )

    def remembered(self, connect: Callable[[], Account]) -> Report:
        """Do the run and store its report, also when it ends early."""
        try:
            with sqlite_in_our_words(self.mirror.path):
                report = self.done(connect)
        except (DamagedMirror, WrongUsage):
            raise  # the run begins anew; a typo is no run of the job
        except CalendarSyncError as error:
            remember_end(self.mirror, self._report(error.exit_code, error.message))
            raise
        except BaseException as error:
            remember_run(self.mirror, self._report(ExitCode.BUG, type(error).__name__))
            raise
        remember_run(self.mirror, report)
        return report

    def done(self, connect: Callable[[], Account]) -> Report:
        """Do the run; return its report."""
        self.publishing.check_formats()
        self.account = account = connect()
        self.reporting.warnings += account.warnings
        if not self.options.dry_run:
            for view in self.views:
                make_folder(view.folder)
                remove_leftovers(view.folder)
            self.publishing.open_outputs()
        with closing(account), closing(self.publishing), closing(self._read(account)) as outcomes:
            for outcome in outcomes:
                self._export(outcome)
                self.progress.done()
        self._publish_merged()
        if not self.options.dry_run:
            self.publishing.publish_manifests(self.run_id, self.clock())
            self.publishing.put_outputs()
        return self._report(self.reporting.exit_code(), self.reporting.message())

    # -- reading ---------------------------------------------------------------------------------

    def _read(self, account: Account) -> Generator[Outcome]:
        entries, former = account.calendars(), self._former_entries()
        with self.mirror.transaction():
            slugs = {id_: entry["slug"] for id_, entry in former.items()}
            remember_calendars(self.mirror, entries, slugs)
        here = {entry.id for entry in entries}
        calendars = list_calendars(self.mirror)
        self._notice_gone([c for c in calendars if c.id not in here and c.gone_at is None])
        self._warn_of_empty_views([c for c in calendars if c.id in here])
        wanted = [c for c in calendars if c.id in here and self._is_wanted(c)]
        if self.options.calendars and not wanted:
            raise WrongUsage(
                f"No calendar matches {' '.join(self.options.calendars)}.",
                "See their names: calendar-sync calendars",
            )
        self.progress.total(len(wanted))
        writer = Writer(
            self.mirror,
            self.clock,
            allow_shrink=self.options.allow_shrink,
            run=RunFacts(self.run_id, keep_deleted=self.config.keep_deleted),
            begin=self.publishing.begin_early,
        )
        tasks = [self._task(calendar, former.get(calendar.id, {})) for calendar in wanted]
        jobs = self.options.jobs or self.config.jobs
        return read_calendars(Counted(account, self.progress), writer, tasks, jobs=jobs)

    def _warn_of_empty_views(self, calendars: list[KnownCalendar]) -> None:
        """A mistyped pattern must not leave a folder to go stale in silence."""
        for view in self.views:
            if calendars and not any(view.shows(calendar) for calendar in calendars):
                patterns = ", ".join(view.export.calendars) or "nothing"
                self.reporting.warn(
                    f"The export {view.export.name!r} matches no calendar ({patterns}); its files are"
                    " not brought up to date. See the names: calendar-sync calendars"
                )

    def _task(self, calendar: KnownCalendar, former: dict[str, Any]) -> Task:
        fetch = choose_fetch(
            self.mirror.sync_state(calendar.key),
            time_zone=calendar.view.time_zone,
            now=self.started,
            full_every=parse_duration(self.config.full_every),
            full=self.options.full,
        )
        published = former.get("events") if calendar.synced_at is None else None
        return Task(calendar, fetch, published if isinstance(published, int) else 0)

    def _is_wanted(self, calendar: KnownCalendar) -> bool:
        asked = self.options.calendars
        if asked and not is_chosen(calendar.id, calendar.view.name, asked):
            return False
        return any(view.shows(calendar) for view in self.views)

    def _former_entries(self) -> dict[str, dict[str, Any]]:
        """Return what the folders' manifests say of each calendar, for a lost state."""
        return {entry["id"]: entry for view in self.views for entry in entries_in(view.folder)}

    def _notice_gone(self, calendars: list[KnownCalendar]) -> None:
        for calendar in calendars:
            with self.mirror.transaction():
                mark_gone(self.mirror, calendar.key, self.clock())
                self.reporting.gone(calendar)

    # -- exporting -------------------------------------------------------------------------------

    def _export(self, outcome: Outcome) -> None:
        if outcome.is_gone:
            self.reporting.gone(outcome.calendar)
            return
        if outcome.error is not None:
            self.reporting.failed(outcome.calendar, outcome.error)
            return
        self.reporting.warn_of_reading(outcome)
        calendar = known_calendar(self.mirror, outcome.calendar.key)
        try:
            published = self.publishing.bring_up_to_date(calendar, outcome.touched)
        except DamagedInput as error:  # of a draft read back
            self.reporting.failed(calendar, error)
        else:
            self.reporting.done(calendar, outcome, published=published)

    def _publish_merged(self) -> None:
        """Make the files of several calendars anew where one has changed; failed ones as they were."""
        for view in self.views:
            if view.export.merge and not self.options.dry_run:
                calendars = [c for c in list_calendars(self.mirror) if self._is_merged(c, view)]
                try:
                    self.publishing.bring_merged_up_to_date(calendars, view)
                except DamagedInput as error:  # of a draft read back
                    self.reporting.failed_merged(view.export.name, error)

    def _is_merged(self, calendar: KnownCalendar, view: View) -> bool:
        """Whether a calendar is in the view's file: `--calendar` alone must not take others out."""
        is_narrow = self.options.output is not None
        is_known = calendar.synced_at is not None and view.shows(calendar)
        return is_known and (not is_narrow or self._is_wanted(calendar))

    def _report(self, exit_code: ExitCode, message: str) -> Report:
        return Report(
            run_id=self.run_id,
            command=self.options.command,
            started_at=write_instant(self.started),
            finished_at=write_instant(self.clock()),
            exit_code=int(exit_code),
            message=message,
            requests=self.account.requests if self.account else 0,
            calendars=tuple(sorted(self.reporting.calendars, key=lambda report: report.slug)),
            warnings=tuple(self.reporting.warnings),
        )
