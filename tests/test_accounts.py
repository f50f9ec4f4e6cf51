"""Several accounts in one home, and service accounts that read for a user of their domain."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from organisation_steps import write_key

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import HomeFolder

ADA, BOB = "ada@example.com", "bob@example.com"
TWO = '[[account]]\nname = "ada"\n\n[[account]]\nname = "bob"\n'
SERVICE = f'[[account]]\nname = "bob"\nservice_account = "key.json"\nsubject = "{BOB}"\n'


@pytest.fixture
def two(home: HomeFolder) -> HomeFolder:
    """A home with two accounts, each with a grant of its own."""
    home.google.control("add_account", account=BOB)
    calendar = {"calendar": BOB, "summary": "Bob", "time_zone": "Europe/Paris"}
    home.google.control("add_calendar", account=BOB, **calendar)
    event = {"summary": "Lunch", "start": {"date": "2026-03-01"}, "end": {"date": "2026-03-02"}}
    home.google.control("add_event", calendar=BOB, event=event)
    home.token.unlink()
    for name, account in (("ada", ADA), ("bob", BOB)):
        home.google.write_token(home / f"credentials/{name}/token.json", account)
    home.configure(TWO)
    return home


def test_each_account_has_its_own_grant_state_and_exports(two: HomeFolder) -> None:
    """One command exports both; what belongs to one never mixes with the other's."""
    two.run("export")
    assert (two.exports / "ada" / "ada-lovelace.csv").exists()
    assert "Lunch" in (two.exports / "bob" / "bob.csv").read_text()
    assert not (two.exports / "manifest.json").exists()
    assert (two / "state/ada/mirror.sqlite3").exists()
    assert (two / "state/bob/mirror.sqlite3").exists()
    report = json.loads(two.run("export", "--json").stdout)
    assert [len(each["calendars"]) for each in report["reports"]] == [5, 1]


def test_one_account_can_be_named(two: HomeFolder) -> None:
    """Before or after the verb; an unknown name is wrong usage that lists the known ones."""
    two.run("export", "--account", "bob")
    assert not (two.exports / "ada").exists()
    done = two.run("--account", "carol", "export", expect=2)
    assert "ada, bob" in done.stderr


def test_a_failing_account_does_not_stop_the_others(two: HomeFolder) -> None:
    """Ada's grant is dead: 1 and named; when both are dead: 77."""
    two.google.revoke_grants(ADA)
    done = two.run("export", expect=1)
    assert "ada:" in done.stderr
    assert (two.exports / "bob" / "bob.csv").exists()
    two.google.revoke_grants(BOB)
    assert "calendar-sync consent" in two.run("export", expect=77).stderr


def test_a_verb_for_one_grant_asks_which(two: HomeFolder) -> None:
    """`revoke` would otherwise have to guess."""
    assert "--account" in two.run("revoke", expect=2).stderr
    two.run("revoke", "--account", "bob")
    assert not (two / "credentials/bob/token.json").exists()
    assert (two / "credentials/ada/token.json").exists()


def test_status_calendars_and_doctor_speak_of_every_account(two: HomeFolder) -> None:
    """And status is healthy only when all are."""
    two.run("export", "--account", "ada")
    found = json.loads(two.run("status", "--json", expect=1).stdout)
    assert [each["account"] for each in found["accounts"]] == ["ada", "bob"]
    assert [each["health"] for each in found["accounts"]] == ["fresh", "never"]
    two.run("export")
    two.run("status")
    rows = json.loads(two.run("calendars", "--json").stdout)["calendars"]
    assert {row["account"] for row in rows} == {"ada", "bob"}
    names = [check["name"] for check in json.loads(two.run("doctor", "--json").stdout)["checks"]]
    assert "ada google" in names
    assert "bob google" in names
    (two / "credentials/ada/token.json").unlink()
    done = two.run("calendars", "--json", expect=1)  # a failing account never stops the others
    assert {row["account"] for row in json.loads(done.stdout)["calendars"]} == {"bob"}
    assert f"calendar-sync consent --home {two.folder} --account ada" in done.stderr


def test_open_secrets_of_an_account_are_closed(two: HomeFolder) -> None:
    """Its folder and its grant, too."""
    (two / "credentials/bob").chmod(0o755)
    (two / "credentials/bob/token.json").chmod(0o644)
    two.run("export")
    assert (two / "credentials/bob").stat().st_mode & 0o777 == 0o700
    assert (two / "credentials/bob/token.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('[[account]]\nname = "../x"\n', "no account name"),
        ('[[account]]\nname = "a"\n[[account]]\nname = "a"\n', "same name"),
        ('[[account]]\nname = "a"\nservice_account = "k.json"\n', "user to read for"),
        ('[[account]]\nname = "a"\nsubject = "a@b"\n', "service account"),
    ],
)
def test_odd_accounts_are_wrong_configuration(home: HomeFolder, text: str, word: str) -> None:
    """A name becomes a folder; a service account needs somebody to read for."""
    home.configure(text)
    assert word in home.run("export", expect=78).stderr


# -- service accounts ------------------------------------------------------------------------------


def test_a_service_account_reads_for_its_subject(two: HomeFolder) -> None:
    """No consent, no token.json: the key signs an assertion for each access token."""
    write_key(two)
    (two / "credentials/bob/token.json").unlink()
    two.configure(SERVICE)
    two.google.requests.clear()
    two.run("export")
    assert "Lunch" in (two.exports / "bob" / "bob.csv").read_text()
    assert {entry.account for entry in two.google.requests if entry.account} == {BOB}
    assert two.google.requests.count("token") == 1
    assert json.loads(two.run("status", "--json").stdout)["accounts"][0]["grant"]["account"] == BOB
    two.run("doctor")


def test_it_works_without_a_client(two: HomeFolder) -> None:
    """A home of service accounts needs no client_secrets.json."""
    write_key(two)
    two.client_secrets.unlink()
    two.configure(SERVICE)
    two.run("export")


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ("not_delegated", "delegation"),
        ("invalid_email", "knows no user"),
        ("invalid_jwt_signature", "deleted or replaced"),
    ],
)
def test_the_errors_of_delegation_are_configuration(two: HomeFolder, fault: str, word: str) -> None:
    """None of them is cured by a consent."""
    write_key(two)
    two.configure(SERVICE)
    two.google.faults.add(fault, on="token", count=None)
    done = two.run("export", expect=78)
    assert word in done.stderr
    assert "calendar-sync consent" not in done.stderr


def test_a_wrong_clock_is_named(two: HomeFolder) -> None:
    """Google's clock is a day ahead, so the assertion is out of time."""
    write_key(two)
    two.configure(SERVICE)
    two.google.clock.advance(86400)
    assert "clock" in two.run("export", expect=78).stderr


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda path: path.unlink(), "Cannot read"),
        (lambda path: path.write_text("{"), "not JSON"),
        (lambda path: path.write_text("[" * 50_000), "not JSON"),
        (lambda path: path.write_text('{"type": "authorized_user"}'), "not a service-account key"),
        (lambda path: path.write_text(path.read_text().replace("BEGIN", "BEGUN")), "not a usable"),
    ],
)
def test_a_spoilt_key_is_configuration(
    two: HomeFolder, spoil: Callable[[Path], object], word: str
) -> None:
    """Each kind with its own message, none with the key in it."""
    spoil(write_key(two))
    two.configure(SERVICE)
    assert word in two.run("export", expect=78).stderr


@pytest.mark.parametrize("uri", ["https://tokens.example.com/token", "", 5])
def test_a_key_of_a_stranger_is_refused(two: HomeFolder, uri: object) -> None:
    """Its token_uri is data; no assertion is sent there."""
    write_key(two, token_uri=uri)
    two.configure(SERVICE)
    said = two.run("export", expect=78).stderr
    assert "neither Google nor this machine" in said and "Create a new JSON key" in said
