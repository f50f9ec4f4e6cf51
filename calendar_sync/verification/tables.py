"""What SQLite and Parquet files say, in the words of the CSV's cells."""

from __future__ import annotations

import datetime as dt
import io
import sqlite3
from contextlib import closing
from typing import Any

from calendar_sync.verification.differences import Told
from calendar_sync.verification.ics_reader import UnreadableFile
from calendar_sync.verification.wide_truth import JSON_COLUMNS, canonical_json

# What a date has of its own, and what it shares with the others of its series.
_OWN = (
    "summary", "location", "status", "start", "end", "start_utc", "end_utc", "all_day", "start_date",
    "end_date_inclusive", "timezone", "duration_minutes", "original_start",
)  # fmt: skip
_SHARED = (
    "ical_uid", "event_type", "description", "organizer_email", "organizer_name", "creator_email",
    "self_response", "attendee_count", "visibility", "transparency", "conference_url", "html_link",
    "color_id", "created", "updated", "sequence",
)  # fmt: skip
_SQL = f"""
SELECT o.id AS event_id, {", ".join(f'o."{name}"' for name in _OWN)},
    {", ".join(f"e.{name}" for name in _SHARED)},
    e.calendar_id, iif(e.id = o.id, e.series_id, e.id) AS recurring_event_id,
    (SELECT group_concat(email, ';') FROM (
        SELECT email FROM attendees a WHERE a.event_id = e.id AND NOT a.is_resource
            AND email <> '' ORDER BY position)) AS attendees
FROM occurrences o LEFT JOIN events e ON e.id = o.event_id ORDER BY o.number
"""  # noqa: S608  # the names are ours
_EVENTS_SQL = f"""
SELECT id AS event_id, series_id AS recurring_event_id, recurrence, calendar_id,
    {", ".join(f'"{name}"' for name in (*_OWN, *_SHARED))} FROM events
"""  # noqa: S608  # the same


def read_sqlite(content: bytes) -> tuple[list[Told], list[Told]]:
    """Read the occurrences, each with what its event says of it, and the events.

    Raises UnreadableFile.
    """
    try:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(content)
            damage = connection.execute("PRAGMA integrity_check").fetchone()[0]
            if damage != "ok":
                raise UnreadableFile(damage)
            connection.row_factory = sqlite3.Row
            dates, events = (
                [_told(dict(row)) for row in connection.execute(statement)]
                for statement in (_SQL, _EVENTS_SQL)
            )
            return dates, events
    except sqlite3.Error as error:
        raise UnreadableFile(str(error)) from error


def read_parquet(content: bytes) -> list[Told]:
    """Read the rows. Raises UnreadableFile."""
    import pyarrow
    import pyarrow.parquet

    try:
        # Without threads of its own: one that still ends when the process does would abort it.
        table = pyarrow.parquet.ParquetFile(io.BytesIO(content)).read(use_threads=False)
    except pyarrow.ArrowException as error:
        raise UnreadableFile(str(error)) from error
    return [_told(row) for row in table.to_pylist()]


def _told(row: dict[str, Any]) -> Told:
    cells: dict[str, object] = {name: _cell(name, value) for name, value in row.items()}
    for name in ("created", "updated"):  # typed columns have no place for what is no time
        if not cells[name]:
            del cells[name]
    return str(row["event_id"]), cells


def _cell(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        precision = "milliseconds" if name in ("created", "updated") else "seconds"
        return f"{value.replace(tzinfo=None).isoformat(timespec=precision)}Z"
    if name == "all_day":
        return "true" if value else "false"
    if name in JSON_COLUMNS:
        return canonical_json(str(value))
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)
