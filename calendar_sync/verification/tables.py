"""What SQLite and Parquet files say, in the words of the CSV's cells."""

from __future__ import annotations

import datetime as dt
import io
import sqlite3
from contextlib import closing
from typing import Any

from calendar_sync.verification.differences import Told
from calendar_sync.verification.ics_reader import UnreadableFile

_SQL = """
SELECT o.id, o.summary, o.location, o.start, o."end", o.start_utc, o.end_utc, o.all_day,
    o.timezone, o.original_start, e.description
FROM occurrences o LEFT JOIN events e ON e.id = o.event_id ORDER BY o.number
"""
_COLUMNS = (
    "event_id", "summary", "location", "start", "end", "start_utc", "end_utc", "all_day",
    "timezone", "original_start", "description",
)  # fmt: skip


def read_sqlite(content: bytes) -> list[Told]:
    """Read the occurrences, each with its event's description. Raises UnreadableFile."""
    try:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(content)
            damage = connection.execute("PRAGMA integrity_check").fetchone()[0]
            if damage != "ok":
                raise UnreadableFile(damage)
            return [
                _told(dict(zip(_COLUMNS, row, strict=True))) for row in connection.execute(_SQL)
            ]
    except sqlite3.Error as error:
        raise UnreadableFile(str(error)) from error


def read_parquet(content: bytes) -> list[Told]:
    """Read the rows. Raises UnreadableFile."""
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(io.BytesIO(content), columns=list(_COLUMNS))
    except pyarrow.ArrowException as error:
        raise UnreadableFile(str(error)) from error
    return [_told(row) for row in table.to_pylist()]


def _told(row: dict[str, Any]) -> Told:
    cells: dict[str, object] = {name: _cell(name, value) for name, value in row.items()}
    return str(row["event_id"]), cells


def _cell(name: str, value: object) -> str:
    if isinstance(value, dt.datetime):
        return f"{value.replace(tzinfo=None).isoformat()}Z"
    if name == "all_day" and value is not None:
        return "true" if value else "false"
    return "" if value is None else str(value)
