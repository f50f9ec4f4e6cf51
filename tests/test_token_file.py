"""The stored grant as it may lie there: whole, damaged, foreign, open, linked."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from grant_steps import edit, make_due, stored, token_calls

from calendar_sync.emulator.local_google import LocalGoogle


def refused(home: Any, code: int, *words: str, verb: str = "calendars") -> str:
    """Every command that needs the grant refuses it alike, says so, and changes nothing."""
    path = home.token
    before = path.read_bytes() if path.is_file() else None
    done = home.run(verb, expect=code)
    for word in words:
        assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert len(home.google.requests) == 0, "nobody is asked"
    assert (path.read_bytes() if path.is_file() else None) == before
    return str(done.stderr)


def test_neither_file(new_home: Callable[..., Any]) -> None:
    home = new_home(granted=False)
    home.client_secrets.unlink()
    refused(
        home, 78, str(home.client_secrets), str(home.token), "from --home", "credentials/README.md"
    )


def test_an_empty_home_is_not_filled_by_looking(tmp_path: Path, new_home: Any) -> None:
    home = new_home("other", granted=False)
    home.folder = tmp_path / "nothing-here"
    refused(home, 78, str(home.token))
    assert not home.token.parent.exists()


@pytest.mark.parametrize("verb", ["export", "calendars"])
def test_a_client_and_no_grant(new_home: Callable[..., Any], verb: str) -> None:
    home = new_home(granted=False)
    refused(home, 77, str(home.token), "from --home", "Run: calendar-sync consent", verb=verb)


DAMAGED = {
    "empty": b"",
    "blank": b" \n",
    "cut off": b'{"refresh_token": "1//0abc", "tok',
    "two writers": b'{"refresh_token": "a"}{"refresh_token": "b"}',
    "an array": b"[1, 2]",
    "null": b"null",
    "a word": b'"1//0abc"',
    "a number": b"12",
    "zeros": b"\0" * 100,
    "no utf-8": b'{"refresh_token": "\xff"}',
    "utf-16": '{"refresh_token": "a"}'.encode("utf-16"),
    "deeply nested": b"[" * 60_000,
    "deeply nested objects": b'{"a":' * 10_000,
    "huge": b'{"a": "' + b"x" * 70_000 + b'"}',
    "a client": b'{"installed": {"client_id": "a"}}',
    "a key": b'{"type": "service_account", "client_email": "a"}',
    "oauth2client": b'{"_module": "oauth2client.client", "_class": "OAuth2Credentials"}',
    "a pickle": b"\x80\x04\x95\x10\x00\x00",
    "numbers as scopes": b'{"refresh_token": "a", "scopes": [1]}',
    "a number as client": b'{"refresh_token": "a", "client_id": {"a": 1}}',
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_or_foreign_file(home: Any, content: bytes) -> None:
    home.token.write_bytes(content)
    said = refused(home, 65, str(home.token))
    assert "1//0abc" not in said


@pytest.mark.parametrize("value", [None, "", "  ", 7, ["a"]])
def test_a_whole_file_without_a_usable_refresh_token(home: Any, value: object) -> None:
    edit(home.token, refresh_token=value)
    refused(home, 77, "no refresh token", "Run: calendar-sync consent")


def test_an_empty_object_holds_no_refresh_token(home: Any) -> None:
    home.token.write_text("{}")
    refused(home, 77, "no refresh token")


def test_a_symbolic_link(home: Any) -> None:
    target = home / "real.json"
    home.token.rename(target)
    home.token.symlink_to(target)
    refused(home, 78, "symbolic link", f"cp --remove-destination $(readlink -f {home.token})")


def test_a_link_to_nowhere(home: Any) -> None:
    home.token.unlink()
    home.token.symlink_to(home / "nowhere")
    refused(home, 78, "symbolic link")


def test_a_linked_folder_is_fine(home: Any, google: LocalGoogle) -> None:
    real = home.folder.parent / "real"
    home.token.parent.rename(real)
    (home / "credentials").symlink_to(real)
    make_due(home.token)
    home.run("calendars")
    assert token_calls(google) == 1
    assert not (real / "token.json").is_symlink()


def test_a_folder_in_its_place(home: Any) -> None:
    home.token.unlink()
    home.token.mkdir()
    assert "is a directory" in home.run("calendars", expect=78).stderr


def test_a_pipe_in_its_place_keeps_nobody_waiting(home: Any) -> None:
    home.token.unlink()
    os.mkfifo(home.token, 0o600)
    done = home.run("calendars", expect=65, timeout=20)
    assert "not a regular file" in done.stderr


# -- modes


def test_what_is_open_to_others_is_closed_with_a_warning(home: Any) -> None:
    home.token.chmod(0o644)
    home.client_secrets.chmod(0o640)
    home.token.parent.chmod(0o755)
    done = home.run("calendars")
    assert f"{home.token} was open to others (0644); it is 0600 now." in done.stderr
    assert f"{home.client_secrets} was open to others (0640)" in done.stderr
    assert f"{home.token.parent} was open to others (0755); it is 0700 now." in done.stderr
    assert stat.S_IMODE(home.token.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.client_secrets.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.token.parent.stat().st_mode) == 0o700
    assert "open to others" not in home.run("calendars").stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
@pytest.mark.parametrize("allowed", [False, True])
def test_a_mount_that_forces_its_modes(home: Any, allowed: bool) -> None:
    """A read-only mount cannot be closed: the exact chmod, unless the configuration allows it."""
    home.token.chmod(0o644)
    if allowed:
        home.configure("allow_open_modes = true\n")
    folder = home.token.parent
    script = (
        f'mount --bind "{folder}" "{folder}" && mount -o remount,bind,ro "{folder}" && exec "$@"'
    )
    wrapped = ["unshare", "--mount", "sh", "-c", script, "sh"]
    if subprocess.run([*wrapped, "true"]).returncode != 0:
        pytest.skip("this machine allows no mount namespaces")
    done = subprocess.run(
        [*wrapped, *home.command("calendars")], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == (0 if allowed else 78), done.stderr
    assert str(home.token) in done.stderr
    assert ("as allow_open_modes permits" if allowed else f"chmod 600 {home.token}") in done.stderr


# -- whose it is


def test_a_grant_of_another_google_than_the_client(home: Any, google: LocalGoogle) -> None:
    """Both files are named, and neither Google hears a word."""
    with LocalGoogle() as other:
        other.write_token(home.token)
        refused(home, 78, str(home.token), str(home.client_secrets), str(other.port))
        assert len(other.requests) == 0


def test_a_grant_of_googles_own_beside_a_local_client(home: Any) -> None:
    edit(home.token, token_uri="https://oauth2.googleapis.com/token")
    refused(home, 78, str(home.token), str(home.client_secrets), "belongs to Google")


STRANGERS = [
    "http://example.com/token",
    "https://example.com/token",
    "https://oauth2.googleapis.com.example.com/token",
    "https://oauth2.googleapis.com@example.com/token",
    "http://oauth2.googleapis.com/token",
    "https://oauth2.googleapis.com:8443/token",
    "ftp://127.0.0.1/token",
    "http://127.1/token",
    "http://2130706433/token",
    "http://0.0.0.0/token",
    "file:///etc/passwd",
    "token",
]


@pytest.mark.parametrize("uri", STRANGERS)
def test_a_strangers_address_is_never_asked(home: Any, uri: str) -> None:
    edit(home.token, token_uri=uri)
    make_due(home.token)
    both = [str(home.token), str(home.client_secrets)]
    refused(home, 78, "neither Google nor this machine", "Run: calendar-sync consent", *both)


def test_nor_by_a_token_alone_nor_by_a_revocation(home: Any) -> None:
    edit(home.token, token_uri=STRANGERS[0])
    make_due(home.token)
    home.client_secrets.unlink()
    refused(home, 78, "neither Google nor this machine")
    refused(home, 78, "neither Google nor this machine", verb="revoke")


@pytest.mark.parametrize("decoy", ["http://127.0.0.1@{}", "http://{}\\@127.0.0.1", "http://{}#"])
def test_nothing_is_sent_to_an_address_in_disguise(
    home: Any, google: LocalGoogle, decoy: str
) -> None:
    """A second server listens where a careless reader of addresses would go."""
    with LocalGoogle() as stranger:
        edit(home.token, token_uri=decoy.format(f"127.0.0.1:{stranger.port}") + "/token")
        make_due(home.token)
        refused(home, 78)
        assert len(stranger.requests) == 0
        assert len(google.requests) == 0


def test_other_addresses_in_the_file_are_data(home: Any, google: LocalGoogle) -> None:
    with LocalGoogle() as stranger:
        edit(
            home.token,
            revoke_uri=stranger.url + "/revoke",
            token_info_uri=stranger.url + "/tokeninfo",
            api_endpoint=stranger.url + "/calendar/v3/",
        )
        make_due(home.token)
        home.run("export")
        home.run("revoke")
        assert len(stranger.requests) == 0


# -- what is accepted


def test_the_token_alone_is_enough_for_an_export(home: Any, google: LocalGoogle) -> None:
    home.client_secrets.unlink()
    make_due(home.token)
    home.run("export")
    assert token_calls(google) == 1
    assert (home.exports / "manifest.json").exists()
    home.run("revoke")
    assert google.oauth.grants() == []


def test_a_token_without_a_client_needs_client_secrets(home: Any, google: LocalGoogle) -> None:
    edit(home.token, "client_id", "client_secret")
    make_due(home.token)
    home.run("calendars")
    edit(home.token, "client_id", "client_secret")
    home.client_secrets.unlink()
    done = home.run("calendars", expect=78)
    assert str(home.client_secrets) in done.stderr
    assert "from --home" in done.stderr


def test_the_tokens_own_client_wins(home: Any, google: LocalGoogle) -> None:
    """A refresh token belongs to the client that got it."""
    secrets = json.loads(home.client_secrets.read_text())
    secrets["installed"] |= {"client_id": "another", "client_secret": "another-secret"}
    home.client_secrets.write_text(json.dumps(secrets))
    make_due(home.token)
    home.run("calendars")


def test_what_google_auth_wrote_is_accepted_as_it_is(home: Any, google: LocalGoogle) -> None:
    from google.oauth2.credentials import Credentials

    old = stored(home.token)
    credentials = Credentials(
        token=old["token"],
        refresh_token=old["refresh_token"],
        token_uri=old["token_uri"],
        client_id=old["client_id"],
        client_secret=old["client_secret"],
        scopes=old["scopes"],
    )
    home.token.write_text(credentials.to_json())
    home.run("export")
    assert token_calls(google) == 1, "no expiry: refresh first"


ACCEPTED: dict[str, tuple[dict[str, Any], int]] = {
    "expiry in UTC with Z": ({}, 0),
    "expiry with an offset": ({"expiry": "2001-01-01T10:00:00+08:00"}, 1),
    "expiry with microseconds": ({"expiry": "2001-01-01T10:00:00.123456Z"}, 1),
    "expiry null": ({"expiry": None}, 1),
    "expiry unreadable": ({"expiry": "soon"}, 1),
    "expiry empty": ({"expiry": ""}, 1),
    "expiry before history": ({"expiry": "0001-01-01T00:00:00+14:00"}, 1),
    "no access token": ({"token": None}, 1),
    "scopes as one string": (
        {"scopes": "https://www.googleapis.com/auth/calendar.readonly openid"},
        0,
    ),
    "scopes null": ({"scopes": None}, 0),
    "unknown keys": ({"rapt_token": "x", "id_token": {"email": "a"}, "note": [1]}, 0),
    "broader than needed": ({"granted_scopes": "https://www.googleapis.com/auth/calendar"}, 0),
}


@pytest.mark.parametrize(("changes", "calls"), ACCEPTED.values(), ids=ACCEPTED)
def test_it_is_accepted(
    home: Any, google: LocalGoogle, changes: dict[str, Any], calls: int
) -> None:
    edit(home.token, **changes)
    home.run("calendars")
    assert token_calls(google) == calls


def test_an_offset_is_counted(home: Any, google: LocalGoogle) -> None:
    """The same instant written in Taipei's time costs no refresh; google-auth would be 8 h off."""
    from datetime import UTC, datetime, timedelta, timezone

    soon = datetime.now(UTC) + timedelta(minutes=30)
    for offset in (8, -7):
        zone = timezone(timedelta(hours=offset))
        edit(home.token, expiry=soon.astimezone(zone).isoformat())
        home.run("calendars")
    assert token_calls(google) == 0


def test_a_byte_order_mark_is_no_damage(home: Any) -> None:
    home.token.write_bytes(b"\xef\xbb\xbf" + home.token.read_bytes())
    home.run("calendars")


def test_a_wrong_scope_is_named(home: Any) -> None:
    edit(home.token, scopes=["https://www.googleapis.com/auth/drive"])
    refused(home, 77, "does not allow reading calendars", "drive")


def test_another_universe_is_refused(home: Any) -> None:
    edit(home.token, universe_domain="example.cloud")
    refused(home, 78, "example.cloud")
