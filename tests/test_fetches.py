"""Which fetch a calendar needs: the pure decision, and what the mirror is told to be."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from pathlib import Path

import pytest

from calendar_sync.config import Config
from calendar_sync.durations import parse_duration
from calendar_sync.mirror_file import open_mirror
from calendar_sync.sync import (
    CheckFetch,
    FullFetch,
    IncrementalFetch,
    Plan,
    SyncState,
    choose_fetch,
    fingerprint,
    is_suspicious_loss,
)

NOW = dt.datetime(2026, 6, 10, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
ZONE = "Europe/Berlin"


def _state(token: str | None = "t", age: dt.timedelta = DAY, **other: str) -> SyncState:
    made_with = other.get("fingerprint", fingerprint())
    return SyncState(token, made_with, NOW - age, other.get("zone", ZONE))


@pytest.mark.parametrize(
    ("state", "full", "plan"),
    [
        (None, False, FullFetch("first read")),
        (SyncState(None, "", None, ""), False, FullFetch("first read")),
        (_state(), False, IncrementalFetch("t")),
        (_state(), True, FullFetch("asked for")),
        (_state(None), False, FullFetch("made by another version")),
        (_state(fingerprint="of other parameters"), False, FullFetch("made by another version")),
        (_state(zone="Asia/Tokyo"), False, FullFetch("the calendar's time zone changed")),
        (_state(age=30 * DAY - dt.timedelta(seconds=1)), False, IncrementalFetch("t")),
        (_state(age=30 * DAY), False, CheckFetch("t")),
        (_state(age=-DAY), False, CheckFetch("t")),  # the clock was set back
        (_state(age=31 * DAY), True, FullFetch("asked for")),
    ],
)
def test_a_fetch_is_incremental_wherever_that_is_sound(
    state: SyncState | None, full: bool, plan: Plan
) -> None:
    """The consistency check is due every 30 days unless the configuration says otherwise."""
    every = parse_duration(Config().full_every)
    assert choose_fetch(state, time_zone=ZONE, now=NOW, full_every=every, full=full) == plan


@pytest.mark.parametrize(
    ("before", "after", "suspicious"),
    [
        (0, 0, False), (1, 0, True), (1, 1, False), (19, 1, False), (19, 0, True), (20, 9, True),
        (20, 10, False), (21, 10, True), (20, 40, False),
    ],
)  # fmt: skip
def test_a_loss_is_suspicious_when_all_or_most_of_many_went(
    before: int, after: int, suspicious: bool
) -> None:
    assert is_suspicious_loss(before, after) == suspicious


def test_what_is_committed_lasts(tmp_path: Path) -> None:
    """A log that readers do not wait for, each commit on the disk, no row without its calendar."""
    with closing(open_mirror(tmp_path / "state/mirror.sqlite3")) as mirror:
        found = [
            mirror.connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert found == ["wal", 2, 1]
