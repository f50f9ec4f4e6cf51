"""`status`: never, fresh, failing, stale; from local files only."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from export_steps import TEAM, place, stamps
from grant_steps import edit

from calendar_sync.config import Config
from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.health import judge
from calendar_sync.history import Report

if TYPE_CHECKING:
    from conftest import HomeFolder

NOW = dt.datetime(2026, 6, 10, 12, tzinfo=dt.UTC)


def status(home: HomeFolder, expect: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(home.run("status", "--json", expect=expect).stdout)
    return found


def test_never_then_fresh_then_failing(home: HomeFolder, google: LocalGoogle) -> None:
    """With the keys of the contract, in every state; nobody is asked and nothing is written."""
    keys = {
        "version", "health", "last_success", "last_run", "next_due", "grant", "calendars",
    }  # fmt: skip
    found = status(home, expect=1)
    assert found["health"] == "never" and found["last_run"] is None
    assert keys == found.keys() and found["version"] == 1
    home.run("export")
    asked, before = google.requests.count(), stamps(home.exports)
    found = status(home, expect=0)
    assert found["health"] == "fresh" and keys == found.keys()
    assert {"account", "consented_at", "expires_at", "age_days", "warning"} == found["grant"].keys()
    assert {calendar["id"] for calendar in found["calendars"]} >= {TEAM}
    assert found["last_success"] == found["last_run"]
    assert google.requests.count() == asked
    assert stamps(home.exports) == before
    google.faults.add("api_403_quota", on=place(TEAM), count=None)
    home.run("export", expect=1)
    assert "exit code 1: failed: Team & Friends" in home.run("status", expect=1).stdout
    found = status(home, expect=1)
    assert found["health"] == "failing" and keys == found.keys()
    [failed] = [calendar for calendar in found["calendars"] if calendar["result"] == "failed"]
    assert failed["id"] == TEAM and "quota" in failed["error"]
    google.faults.clear()
    home.run("export")
    assert status(home, expect=0)["health"] == "fresh"


def test_what_to_do_is_said_unless_all_is_well(home: HomeFolder, google: LocalGoogle) -> None:
    """The command as it has to be typed; and at three in the morning whose grant it is."""
    doctor = f"what to do    calendar-sync doctor --home {home.folder}\n"
    assert doctor in home.run("status", expect=1).stdout
    home.run("export")
    assert "what to do" not in home.run("status").stdout
    google.revoke_grants()
    edit(home.token, account="ada@example.com", token=None)
    assert "no longer accepts the grant of ada@example.com." in home.run("export", expect=77).stderr
    consent = f"what to do    calendar-sync consent --home {home.folder}\n"
    assert consent in home.run("status", expect=1).stdout


def test_stale_when_a_due_run_did_not_come(home: HomeFolder) -> None:
    home.configure('schedule = "@hourly"\ntimezone = "Asia/Kolkata"\n')
    home.run("export")
    found = status(home, expect=0)
    assert found["next_due"].endswith(":00:00+05:30")
    _make_older(home, dt.timedelta(hours=3))
    assert status(home, expect=1)["health"] == "stale"
    assert "stale" in home.run("status", expect=1).stdout


def _make_older(home: HomeFolder, age: dt.timedelta) -> None:
    """Move what is remembered of the last run into the past."""
    with sqlite3.connect(home / "state/mirror.sqlite3") as mirror:
        [(text,)] = mirror.execute("SELECT report FROM runs")
        stored = json.loads(text)
        for key in ("started_at", "finished_at"):
            moment = dt.datetime.fromisoformat(stored[key]) - age
            stored[key] = moment.isoformat().replace("+00:00", "Z")
        mirror.execute("UPDATE runs SET report = ?", (json.dumps(stored).encode(),))


def _ended(code: int, hours_ago: float) -> Report:
    moment = (NOW - dt.timedelta(hours=hours_ago)).isoformat().replace("+00:00", "Z")
    return Report("id", "export", moment, moment, code, "", 0)


@pytest.mark.parametrize(
    ("last", "success", "schedule", "health"),
    [
        (None, None, None, "never"),
        ((0, 1), (0, 1), None, "fresh"),
        ((0, 26), (0, 26), None, "stale"),
        ((1, 1), (0, 2), None, "failing"),
        ((75, 1), (0, 2), None, "failing"),
        ((77, 1), None, None, "failing"),
        ((143, 1), (0, 2), None, "fresh"),
        ((130, 1), None, None, "never"),
        ((0, 0.5), (0, 0.5), "0 * * * *", "fresh"),  # at 11:30; the run of 12:00 has still time
        ((0, 3), (0, 3), "0 * * * *", "stale"),
        ((0, 30), (0, 30), "0 0 1 * *", "fresh"),
        ((0, -0.1), (0, -0.1), None, "fresh"),
        ((0, -9999), (0, -9999), None, "stale"),  # by a clock that was a year ahead
        ((0, -9999), (0, -9999), "0 * * * *", "stale"),
    ],
)
def test_the_judgement(
    last: tuple[int, float] | None,
    success: tuple[int, float] | None,
    schedule: str | None,
    health: str,
) -> None:
    config = Config(schedule=schedule, timezone="UTC")
    found = judge(
        _ended(*last) if last else None, _ended(*success) if success else None, config, NOW
    )
    assert found == health


def test_a_damaged_mirror_has_no_history(home: HomeFolder) -> None:
    home.run("export")
    (home / "state/mirror.sqlite3").write_bytes(b"garbage" * 1000)
    assert status(home, expect=1)["health"] == "never"


@pytest.mark.parametrize("folder", ["state", "credentials"])
def test_another_users_home_is_no_bug(home: HomeFolder, folder: str) -> None:
    """A monitor that runs as somebody else is told so, not that this program is broken."""
    home.run("export")
    (home / folder).chmod(0)
    verbs = ["status", "revoke"] if folder == "credentials" else ["status", "history", "verify"]
    for verb in verbs:
        said = home.run_obeying_modes(verb, expect=78).stderr
        assert f"Cannot read {home / folder}/" in said and "permission denied" in said
        assert f"doctor --home {home.folder} --offline" in said
    (home / folder).chmod(0o700)
    home.run("status")


def test_a_mistyped_command_is_no_failing_run(home: HomeFolder) -> None:
    """Whoever watches `status` is not to be called for somebody's typo."""
    home.run("export")
    home.run("export", "--calendar", "nobody", expect=2)
    assert json.loads(home.run("status", "--json").stdout)["health"] == "fresh"
