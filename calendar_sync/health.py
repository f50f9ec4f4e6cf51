"""Is it healthy? Fresh, stale, failing or never run; when it is next due; how old the grant is."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, Literal

from calendar_sync.config import Config
from calendar_sync.errors import CalendarSyncError, ExitCode
from calendar_sync.grants.grant import Grant, read_instant
from calendar_sync.grants.token_file import TokenFile
from calendar_sync.history import LastReports, Report, last_reports, recent_reports
from calendar_sync.home import Home
from calendar_sync.mirror_account import account_in

Health = Literal["fresh", "stale", "failing", "never"]
GRACE = dt.timedelta(minutes=15)  # a due run may take this long before anybody worries
WITHOUT_SCHEDULE = dt.timedelta(hours=25)  # a daily cron job that is an hour late


def schedule_zone(config: Config) -> dt.tzinfo:
    """Return the zone of the schedule: the configured one, else this machine's, as cron does."""
    from calendar_sync.times import find_zone

    if config.timezone:
        return find_zone(config.timezone) or dt.UTC
    return machine_zone()


def machine_zone() -> dt.tzinfo:
    """Return this machine's zone with its rules where they can be found, else its offset."""
    import os

    from calendar_sync.times import find_zone

    for name in (os.environ.get("TZ", "").lstrip(":"), _etc_localtime()):
        zone = find_zone(name) if name else None
        if zone is not None:
            return zone
    return dt.datetime.now().astimezone().tzinfo or dt.UTC


def _etc_localtime() -> str:
    try:
        return str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2]
    except OSError:
        return ""


def judge(last: Report | None, success: Report | None, config: Config, now: dt.datetime) -> Health:
    """Judge by the last run, the last success, and when there should have been one."""
    if last is None:
        return "never"
    if last.exit_code not in (ExitCode.DONE, ExitCode.INTERRUPTED, ExitCode.TERMINATED):
        return "failing"
    finished = read_instant(success.finished_at) if success else None
    if finished is None:
        return "never"
    if finished - now > GRACE:
        return "stale"  # the clock was ahead then, and nobody knows how long ago that was
    if config.schedule is None:
        return "fresh" if now - finished <= WITHOUT_SCHEDULE else "stale"
    from calendar_sync.schedule import previous_due

    due = previous_due(config.schedule, now - GRACE, schedule_zone(config))
    return "fresh" if due is None or finished >= due else "stale"


def status(
    reports: LastReports, mirror: Path, token: TokenFile, config: Config, now: dt.datetime
) -> dict[str, Any]:
    """Collect what `status --json` prints; reads only local files."""
    last, success = reports
    due = None
    if config.schedule is not None:
        from calendar_sync.schedule import next_due

        due = next_due(config.schedule, now, schedule_zone(config))
    return {
        "version": 1,
        "health": judge(last, success, config, now),
        "last_success": success.finished_at if success else None,
        "last_run": last.finished_at if last else None,
        "next_due": due.isoformat() if due else None,
        "grant": grant_status(token, mirror, now),
        "calendars": last.calendars if last else [],
    }


def counted_from(home: Home) -> dt.datetime | None:
    """Return the run from which the schedule counts: the last success, or one that needs a person.

    Else cron, who asks every five minutes, would have such a run fail all night; it is tried again
    when it is due, and as soon as the grant, the client or the configuration is another one.
    """
    last, success = last_reports(home.mirror)
    if last and last.exit_code in (ExitCode.CONSENT_NEEDED, ExitCode.CONFIGURATION):
        ended = read_instant(last.finished_at)
        if ended is not None and not any(
            path.exists() and path.stat().st_mtime >= ended.timestamp()
            for path in (home.token, home.client_secrets, home.config)
        ):
            success = last
    return read_instant(success.started_at) if success else None


def grant_died_at(mirror: Path) -> dt.datetime | None:
    """Return when the runs began to end for want of a consent; None when the last one did not."""
    died = None
    for report in recent_reports(mirror, 2000):
        if report.exit_code != ExitCode.CONSENT_NEEDED:
            break
        died = read_instant(report.finished_at)
    return died


def grant_status(token: TokenFile, mirror: Path, now: dt.datetime) -> dict[str, Any]:
    """Describe the grant without a secret; one that cannot be read is described by its error.

    A grant that came with no name (google-auth's token.json) has the name its calendars told.
    """
    try:
        grant: Grant | None = token.read()
        warning = grant.warning(now) if grant else None
    except CalendarSyncError as error:
        grant, warning = None, error.message
    return {
        "account": (grant.account or account_in(mirror) or None) if grant else None,
        "consented_at": grant.consented_at if grant else None,
        "expires_at": grant.refresh_token_expires_at if grant else None,
        "age_days": grant.age_days(now) if grant else None,
        "warning": warning,
    }
