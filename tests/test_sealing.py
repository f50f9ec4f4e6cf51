"""token.json may be encrypted at rest, and the client may come from a service manager."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.fernet import Fernet

if TYPE_CHECKING:
    from conftest import HomeFolder

SEALED = 'token_key = "key.txt"\n'


def lock(home: HomeFolder) -> bytes:
    """Give the home a key; return it."""
    key = Fernet.generate_key()
    (home / "key.txt").write_bytes(key + b"\n")
    home.configure(SEALED)
    return key


def expire(home: HomeFolder) -> None:
    home.google.expire_access_tokens()


def test_the_next_refresh_encrypts_a_plain_grant_and_later_runs_open_it(home: HomeFolder) -> None:
    """A grant from before there was a key is not lost; afterwards no secret is readable."""
    refresh_token = json.loads(home.token.read_bytes())["refresh_token"]
    key = lock(home)
    expire(home)
    home.run("export")
    stored = home.token.read_bytes()
    assert refresh_token.encode() not in stored
    assert b"client_secret" not in stored
    content = json.loads(Fernet(key).decrypt(json.loads(stored)["content"]))
    assert content["refresh_token"] == refresh_token
    assert home.token.stat().st_mode & 0o777 == 0o600
    expire(home)
    home.run("export")
    assert json.loads(home.run("status", "--json").stdout)["grant"]["account"] is not None


@pytest.mark.parametrize(
    "verb", ["export", "consent --no-browser", "revoke", "calendars", "migrate"]
)
def test_a_wrong_key_is_named_and_changes_nothing(home: HomeFolder, verb: str) -> None:
    """It never leads to a new consent, nor to an overwrite or a removal."""
    lock(home)
    expire(home)
    home.run("export")
    before = home.token.read_bytes()
    lock(home)
    if verb == "migrate":
        verb += f" --force {home.google.write_calendar_dat(home / 'calendar.dat')}"
    done = home.run(*verb.split(), expect=78)
    assert "wrong key" in done.stderr
    assert home.token.read_bytes() == before


def test_an_encrypted_grant_without_a_configured_key_is_78(home: HomeFolder) -> None:
    """The message names the setting."""
    lock(home)
    expire(home)
    home.run("export")
    home.configure("")
    assert "token_key" in home.run("export", expect=78).stderr


def test_no_key_in_the_key_file_is_78_with_how_to_make_one(home: HomeFolder) -> None:
    """An empty or foreign file is no key."""
    lock(home)
    (home / "key.txt").write_text("not a key\n")
    assert "Fernet" in home.run("export", expect=78).stderr
    (home / "key.txt").unlink()
    assert "key.txt" in home.run("export", expect=78).stderr


def test_the_key_may_be_a_systemd_credential(home: HomeFolder, tmp_path: Path) -> None:
    """LoadCredential= lends it read-only in $CREDENTIALS_DIRECTORY."""
    credentials = tmp_path / "lent"
    credentials.mkdir()
    (credentials / "calendar-key").write_bytes(Fernet.generate_key())
    home.configure('token_key = "systemd:calendar-key"\n')
    expire(home)
    home.run("export", environment={"CREDENTIALS_DIRECTORY": str(credentials)})
    assert b"refresh_token" not in home.token.read_bytes()
    assert "LoadCredential" in home.run("export", expect=78).stderr


@pytest.mark.parametrize("source", ["systemd", "env:MY_CLIENT"])
def test_the_client_may_come_from_elsewhere(home: HomeFolder, tmp_path: Path, source: str) -> None:
    """A read-only client_secrets.json, lent by systemd or named by a variable."""
    lent = tmp_path / "lent"
    lent.mkdir()
    home.client_secrets.rename(lent / "client_secrets.json")
    home.configure(f'credentials_from = "{source}"\n')
    where = lent if source == "systemd" else lent / "client_secrets.json"
    name = "CREDENTIALS_DIRECTORY" if source == "systemd" else "MY_CLIENT"
    home.run("export", environment={name: str(where)})
    home.run("doctor", environment={name: str(where)})
    assert name in home.run("export", expect=78).stderr
    missing = home.run("export", expect=78, environment={name: str(tmp_path / "nowhere")})
    assert str(tmp_path / "nowhere") in missing.stderr


def test_another_source_is_a_wrong_value(home: HomeFolder) -> None:
    """The configuration says so, with its line."""
    home.configure('jobs = 2\ncredentials_from = "vault"\n')
    done = home.run("export", expect=78)
    assert "line 2" in done.stderr
    assert "credentials_from" in done.stderr
