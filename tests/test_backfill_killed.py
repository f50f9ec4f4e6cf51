"""Ten years of backfill, killed five times by chance: nothing is lost, nothing is read twice."""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from backfill_steps import PAST, add_past
from export_steps import check_manifest, contents, place

from calendar_sync.emulator.local_google import LocalGoogle

if TYPE_CHECKING:
    from conftest import HomeFolder

ASKED = ("backfill", "--from", "2016-01-01", "--to", "2026-01-01", "--calendar", "Past")
KILLS = 5


def done(home: HomeFolder) -> set[str]:
    """The slices that the ledger has, as a killed process left it."""
    with closing(sqlite3.connect(home / "state/mirror.sqlite3")) as mirror:
        return {name for (name,) in mirror.execute("SELECT name FROM slices")}


def asked(google: LocalGoogle) -> list[str]:
    """The slices that were asked for, in order; the middle of each lies in its month."""
    return [
        f"{datetime.fromisoformat(entry.query['timeMin'][0]) + timedelta(days=15):%Y-%m}"
        for entry in google.requests.to(place(PAST))
    ]


def of_the_data(home: HomeFolder) -> dict[str, Any]:
    entries = check_manifest(home / "exports/backfill")
    return {id_: {**entry, "synced_at": None} for id_, entry in entries.items()}


@pytest.mark.slow
def test_ten_years_killed_five_times_end_as_if_never_killed(
    new_home: Callable[..., HomeFolder], google: LocalGoogle
) -> None:
    add_past(google)
    google.control("load_events", calendar=PAST, count=300)
    calm, killed = new_home("calm"), new_home("killed")
    calm.run(*ASKED)
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    google.requests.clear()
    for number in range(KILLS):
        finished = done(killed) if number else set()
        process = killed.start(*ASKED)
        wanted = chance.randint(1, 20)
        wait_until(lambda wanted=wanted: google.requests.count(place(PAST)) >= wanted)
        time.sleep(chance.uniform(0, 0.05))  # within a slice, whatever is done there then
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)
        assert process.returncode == -signal.SIGKILL
        assert finished.isdisjoint(asked(google))
        google.requests.clear()
    finished = done(killed)
    assert 0 < len(finished) < 120
    killed.run(*ASKED)
    again = asked(google)
    assert finished.isdisjoint(again) and len(again) == len({*again})
    assert finished | {*again} == {f"{2016 + n // 12}-{n % 12 + 1:02}" for n in range(120)}
    assert contents(killed / "exports") == contents(calm / "exports")
    assert of_the_data(killed) == of_the_data(calm)


def wait_until(is_so: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.005)
