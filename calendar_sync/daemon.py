"""The job on a cron expression, by APScheduler, until stopped. The only user of APScheduler.

APScheduler decides only *when*; which times those are says cronsim, because APScheduler's own
CronTrigger loses days at a DST change and counts Monday as 0. Jobs live in memory: what has to
last is in the mirror.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import math
import os
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from calendar_sync.config import Config
from calendar_sync.durations import Unreadable, parse_duration
from calendar_sync.errors import (
    CalendarSyncError,
    Stopped,
    TryLater,
    WrongConfiguration,
    cannot_write,
)
from calendar_sync.files import make_folder
from calendar_sync.health import schedule_zone
from calendar_sync.history import Report, last_success
from calendar_sync.home import Home
from calendar_sync.locking import IsLocked, locked
from calendar_sync.logs import fields, run_id
from calendar_sync.options import RunOptions
from calendar_sync.run import Clock
from calendar_sync.schedule import is_due, next_due, parse_schedule
from calendar_sync.service_manager import ServiceManager
from calendar_sync.stop import LONGEST_RUN, Stop
from calendar_sync.terminal import Terminal
from calendar_sync.unattended import run_and_tell

if TYPE_CHECKING:
    from calendar_sync.organisation.user_run import UserResult

_LONGEST = dt.timedelta(seconds=LONGEST_RUN)
log = logging.getLogger("calendar_sync")
NO_DELAY = dt.timedelta(0)
TO_END = dt.timedelta(minutes=1)  # a run may take it after its deadline, for its last words


class CronSimTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler is untyped
    """Fires when Debian's cron would."""

    def __init__(self, expression: str, tzinfo: dt.tzinfo, delay: dt.timedelta = NO_DELAY) -> None:
        self.expression, self.tzinfo, self.delay = expression, tzinfo, delay

    def get_next_fire_time(
        self, previous_fire_time: dt.datetime | None, now: dt.datetime
    ) -> dt.datetime | None:
        """Return the first due time after the last one, in UTC, later by the delay.

        Python compares two times of one zone by the clock on the wall, and so does APScheduler: in
        the hour that comes twice a local time would be thought long past, or far away.
        """
        due = next_due(self.expression, (previous_fire_time or now) - self.delay, self.tzinfo)
        return due and due.astimezone(dt.UTC) + self.delay


def delay_of(home: Home, jitter: dt.timedelta) -> dt.timedelta:
    """Return a home's own delay below `jitter`, the same each time: not everybody in one second."""
    drawn = int.from_bytes(hashlib.sha256(os.fsencode(home.folder)).digest()[:4]) / 2**32
    return dt.timedelta(seconds=int(jitter.total_seconds() * drawn))


class Daemon:
    """One scheduler, one job; every run gets its own Stop, and all of them end with the daemon's."""

    def __init__(
        self,
        homes: list[Home],
        config: Config,
        clock: Clock,
        manager: ServiceManager | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._homes, self._config, self._clock = homes, config, clock
        self._manager = manager or ServiceManager({})
        self._monotonic = monotonic
        self.stop = Stop()
        self._running: Stop | None = None
        self._must_end = math.inf  # when, on the monotonic clock, a run that still runs is hung

    def run_once(self) -> list[Report | None]:
        """Run the job, for one account after the other; return the reports, None for a failure."""
        reports = [self._run(home) for home in self._homes]
        failed = sum(report is None or report.exit_code != 0 for report in reports)
        how = "failed, see the log" if failed else "went well"
        self._manager.tell(STATUS=f"The last run, ended at {self._clock():%F %T} UTC, {how}.")
        return reports

    def _run(self, home: Home) -> Report | None:
        """Run the job; a failure is logged and remembered, and the daemon goes on."""
        if self.stop.is_requested:
            return None  # queued behind the run that was under way
        limit = parse_duration(self._config.deadline) if self._config.deadline else _LONGEST
        self._running = Stop(limit.total_seconds())
        self._must_end = self._monotonic() + (limit + TO_END).total_seconds()
        self._manager.tell(STATUS="A run is under way.")
        if self.stop.is_requested:
            self._running.request(self.stop.code)
        options = RunOptions(command="daemon")
        try:
            report = self._work(home, options, self._running)
        except Stopped:
            return None
        except CalendarSyncError as error:
            words = f"{error.message} {error.hint}".strip()
            facts = fields(exit_code=int(error.exit_code), error=words)
            log.error("run failed", extra=facts)  # noqa: TRY400  # no traceback
            return None
        except Exception as error:
            # APScheduler would print the texts of foreign errors, which may hold what servers sent.
            log.error("run ended by a bug (%s)", type(error).__name__)  # noqa: TRY400
            log.debug("%s", "".join(traceback.format_tb(error.__traceback__)))
            return None
        finally:
            self._running, self._must_end = None, math.inf
            run_id.set("")
        return report

    def _work(self, home: Home, options: RunOptions, stop: Stop) -> Report:
        if not self._config.is_organisation(home):
            return run_and_tell(home, self._config, options, self._clock, stop)
        from calendar_sync.organisation.whole_run import run_organisation

        report, _ = run_organisation(home, self._config, options, self._clock, stop, _log_user)
        return report

    def is_healthy(self) -> bool:
        """Whether no run is far past its deadline: such a one hangs where nothing can end it."""
        return self._monotonic() < self._must_end

    def end(self) -> bool:
        """End the run that is under way at its next page; return whether there is one."""
        running = self._running
        if running is not None:
            running.request(self.stop.code)
        return running is not None


def run_daemon(
    home: Home,
    homes: list[Home],
    config: Config,
    schedule: str | None,
    clock: Clock,
    terminal: Terminal,
    jitter: dt.timedelta = NO_DELAY,
) -> int:
    """Run for `homes`, the accounts of `home`, until a signal; return its exit code (130 or 143).

    A second daemon ends with 75.
    """
    expression = _expression(home, config, schedule)
    tzinfo = schedule_zone(config)
    manager = ServiceManager(os.environ)
    daemon = Daemon(homes, config, clock, manager)
    trigger = CronSimTrigger(expression, tzinfo, delay_of(home, jitter))
    with _alone(home), daemon.stop.on_signals():
        scheduler = _start(daemon, trigger)
        if any(is_due(expression, last_success(h.mirror), clock(), tzinfo) for h in homes):
            scheduler.add_job(daemon.run_once, id="catch-up", name="catch-up")
        due = next_due(expression, clock(), tzinfo)
        words = f"Running {expression!r}; next at {due.isoformat() if due else 'never'}."
        terminal.say(words)
        manager.tell(READY="1", STATUS=words)
        daemon.stop.wait_for_request(lambda: manager.beat(healthy=daemon.is_healthy()))
        manager.tell(STOPPING="1", STATUS="Stopping.")
        is_running = daemon.end()
        terminal.say(f"Stopping{' after the page that is being read' if is_running else ''}.")
        scheduler.shutdown(wait=True)
    return int(daemon.stop.code)


def _expression(home: Home, config: Config, schedule: str | None) -> str:
    expression = schedule or config.schedule
    if expression is None:
        raise WrongConfiguration(
            "The daemon needs a schedule, and there is none.",
            f'Put one into {home.config}, for example: schedule = "*/15 * * * *"',
        )
    try:
        return parse_schedule(expression)
    except Unreadable as error:
        raise WrongConfiguration(f"{error}.") from error


def _start(daemon: Daemon, trigger: CronSimTrigger) -> Any:
    scheduler = BackgroundScheduler(
        timezone=dt.UTC,  # see CronSimTrigger
        executors={"default": ThreadPoolExecutor(1)},
        job_defaults={
            "misfire_grace_time": None,  # the default second silently drops late runs
            "coalesce": True,
            "max_instances": 1,
        },
    )
    scheduler.add_job(daemon.run_once, trigger, id="export", name="export")
    scheduler.add_listener(_log_event, EVENT_JOB_ERROR | EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
    scheduler.start()
    return scheduler


def _log_user(result: UserResult) -> None:
    if result.exit_code:
        facts = fields(user=result.user, exit_code=result.exit_code, error=result.message)
        log.error("user failed", extra=facts)


def _log_event(event: Any) -> None:
    words = {EVENT_JOB_MISSED: "missed", EVENT_JOB_MAX_INSTANCES: "skipped, one is still running"}
    exception = getattr(event, "exception", None)
    what = words.get(event.code) or f"ended by a bug ({type(exception).__name__})"
    log.error("job=%s %s", event.job_id, what)


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    make_folder(home.state, secret=True)
    path = home.state / "daemon.lock"
    with ExitStack() as held:
        try:
            held.enter_context(locked(path))
        except IsLocked as error:
            hint = f"See which: fuser -v {path}"
            raise TryLater(f"Another daemon is at work in {home.folder}.", hint) from error
        except OSError as error:
            raise cannot_write(path, error) from error
        yield
