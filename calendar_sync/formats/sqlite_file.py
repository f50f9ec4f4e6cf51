"""One calendar as a SQLite file: events, occurrences, attendees, and views to begin with.

The same rows give the same bytes: a fixed page size, rows put in in order, then VACUUM INTO, which
leaves no trace of how the file came to be. (The file names the SQLite that wrote it.)
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from calendar_sync.errors import cannot_write
from calendar_sync.files import TEMPORARY_PREFIX
from calendar_sync.formats.rows import Cells, RowSource, boolean_of, number_of, text_of
from calendar_sync.mirror import sqlite_in_our_words
from calendar_sync.model import CalendarView, EventWarning, Item
from calendar_sync.resources import people_in
from calendar_sync.table.exporter import CsvOptions

_SCHEMA = """
CREATE TABLE calendars (
    id TEXT PRIMARY KEY, name TEXT, description TEXT, time_zone TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE events (               -- one row for each live resource
    id TEXT PRIMARY KEY,
    calendar_id TEXT NOT NULL REFERENCES calendars(id),
    series_id TEXT,                 -- of an exception: the series it belongs to
    ical_uid TEXT, event_type TEXT, status TEXT, summary TEXT, description TEXT, location TEXT,
    title TEXT GENERATED ALWAYS AS (summary) VIRTUAL,  -- what datasette shows for a link to it
    start TEXT, "end" TEXT,         -- with the offset of the event's own zone; dates when all-day
    start_utc TEXT, end_utc TEXT, all_day INTEGER, start_date TEXT, end_date_inclusive TEXT,
    timezone TEXT, duration_minutes REAL, original_start TEXT,
    recurrence TEXT,                -- RRULE and its like, one a line
    organizer_email TEXT, organizer_name TEXT, creator_email TEXT, self_response TEXT,
    attendee_count INTEGER, visibility TEXT, transparency TEXT, conference_url TEXT,
    html_link TEXT, color_id TEXT, created TEXT, updated TEXT, sequence INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE occurrences (          -- one row for each date of a series, one for each single event
    number INTEGER PRIMARY KEY,     -- in the order of their starts
    id TEXT NOT NULL,               -- Google's id of the instance
    event_id TEXT NOT NULL REFERENCES events(id),
    summary TEXT, location TEXT, status TEXT, start TEXT, "end" TEXT, start_utc TEXT, end_utc TEXT,
    all_day INTEGER, start_date TEXT, end_date_inclusive TEXT, timezone TEXT,
    duration_minutes REAL, original_start TEXT
) STRICT;
CREATE TABLE attendees (
    event_id TEXT NOT NULL REFERENCES events(id), position INTEGER NOT NULL,
    email TEXT, name TEXT, response TEXT, comment TEXT, additional_guests INTEGER NOT NULL,
    is_organizer INTEGER NOT NULL, is_optional INTEGER NOT NULL, is_resource INTEGER NOT NULL,
    is_self INTEGER NOT NULL,
    PRIMARY KEY (event_id, position)
) STRICT, WITHOUT ROWID;
"""
_INDEXES = """
CREATE INDEX events_by_start ON events(start_date);
CREATE INDEX events_by_series ON events(series_id);
CREATE INDEX occurrences_by_start ON occurrences(start_date);
CREATE INDEX occurrences_by_instant ON occurrences(start_utc);
CREATE INDEX occurrences_by_id ON occurrences(id);
CREATE INDEX occurrences_by_event ON occurrences(event_id);
CREATE INDEX attendees_by_email ON attendees(email);
CREATE VIEW upcoming AS             -- from today on
    SELECT start, "end", summary, location, id, event_id FROM occurrences
    WHERE end_date_inclusive >= date('now') ORDER BY start_date, start_utc, id;
CREATE VIEW days AS                 -- how full each day is
    SELECT start_date AS day, count(*) AS occurrences, sum(all_day) AS all_day,
        sum(duration_minutes) AS minutes
    FROM occurrences WHERE start_date IS NOT NULL GROUP BY start_date ORDER BY start_date;
CREATE VIEW people AS               -- who is met how often
    SELECT email, max(name) AS name, count(DISTINCT o.id) AS occurrences,
        min(o.start_date) AS first_day, max(o.start_date) AS last_day
    FROM attendees JOIN occurrences o USING (event_id)
    WHERE NOT is_resource AND NOT is_self GROUP BY email ORDER BY occurrences DESC, email;
"""
_READERS: dict[str, Callable[[str], Any]] = {
    "all_day": boolean_of,
    "attendee_count": number_of,
    "sequence": number_of,
    "duration_minutes": number_of,
}
_ATTENDEE = "INSERT INTO attendees VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_OWNER = "SELECT 1 FROM events WHERE id = ?"


class SqliteExporter:
    """Takes a calendar's items and writes the database; `close` removes what it kept on the disk."""

    def __init__(self, calendar: CalendarView, options: CsvOptions, folder: Path) -> None:
        self._calendar, self._folder = calendar, folder
        self._events = RowSource(calendar, options, folder, "series")
        self._dates = RowSource(calendar, options, folder, "occurrences")
        self.rows = 0
        self.warnings: list[EventWarning] = []

    def add(self, item: Item) -> None:
        """Take one item; odd data becomes a warning."""
        self._events.add(item)
        self._dates.add(item)

    def finish(self, file: BinaryIO) -> None:
        """Write the whole database. Raises CannotWrite."""
        with _scratch(self._folder) as built, _scratch(self._folder) as clean:
            with sqlite_in_our_words(built), closing(_connect(built)) as connection:
                self._fill(connection)
                connection.execute("VACUUM INTO ?", (str(clean),))
            with clean.open("rb") as content:
                shutil.copyfileobj(content, file, 1 << 20)
        self.rows = self._dates.count
        self.warnings = [*self._events.warnings, *self._dates.warnings]

    def close(self) -> None:
        """Give memory and disk back; may be called twice."""
        self._events.close()
        self._dates.close()

    def _fill(self, connection: sqlite3.Connection) -> None:
        connection.executescript(_SCHEMA)
        connection.execute("BEGIN")
        view = self._calendar
        row = (view.id, text_of(view.name), view.description, view.time_zone)
        connection.execute("INSERT INTO calendars VALUES (?, ?, ?, ?)", row)
        events, dates = _inserter(connection, "events"), _inserter(connection, "occurrences")
        for cells in self._events.cells():
            events({**cells, "id": cells["event_id"], "series_id": cells["recurring_event_id"]})
            connection.executemany(_ATTENDEE, _attendees(cells))
        for cells in self._dates.cells():
            owner = connection.execute(_OWNER, (cells["event_id"],)).fetchone()
            event_id = cells["event_id"] if owner else cells["recurring_event_id"]
            dates({**cells, "id": cells["event_id"], "event_id": event_id})
        connection.execute("COMMIT")
        connection.executescript(_INDEXES)


def _inserter(connection: sqlite3.Connection, table: str) -> Callable[[Cells], object]:
    """Return what inserts cells into a table's columns of the same names; empty ones are NULL."""
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    columns = [column for column in columns if column != "number"]
    readers = [(column, _READERS.get(column, text_of)) for column in columns]
    names, marks = ", ".join(f'"{name}"' for name in columns), ", ".join("?" * len(columns))
    statement = f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})"  # noqa: S608  # ours
    return lambda cells: connection.execute(
        statement, [read(cells[column]) for column, read in readers]
    )


def _attendees(cells: Cells) -> Iterator[tuple[object, ...]]:
    people = people_in(cells["attendees_json"].encode())
    for position, person in enumerate(people):
        yield (
            cells["event_id"],
            position,
            person.email,
            person.display_name,
            person.response_status,
            person.comment,
            person.additional_guests,
            person.organizer,
            person.optional,
            person.resource,
            person.is_self,
        )


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """Lend the name of an empty file; what a killed run leaves of it, the next one removes."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, suffix=".sqlite", dir=folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("page_size = 4096", "journal_mode = OFF", "synchronous = OFF"):
        connection.execute(f"PRAGMA {pragma}")
    return connection
