"""The job as cron, the daemon and a person start it: one run, announced, done, and told."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from calendar_sync.config import Config
from calendar_sync.errors import CalendarSyncError
from calendar_sync.grants.grant import read_instant
from calendar_sync.history import Report, last_reports, new_run_id
from calendar_sync.home import Home
from calendar_sync.logs import fields, run_id
from calendar_sync.options import RunOptions
from calendar_sync.progress import Progress
from calendar_sync.run import Clock, run_export
from calendar_sync.session import account_of
from calendar_sync.stop import Stop

if TYPE_CHECKING:
    from calendar_sync.telling.told import Telling

log = logging.getLogger("calendar_sync")


def run_and_tell(
    home: Home,
    config: Config,
    options: RunOptions,
    clock: Clock,
    stop: Stop,
    bar: Progress = Progress(),  # noqa: B008 - draws nothing
) -> Report:
    """Run the job and tell about it; a dry run is told to nobody. Raises what `run_export` raises.

    The log has the run's id until another one starts: what is said after it belongs to it, too.
    """
    options = replace(options, run_id=options.run_id or new_run_id(clock()))
    run_id.set(options.run_id)
    log.info("run begins", extra=fields(command=options.command, home=str(home.folder)))
    try:
        with _told(home, config, options, clock) as telling, stop.in_time():
            connect = account_of(home, config, clock, stop)
            if telling is not None:
                connect = telling.announced(connect)
            report = run_export(home, config, options, connect, clock, stop.check, bar)
            if telling is not None:
                telling.report = report
            facts = fields(exit_code=report.exit_code, requests=report.requests)
            log.info("run done", extra=facts)
    except CalendarSyncError as error:
        log.info("run done", extra=fields(exit_code=int(error.exit_code)))
        raise
    finally:
        if config.report is not None and not options.dry_run:
            refresh_report(home, config)
    return report


def _told(
    home: Home, config: Config, options: RunOptions, clock: Clock
) -> AbstractContextManager[Telling | None]:
    """Tell about a run, where anybody is told; else nothing of what tells is loaded."""
    if options.dry_run or config.tells_nobody:
        return nullcontext()
    from calendar_sync.telling.told import told

    return told(home, config, clock)


def refresh_report(home: Home, config: Config) -> None:
    """Bring the page up to date as of the last run's end; it is no reason for a run to fail."""
    last = last_reports(home.mirror)[0]
    now = read_instant(last.finished_at) if last else None
    if now is None:
        return
    from calendar_sync.report_page.writing import write_report

    try:
        write_report(home, config, now)
    except CalendarSyncError as error:
        log.warning("%s", error.message)
    except Exception as error:
        log.warning("the report page was not written (%s)", type(error).__name__)
