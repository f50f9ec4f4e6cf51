"""Every check that can be made without changing anything, each with its remedy."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from calendar_sync.config import Config, read_config
from calendar_sync.errors import CalendarSyncError
from calendar_sync.grants.client_secrets import ClientSecrets, read_client_secrets
from calendar_sync.grants.grant import Grant
from calendar_sync.grants.scopes import is_broader
from calendar_sync.grants.token_file import TokenFile
from calendar_sync.health import judge, schedule_zone
from calendar_sync.history import last_reports
from calendar_sync.home import Home
from calendar_sync.run import Clock
from calendar_sync.schedule import next_due
from calendar_sync.stop import Stop

Result = Literal["pass", "warn", "fail"]
_LITTLE_ROOM = 200 * 1024 * 1024  # bytes


class Check(msgspec.Struct, frozen=True):
    """One finding. `remedy` is the next thing to do, empty when there is nothing."""

    name: str
    result: Result
    finding: str
    remedy: str = ""


def examine(home: Home, clock: Clock, *, offline: bool) -> Iterator[Check]:
    """Yield every check, local ones first; one failing never stops the others."""
    yield Check("home", "pass", f"{home.folder} ({home.rule})")
    yield _checked("configuration", lambda: _configuration(home))
    yield from _modes(home)
    yield _checked("client", lambda: _client(home))
    yield _checked("grant", lambda: _grant(home, clock))
    yield _checked("disk", lambda: _disk(home))
    yield _checked("mirror", lambda: _mirror(home))
    yield _checked("last run", lambda: _last_run(home, clock))
    if not offline:
        yield _checked("google", lambda: _google(home, clock))


def _checked(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except CalendarSyncError as error:
        return Check(name, "fail", error.message, error.hint)


def _configuration(home: Home) -> Check:
    config = read_config(home.config)
    if not home.config.exists():
        return Check("configuration", "pass", f"no {home.config}; the defaults hold")
    return Check("configuration", "pass", f"{home.config}, {len(config.export)} exports")


def _modes(home: Home) -> Iterator[Check]:
    for path in (home.credentials, home.client_secrets, home.token):
        if not path.exists():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077 and os.name != "nt":
            wanted = "700" if path.is_dir() else "600"
            remedy = f"chmod {wanted} {path}    (the next run does it, too)"
            yield Check("modes", "warn", f"{path} is open to others ({mode:04o})", remedy)
            return
    yield Check("modes", "pass", f"nobody else can read {home.credentials}")


def _client(home: Home) -> Check:
    secrets = read_client_secrets(home.client_secrets)
    if secrets is None:
        if home.token.exists():
            return Check("client", "warn", f"no {home.client_secrets}; a new consent needs it")
        return Check(
            "client", "fail", f"no {home.client_secrets}", "See credentials/README.md, step 4"
        )
    if secrets.kind == "web":
        return Check("client", "warn", "a 'web' client", "Create a 'Desktop app' client instead")
    return Check("client", "pass", f"{secrets.client_id}, of {secrets.google}")


def _grant(home: Home, clock: Clock) -> Check:
    grant: Grant = TokenFile(home.token).read()
    warning = grant.warning(clock())
    if warning:
        return Check("grant", "warn", warning)
    age = grant.age_days(clock())
    finding = f"{grant.account or 'account unknown'}, " + (
        "date of consent unknown" if age is None else f"{age} days old"
    )
    if grant.scopes and is_broader(grant.scopes):
        return Check("grant", "warn", f"{finding}, broader than needed", "calendar-sync consent")
    return Check("grant", "pass", finding)


def _disk(home: Home) -> Check:
    folder = _existing(home.exports)
    free = shutil.disk_usage(folder).free
    if not os.access(folder, os.W_OK):
        return Check("disk", "fail", f"{folder} cannot be written", f"ls -ld {folder}")
    if free < _LITTLE_ROOM:
        return Check("disk", "warn", f"{free >> 20} MB free at {folder}", f"df -h {folder}")
    return Check("disk", "pass", f"{free >> 20} MB free at {folder}")


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def _mirror(home: Home) -> Check:
    if not home.mirror.exists():
        return Check("mirror", "pass", "none yet; the first run makes it")
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(f"{home.mirror.as_uri()}?mode=ro", uri=True)
        answer = connection.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.Error as error:
        answer = str(error)
    finally:
        if connection is not None:
            connection.close()
    if answer != "ok":
        remedy = "The next run moves it aside and reads everything anew"
        return Check("mirror", "warn", f"{home.mirror} is damaged: {answer}", remedy)
    return Check("mirror", "pass", f"{home.mirror} is whole")


def _last_run(home: Home, clock: Clock) -> Check:
    config: Config = read_config(home.config)
    last, success = last_reports(home.mirror)
    health = judge(last, success, config, clock())
    if last is None:
        return Check("last run", "warn", "there was none yet", "calendar-sync export")
    finding = f"{health}; last at {last.finished_at} with exit code {last.exit_code}"
    if config.schedule:
        due = next_due(config.schedule, clock(), schedule_zone(config))
        finding += f"; next due {due.isoformat() if due else 'never'}"
    if health == "fresh":
        return Check("last run", "pass", finding)
    remedy = "calendar-sync export -v" if health == "failing" else "calendar-sync schedule show"
    return Check("last run", "warn", f"{finding}. {last.message}".strip(), remedy)


def _google(home: Home, clock: Clock) -> Check:
    """Refresh for real, because only that proves the grant; then list the calendars."""
    from calendar_sync.google_calendar import GoogleCalendar
    from calendar_sync.grants.credentials import load_credentials

    secrets: ClientSecrets | None = read_client_secrets(home.client_secrets)
    credentials = load_credentials(home, secrets, clock)
    credentials.refresh(None)
    entries = GoogleCalendar(credentials, Stop(deadline=120)).calendars()
    hidden = sum(entry.hidden for entry in entries)
    finding = f"the grant was refreshed; {len(entries)} calendars, {hidden} of them hidden"
    return Check("google", "pass", finding)
