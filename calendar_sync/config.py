"""calendar-sync.toml: what is exported, when, and how. Optional; it never holds a secret."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from calendar_sync.errors import WrongConfiguration
from calendar_sync.home import Home
from calendar_sync.quota import Limits
from calendar_sync.telling.settings import Hooks, Tell

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

    @property
    def can_merge(self) -> bool:
        """Whether each of its formats can hold several calendars."""
        return {*self.formats} <= {*MERGED_FORMATS}


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
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise WrongConfiguration(f"Cannot read {path}: {why.lower()}.", f"ls -l {path}") from error
    return parse_config(text, str(path), folder)


def parse_config(text: str, name: str, folder: Path | None = None) -> Config:
    """Check the text of a configuration; `name` is for messages, which name key and line."""
    try:
        with _one_at_a_time:
            config = msgspec.toml.decode(text, type=Config)
    except msgspec.ValidationError as error:
        raise _explain(str(error), text, name) from error
    except (ValueError, RecursionError) as error:  # tomllib's own, of numbers and brackets, too
        raise WrongConfiguration(f"{name} is not TOML: {error}.") from error
    from calendar_sync.config_checks import problems  # those without a file need none of it

    for problem, path in problems(config, folder or Path(name).parent):
        raise _explain(f"{problem} - at `{path}`", text, name)
    return config


def _explain(problem: str, text: str, name: str) -> WrongConfiguration:
    from calendar_sync.config_errors import explain  # those without errors need none of it

    return explain(problem, text, name, Config)
