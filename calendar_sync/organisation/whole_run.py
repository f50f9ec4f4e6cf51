"""One run for every user of an organisation: many at once, one failing stops nobody.

Each user has a mirror, a lock and exports of their own. The organisation has a lock and a history,
too: `status`, `history` and those who are told hear of its run as a whole.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

import msgspec

from calendar_sync.config import Config
from calendar_sync.engines.choice import open_engine
from calendar_sync.engines.engine import WorkerDied
from calendar_sync.engines.window import work_through
from calendar_sync.errors import CalendarSyncError, ExitCode, Stopped
from calendar_sync.grants.grant import write_instant
from calendar_sync.history import CalendarReport, Report, new_run_id, remember_run
from calendar_sync.home import Home
from calendar_sync.lock import run_lock
from calendar_sync.logs import fields, run_id
from calendar_sync.mirror import Mirror
from calendar_sync.mirror_file import with_mirror
from calendar_sync.options import RunOptions
from calendar_sync.organisation.members import Members, list_members, remember_members
from calendar_sync.organisation.totals import Totals, in_short, worth_keeping
from calendar_sync.organisation.user_run import UserResult, UserTask, run_user
from calendar_sync.progress import Progress
from calendar_sync.run import Clock
from calendar_sync.stop import Stop
from calendar_sync.telling.told import told
from calendar_sync.unattended import refresh_report

_TOLD = ("users", "updated", "unchanged", "failed", "not_reached", "left_out")
log = logging.getLogger("calendar_sync")
Hear = Callable[[UserResult], None]


def run_organisation(
    home: Home,
    config: Config,
    options: RunOptions,
    clock: Clock,
    stop: Stop,
    hear: Hear,
    progress: Progress = Progress(),  # noqa: B008 - draws nothing
) -> tuple[Report, Totals]:
    """Run the job for every user and tell about it as one run; `hear` is given each user's result.

    A home with a shard stands for that share of the users. Raises what concerns the organisation
    itself: its key, its directory, its lock, a stop.
    """
    shards = home.shard.count if home.shard else 1
    config = msgspec.structs.replace(config, quota=config.quota.shared_by(shards))
    run = _Run(home, config, options, clock, stop, hear)
    run.progress = progress
    log.info("run begins", extra=fields(command=options.command, home=str(home.folder)))
    try:
        with told(home, config, clock, silent=options.dry_run) as telling, stop.in_time():
            list_them = telling.announced(lambda: list_members(home, config, clock, stop))
            telling.report = report = run.remembered(list_them)
    except CalendarSyncError as error:
        log.info("run done", extra=fields(exit_code=int(error.exit_code)))
        raise
    finally:
        if config.report is not None and not options.dry_run:
            refresh_report(home, config)
    facts = {name: number for name in _TOLD if (number := getattr(run.totals, name))}
    log.info(
        "run done", extra=fields(exit_code=report.exit_code, requests=report.requests, **facts)
    )
    return report, run.totals


class _Run:
    def __init__(
        self,
        home: Home,
        config: Config,
        options: RunOptions,
        clock: Clock,
        stop: Stop,
        hear: Hear,
    ) -> None:
        self._home, self._config = home, config
        self._clock, self._stop, self._hear = clock, stop, hear
        self._started = clock()
        self._options = replace(options, run_id=new_run_id(self._started))
        run_id.set(self._options.run_id)
        self._users: list[CalendarReport] = []
        self._warnings: list[str] = []
        self.totals = Totals()
        self.progress = Progress()

    def remembered(self, list_them: Callable[[], Members]) -> Report:
        """Do the run under the organisation's lock and store its report, also when it ends early."""
        is_dry = self._options.dry_run
        with nullcontext() if is_dry else run_lock(self._home):
            try:
                members = list_them()
                if not is_dry:
                    self._part_with(remember_members(self._home, members))
                self._do(members.in_shard(self._home.shard))
                self._check_stop()
                report = self._report(self.totals.exit_code(), self.totals.in_words())
            except CalendarSyncError as error:
                self._remember(self._report(error.exit_code, error.message))
                raise
            except Exception as error:
                self._remember(self._report(ExitCode.BUG, type(error).__name__))
                raise
            self._remember(report)
            return report

    def _part_with(self, addresses: tuple[str, ...]) -> None:
        """Tell of users who were read for until now; what there is of them stays."""
        self.totals.no_longer_listed = [*addresses]
        if addresses:
            named = in_short(addresses)
            self._warnings.append(f"No longer among the users: {named}; their files stay.")
            log.warning("%s", self._warnings[-1])

    def _do(self, members: Members) -> None:
        self.totals.users = len(members.addresses) + len(members.odd)
        self.totals.not_reached, self.totals.left_out = self.totals.users, len(members.left_out)
        self.progress.total(self.totals.users)
        for odd in members.odd:
            why = "this address cannot name a folder"
            self._note(UserResult(odd, int(ExitCode.CONFIGURATION), why))
        with open_engine(self._config.engine, self._config.workers, self._stop) as engine:
            parts = engine.processes * (self._home.shard.count if self._home.shard else 1)
            users = (self._home.of_user(address) for address in members.addresses)
            tasks = (UserTask(user, self._options, parts) for user in users)
            for task, outcome in work_through(engine, run_user, tasks, self._stop):
                self._note(outcome if isinstance(outcome, UserResult) else _lost(task, outcome))
        self.totals.failed_users.sort(key=lambda failed: failed.user)

    def _note(self, result: UserResult) -> None:
        if result.exit_code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED):
            return  # stopped with us: not reached
        self.totals.not_reached -= 1
        summary = self.totals.add(result)
        if not result.exit_code:
            log.info("user done", extra=fields(user=result.user, result=summary.result))
        self._users.append(summary)
        self._hear(result)
        self.progress.done()
        self.progress.detail(f"{self.totals.events:,} events")

    def _check_stop(self) -> None:
        """Raise Stopped after a signal; past the deadline the run ends well for whom it reached."""
        if self._stop.is_requested:
            raise Stopped(self._stop.code)

    def _report(self, exit_code: int, message: str) -> Report:
        return Report(
            run_id=self._options.run_id,
            command=self._options.command,
            started_at=write_instant(self._started),
            finished_at=write_instant(self._clock()),
            exit_code=int(exit_code),
            message=message,
            requests=self.totals.requests,
            calendars=worth_keeping(self._users),
            warnings=tuple(self._warnings),
        )

    def _remember(self, report: Report) -> None:
        def store(mirror: Mirror, _warnings: list[str]) -> None:
            remember_run(mirror, report)

        if not self._options.dry_run:
            with_mirror(self._home.mirror, self._clock, store)


def _lost(task: UserTask, error: Exception) -> UserResult:
    """Say what became of a user whose worker could not say it itself."""
    why = f"a worker failed ({type(error).__name__})"
    if isinstance(error, WorkerDied):
        why = "every worker that read for this user died (memory? see the system's log)"
    return UserResult(task.home.account, int(ExitCode.BUG), why)
