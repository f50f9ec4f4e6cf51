"""What somebody stumbled over who knew the README only; each of it is told, or works, now."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from grant_steps import DAY, ago, edit

from calendar_sync.app import App

if TYPE_CHECKING:
    from conftest import HomeFolder


def test_a_period_that_holds_nothing_is_refused(home: HomeFolder) -> None:
    """It would have emptied every file."""
    home.run("export")
    before = {path: path.read_bytes() for path in home.exports.iterdir()}
    done = home.run("export", "--from", "2026-06-01", "--to", "2026-01-01", expect=2)
    assert "--from must be earlier" in done.stderr
    assert {path: path.read_bytes() for path in home.exports.iterdir()} == before


def test_a_period_over_the_configured_files_is_warned_of(home: HomeFolder, tmp_path: Path) -> None:
    """With a folder of its own nothing is to be said."""
    period = ("--from", "2026-03-01", "--to", "2026-04-01")
    assert "--output" in home.run("export", *period).stderr
    assert "warning" not in home.run("export", *period, "--output", str(tmp_path / "march")).stderr


def test_a_pattern_that_matches_nothing_is_a_warning(home: HomeFolder) -> None:
    """Its folder would go stale in silence."""
    home.configure('[[export]]\nname = "team"\ncalendars = ["Taem *"]\n')
    done = home.run("export")
    assert "'team' matches no calendar (Taem *)" in done.stderr
    assert "calendar-sync calendars" in done.stderr


def test_a_config_that_is_not_there_is_no_default(home: HomeFolder) -> None:
    """A typing error in a cron line must not export everything."""
    done = home.run("export", "--config", str(home / "nope.toml"), expect=78)
    assert "nope.toml" in done.stderr
    assert not home.exports.exists()


def test_a_home_that_is_not_there_is_not_made(home: HomeFolder, tmp_path: Path) -> None:
    """The message names what was looked for; nothing is created."""
    done = home.run("export", "--home", str(tmp_path / "typo"), expect=78)
    assert str(tmp_path / "typo" / "credentials" / "token.json") in done.stderr
    home.run("report", "--home", str(tmp_path / "typo"), expect=78)
    assert not (tmp_path / "typo").exists()


def test_a_hint_carries_the_home_that_was_typed(home: HomeFolder) -> None:
    """Pasted as it stands, it must not mean another home."""
    home.token.unlink()
    done = home.run("export", expect=77)
    assert f"calendar-sync consent --home {home.folder}" in done.stderr
    here = home.run("export", "--home", ".", expect=77, cwd=home.folder)
    assert "calendar-sync consent --home ." in here.stderr


def test_so_do_all_other_words(home: HomeFolder) -> None:
    """A next step, a remedy of doctor's, a warning of status'."""
    typed = f"calendar-sync consent --home {home.folder}\n"
    edit(home.token, refresh_token_expires_at=ago(DAY), consented_at=ago(8 * DAY))
    assert typed in home.run("status", expect=1).stdout
    assert typed in home.run("doctor", "--offline").stdout
    old = home.google.write_calendar_dat(home / "calendar.dat")
    done = home.run("migrate", "--force", str(old))
    assert f"Next: calendar-sync export --home {home.folder}\n" in done.stderr
    assert done.stderr.count("--home") == 1


@pytest.mark.parametrize(
    ("said", "completed"),
    [
        ("Run: calendar-sync consent", "Run: calendar-sync consent --home '/a b'"),
        ("`calendar-sync doctor`, then", "`calendar-sync doctor --home '/a b'`, then"),
        ("calendar-sync schedule install, or", "calendar-sync schedule install --home '/a b', or"),
        ("calendar-sync migrate x.dat", "calendar-sync migrate --home '/a b' x.dat"),
        ("a class that calendar-sync does not know", "a class that calendar-sync does not know"),
        ("calendar-sync: Running", "calendar-sync: Running"),
    ],
)
def test_only_commands_are_completed_and_once(said: str, completed: str) -> None:
    app = App()
    app.options["home"] = "/a b"
    assert app.as_typed(said) == completed
    assert app.as_typed(completed) == completed


def test_a_hint_carries_the_account(home: HomeFolder) -> None:
    """Else the remedy would only ask which account."""
    home.token.unlink()
    home.configure('[[account]]\nname = "ada"\n[[account]]\nname = "bob"\n')
    done = home.run("export", expect=77)
    assert f"calendar-sync consent --home {home.folder} --account ada" in done.stderr
    assert f"calendar-sync consent --home {home.folder} --account bob" in done.stderr


def test_a_network_that_is_down_names_the_next_step(home: HomeFolder) -> None:
    """Also when the step is: nothing."""
    home.google.stop()
    done = home.run("calendars", expect=75)
    assert "If it stays: calendar-sync doctor" in done.stderr


def test_verify_before_the_first_export_has_nothing_to_say(home: HomeFolder) -> None:
    """Nothing published is no success, with a mirror or without."""
    home.run("verify", expect=1)
    home.google.faults.add("api_403_disabled", on="calendarList", count=None)
    home.run("export", expect=78)
    home.run("verify", expect=1)


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_files_are_made_ends_the_run(
    home: HomeFolder, sent: signal.Signals, code: int
) -> None:
    """The last good files stay, and the next run publishes what this one had read."""
    home.run("export")
    calendar = "team@group.calendar.google.com"
    home.google.control("load_events", calendar=calendar, count=6000, seed=1)
    before = {path: path.read_bytes() for path in home.exports.iterdir()}
    process = home.start("export", "--calendar", "Team*")
    home.google.requests.wait_for(
        lambda entry: "events" in entry.path and entry.status == 200 and "pageToken" in entry.query,
        timeout=60,
    )
    while not any(home.exports.glob(".calendar-sync-*")):  # a draft: files are being made
        assert process.poll() is None
    process.send_signal(sent)
    assert process.wait(60) == code
    assert {path: path.read_bytes() for path in home.exports.iterdir()} == before
    home.run("export")
    assert (home.exports / "team-friends.ics").read_bytes() != before[
        home.exports / "team-friends.ics"
    ]


def test_a_deadline_counts_while_files_are_made(home: HomeFolder) -> None:
    """A run ends with 75 at its deadline, wherever it is."""
    calendar = "team@group.calendar.google.com"
    home.google.control("load_events", calendar=calendar, count=8000, seed=1)
    home.run("export", "--format", "jsonl")  # so that there is hardly anything to read
    done = home.run("export", "--deadline", "1s", expect=75)
    assert "deadline" in done.stderr
