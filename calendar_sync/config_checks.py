"""What the types of calendar-sync.toml cannot say: each problem with the path of its key."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from calendar_sync.durations import Unreadable, parse_deadline, parse_duration
from calendar_sync.home import from_home, is_address, is_private
from calendar_sync.telling.settings import problems as problems_of_telling
from calendar_sync.users import DIRECTORY, FILE, distinct

if TYPE_CHECKING:
    from calendar_sync.config import Account, Config


def problems(config: Config, folder: Path) -> list[tuple[str, str]]:
    """List what the types cannot say, each with the path of its key."""
    found: list[tuple[str, str]] = []

    def check(path: str, value: Any, reader: Any) -> None:
        try:
            if value is not None:
                reader(value)
        except Unreadable as error:
            found.append((str(error), path))

    check("$.timezone", config.timezone, _check_zone)
    check("$.schedule", config.schedule, _check_schedule)
    check("$.deadline", config.deadline, parse_deadline)
    check("$.engine", config.engine, _check_engine)
    check("$.full_every", config.full_every, parse_duration)
    found += problems_of_telling(config.tell, config.hooks)
    check("$.credentials_from", config.credentials_from, _check_source)
    found += _account_problems(config.account)
    check("$.token_key", config.token_key, _check_text)
    check("$.report", config.report, lambda path: _check_file(path, folder))
    check("$.tell.metrics", config.tell.metrics, lambda path: _check_file(path, folder))
    outputs: set[str] = set()
    for number, export in enumerate(config.export):
        here = f"$.export[{number}]"
        check(f"{here}.name", export.name, _check_name)
        check(f"{here}.window", export.window, _check_window)
        check(f"{here}.horizon", export.horizon, _check_horizon)
        check(f"{here}.columns", export.columns, _check_columns)
        check(f"{here}.output", export.output, lambda output: _check_output(output, folder))
        if not export.formats:
            found.append(("No formats", f"{here}.formats"))
        if export.merge and not export.can_merge:
            found.append(("Only ics and csv can be merged", f"{here}.formats"))
        if export.per_uid and (export.merge or "ics" not in export.formats):
            found.append(("per_uid needs the format ics, and no merge", f"{here}.per_uid"))
        output = _place(export.output, folder)
        if output in outputs:
            found.append(("Two exports have the same output", f"{here}.output"))
        outputs.add(output)
    return found


def _check_name(name: str) -> None:
    """With `--output` each of several exports has a folder of its name."""
    if name in ("", "..") or "\0" in name or Path(name).name != name:
        raise Unreadable(f"{name!r} is no name for a folder")


def _check_output(output: str, folder: Path) -> None:
    if is_address(output):
        if urlsplit(output).password:
            raise Unreadable("A password does not belong into this file")
    elif is_private(_path(output, folder), folder):
        raise Unreadable("credentials/ and state/ hold no exports")


def _check_text(name: str) -> None:
    if "\0" in name:
        raise Unreadable("No file's name holds a NUL")


def _check_file(name: str, folder: Path) -> None:
    """Refuse to write over a grant."""
    if is_private(_path(name, folder), folder, ("credentials",)):
        raise Unreadable("credentials/ holds secrets only")


def _place(output: str, folder: Path) -> str:
    """Return what two outputs that mean one folder share, however they are written."""
    if is_address(output) or "\0" in output:
        return os.path.normpath(output)
    return os.path.realpath(from_home(folder, output))


def _path(name: str, folder: Path) -> Path:
    _check_text(name)
    return from_home(folder, name)


def _account_problems(accounts: tuple[Account, ...]) -> list[tuple[str, str]]:
    """A name becomes a folder's, so it must be fit for one on every system, and be alone."""
    found = []
    names: set[str] = set()
    for number, account in enumerate(accounts):
        here = f"$.account[{number}]"
        if not re.fullmatch(r"[a-z0-9][a-z0-9@._-]{0,63}", account.name):
            wanted = "lower case letters, digits and @ . _ -"
            found.append((f"{account.name!r} is no account name ({wanted})", f"{here}.name"))
        if account.name in names:
            found.append(("Two accounts have the same name", f"{here}.name"))
        names.add(account.name)
        found += [(problem, f"{here}.{key}") for key, problem in _user_problems(account)]
        if account.subject and account.service_account is None:
            found.append(("Only a service account reads for a subject", f"{here}.subject"))
    return found


def _user_problems(account: Account) -> Iterator[tuple[str, str]]:
    """Say what is wrong with whom an account reads for, each with its key."""
    users, has_subject = account.users, bool(account.subject)
    if users is None:
        if account.service_account is not None and not has_subject:
            yield "subject", "A service account needs the user to read for"
        return
    if account.service_account is None:
        yield "users", "Only a service account reads for many users"
    if (users == DIRECTORY) != has_subject:
        yield "subject", "The directory needs an administrator to read it as, and nothing else does"
    if isinstance(users, str):
        if users != DIRECTORY and not (users.startswith(FILE) and users[len(FILE) :].strip()):
            yield "users", 'Expected a list of addresses, "file:PATH" or "directory"'
        return
    try:
        if not distinct(users):
            yield "users", "No users"
    except Unreadable as error:
        yield "users", str(error)


def _check_engine(engine: str) -> None:
    if engine not in ("threads", "processes") and not re.fullmatch(
        r"dask:(tcp|tls)://[^\s/]+:\d+", engine
    ):
        raise Unreadable('Expected "threads", "processes" or "dask:tcp://HOST:8786"')


def _check_source(source: str) -> None:
    if source != "systemd" and not re.fullmatch(r"env:[A-Za-z_]\w*", source):
        raise Unreadable(f"{source!r} is neither 'systemd' nor 'env:NAME'")


def _check_zone(name: str) -> None:
    from calendar_sync.times import find_zone

    if find_zone(name) is None:
        raise Unreadable(f"Unknown time zone {name!r}")


def _check_window(window: str) -> None:
    from calendar_sync.windows import parse_rolling_window

    parse_rolling_window(window)


def _check_horizon(horizon: str) -> None:
    from calendar_sync.windows import parse_horizon

    parse_horizon(horizon)


def _check_schedule(expression: str) -> None:
    from calendar_sync.schedule import parse_schedule  # cronsim is needed for this only

    parse_schedule(expression)


def _check_columns(columns: tuple[str, ...]) -> None:
    from calendar_sync.table.wide_cells import WIDE_COLUMNS

    unknown = [column for column in columns if column not in WIDE_COLUMNS]
    if unknown or not columns:
        raise Unreadable(f"Unknown column {unknown[0]!r}" if unknown else "No columns")
