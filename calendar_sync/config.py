"""calendar-sync.toml: what is exported, when, and how. Optional; it never holds a secret."""

from __future__ import annotations

import datetime as dt
import os.path
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from calendar_sync.durations import Unreadable, parse_duration
from calendar_sync.errors import WrongConfiguration
from calendar_sync.home import Home, is_address, is_private
from calendar_sync.quota import Limits
from calendar_sync.telling.settings import Hooks, Tell, problems
from calendar_sync.users import DIRECTORY, FILE, distinct

Format = Literal["ics", "csv", "jsonl", "sqlite", "parquet"]
FORMATS: tuple[Format, ...] = ("ics", "csv", "jsonl", "sqlite", "parquet")
MERGED_FORMATS: tuple[Format, ...] = ("ics", "csv")
EventType = Literal[
    "default", "birthday", "focusTime", "fromGmail", "outOfOffice", "workingLocation"
]
_one_at_a_time = threading.Lock()  # see decoding.py; ahead of its use it would cost a millisecond
_Jobs = Annotated[int, Meta(ge=1, le=64)]
_Workers = Annotated[int, Meta(ge=1, le=256)]


class Export(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[export]]`: which calendars, in which formats, where to."""

    name: str = "archive"
    calendars: tuple[str, ...] = ("*",)
    formats: tuple[Format, ...] = ("ics", "csv")
    output: str = "exports"
    rows: Literal["occurrences", "series"] = "occurrences"
    horizon: str | None = None
    window: str | None = None
    orphans: Literal["standalone", "recurrence-id"] = "standalone"
    csv_guard: bool = True
    preset: Literal["wide", "google-import", "outlook"] = "wide"
    columns: tuple[str, ...] | None = None
    default_reminders: bool = False
    html: Literal["keep", "plain", "both"] = "keep"
    leave_out: tuple[EventType, ...] = ()
    merge: bool = False
    per_uid: bool = False


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[account]]`: its name, and the key and user of a service account if it is one.

    With `users` it is an organisation's: a list of addresses, `file:PATH`, or `directory`, which
    `subject`, an administrator, may read.
    """

    name: str
    service_account: str | None = None
    subject: str | None = None
    users: tuple[str, ...] | str | None = None


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    schedule: str | None = None
    timezone: str | None = None
    jobs: _Jobs = 8
    engine: str = "threads"
    workers: _Workers = 8
    deadline: str | None = None
    full_every: str = "30d"
    keep_deleted: bool = False
    allow_open_modes: bool = False
    credentials_from: str | None = None
    token_key: str | None = None
    report: str | None = None
    log_format: Literal["human", "logfmt", "json"] | None = None
    tell: Tell = Tell()
    hooks: Hooks = Hooks()
    quota: Limits = Limits()
    export: tuple[Export, ...] = (Export(),)
    account: tuple[Account, ...] = ()

    @property
    def tells_nobody(self) -> bool:
        """Whether neither `[tell]` nor `[hooks]` says anything."""
        return self.tell == Tell() and self.hooks == Hooks()

    def account_of(self, home: Home) -> Account | None:
        """Return the `[[account]]` a home reads by, for this user alone; None without any."""
        name = home.organisation or home.account
        found = next((account for account in self.account if account.name == name), None)
        if found is None or not home.organisation:
            return found
        return msgspec.structs.replace(found, subject=home.account, users=None)

    def is_organisation(self, home: Home) -> bool:
        """Whether a home stands for an organisation as a whole."""
        account = self.account_of(home)
        return account is not None and account.users is not None


def read_config(path: Path, folder: Path | None = None) -> Config:
    """Read and check the file; without one, the defaults. Raises WrongConfiguration.

    `folder` is the home's, where it is not the file's own.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongConfiguration(f"Cannot read {path}: {error}.") from error
    return parse_config(text, str(path), folder)


def parse_config(text: str, name: str, folder: Path | None = None) -> Config:
    """Check the text of a configuration; `name` is for messages, which name key and line."""
    try:
        with _one_at_a_time:
            config = msgspec.toml.decode(text, type=Config)
    except msgspec.ValidationError as error:
        raise _explain(str(error), text, name) from error
    except msgspec.DecodeError as error:
        raise WrongConfiguration(f"{name} is not TOML: {error}.") from error
    for problem, path in _problems(config, folder or Path(name).parent):
        raise _explain(f"{problem} - at `{path}`", text, name)
    return config


def _explain(problem: str, text: str, name: str) -> WrongConfiguration:
    from calendar_sync.config_errors import explain  # those without errors need none of it

    return explain(problem, text, name, Config)


def _problems(config: Config, folder: Path) -> list[tuple[str, str]]:
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
    check("$.deadline", config.deadline, parse_duration)
    check("$.engine", config.engine, _check_engine)
    check("$.full_every", config.full_every, parse_duration)
    found += problems(config.tell, config.hooks)
    check("$.credentials_from", config.credentials_from, _check_source)
    found += _account_problems(config.account)
    outputs: set[str] = set()
    for number, export in enumerate(config.export):
        here = f"$.export[{number}]"
        check(f"{here}.window", export.window, _check_window)
        check(f"{here}.horizon", export.horizon, parse_horizon)
        check(f"{here}.columns", export.columns, _check_columns)
        if not export.formats:
            found.append(("No formats", f"{here}.formats"))
        if export.merge and not {*export.formats} <= {*MERGED_FORMATS}:
            found.append(("Only ics and csv can be merged", f"{here}.formats"))
        if export.per_uid and (export.merge or "ics" not in export.formats):
            found.append(("per_uid needs the format ics, and no merge", f"{here}.per_uid"))
        if is_address(export.output) and urlsplit(export.output).password:
            found.append(("A password does not belong into this file", f"{here}.output"))
        if not is_address(export.output) and is_private(folder / export.output, folder):
            found.append(("credentials/ and state/ hold no exports", f"{here}.output"))
        output = os.path.normpath(export.output)
        if output in outputs:
            found.append(("Two exports have the same output", f"{here}.output"))
        outputs.add(output)
    return found


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


def _check_schedule(expression: str) -> None:
    from calendar_sync.schedule import parse_schedule  # cronsim is needed for this only

    parse_schedule(expression)


def _check_columns(columns: tuple[str, ...]) -> None:
    from calendar_sync.table.wide_cells import WIDE_COLUMNS

    unknown = [column for column in columns if column not in WIDE_COLUMNS]
    if unknown or not columns:
        raise Unreadable(f"Unknown column {unknown[0]!r}" if unknown else "No columns")


def parse_horizon(text: str) -> dt.date | dt.timedelta:
    """Read a horizon: a date (`2027-12-31`) or a time from now (`2y`)."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return parse_duration(text)
