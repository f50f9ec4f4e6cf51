"""The mirror's tables, and how a file of an earlier version becomes one of this version."""

from __future__ import annotations

import sqlite3

SCHEMA_VERSION = 3
USUAL_CACHE = "PRAGMA cache_size = -8000"  # kilobytes
_WHILE_SORTING = (
    "PRAGMA cache_size = -2000"  # an index is sorted in as much again, no faster in more
)
# Version 1 as it was released, and what each later version adds: a new file is made the way an old
# one grows, so that the two cannot differ.
_INDEXES = {
    "resources_by_id": "CREATE UNIQUE INDEX resources_by_id ON resources(calendar, id);",
    "resources_of_series": (  # few, mostly; single events are found by their id
        "CREATE INDEX resources_of_series ON resources(calendar, series, kind, id) WHERE kind > 0;"
    ),
}
_STEPS = (
    """
CREATE TABLE calendars (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    slug TEXT NOT NULL UNIQUE,
    view BLOB NOT NULL,             -- CalendarView as JSON: name, zone, default reminders
    revision INTEGER NOT NULL DEFAULT 0,  -- raised by every change that can show in a file
    sync_token TEXT, fingerprint TEXT NOT NULL DEFAULT '', full_read_at TEXT,
    read_time_zone TEXT NOT NULL DEFAULT '', synced_at TEXT, gone_at TEXT
) STRICT;
CREATE TABLE resources (
    calendar INTEGER NOT NULL REFERENCES calendars(key) ON DELETE CASCADE,
    id TEXT NOT NULL,
    series TEXT NOT NULL,           -- the series it belongs to; its own id when to none
    kind INTEGER NOT NULL,          -- sync.Kind
    resource BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX resources_by_id ON resources(calendar, id);
CREATE INDEX resources_by_series ON resources(calendar, series, kind, id);
CREATE TABLE runs (
    id TEXT PRIMARY KEY, command TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT,
    exit_code INTEGER, message TEXT NOT NULL DEFAULT '', report BLOB
) STRICT;
CREATE INDEX runs_by_start ON runs(started_at);
CREATE TABLE slices (               -- the ledger of backfills
    output TEXT NOT NULL, calendar TEXT NOT NULL, name TEXT NOT NULL,
    fingerprint TEXT NOT NULL, done_at TEXT NOT NULL, entry BLOB NOT NULL,
    PRIMARY KEY (output, calendar, name)
) STRICT;
CREATE TABLE published (
    output TEXT NOT NULL,           -- the folder, as an absolute path
    calendar TEXT NOT NULL,         -- Google's id
    fingerprint TEXT NOT NULL,      -- of everything the files were made from
    entry BLOB NOT NULL,            -- the calendar's entry in the manifest, as JSON
    stamps BLOB NOT NULL,           -- path -> [bytes, mtime_ns] when it was published
    PRIMARY KEY (output, calendar)
) STRICT;
""",
    """
CREATE TABLE changes (              -- what runs found changed; see changes.py
    run TEXT NOT NULL,              -- its id; a killed run has changes, yet no row in runs
    calendar INTEGER NOT NULL REFERENCES calendars(key) ON DELETE CASCADE,
    found_at TEXT NOT NULL,
    event TEXT NOT NULL, kind TEXT NOT NULL, summary TEXT NOT NULL,
    before BLOB NOT NULL, after BLOB NOT NULL  -- JSON objects of what a person cares about
) STRICT;
CREATE INDEX changes_by_run ON changes(run);
CREATE INDEX changes_by_time ON changes(found_at);
CREATE INDEX changes_by_calendar ON changes(calendar);
CREATE TABLE deleted (              -- with keep_deleted: the last of each that Google deleted
    calendar INTEGER NOT NULL REFERENCES calendars(key) ON DELETE CASCADE,
    id TEXT NOT NULL, deleted_at TEXT NOT NULL, resource BLOB NOT NULL,
    PRIMARY KEY (calendar, id)
) STRICT;
CREATE TABLE marks (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
""",
    f"DROP INDEX resources_by_series; {_INDEXES['resources_of_series']}",
)


def is_known_version(connection: sqlite3.Connection) -> bool:
    """Whether the file is empty, or of this or an earlier version of ours."""
    version = version_of(connection)
    if version:
        return version <= SCHEMA_VERSION
    tables: int = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    return tables == 0


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version the file says it has; 0 for an empty one, and for a stranger's."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def upgrade(connection: sqlite3.Connection) -> None:
    """Bring the file to this version, in one transaction; what it holds stays."""
    steps = _STEPS[version_of(connection) :]
    if steps:
        version = f"PRAGMA user_version = {SCHEMA_VERSION};"
        connection.executescript(f"BEGIN IMMEDIATE; {''.join(steps)} {version} COMMIT;")


def drop_indexes(connection: sqlite3.Connection) -> bool:
    """Take the indexes off the resources when there are none yet; inside a transaction.

    Google's ids are random: a million of them, put into an index one by one, rewrite it again and
    again; built afterwards it is sorted once. Returns whether there is anything to build again.
    """
    if connection.execute("SELECT 1 FROM resources LIMIT 1").fetchone():
        return False
    for name in _INDEXES:
        connection.execute(f"DROP INDEX {name}")
    return True


def build_indexes(connection: sqlite3.Connection) -> None:
    """Build the indexes of the resources; of two with one id the later one stays."""
    connection.execute(_WHILE_SORTING)
    try:
        connection.execute(_INDEXES["resources_by_id"])
    except sqlite3.IntegrityError:
        connection.execute(
            "DELETE FROM resources WHERE rowid NOT IN"
            " (SELECT max(rowid) FROM resources GROUP BY calendar, id)"
        )
        connection.execute(_INDEXES["resources_by_id"])
    connection.execute(_INDEXES["resources_of_series"])
    connection.execute(USUAL_CACHE)
