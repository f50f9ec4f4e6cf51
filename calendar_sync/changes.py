"""What runs found changed, kept beside the mirror: which event, what kind, before and after.

Written in the transaction that changes the mirror, so that neither is there without the other.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from calendar_sync.differences import (
    KindOfChange,
    Resource,
    Surroundings,
    Version,
    describe,
    kind_of_change,
    summary_of,
)
from calendar_sync.grants.grant import write_instant
from calendar_sync.mirror import Mirror, open_to_look
from calendar_sync.sync import Kind

MOST_CHANGES = 1000  # of one calendar kept in detail for each run; the report counts all of them


class Change(msgspec.Struct, frozen=True):
    """One event's change as `changes --json` has it. `kind` omitted: `after` says how many more."""

    run_id: str
    found_at: str
    calendar_id: str
    calendar: str
    time_zone: str
    event_id: str
    kind: str
    summary: str
    before: dict[str, Any]
    after: dict[str, Any]


class Found(msgspec.Struct, frozen=True):
    """One change on its way into the table."""

    event_id: str
    kind: KindOfChange
    summary: str
    before: Resource
    after: Resource


class Former(msgspec.Struct, frozen=True):
    """What a reading touched: all ids, their series now, and (id, kind, resource) as it was."""

    ids: frozenset[str]
    series: frozenset[str]
    old: tuple[tuple[str, int, bytes], ...]


class Journal:
    """What a calendar's reading touches, as it was before: every event once, in a temporary table.

    A listing may name an event twice, and delete and add it again: only the two ends count.
    """

    def __init__(self, connection: sqlite3.Connection, key: int) -> None:
        self._connection, self._key = connection, key
        connection.execute(
            "CREATE TEMP TABLE IF NOT EXISTS former"
            " (id TEXT PRIMARY KEY, series TEXT, kind INTEGER, resource BLOB)"
        )
        connection.execute("DELETE FROM temp.former")

    def remember(self, event_id: str, series: str, old: tuple[int, bytes] | None) -> None:
        """Note what an event was before it is written; None when it was not there."""
        self._connection.execute(
            "INSERT OR IGNORE INTO temp.former VALUES (?, ?, ?, ?)",
            (event_id, series, *(old or (None, None))),
        )

    def remember_all(self, condition: str, arguments: tuple[Any, ...]) -> None:
        """Note all resources that are about to be removed."""
        query = f"SELECT id, series, kind, resource FROM resources WHERE {condition}"  # noqa: S608
        self._connection.execute(f"INSERT OR IGNORE INTO temp.former {query}", arguments)

    def former(self, most: int) -> Former | None:
        """Return all that was touched; None when it is more than `most`."""
        rows = self._connection.execute(
            "SELECT id, series, kind, resource FROM temp.former LIMIT ?", (most + 1,)
        ).fetchall()
        if len(rows) > most:
            return None
        return Former(
            ids=frozenset(row[0] for row in rows),
            series=frozenset(row[1] for row in rows),
            old=tuple((id_, kind, resource) for id_, _, kind, resource in rows if resource),
        )

    def touched(self) -> Iterator[Found | None]:
        """Yield each event that is not as it was: its change, None when it is none to a person."""
        rows = self._connection.execute(
            "SELECT f.id, f.kind, f.resource, r.kind, r.resource, s.resource, g.id, g.kind"
            " FROM temp.former f"
            " LEFT JOIN resources r ON r.calendar = ?1 AND r.id = f.id"
            " LEFT JOIN resources s ON s.calendar = ?1 AND s.id = f.series AND f.series <> f.id"
            " LEFT JOIN temp.former g ON g.id = f.series AND f.series <> f.id"
            " WHERE f.resource IS NOT r.resource ORDER BY f.id",
            (self._key,),
        )
        for event_id, *sides, series, touched_series, former_kind in rows:
            before, after = _version(*sides[:2]), _version(*sides[2:])
            is_new = bool(touched_series) and former_kind is None
            around = Surroundings(
                series=series,
                came=is_new and series is not None,
                went=bool(touched_series) and not is_new and series is None,
            )
            yield _found(event_id, before, after, around)

    def keep(self, run_id: str, now: dt.datetime, found: Found) -> None:
        """Write one change into the table."""
        self._insert(run_id, write_instant(now), found)

    def tally(self, run_id: str, now: dt.datetime, left_out: int) -> None:
        """Write down how many more changes there were than are kept, if there were."""
        if left_out > 0:
            found = Found("", "omitted", "", {}, {"changes": left_out})  # type: ignore[arg-type]  # a tally, no change
            self._insert(run_id, write_instant(now), found)

    def keep_deleted(self, now: dt.datetime) -> None:
        """Keep the last state of what was live and is not any more; let go of what lives again."""
        self._connection.execute(
            "INSERT OR REPLACE INTO deleted SELECT ?1, f.id, ?2, f.resource FROM temp.former f"
            " LEFT JOIN resources r ON r.calendar = ?1 AND r.id = f.id"
            " WHERE f.kind <> ?3 AND (r.id IS NULL OR r.kind = ?3)",
            (self._key, write_instant(now), Kind.CANCELLED),
        )
        self._connection.execute(
            "DELETE FROM deleted WHERE calendar = ?1 AND id IN"
            " (SELECT id FROM resources WHERE calendar = ?1 AND kind <> ?2)",
            (self._key, Kind.CANCELLED),
        )

    def _insert(self, run_id: str, stamp: str, found: Found) -> None:
        self._connection.execute(
            "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                run_id,
                self._key,
                stamp,
                found.event_id,
                found.kind,
                found.summary,
                msgspec.json.encode(found.before),
                msgspec.json.encode(found.after),
            ),
        )


def _version(kind: int | None, resource: bytes | None) -> Version | None:
    return None if kind is None or resource is None else Version(kind, resource)


def _found(
    event_id: str, before: Version | None, after: Version | None, around: Surroundings
) -> Found | None:
    kind = kind_of_change(before, after, around)
    if kind is None:
        return None
    old, new = describe(before, after, around)
    return Found(event_id, kind, summary_of(before, after, around), old, new)


def forget_changes(mirror: Mirror, before: str) -> None:
    """Remove what was found before an instant; inside a transaction."""
    mirror.connection.execute("DELETE FROM changes WHERE found_at < ?", (before,))


_QUERY = """
SELECT run, found_at, c.id, view, event, kind, summary, before, after
FROM changes JOIN calendars c ON c.key = calendar WHERE {} ORDER BY changes.rowid
"""
_LAST = "SELECT run FROM changes ORDER BY rowid DESC LIMIT 1"


def list_changes(path: Path, since: dt.datetime | str | None) -> list[Change]:
    """List changes, oldest first: since an instant, since a run (or the beginning of its id).

    None: of the last run that found any. A missing, damaged or older mirror has none. The file is
    not opened for writing.
    """
    if since is None:
        condition, value = (
            f"run = ({_LAST}) AND ? IS NULL",
            None,
        )
    elif isinstance(since, str):
        # Only an id's time sorts; of two runs in one second either may have the greater id.
        condition, value = "run >= ?", since.partition("-")[0]
    else:
        condition, value = "found_at >= ?", write_instant(since)
    if not path.exists():
        return []
    try:
        with closing(open_to_look(path)) as connection:
            return [_change(row) for row in connection.execute(_QUERY.format(condition), (value,))]
    except (sqlite3.Error, msgspec.MsgspecError):
        return []


def _change(row: tuple[Any, ...]) -> Change:
    run_id, found_at, calendar_id, view, event_id, kind, summary, before, after = row
    known = msgspec.json.decode(view)
    return Change(
        run_id=run_id,
        found_at=found_at,
        calendar_id=calendar_id,
        calendar=known.get("name") or calendar_id,
        time_zone=known.get("time_zone") or "UTC",
        event_id=event_id,
        kind=kind,
        summary=summary,
        before=msgspec.json.decode(before),
        after=msgspec.json.decode(after),
    )
