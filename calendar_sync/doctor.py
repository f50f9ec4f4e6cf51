"""Every check that can be made without changing anything, each with its remedy."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from calendar_sync.checks import Check
from calendar_sync.config import Account, Config, read_config
from calendar_sync.errors import CalendarSyncError, ExitCode, TryLater, WrongConfiguration
from calendar_sync.grants.client_secrets import HOW_TO_GET_ONE, read_client_secrets
from calendar_sync.grants.grant import Grant
from calendar_sync.grants.guard import client_secrets_path, token_file_of
from calendar_sync.grants.scopes import in_words, is_broader
from calendar_sync.health import judge, schedule_zone
from calendar_sync.history import last_reports
from calendar_sync.home import Home
from calendar_sync.mirror_account import account_in
from calendar_sync.run import Clock
from calendar_sync.schedule import next_due
from calendar_sync.session import account_of
from calendar_sync.stop import Stop
from calendar_sync.surroundings import (
    check_clock,
    check_filesystem,
    check_git,
    check_lock,
    check_schedule,
)

_NO_ROOM = 1024 * 1024  # bytes
_LITTLE_ROOM = 200 * 1024 * 1024  # bytes
_NETWORK = "Look at this machine's network (DNS, proxy, clock); if it is well, wait and ask again"
_CONSENT = "Run: calendar-sync consent"


def examine(home: Home, clock: Clock, *, offline: bool) -> Iterator[Check]:
    """Yield every check, local ones first; one failing never stops the others."""
    yield Check("home", "pass", f"{home.folder} ({home.rule})")
    configuration = _checked("configuration", lambda: _configuration(home))
    yield configuration
    yield _checked("modes", lambda: _modes(home))
    yield _checked("git", lambda: check_git(home))
    yield _checked("client", lambda: _client(home))
    grant = _checked("grant", lambda: _grant(home, clock))
    yield grant
    yield _checked("disk", lambda: _disk(home))
    yield _checked("filesystem", lambda: check_filesystem(_existing(home.state)))
    yield _checked("lock", lambda: check_lock(home))
    yield _checked("mirror", lambda: _mirror(home))
    yield _checked("schedule", lambda: check_schedule(home))
    if configuration.result != "fail":
        yield from _last_runs(home, clock)
    if offline:
        return
    yield _checked("clock", lambda: _clock(home, clock))
    if grant.result == "fail":
        yield Check("google", "warn", "not asked: there is no usable grant", grant.remedy)
    else:
        yield _checked("google", lambda: _google(home, clock))


def _checked(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except TryLater as error:
        return Check(name, "fail", error.message, _NETWORK)
    except CalendarSyncError as error:
        return Check(name, "fail", error.message, error.hint or "Mend that, then ask again")
    except OSError as error:  # somebody else's home, most likely
        finding = f"cannot look at {error.filename}: {(error.strerror or 'unknown').lower()}"
        return Check(name, "fail", finding, "Ask as the user that the job runs as")


def _configuration(home: Home) -> Check:
    config = read_config(home.config, home.folder)
    if not home.config.exists():
        return Check("configuration", "pass", f"no {home.config}; the defaults hold")
    return Check("configuration", "pass", f"{home.config}, {len(config.export)} exports")


def _config_of(home: Home) -> Config:
    """Return the configuration for the other checks; what is wrong with it is told by its own."""
    try:
        return read_config(home.config, home.folder)
    except WrongConfiguration:
        return Config()


def _modes(home: Home) -> Check:
    for path in (home.credentials, home.client_secrets, home.token):
        if not path.exists():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077 and os.name != "nt":
            wanted = "700" if path.is_dir() else "600"
            remedy = f"chmod {wanted} {path}    (the next run does it, too)"
            return Check("modes", "warn", f"{path} is open to others ({mode:04o})", remedy)
    if not home.credentials.exists():
        return Check("modes", "pass", f"no {home.credentials} yet")
    return Check("modes", "pass", f"nobody else can read {home.credentials}")


def _client(home: Home) -> Check:
    path = client_secrets_path(home, _config_of(home))
    secrets = read_client_secrets(path)
    if secrets is None:
        if home.token.exists() or _service_account_of(home) is not None:
            finding = f"no {path}; a new consent needs it"
            return Check("client", "warn", finding, HOW_TO_GET_ONE)
        return Check("client", "fail", f"no {path}", HOW_TO_GET_ONE)
    if secrets.kind == "web":
        return Check("client", "warn", "a 'web' client", "Create a 'Desktop app' client instead")
    return Check("client", "pass", f"{secrets.client_id}, of {secrets.google}")


def _clock(home: Home, clock: Clock) -> Check:
    secrets = read_client_secrets(client_secrets_path(home, _config_of(home)))
    if secrets is None:
        return Check("clock", "pass", "not compared: no client_secrets.json says with whose")
    try:
        return check_clock(secrets.google, clock)
    except OSError as error:
        reason = getattr(error, "reason", error)
        finding = f"not compared: no answer from Google ({type(reason).__name__})"
        return Check("clock", "warn", finding, _NETWORK)


def _service_account_of(home: Home) -> Account | None:
    account = _config_of(home).account_of(home)
    return account if account is not None and account.service_account else None


def _grant(home: Home, clock: Clock) -> Check:
    service = _service_account_of(home)
    if service is not None and service.users is None:
        return Check("grant", "pass", f"a service account reads for {service.subject}")
    if service is not None:
        return _members(home, service)
    grant: Grant = token_file_of(home, _config_of(home)).read()
    warning = grant.warning(clock())
    if warning:
        return Check("grant", "warn", warning, _CONSENT)
    age = grant.age_days(clock())
    finding = f"{grant.account or account_in(home.mirror) or 'account unknown'}, " + (
        "date of consent unknown" if age is None else f"{age} days old"
    )
    if grant.scopes and is_broader(grant.scopes):
        return Check("grant", "warn", f"{finding}, broader than needed", _CONSENT)
    if grant.scopes:
        finding += f", may use {in_words(grant.scopes)}"
    return Check("grant", "pass", finding)


def _members(home: Home, account: Account) -> Check:
    from calendar_sync.organisation.members import known_members
    from calendar_sync.users import DIRECTORY

    known = len(known_members(home, _config_of(home)))
    if account.users == DIRECTORY:
        when = f"which listed {known} users" if known else "which was not asked yet"
        finding = f"for the users of the directory ({account.subject}), {when}"
        return Check("grant", "pass", f"a service account reads {finding}")
    return Check("grant", "pass", f"a service account reads for {known} users")


def _disk(home: Home) -> Check:
    """Look at every folder that a run writes to; those that are not there yet, at their parents."""
    folders = [_existing(folder) for folder in (*_outputs(home), home.state, home.credentials)]
    for folder in folders:
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            return Check("disk", "fail", f"cannot write in {folder}", f"Look at: ls -ld {folder}")
    free, folder = min((shutil.disk_usage(folder).free, folder) for folder in folders)
    if free < _NO_ROOM and shutil.disk_usage(folder).total:
        return Check("disk", "fail", f"the disk is full at {folder}", f"Look at: df -h {folder}")
    if free < _LITTLE_ROOM:
        finding = f"{free >> 20} MB free at {folder}"
        return Check("disk", "warn", finding, f"Look at: df -h {folder}")
    return Check("disk", "pass", f"{free >> 20} MB free at {folders[0]}")


def _outputs(home: Home) -> list[Path]:
    try:
        return [home.output(export.output) for export in _config_of(home).export]
    except CalendarSyncError:  # has a finding of its own
        return [home.exports]


def _existing(path: Path) -> Path:
    while not path.exists() and not path.is_symlink():
        path = path.parent
    return path


def _mirror(home: Home) -> Check:
    if not home.mirror.exists():
        return Check("mirror", "pass", "none yet; the first run makes it")
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(f"{home.mirror.as_uri()}?mode=ro", uri=True)
        answer = connection.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.OperationalError as error:  # a full or unreadable disk damages nothing
        finding = f"{home.mirror} cannot be read: {error}"
        return Check("mirror", "warn", finding, f"Look at: df -h {home.state}")
    except sqlite3.Error as error:
        answer = str(error)
    finally:
        if connection is not None:
            connection.close()
    if answer != "ok":
        remedy = "Nothing to do: the next run moves it aside and reads everything anew"
        return Check("mirror", "warn", f"{home.mirror} is damaged: {answer}", remedy)
    return Check("mirror", "pass", f"{home.mirror} is whole")


def _last_runs(home: Home, clock: Clock) -> Iterator[Check]:
    """Yield one check, or one for each shard of an organisation."""
    places = [home]
    if _config_of(home).is_organisation(home):
        from calendar_sync.organisation.members import shards_here

        places = shards_here(home)
    for place in places:
        yield _checked("last run", partial(_last_run, place, clock))


def _last_run(home: Home, clock: Clock) -> Check:
    config: Config = _config_of(home)
    last, success = last_reports(home.mirror)
    health = judge(last, success, config, clock())
    if last is None:
        return Check("last run", "warn", "there was none yet", "Run: calendar-sync export")
    shard = f"shard {home.shard} " if home.shard else ""
    finding = f"{shard}{health}; last at {last.finished_at} with exit code {last.exit_code}"
    if config.schedule:
        due = next_due(config.schedule, clock(), schedule_zone(config))
        finding += f"; next due {due.isoformat() if due else 'never'}"
    if health == "fresh":
        return Check("last run", "pass", finding)
    if health == "failing":
        message = f". {last.message}" if last.message else ""
        remedy = "Run: calendar-sync export -v"
        if last.exit_code == ExitCode.CONSENT_NEEDED:
            remedy = _CONSENT
        return Check("last run", "warn", finding + message, remedy)
    remedy = "Is cron or the daemon at work? calendar-sync schedule show"
    return Check("last run", "warn", finding, remedy)


def _google(home: Home, clock: Clock) -> Check:
    """Refresh for real, because only that proves the grant; then list the calendars."""
    from calendar_sync.google_calendar import GoogleCalendar
    from calendar_sync.grants.credentials import load_credentials

    config = _config_of(home)
    stop = Stop(deadline=120)
    if config.is_organisation(home):
        return _organisation(home, config, clock, stop)
    if _service_account_of(home) is not None:
        entries = account_of(home, config, clock, stop)().calendars()
    else:
        secrets = read_client_secrets(client_secrets_path(home, config))
        credentials = load_credentials(home, secrets, clock, token_file_of(home, config), stop)
        credentials.refresh(None)
        entries = GoogleCalendar(credentials, stop).calendars()
    hidden = sum(entry.hidden for entry in entries)
    busy_only = sum(entry.access_role == "freeBusyReader" for entry in entries)
    finding = (
        "the grant was refreshed, the API is enabled, the quota has room;"
        f" {len(entries)} calendars, {hidden} of them hidden, {busy_only} free/busy only"
    )
    return Check("google", "pass", finding)


def _organisation(home: Home, config: Config, clock: Clock, stop: Stop) -> Check:
    """List the users and try the first one: everybody is what a run is for."""
    from calendar_sync.organisation.members import list_members

    users = list_members(home, config, clock, stop).addresses
    entries = account_of(home.of_user(users[0]), config, clock, stop)().calendars()
    finding = f"{len(users)} users; the first one, {users[0]}, has {len(entries)} calendars"
    return Check("google", "pass", finding)
