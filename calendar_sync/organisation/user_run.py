"""The run for one user of an organisation, as a worker does it: in this process or in another one.

A task is plain data without a secret: the worker opens the home, reads the configuration and loads
the key by itself.
"""

from __future__ import annotations

import datetime as dt
import logging
import traceback
from dataclasses import dataclass

import msgspec

from calendar_sync.config import read_config
from calendar_sync.errors import CalendarSyncError, ExitCode
from calendar_sync.history import Report
from calendar_sync.home import Home
from calendar_sync.logs import run_id, user
from calendar_sync.options import RunOptions
from calendar_sync.run import run_export
from calendar_sync.session import account_of
from calendar_sync.stop import Stop

log = logging.getLogger("calendar_sync")


@dataclass(frozen=True)
class UserTask:
    """One user's run, asked for."""

    home: Home  # the user's
    options: RunOptions
    parts: int = 1  # that share the project's quota: all shards, each with so many processes


class UserResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of it: a report, or the message and hint of what ended it early."""

    user: str
    exit_code: int
    message: str = ""
    hint: str = ""
    report: Report | None = None


def run_user(task: UserTask, stop: Stop) -> UserResult:
    """Run the job for one user; whatever happens is in the result."""
    address = task.home.account
    run_id.set(task.options.run_id)
    user.set(address)
    try:
        config = read_config(task.home.config, task.home.folder)
        config = msgspec.structs.replace(config, quota=config.quota.shared_by(task.parts))
        connect = account_of(task.home, config, _now, stop)
        with stop.in_time():
            report = run_export(task.home, config, task.options, connect, _now, stop.check)
    except CalendarSyncError as error:
        return UserResult(address, int(error.exit_code), error.message, error.hint)
    except Exception as error:
        log.debug("%s", "".join(traceback.format_tb(error.__traceback__)))
        return UserResult(address, int(ExitCode.BUG), f"a bug ({type(error).__name__})")
    return UserResult(address, report.exit_code, report.message, report=report)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
