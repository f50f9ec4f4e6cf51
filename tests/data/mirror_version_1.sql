-- The mirror as version 1 made it; a test grows it into today's.
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
PRAGMA user_version = 1;
