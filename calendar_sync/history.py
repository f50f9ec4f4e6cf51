"""Runs remembered: when, how they ended, what they did. In the mirror's file, not in the log."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import msgspec

from calendar_sync.decoding import decoded
from calendar_sync.errors import ExitCode
from calendar_sync.grants.grant import read_instant, write_instant
from calendar_sync.mirror import Mirror, open_to_look

KEPT_DAYS = 400
_BACKFILL = "backfill"  # the command that is not the job


class CalendarReport(msgspec.Struct, frozen=True):
    """What a run did with one calendar. `result`: unchanged, updated, failed, gone.

    `removed` counts events deleted and occurrences cancelled.
    """

    id: str
    name: str
    slug: str
    result: str
    read: str = ""
    added: int = 0
    changed: int = 0
    removed: int = 0
    events: int = 0
    error: str = ""


@decoded
class Report(msgspec.Struct, frozen=True):
    """What a run did. In history unchanged calendars are left out of all but the newest."""

    run_id: str
    command: str
    started_at: str
    finished_at: str
    exit_code: int
    message: str
    requests: int
    calendars: tuple[CalendarReport, ...] = ()
    warnings: tuple[str, ...] = ()


def new_run_id(now: dt.datetime) -> str:
    """Make an id that sorts by time: `20261121T093000Z-1f3a`."""
    return f"{now.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}-{os.urandom(2).hex()}"


def remember_run(mirror: Mirror, report: Report) -> None:
    """Store a finished run and forget those older than thirteen months."""
    from calendar_sync.changes import forget_changes  # whoever only looks needs none of it

    oldest = read_instant(report.finished_at)
    with mirror.transaction():
        _shorten_older(mirror, report)
        mirror.connection.execute(
            "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                report.run_id,
                report.command,
                report.started_at,
                report.finished_at,
                report.exit_code,
                report.message,
                msgspec.json.encode(report),
            ),
        )
        if oldest is not None:
            limit = write_instant(oldest - dt.timedelta(days=KEPT_DAYS))
            mirror.connection.execute("DELETE FROM runs WHERE started_at < ?", (limit,))
            forget_changes(mirror, limit)


def remember_end(mirror: Mirror, report: Report) -> None:
    """Store a run that ended early, unless that was for want of room for the mirror itself."""
    with suppress(sqlite3.ProgrammingError):  # a new one that could not be moved there is shut
        remember_run(mirror, report)


def _shorten_older(mirror: Mirror, report: Report) -> None:
    """Leave out what was unchanged: else a year of 200 calendars would be more than a gigabyte.

    The newest run and the newest success stay whole, because `status` and metrics tell of them.
    """
    if report.command == _BACKFILL:
        return
    success = last_run(mirror, successful=True)
    for old in (last_run(mirror), success):
        if old is not None and (old != success or report.exit_code == ExitCode.DONE):
            kept = tuple(each for each in old.calendars if each.result != "unchanged")
            short = msgspec.structs.replace(old, calendars=kept)
            mirror.connection.execute(
                "UPDATE runs SET report = ? WHERE id = ?", (msgspec.json.encode(short), old.run_id)
            )


def last_run(mirror: Mirror, *, successful: bool = False) -> Report | None:
    """Return the newest run of the job, or the newest that ended well; a backfill is not the job."""
    condition = f"WHERE command <> '{_BACKFILL}'"
    condition += f" AND exit_code = {int(ExitCode.DONE)}" if successful else ""
    row: tuple[Any] | None = mirror.connection.execute(
        f"SELECT report FROM runs {condition} ORDER BY rowid DESC LIMIT 1"  # noqa: S608
    ).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=Report)


LastReports = tuple[Report | None, Report | None]


def last_reports(path: Path) -> LastReports:
    """Return the newest run and the newest success without opening the mirror for writing.

    A mirror that is missing, or damaged, has no history; the next run tells about damage.
    """
    if not path.exists():
        return None, None
    try:
        connection = open_to_look(path)
    except sqlite3.Error:
        return None, None
    try:
        mirror = Mirror(path, connection)
        last = last_run(mirror)
        if last is not None and last.exit_code == ExitCode.DONE:
            return last, last
        return last, last_run(mirror, successful=True)
    except (sqlite3.Error, msgspec.MsgspecError):
        return None, None
    finally:
        connection.close()


def recent_reports(path: Path, most: int, *, with_backfills: bool = False) -> list[Report]:
    """Return the newest runs of the job, the newest first, without opening the mirror for writing.

    A mirror that is missing, or damaged, has no history.
    """
    if not path.exists():
        return []
    query = "SELECT report FROM runs WHERE ? OR command <> 'backfill' ORDER BY rowid DESC LIMIT ?"
    try:
        with closing(open_to_look(path)) as connection:
            rows = connection.execute(query, (with_backfills, most)).fetchall()
        return [msgspec.json.decode(row[0], type=Report) for row in rows]
    except (sqlite3.Error, msgspec.MsgspecError):
        return []


def last_success(path: Path) -> dt.datetime | None:
    """Return when the last run ended well, None when there was none."""
    report = last_reports(path)[1]
    return read_instant(report.started_at) if report else None
