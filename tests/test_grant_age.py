"""How old the grant is and whose: known, shown everywhere, and told before Google ends it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from grant_steps import DAY, ago, consenting, edit, instant, make_due, stored, token_calls
from test_refresh import now

from calendar_sync.emulator.local_google import LocalGoogle

WEEK = 7 * DAY - timedelta(seconds=1)  # Google says 604799


def given(path: Path, age: timedelta, lives: timedelta | None = WEEK) -> None:
    """Make the grant as old as `age`, of a life that Google named, or did not."""
    consented = now() - age
    ends = None if lives is None else instant(consented + lives)
    edit(path, consented_at=instant(consented), refresh_token_expires_at=ends)


def grant_of(home: Any) -> dict[str, Any]:
    grant: dict[str, Any] = json.loads(home.run("status", "--json", expect=None).stdout)["grant"]
    return grant


# -- seven days


def test_from_the_fifth_day_everything_warns(home: Any) -> None:
    """Log, report, status and doctor; a run is a success all the same."""
    given(home.token, 5 * DAY)
    done = home.run("--json", "export")
    report = json.loads(done.stdout)["report"]
    assert [w for w in report["warnings"] if "'Testing'" in w and "Publish it" in w]
    assert done.stderr.count("The grant ends on") == 1
    assert f"calendar-sync consent --home {home.folder}" in done.stderr, "cron's mail has it whole"
    found = grant_of(home)
    assert found["age_days"] == 5
    assert found["warning"] in report["warnings"]
    assert found["expires_at"] == stored(home.token)["refresh_token_expires_at"]
    assert "The grant ends on" in home.run("--quiet", "status").stdout
    checks = json.loads(home.run("--json", "doctor", "--offline").stdout)["checks"]
    [grant] = [check for check in checks if check["name"] == "grant"]
    assert grant["result"] == "warn"
    assert "calendar-sync consent" in grant["remedy"]
    again = json.loads(home.run("--json", "export").stdout)["report"]
    assert again["warnings"] == report["warnings"]


def test_a_backfill_warns_too(home: Any) -> None:
    """In its log and its report, also when it only plans."""
    given(home.token, 5 * DAY)
    for plan in ([], ["--dry-run"]):
        period = ("--from", "2026-01-01", "--to", "2026-02-01", "--calendar", "Team*")
        done = home.run("--json", "backfill", *period, *plan)
        [warning] = json.loads(done.stdout)["report"]["warnings"]
        assert "'Testing'" in warning and done.stderr.count("The grant ends on") == 1
    run = json.loads(home.run("--json", "history").stdout)["runs"][0]
    assert (run["command"], run["warnings"]) == ("backfill", [warning])


def test_before_the_fifth_day_nobody_is_bothered(home: Any) -> None:
    given(home.token, 5 * DAY - timedelta(hours=1))
    done = home.run("--json", "export")
    assert json.loads(done.stdout)["report"]["warnings"] == []
    assert done.stderr == ""
    assert grant_of(home)["warning"] is None
    assert home.run("--quiet", "status").stdout == ""


def test_a_death_after_a_week_is_explained_and_the_next_grant_is_watched(
    home: Any, google: LocalGoogle
) -> None:
    """Google names no end here; the run that found the grant dead tells how long it lived."""
    home.run("export")
    given(home.token, 7 * DAY, lives=None)
    make_due(home.token)
    google.revoke_grants()
    died = home.run("export", expect=77)
    assert "publishing status is 'Testing'" in died.stderr
    assert "calendar-sync consent" in died.stderr
    with consenting(home) as asked:
        asked.click()
        assert "probably ends, like the last one" in asked.end(0)
    assert grant_of(home)["age_days"] == 0
    token = stored(home.token)
    assert token["refresh_token_expires_at"][:10] == instant(now() + 7 * DAY)[:10]
    moved = {
        key: instant(now() - 5 * DAY + (7 * DAY if "expires" in key else 0 * DAY))
        for key in ("consented_at", "refresh_token_expires_at")
    }
    edit(home.token, **moved)
    assert "The grant ends on" in home.run("export").stderr


# -- other ends


@pytest.mark.parametrize(("age", "warns"), [(165, False), (167, True)])
def test_a_grant_limited_to_half_a_year_is_told_two_weeks_before(
    home: Any, age: int, warns: bool
) -> None:
    """That was the person's choice, no matter of Testing."""
    given(home.token, age * DAY, lives=180 * DAY)
    warning = grant_of(home)["warning"]
    assert (warning is not None) is warns
    if warning:
        assert "given for 180 days" in warning
        assert "Testing" not in warning


@pytest.mark.parametrize("keys", [("issued_at", "expiry"), ("expiry",)])
def test_a_grant_unused_for_150_days_is_told(home: Any, keys: tuple[str, ...]) -> None:
    """Also google-auth's own file, which only has the end of its last access token."""
    edit(home.token, **dict.fromkeys(keys, ago(151 * DAY)))
    assert "six unused months" in grant_of(home)["warning"]
    assert "six unused months" in home.run("doctor", "--offline").stdout
    assert "six unused months" in home.run("export").stderr
    assert grant_of(home)["warning"] is None


# -- the access token's life


@pytest.mark.parametrize("lifetime", [1, 225])
def test_access_tokens_that_live_shorter_than_the_margin_are_told_and_not_renewed_for_each_request(
    home: Any, google: LocalGoogle, lifetime: int
) -> None:
    google.faults.add("set_keys", on="token", keys={"expires_in": lifetime}, count=None)
    google.latency = 0.3
    make_due(home.token)
    done = home.run("export", "--jobs", "1")
    assert token_calls(google) == 1
    assert "Access tokens live" in done.stderr


# -- whose it is


def test_a_grant_that_came_without_a_name_is_named_by_its_calendars(home: Any) -> None:
    """google-auth's token.json has no account; its primary calendar is the address."""
    assert grant_of(home)["account"] is None
    home.run("export")
    before = home.token.read_bytes()
    assert grant_of(home)["account"] == "ada@example.com"
    assert "ada@example.com" in home.run("status").stdout
    assert "ada@example.com" in home.run("doctor", "--offline").stdout
    assert home.token.read_bytes() == before, "only consent, migration and refresh write it"


def test_a_migrated_grant_has_the_name_of_its_old_file_or_of_its_calendars(
    new_home: Callable[..., Any], google: LocalGoogle
) -> None:
    home = new_home(granted=False)
    named, nameless = (home / name for name in ("named.dat", "nameless.dat"))
    for path in (named, nameless):
        google.write_calendar_dat(path)
    edit(named, id_token={"email": "ada@old.example", "sub": "1"})
    home.run("migrate", str(named))
    assert grant_of(home)["account"] == "ada@old.example"
    home.run("migrate", "--force", str(nameless))
    assert grant_of(home)["account"] is None
    home.run("export")
    assert grant_of(home)["account"] == "ada@example.com"
    home.run("migrate", "--force", str(nameless))
    assert grant_of(home)["account"] is None, "perhaps another account's: the next run will tell"
