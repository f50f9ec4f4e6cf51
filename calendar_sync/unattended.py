"""The job as cron, the daemon and a person start it: one run, announced, done, and told."""

from __future__ import annotations

import logging

from calendar_sync.config import Config
from calendar_sync.errors import CalendarSyncError
from calendar_sync.grants.grant import read_instant
from calendar_sync.history import Report, last_reports
from calendar_sync.home import Home
from calendar_sync.options import RunOptions
from calendar_sync.run import Clock, run_export
from calendar_sync.session import account_of
from calendar_sync.stop import Stop
from calendar_sync.telling.told import told

log = logging.getLogger("calendar_sync")


def run_and_tell(
    home: Home, config: Config, options: RunOptions, clock: Clock, stop: Stop
) -> Report:
    """Run the job and tell about it; a dry run is told to nobody. Raises what `run_export` raises."""
    try:
        with told(home, config, clock, silent=options.dry_run) as telling:
            connect = telling.announced(account_of(home, config, clock, stop))
            report = telling.report = run_export(home, config, options, connect, clock, stop.check)
    finally:
        if config.report is not None and not options.dry_run:
            _refresh_report(home, config)
    return report


def _refresh_report(home: Home, config: Config) -> None:
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
