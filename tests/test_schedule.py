"""Cron's own meaning of an expression, over both clock changes, and what `--if-due` makes of it."""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from calendar_sync.durations import Unreadable
from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.schedule import is_due, next_due, parse_schedule

if TYPE_CHECKING:
    from conftest import HomeFolder

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> dt.datetime:
    """A moment with an offset, or on Berlin's clock."""
    found = dt.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("expression", "after", "due"),
    [
        ("*/15 * * * *", "2026-06-10T10:00:00", "2026-06-10T10:15:00+02:00"),
        ("*/15 * * * *", "2026-06-10T10:14:59", "2026-06-10T10:15:00+02:00"),
        ("0 6 * * 1-5", "2026-06-12T06:00:00", "2026-06-15T06:00:00+02:00"),
        ("0 0 29 2 *", "2026-06-10T10:00:00", "2028-02-29T00:00:00+01:00"),
        ("0 0 13 * 5", "2026-06-10T10:00:00", "2026-06-12T00:00:00+02:00"),  # the 13th or a Friday
        # The clock goes from 2:00 to 3:00: a job of 2:30 runs at once after the gap.
        ("30 2 * * *", "2026-03-29T00:00:00", "2026-03-29T03:00:00+02:00"),
        ("0 * * * *", "2026-03-29T01:00:00", "2026-03-29T03:00:00+02:00"),
        ("*/30 * * * *", "2026-03-29T01:30:00", "2026-03-29T03:00:00+02:00"),
        # The clock goes from 3:00 back to 2:00: a job of 2:30 runs once, an hourly one each hour.
        ("30 2 * * *", "2026-10-25T00:00:00", "2026-10-25T02:30:00+02:00"),
        ("30 2 * * *", "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"),
        ("30 * * * *", "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"),
    ],
)
def test_the_next_due_time_is_that_of_debian_cron(expression: str, after: str, due: str) -> None:
    found = next_due(expression, at(after), BERLIN)
    assert found is not None
    assert found.isoformat() == due


@pytest.mark.parametrize(
    ("nickname", "due"),
    [
        ("@hourly", "2026-06-10T11:00:00+02:00"),
        ("@daily", "2026-06-11T00:00:00+02:00"),
        ("@midnight", "2026-06-11T00:00:00+02:00"),
        ("@weekly", "2026-06-14T00:00:00+02:00"),
        ("@monthly", "2026-07-01T00:00:00+02:00"),
        ("@yearly", "2027-01-01T00:00:00+01:00"),
        ("@annually", "2027-01-01T00:00:00+01:00"),
    ],
)
def test_nicknames(nickname: str, due: str) -> None:
    found = next_due(nickname, at("2026-06-10T10:00:00"), BERLIN)
    assert found is not None and found.isoformat() == due


@pytest.mark.parametrize(
    "text", ["", "* * * *", "60 * * * *", "@reboot", "every day", "0 0 30 2 *"]
)
def test_what_cron_would_not_take_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        parse_schedule(text)


@pytest.mark.parametrize(
    ("expression", "last", "now", "due"),
    [
        ("0 * * * *", None, "2026-06-10T10:30:00", True),
        ("0 * * * *", "2026-06-10T10:00:01", "2026-06-10T10:30:00", False),
        ("0 * * * *", "2026-06-10T10:00:00", "2026-06-10T10:30:00", False),
        ("0 * * * *", "2026-06-10T09:59:59", "2026-06-10T10:00:00", True),
        ("0 * * * *", "2026-06-08T09:00:00", "2026-06-10T10:30:00", True),  # missed, caught up
        ("0 6 * * *", "2026-06-10T06:01:00", "2026-06-11T05:59:59", False),
        ("0 * * * *", "2040-01-01T00:00:00", "2026-06-10T10:30:00", True),  # the clock was ahead
        ("30 2 * * *", "2026-10-25T02:30:05+02:00", "2026-10-25T02:45:00+01:00", False),
    ],
)
def test_due_is_what_has_come_since_the_last_success(
    expression: str, last: str | None, now: str, due: bool
) -> None:
    assert is_due(expression, at(last) if last else None, at(now), BERLIN) is due


def test_if_due_runs_when_due_and_else_asks_nobody(home: HomeFolder, google: LocalGoogle) -> None:
    home.configure('schedule = "@yearly"\n')
    home.run("export", "--if-due")
    asked = google.requests.count()
    assert asked > 0
    done = home.run("export", "--if-due")
    assert "Not due yet" in done.stderr
    assert google.requests.count() == asked


def test_a_run_that_needs_a_person_is_not_tried_all_night(
    home: HomeFolder, google: LocalGoogle
) -> None:
    """Cron asks every five minutes: again when it is due, or when the person has done something."""
    home.configure('schedule = "@yearly"\n')
    google.revoke_grants()
    for path in (home.token, home.client_secrets, home / "calendar-sync.toml"):
        os.utime(path, (0, 0))
    home.run("export", "--if-due", expect=77)
    asked = google.requests.count()
    assert "Not due yet" in home.run("export", "--if-due").stderr
    assert google.requests.count() == asked
    home.run("export", expect=77)
    google.write_token(home.token)
    home.run("export", "--if-due")
    assert home.exports.joinpath("manifest.json").exists()


def test_a_backfill_is_no_run_of_the_job(home: HomeFolder, google: LocalGoogle) -> None:
    """It neither makes the job "not due" nor the status fresh."""
    home.configure('schedule = "@yearly"\n')
    home.run("backfill", "--from", "2026-03-01", "--to", "2026-03-02", "--calendar", "Team*")
    assert "never" in home.run("status", expect=1).stdout
    home.run("export", "--if-due")
    assert home.exports.joinpath("manifest.json").exists()


def test_if_due_without_a_schedule_is_78(home: HomeFolder) -> None:
    done = home.run("export", "--if-due", expect=78)
    assert "calendar-sync.toml" in done.stderr
