"""An old token file becomes token.json by one real refresh, or nothing happens at all."""

from __future__ import annotations

import base64
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from grant_steps import edit, stored, token_calls

from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.emulator.scopes import PREFIX, READONLY


@pytest.fixture
def home(new_home: Callable[..., Any]) -> Any:
    """A home with a client and no grant yet."""
    return new_home(granted=False)


@pytest.fixture
def old(home: Any, google: LocalGoogle) -> Path:
    """A calendar.dat with a living grant, as an old cron job left it."""
    return google.write_calendar_dat(home / "calendar.dat")


def refused(home: Any, file: Path, code: int, *flags: str) -> str:
    """Migrate, be refused, and find everything as it was."""
    before = file.read_bytes() if file.is_file() else None
    token = home.token.read_bytes() if home.token.exists() else None
    said: str = home.run("migrate", str(file), *flags, expect=code).stderr
    assert (file.read_bytes() if file.is_file() else None) == before
    assert (home.token.read_bytes() if home.token.exists() else None) == token
    assert list(home.token.parent.glob(".*")) == []
    assert "Traceback" not in said
    return said


def test_a_calendar_dat_is_proven_written_and_left_alone(
    home: Any, google: LocalGoogle, old: Path
) -> None:
    before = old.read_bytes()
    done = home.run("migrate", str(old))
    assert token_calls(google) == 1
    assert len(google.requests) == 1
    assert old.read_bytes() == before
    assert old.stat().st_mode & 0o777 == 0o600
    assert home.token.stat().st_mode & 0o777 == 0o600
    token = stored(home.token)
    assert token["refresh_token"] == json.loads(before)["refresh_token"]
    assert token["token"] != json.loads(before)["access_token"], "the old one is dropped"
    assert token["scopes"] == [READONLY]
    assert f"{old} is an oauth2client file (calendar.dat)." in done.stderr
    assert "Proven by one refresh" in done.stderr
    assert f"delete {old}" in done.stderr
    home.run("export")
    assert token_calls(google) == 1
    assert (home.exports / "manifest.json").exists()


def test_the_old_program_still_works_afterwards_where_tokens_do_not_rotate(
    home: Any, google: LocalGoogle, old: Path
) -> None:
    home.run("migrate", str(old))
    google.expire_access_tokens()
    home.run("calendars")
    assert len(google.oauth.grants()) == 1


def test_a_rotated_token_is_what_is_stored(home: Any, google: LocalGoogle, old: Path) -> None:
    google.control("oauth", rotate_refresh_tokens=True)
    home.run("migrate", str(old))
    assert stored(home.token)["refresh_token"] != json.loads(old.read_bytes())["refresh_token"]
    google.expire_access_tokens()
    home.run("calendars")


def test_a_file_of_another_folder_and_a_relative_name(
    home: Any, google: LocalGoogle, tmp_path: Path
) -> None:
    google.write_calendar_dat(tmp_path / "job" / "calendar.dat")
    home.run("migrate", "calendar.dat", cwd=tmp_path / "job")
    home.run("calendars")


def test_a_home_without_a_client_takes_the_tokens_own(
    home: Any, google: LocalGoogle, old: Path
) -> None:
    home.client_secrets.unlink()
    home.token.parent.rmdir()
    home.run("migrate", str(old))
    assert home.token.parent.stat().st_mode & 0o777 == 0o700
    home.run("export")


def test_a_dry_run_asks_nobody_and_writes_nothing(
    home: Any, google: LocalGoogle, old: Path
) -> None:
    before = sorted(home.folder.rglob("*"))
    done = home.run("migrate", "--dry-run", str(old))
    assert sorted(home.folder.rglob("*")) == before
    assert len(google.requests) == 0
    assert "Dry run" in done.stderr
    assert str(home.token) in done.stderr


def test_an_existing_grant_is_replaced_by_force_only(
    new_home: Callable[..., Any], google: LocalGoogle
) -> None:
    home = new_home("granted")
    old = google.write_calendar_dat(home / "calendar.dat")
    said = refused(home, old, 2)
    assert f"calendar-sync migrate --home {home.folder} --force {old}" in said
    assert len(google.requests) == 0
    refused(home, old, 2, "--dry-run")
    home.run("migrate", "--force", str(old))
    assert stored(home.token)["refresh_token"] == json.loads(old.read_bytes())["refresh_token"]


def test_the_homes_own_grant_is_no_source(
    new_home: Callable[..., Any], google: LocalGoogle
) -> None:
    """Else the advice would be to delete it."""
    home = new_home("granted")
    said = refused(home, home.token, 2, "--force")
    assert "already" in said
    assert len(google.requests) == 0


# -- nothing is written


def test_a_dead_grant(home: Any, google: LocalGoogle, old: Path) -> None:
    google.revoke_grants()
    said = refused(home, old, 77)
    assert "no longer accepts the grant" in said
    assert "calendar-sync consent" in said
    assert token_calls(google) == 1
    assert not home.token.exists()


def test_a_dead_grant_does_not_replace_a_living_one(
    new_home: Callable[..., Any], google: LocalGoogle
) -> None:
    home = new_home("granted")
    old = home / "calendar.dat"
    google.write_calendar_dat(old)
    edit(old, refresh_token="1//0-not-known")
    refused(home, old, 77, "--force")
    home.run("calendars")


@pytest.mark.parametrize("fault", ["html_500", "reset", "redirect", "empty_200"])
def test_a_disturbance(home: Any, google: LocalGoogle, old: Path, fault: str) -> None:
    google.faults.add(fault, on="token", count=3)
    refused(home, old, 75)
    google.faults.clear()
    home.run("migrate", str(old))


def test_google_is_down(home: Any, google: LocalGoogle, old: Path) -> None:
    google.stop()
    assert "could not be reached" in refused(home, old, 75)
    google.start()


def test_a_wrong_client(home: Any, google: LocalGoogle, old: Path) -> None:
    edit(old, client_secret="GOCSPX-was-reset")
    assert "OAuth client" in refused(home, old, 78)


def test_a_grant_that_turns_out_too_narrow(home: Any, google: LocalGoogle, old: Path) -> None:
    narrow = PREFIX + "calendar.events.freebusy"
    google.faults.add("set_keys", on="token", keys={"scope": narrow})
    said = refused(home, old, 77)
    assert "calendar.events.freebusy" in said


def test_a_stranger_is_never_asked(home: Any, google: LocalGoogle, old: Path) -> None:
    with LocalGoogle() as stranger:
        edit(old, token_uri=stranger.url + "/token")
        assert str(stranger.port) in refused(home, old, 78)
        edit(old, token_uri="https://example.com/token")
        refused(home, old, 78)
        home.client_secrets.unlink()
        refused(home, old, 78)
        assert len(stranger.requests) == len(google.requests) == 0


def test_a_place_that_cannot_be_written(home: Any, google: LocalGoogle, old: Path) -> None:
    """Before the token server is asked: a rotated answer would be lost."""
    home.token.with_name("token.json.lock").mkdir()
    refused(home, old, 73)
    assert len(google.requests) == 0


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"invalid": True}, 77, "marked it invalid"),
        ({"refresh_token": None}, 77, "no refresh token"),
        ({"scopes": [PREFIX + "drive"], "token_response": None}, 77, "does not cover"),
        ({"_class": "ServiceAccountCredentials"}, 65, "service account"),
        ({"_module": "os"}, 65, "class that calendar-sync does not know"),
        ({"refresh_token": 5}, 65, "refresh_token is damaged"),
    ],
)
def test_a_file_that_cannot_serve(
    home: Any, google: LocalGoogle, old: Path, changes: dict[str, Any], code: int, words: str
) -> None:
    edit(old, **changes)
    assert words in refused(home, old, code)
    assert len(google.requests) == 0


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", 77, "empty"),
        (b'{"access_token": "ya29.x', 65, "damaged"),
        (b"[]", 65, "no kind"),
        (b"\x80\x04\x95", 65, "pickle"),
        (b'{"installed": {}}', 65, "client"),
        (b"[remote]\ntype = drive\ntoken = {}\n", 65, "rclone"),
        (b"x" * 70_000, 65, "larger than any token file"),
    ],
)
def test_a_file_that_is_something_else(
    home: Any, google: LocalGoogle, content: bytes, code: int, words: str
) -> None:
    file = home / "something"
    file.write_bytes(content)
    assert words in refused(home, file, code)
    assert len(google.requests) == 0


def test_no_such_file(home: Any) -> None:
    said = refused(home, home / "calendar.dat", 2)
    assert str(home / "calendar.dat") in said


# -- other kinds


def token_of_go(google: LocalGoogle, path: Path) -> Path:
    granted = google.grant()
    fields = {key: granted[key] for key in ("access_token", "token_type", "refresh_token")}
    path.write_text(json.dumps({**fields, "expiry": "2026-03-01T10:00:00.123456789+08:00"}))
    return path


def test_a_token_without_its_client_needs_a_persons_word(home: Any, google: LocalGoogle) -> None:
    file = token_of_go(google, home / "go.json")
    said = refused(home, file, 78)
    assert "--with-client" in said
    assert len(google.requests) == 0
    home.run("migrate", "--with-client", str(file))
    home.run("calendars")


def test_with_client_and_no_client(home: Any, google: LocalGoogle) -> None:
    file = token_of_go(google, home / "go.json")
    home.client_secrets.unlink()
    said = refused(home, file, 78, "--with-client")
    assert str(home.client_secrets) in said
    assert "from --home" in said


def several(google: LocalGoogle, home: Any) -> Path:
    """A multiprocess store of two accounts."""
    entries = {}
    for account in ("ada@example.com", "grace@example.com"):
        one = google.write_calendar_dat(home / "one.dat", account)
        entries[account] = base64.b64encode(one.read_bytes()).decode()
        one.unlink()
    path: Path = home / "store.json"
    path.write_text(json.dumps({"credentials": entries, "file_version": 2}))
    return path


def test_several_accounts_are_listed_and_one_must_be_chosen(home: Any, google: LocalGoogle) -> None:
    store = several(google, home)
    said = refused(home, store, 2)
    assert "ada@example.com" in said
    assert "grace@example.com" in said
    assert "--account" in said
    refused(home, store, 2, "--account", "nobody@example.com")
    assert len(google.requests) == 0
    home.run("migrate", str(store), "--account", "grace@example.com")
    entry = json.loads(store.read_bytes())["credentials"]["grace@example.com"]
    wanted = json.loads(base64.b64decode(entry))["refresh_token"]
    assert stored(home.token)["refresh_token"] == wanted


class Mischief:
    """Writes a file when it is unpickled carelessly."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self._path, "run")


def test_a_pickle_is_read_by_order_only_and_never_run(home: Any, google: LocalGoogle) -> None:
    from google.oauth2.credentials import Credentials

    granted = google.grant()
    credentials = Credentials(
        token=granted["access_token"],
        refresh_token=granted["refresh_token"],
        token_uri=google.url + "/token",
        client_id=google.client.id,
        client_secret=google.client.secret,
        scopes=[READONLY],
    )
    file = home / "token.pickle"
    file.write_bytes(pickle.dumps(credentials))
    assert "--from-pickle" in refused(home, file, 65)
    home.run("migrate", str(file), "--from-pickle")
    home.run("calendars")

    evil = home / "evil.pickle"
    evil.write_bytes(pickle.dumps(Mischief(home / "run")))
    refused(home, evil, 65, "--from-pickle", "--force")
    assert not (home / "run").exists()


def test_a_folder_lists_its_candidates(home: Any, google: LocalGoogle, old: Path) -> None:
    token_of_go(google, home / "go.json")
    (home / "notes.txt").write_text("nothing")
    done = home.run("migrate", str(home.folder), expect=2)
    assert done.stdout.splitlines() == [
        f"{old}\tan oauth2client file (calendar.dat)",
        f"{home / 'go.json'}\ta Go oauth2 token",
    ]
    assert f"calendar-sync migrate --home {home.folder} {old}" in done.stderr
    assert not home.token.exists()
    assert len(google.requests) == 0


def test_a_folder_without_any(home: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "without any token file" in refused(home, tmp_path / "empty", 2)


def test_a_broader_scope_is_said_and_kept(home: Any, google: LocalGoogle) -> None:
    broad = google.write_calendar_dat(home / "broad.dat", scopes=[PREFIX + "calendar"])
    done = home.run("migrate", str(broad))
    assert "calendar-sync consent" in done.stderr
    assert "more than an export needs" in done.stderr
    assert stored(home.token)["scopes"] == [PREFIX + "calendar"]
    home.run("calendars")


def test_a_file_that_others_could_read_is_said(home: Any, old: Path) -> None:
    old.chmod(0o644)
    done = home.run("migrate", str(old))
    assert "Others could read that file" in done.stderr
    assert old.stat().st_mode & 0o777 == 0o644, "the source is not touched"
