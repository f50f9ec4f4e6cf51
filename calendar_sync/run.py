"""One run: fetch -> mirror -> export -> remember. The same for cron, the daemon and a person.

It knows no Google and no browser: it is handed a source of calendars and pages.
"""

from __future__ import annotations

import datetime as dt
import logging
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec
from filelock import FileLock, Timeout

from calendar_sync.calendars import (
    KnownCalendar,
    is_chosen,
    list_calendars,
    mark_gone,
    remember_calendars,
)
from calendar_sync.config import MERGED_FORMATS, Config, Export, Format
from calendar_sync.errors import (
    CalendarSyncError,
    DamagedInput,
    ExitCode,
    TryLater,
    WrongConfiguration,
    WrongUsage,
    cannot_write,
)
from calendar_sync.files import make_folder
from calendar_sync.grants.grant import write_instant
from calendar_sync.history import CalendarReport, Report, new_run_id, remember_run
from calendar_sync.home import Home
from calendar_sync.listing import NO_COUNTS, RunFacts
from calendar_sync.mirror import (
    DamagedMirror,
    Mirror,
    check_mirror,
    move_aside,
    open_mirror,
    sqlite_in_our_words,
    was_left_open,
)
from calendar_sync.model import CalendarEntry
from calendar_sync.publish import remove_leftovers, slugs_in
from calendar_sync.publishing import Publishing
from calendar_sync.reading import Outcome, Source, Task, read_calendars
from calendar_sync.sync import FullFetch, Kind, Plan, choose_fetch
from calendar_sync.views import ALWAYS, Period, View
from calendar_sync.windows import parse_duration

log = logging.getLogger("calendar_sync")
Clock = Callable[[], dt.datetime]
_T = TypeVar("_T")


class Account(Source, Protocol):
    """A source that also knows its calendars."""

    requests: int

    def calendars(self) -> list[CalendarEntry]:
        """List every calendar of the account."""
        ...


@dataclass(frozen=True)
class RunOptions:
    """What the command line asks of one run, over what the configuration says."""

    calendars: tuple[str, ...] = ()
    formats: tuple[Format, ...] = ()
    output: Path | None = None
    period: Period = ALWAYS
    full: bool = False
    dry_run: bool = False
    allow_shrink: bool = False
    verify: bool = False  # read every draft back before it is published
    jobs: int | None = None
    command: str = "export"


@contextmanager
def run_lock(home: Home) -> Iterator[None]:
    """Hold the lock every way to start a run shares. Raises TryLater when another run has it."""
    if not home.folder.is_dir():
        raise WrongConfiguration(
            f"Neither {home.client_secrets} nor {home.token} exists; {home.describe()}.",
            "Is that folder the right one? Which one is chosen and why: calendar-sync doctor",
        )
    make_folder(home.state, secret=True)
    lock = FileLock(home.run_lock, mode=0o600, fallback_to_soft=False)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        message = f"Another run is at work in {home.folder}; nothing was done."
        raise TryLater(message, f"See which: fuser -v {home.run_lock}") from error
    except OSError as error:
        raise cannot_write(home.run_lock, error) from error
    try:
        yield
    finally:
        lock.release()


def run_export(
    home: Home,
    config: Config,
    options: RunOptions,
    connect: Callable[[], Account],
    clock: Clock,
    pause: Callable[[], None] = lambda: None,
) -> Report:
    """Bring the exports up to date and remember the run; the report's exit code is the run's.

    What ends a run early is remembered too, and raised. `pause` is called often while files are
    made, and may raise to end the run (a signal, a deadline).
    """
    if options.dry_run:
        return _dry_run(home, config, options, connect, clock)

    def work(mirror: Mirror, warnings: list[str]) -> Report:
        run = _Run(home, config, options, mirror, clock, warnings)
        run.publishing.pause = pause
        return run.remembered(connect)

    with run_lock(home):
        return with_mirror(home.mirror, clock, work)


def _dry_run(
    home: Home,
    config: Config,
    options: RunOptions,
    connect: Callable[[], Account],
    clock: Clock,
) -> Report:
    """Fetch into a copy of the mirror elsewhere and publish nothing; home is only read."""
    with tempfile.TemporaryDirectory(prefix="calendar-sync-") as name:
        copy = Path(name) / home.mirror.name
        for suffix in ("", "-wal"):
            original = home.mirror.with_name(home.mirror.name + suffix)
            if original.exists():
                shutil.copyfile(original, copy.with_name(copy.name + suffix))

        def work(mirror: Mirror, warnings: list[str]) -> Report:
            return _Run(home, config, options, mirror, clock, warnings).done(connect)

        return with_mirror(copy, clock, work)


def with_mirror(path: Path, clock: Clock, work: Callable[[Mirror, list[str]], _T]) -> _T:
    """Do the work with the mirror, and warnings; a damaged mirror is moved aside, work begins anew.

    Damage shows when it is opened or, in the middle of the file, when the page is read.
    """
    try:
        is_doubtful = was_left_open(path)
        with closing(open_mirror(path)) as mirror, sqlite_in_our_words(path):
            check_mirror(mirror, clock(), was_left_open=is_doubtful)
            return work(mirror, [])
    except DamagedMirror as error:
        aside = move_aside(path, clock())
        warning = f"The mirror was damaged ({error}); it is {aside.name} now, all is read anew."
    with closing(open_mirror(path)) as mirror, sqlite_in_our_words(path):
        return work(mirror, [warning])


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
        self.mirror, self.clock, self.warnings = mirror, clock, warnings
        self.started = clock()
        self.run_id = new_run_id(self.started)
        self.reports: list[CalendarReport] = []
        self.failures: list[CalendarSyncError] = []
        self.account: Account | None = None
        self.views = [
            View(export, self._folder(export), self.started, config.timezone, options.period)
            for export in self._exports()
        ]
        self.publishing = Publishing(
            mirror,
            self.views,
            verify=options.verify,
            keep_deleted=config.keep_deleted,
            dry_run=options.dry_run,
        )

    def remembered(self, connect: Callable[[], Account]) -> Report:
        """Do the run and store its report, also when it ends early."""
        try:
            with sqlite_in_our_words(self.mirror.path):
                report = self.done(connect)
        except DamagedMirror:
            raise  # the run begins anew
        except CalendarSyncError as error:
            remember_run(self.mirror, self._report(error.exit_code, error.message))
            raise
        except BaseException as error:
            remember_run(self.mirror, self._report(ExitCode.BUG, type(error).__name__))
            raise
        remember_run(self.mirror, report)
        return report

    def done(self, connect: Callable[[], Account]) -> Report:
        """Do the run; return its report."""
        for warning in self.warnings:
            log.warning("%s", warning)
        self.publishing.check_formats()
        self.account = account = connect()
        if not self.options.dry_run:
            for view in self.views:
                make_folder(view.folder)
                remove_leftovers(view.folder)
        with closing(self._read(account)) as outcomes:
            for outcome in outcomes:
                self._export(outcome)
        self._publish_merged()
        if not self.options.dry_run:
            self.publishing.publish_manifests(self.run_id, self.clock())
        return self._report(self._exit_code(), self._message())

    # -- reading ---------------------------------------------------------------------------------

    def _read(self, account: Account) -> Generator[Outcome]:
        entries = account.calendars()
        with self.mirror.transaction():
            remember_calendars(self.mirror, entries, self._former_slugs())
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
        return read_calendars(
            account,
            self.mirror,
            [self._task(calendar) for calendar in wanted],
            jobs=self.options.jobs or self.config.jobs,
            clock=self.clock,
            allow_shrink=self.options.allow_shrink,
            run=RunFacts(self.run_id, keep_deleted=self.config.keep_deleted),
        )

    def _warn_of_empty_views(self, calendars: list[KnownCalendar]) -> None:
        """A mistyped pattern must not leave a folder to go stale in silence."""
        for view in self.views:
            if calendars and not any(view.shows(calendar) for calendar in calendars):
                patterns = ", ".join(view.export.calendars) or "nothing"
                self._warn(
                    f"The export {view.export.name!r} matches no calendar ({patterns}); its files are"
                    " not brought up to date. See the names: calendar-sync calendars"
                )

    def _task(self, calendar: KnownCalendar) -> Task:
        fetch = choose_fetch(
            self.mirror.sync_state(calendar.key),
            time_zone=calendar.view.time_zone,
            now=self.started,
            full_every=parse_duration(self.config.full_every),
            full=self.options.full,
        )
        return Task(calendar, fetch)

    def _is_wanted(self, calendar: KnownCalendar) -> bool:
        asked = self.options.calendars
        if asked and not is_chosen(calendar.id, calendar.view.name, asked):
            return False
        return any(view.shows(calendar) for view in self.views)

    def _former_slugs(self) -> dict[str, str]:
        slugs: dict[str, str] = {}
        for view in self.views:
            slugs |= slugs_in(view.folder)
        return slugs

    def _notice_gone(self, calendars: list[KnownCalendar]) -> None:
        for calendar in calendars:
            with self.mirror.transaction():
                mark_gone(self.mirror, calendar.key, self.clock())
            self._warn_gone(calendar)

    def _warn_gone(self, calendar: KnownCalendar) -> None:
        self._warn(f"{calendar.view.name or calendar.id} is gone from the account; its files stay.")
        self.reports.append(self._report_on(calendar, "gone"))

    # -- exporting -------------------------------------------------------------------------------

    def _export(self, outcome: Outcome) -> None:
        if outcome.is_gone:
            self._warn_gone(outcome.calendar)
            return
        if outcome.error is not None:
            self._fail(outcome.calendar, outcome.error)
            return
        if outcome.unreadable:
            name = outcome.calendar.view.name or outcome.calendar.id
            self._warn(f"{name}: {outcome.unreadable} resources without an id were left out.")
        if outcome.differences:
            self._warn(_unlike_google(outcome))
        calendar = self._known(outcome.calendar.key)
        published = self._publish(calendar)
        if published is None:
            return
        result = "updated" if published or outcome.counts != NO_COUNTS else "unchanged"
        report = self._report_on(calendar, result, outcome)
        self.reports.append(report)
        log.info(
            "calendar=%s result=%s read=%s pages=%d added=%d changed=%d removed=%d",
            calendar.slug, report.result, report.read, outcome.pages,
            report.added, report.changed, report.removed,
        )  # fmt: skip

    def _publish(self, calendar: KnownCalendar) -> bool | None:
        """Return whether there was anything to publish; None when it failed, which is reported."""
        try:
            return self.publishing.bring_up_to_date(calendar)
        except DamagedInput as error:  # of a draft read back
            self._fail(calendar, error)
            return None

    def _publish_merged(self) -> None:
        """Make the files of several calendars anew where one has changed; failed ones as they were."""
        for view in self.views:
            if view.export.merge and not self.options.dry_run:
                calendars = [c for c in list_calendars(self.mirror) if self._is_merged(c, view)]
                try:
                    self.publishing.bring_merged_up_to_date(calendars, view)
                except DamagedInput as error:  # of a draft read back
                    self.failures.append(error)
                    self._warn(f"{view.export.name}: {error.message}")

    def _is_merged(self, calendar: KnownCalendar, view: View) -> bool:
        """Whether a calendar is in the view's file: `--calendar` alone must not take others out."""
        is_narrow = self.options.output is not None
        is_known = calendar.synced_at is not None and view.shows(calendar)
        return is_known and (not is_narrow or self._is_wanted(calendar))

    def _known(self, key: int) -> KnownCalendar:
        return next(c for c in list_calendars(self.mirror) if c.key == key)

    # -- reporting -------------------------------------------------------------------------------

    def _fail(self, calendar: KnownCalendar, error: CalendarSyncError) -> None:
        self.failures.append(error)
        report = self._report_on(calendar, "failed")
        words = f"{error.message} {error.hint}".rstrip()
        self.reports.append(msgspec.structs.replace(report, error=words))
        log.error("calendar=%s result=failed error=%s", calendar.slug, words)

    def _warn(self, text: str) -> None:
        self.warnings.append(text)
        log.warning("%s", text)

    def _exit_code(self) -> ExitCode:
        if not self.failures:
            return ExitCode.DONE
        if any(isinstance(error, DamagedInput) for error in self.failures):
            return ExitCode.DAMAGED_INPUT
        done = [report for report in self.reports if report.result in ("updated", "unchanged")]
        passing = all(isinstance(error, TryLater) for error in self.failures)
        return ExitCode.TRY_LATER if passing and not done else ExitCode.SOME_FAILED

    def _message(self) -> str:
        names = [report.name for report in self.reports if report.result == "failed"]
        return f"failed: {', '.join(names)}" if names else ""

    def _report(self, exit_code: ExitCode, message: str) -> Report:
        return Report(
            run_id=self.run_id,
            command=self.options.command,
            started_at=write_instant(self.started),
            finished_at=write_instant(self.clock()),
            exit_code=int(exit_code),
            message=message,
            requests=self.account.requests if self.account else 0,
            calendars=tuple(sorted(self.reports, key=lambda report: report.slug)),
            warnings=tuple(self.warnings),
        )

    def _report_on(
        self, calendar: KnownCalendar, result: str, outcome: Outcome | None = None
    ) -> CalendarReport:
        counts = outcome.counts if outcome else NO_COUNTS
        numbers = self.mirror.count(calendar.key)
        return CalendarReport(
            id=calendar.id,
            name=calendar.view.name or calendar.id,
            slug=calendar.slug,
            result=result,
            read=_in_words(outcome.fetch) if outcome else "",
            added=counts.added,
            changed=counts.changed,
            removed=counts.removed,
            events=sum(number for kind, number in numbers.items() if kind != Kind.CANCELLED),
        )

    # -- what is asked for -----------------------------------------------------------------------

    def _exports(self) -> list[Export]:
        """Apply the command line to the configured exports."""
        formats = self.options.formats
        if any(export.merge for export in self.config.export) and not (
            {*formats} <= {*MERGED_FORMATS}
        ):
            raise WrongUsage("Only ics and csv can be merged, and an [[export]] says merge = true.")
        return [
            msgspec.structs.replace(export, formats=formats) if formats else export
            for export in self.config.export
        ]

    def _folder(self, export: Export) -> Path:
        """Return the export's folder; several exports share `--output` by their names."""
        if self.options.output is None:
            return self.home.output(export.output)
        output = self.options.output / self.home.account
        names = [export.name for export in self.config.export]
        if len(set(names)) < len(names):
            raise WrongUsage("With --output every [[export]] needs a name of its own.")
        return output if len(names) == 1 else output / export.name


_MOST_NAMED = 5  # of events in a warning


def _unlike_google(outcome: Outcome) -> str:
    """Say what a periodic check found: changes that Google never sent to us."""
    view, found = outcome.calendar.view, outcome.differences
    named = [f"{title or 'untitled'} ({id_})" for id_, title in [*found.items()][:_MOST_NAMED]]
    more = "" if len(found) <= _MOST_NAMED else f" and {len(found) - _MOST_NAMED} more"
    return (
        f"{view.name or view.id}: the periodic full read found {len(found)} differences from the"
        f" mirror, which has been put right: {', '.join(named)}{more}."
    )


def _in_words(fetch: Plan) -> str:
    return f"full ({fetch.reason})" if isinstance(fetch, FullFetch) else "changes"
