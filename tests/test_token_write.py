"""token.json while it is written: old or new at every moment, private at every moment, never lost."""

from __future__ import annotations

import json
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from grant_steps import make_due, stored, token_calls, wait_until_asked

from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.errors import TryLater
from calendar_sync.grants.client_secrets import google_of_token_uri
from calendar_sync.grants.credentials import renew
from calendar_sync.grants.scopes import READONLY
from calendar_sync.grants.sealing import Seal
from calendar_sync.grants.token_file import TokenFile
from calendar_sync.grants.token_server import find_refresh_token

WRITERS = ("/token_file.py", "/files.py", "/tempfile.py", "/pathlib.py", "/pathlib/__init__.py",
           "/pathlib/_local.py")  # fmt: skip
CALLS = {"open", "mkdir", "fchmod", "chmod", "write", "flush", "fsync", "seek", "truncate", "close",
         "replace", "rename", "unlink"}  # fmt: skip


def now() -> datetime:
    return datetime.now(UTC)


def refresh(path: Path, seal: Seal | None = None) -> None:
    """Refresh as a run does: under the lock, saved before it is used."""
    file = TokenFile(path, seal=seal)
    with file.locked():
        grant = file.read()
        renew(file, grant, google_of_token_uri(grant.token_uri, "the file"), now)


class Steps:
    """Looks at the folder of secrets around every call of the code that writes, and kills at one."""

    def __init__(self, path: Path, kill_at: int) -> None:
        self.path, self.kill_at, self.passed = path, kill_at, 0

    def watch(self, frame: FrameType, event: str, called: Any) -> None:
        """Be told by the interpreter before and after each call of a built-in function."""
        is_step = event in ("c_call", "c_return") and called.__name__ in CALLS
        if not is_step or not frame.f_code.co_filename.endswith(WRITERS):
            return
        sys.setprofile(None)
        self.passed += 1
        for entry in os.scandir(self.path.parent):
            mode = stat.S_IMODE(entry.stat(follow_symlinks=False).st_mode)
            assert mode & 0o177 == 0, (self.passed, entry.name, oct(mode))
        json.loads(self.path.read_bytes())
        if self.passed == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        sys.setprofile(self.watch)


def in_child(path: Path, kill_at: int, work: Callable[[], object]) -> int | None:
    """Work in a fork that kills itself at a step; None then, else the number of steps there are."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        told = b"?"
        try:
            os.umask(0)  # the worst: whatever is created without a mode is open to all
            steps = Steps(path, kill_at)
            sys.setprofile(steps.watch)
            work()
            sys.setprofile(None)
            told = str(steps.passed).encode()
        except BaseException as error:
            told = repr(error).encode()
        finally:
            os.write(writing, told)
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    assert not told or told.isdigit(), told.decode()
    return int(told) if told else None


@pytest.mark.parametrize("is_sealed", [False, True], ids=["plain", "encrypted"])
def test_a_kill_at_any_step_of_the_write_leaves_the_old_grant_or_the_new_one(
    home: Any, google: LocalGoogle, is_sealed: bool
) -> None:
    """Around every call into the system: whole, 0600 and nothing left over after the next write."""
    from cryptography.fernet import Fernet

    seal = Seal(Fernet.generate_key(), "the key") if is_sealed else None
    path: Path = home.token
    refresh(path, seal)
    old = path.read_bytes()
    steps = in_child(path, 0, lambda: refresh(path, seal))
    assert steps is not None and steps > 30, steps
    outcomes = set()
    for kill_at in range(1, steps + 1):
        path.write_bytes(old)
        assert in_child(path, kill_at, lambda: refresh(path, seal)) is None, kill_at
        content = path.read_bytes()
        grant = TokenFile(path, seal=seal).read()
        assert grant.token in google.secrets_issued
        outcomes.add(content == old)
        assert path.stat().st_mode & 0o777 == 0o600
    assert outcomes == {True, False}, "the write was killed before and after its rename"
    refresh(path, seal)
    names = {entry.name for entry in path.parent.iterdir()}
    assert names == {"client_secrets.json", "token.json", "token.json.lock"}


def test_no_room_for_the_new_grant_is_known_before_anybody_is_asked(
    home: Any, google: LocalGoogle
) -> None:
    """Whatever the limit on a file's size: nobody is asked, or the new grant is whole."""
    make_due(home.token)
    old = home.token.read_bytes()
    for limit in (0, 1, 512, 8191):
        done = home.run("calendars", expect=73, preexec_fn=_at_most(limit))
        assert str(home.token) in done.stderr
        assert home.token.read_bytes() == old
    assert len(google.requests) == 0
    home.run("calendars", expect=0, preexec_fn=_at_most(8192))
    assert stored(home.token)["token"] != json.loads(old)["token"]


def _at_most(limit: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


# -- a reply that rotates the refresh token


UNREADABLE: dict[str, dict[str, Any]] = {
    "expires_in is no number": {"keys": {"expires_in": "soon"}},
    "expires_in is too large": {"keys": {"expires_in": 10**30}},
    "the access token is a number": {"keys": {"access_token": 7}},
    "the access token is empty": {"keys": {"access_token": ""}},
    "the scope is a list": {"keys": {"scope": ["a"]}},
}


@pytest.mark.parametrize("fault", UNREADABLE.values(), ids=UNREADABLE)
def test_a_rotated_token_is_kept_even_from_a_reply_that_makes_no_sense(
    home: Any, google: LocalGoogle, fault: dict[str, Any]
) -> None:
    """The server has retired the old one; a second use of it would end the grant."""
    google.control("oauth", rotate_refresh_tokens=True)
    make_due(home.token)
    old = stored(home.token)
    google.faults.add("set_keys", on="token", **fault)
    done = home.run("calendars", expect=75)
    assert "the new refresh token in it was kept" in done.stderr
    assert stored(home.token) == old | {"refresh_token": stored(home.token)["refresh_token"]} | {
        "version": 1
    }
    assert stored(home.token)["refresh_token"] != old["refresh_token"]
    home.run("calendars")
    assert len(google.oauth.grants()) == 1


def test_a_reply_without_an_access_token_rotates_too(home: Any, google: LocalGoogle) -> None:
    google.control("oauth", rotate_refresh_tokens=True)
    make_due(home.token)
    google.faults.add("no_access_token", on="token")
    home.run("calendars", expect=75)
    home.run("calendars")


def test_a_reply_that_breaks_off_rotates_as_soon_as_the_new_token_has_come_whole(
    home: Any, google: LocalGoogle
) -> None:
    """Cut after every third of its bytes: the stored token is the old one or the whole new one."""
    google.control("oauth", rotate_refresh_tokens=True)
    kept = []
    for length in range(1, 1000, 3):
        google.write_token(home.token)
        old = stored(home.token)
        google.faults.add("truncated_json", on="token", length=length)
        try:
            refresh(home.token)
        except TryLater:
            new = stored(home.token)
            kept.append(new["refresh_token"] != old["refresh_token"])
            assert new["token"] == old["token"]
            assert new["refresh_token"] in google.secrets_issued
        else:
            break  # that was all of it
    assert 150 < length < 999
    assert kept == sorted(kept) and 5 < kept.count(True) < len(kept) - 20


@pytest.mark.parametrize("fault", ["short_body", "truncated_chunk"])
def test_a_connection_that_breaks_within_the_reply_is_no_loss_either(
    home: Any, google: LocalGoogle, fault: str
) -> None:
    google.control("oauth", rotate_refresh_tokens=True)
    many = [READONLY, *(f"{READONLY}.{number}" for number in range(20))]  # the longer half
    google.write_token(home.token, scopes=many)
    make_due(home.token)
    old = stored(home.token)["refresh_token"]
    google.faults.add(fault, on="token")
    assert "was kept" in home.run("calendars", expect=75).stderr
    assert stored(home.token)["refresh_token"] != old
    home.run("calendars")


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        (b'{"refresh_token": "1//a", "scope": "x', "1//a"),
        (b'{"a":1,"refresh_token":"1\\/\\/a\\"b","scope', '1//a"b'),
        (b'{"refresh_token": "1//a', None),
        (b'{"refresh_token": "1//a\\", "scope', None),
        (b'{"refresh_token": null, "scope', None),
        (b'{"refresh_token": "", "scope', None),
        (b'{"refresh_token": "a", "refresh_token": "b", "scope', None),
        (b'{"error_description": "{\\"refresh_token\\": \\"a\\"}", "scope', None),
        (b'<html>{"refresh_token": "a", "scope', None),
        (b'{"refresh_token": "\\q", "scope', None),
        (b'{"refresh_token": "\xff", "scope', None),
        (b"", None),
    ],
)
def test_only_a_whole_and_unmistakable_token_is_found(reply: bytes, found: str | None) -> None:
    assert find_refresh_token(reply) == found


def test_a_migration_keeps_what_such_a_reply_rotated(
    new_home: Callable[..., Any], google: LocalGoogle
) -> None:
    """The old file's token is dead by now, so the new one is the only copy."""
    home = new_home(granted=False)
    old = google.write_calendar_dat(home / "calendar.dat")
    google.control("oauth", rotate_refresh_tokens=True)
    google.faults.add("expires_in_text", on="token")
    home.run("migrate", str(old), expect=75)
    home.run("calendars")


def test_a_reply_that_rotates_nothing_changes_nothing(home: Any, google: LocalGoogle) -> None:
    make_due(home.token)
    before = home.token.read_bytes()
    for value in (stored(home.token)["refresh_token"], None, "", 7):
        google.faults.add("set_keys", on="token", keys={"refresh_token": value, "expires_in": "x"})
        done = home.run("calendars", expect=75)
        assert "was kept" not in done.stderr
        assert home.token.read_bytes() == before


# -- a signal in between


@pytest.mark.parametrize(
    ("verb", "number", "codes"),
    [
        ("migrate", signal.SIGTERM, {-signal.SIGTERM}),
        ("migrate", signal.SIGINT, {130}),
        ("calendars", signal.SIGTERM, {0, 143}),  # a clean stop, or just done
    ],
)
def test_a_signal_between_the_request_and_the_write_waits_for_the_write(
    home: Any, google: LocalGoogle, verb: str, number: signal.Signals, codes: set[int]
) -> None:
    """The server rotates while the signal waits; the process ends with the new grant saved."""
    google.control("oauth", rotate_refresh_tokens=True)
    make_due(home.token)
    old = stored(home.token)["refresh_token"]
    arguments = [verb]
    if verb == "migrate":
        home.token.rename(home / "old.json")
        arguments.append(str(home / "old.json"))
    google.faults.add("slow", on="token", seconds=3)  # for a busy machine to send it
    process = home.start(*arguments, stdin=subprocess.DEVNULL)
    wait_until_asked(google)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode in codes
    assert stored(home.token)["refresh_token"] != old
    home.run("calendars")
    assert token_calls(google) == 1


def test_a_reply_without_an_end_is_not_read_to_it(home: Any, google: LocalGoogle) -> None:
    """Sixteen megabytes took a minute and went on past the deadline."""
    make_due(home.token)
    before = home.token.read_bytes()
    google.faults.add("set_keys", on="token", keys={"padding": "a" * (2 << 20)})
    assert "makes no sense" in home.run("calendars", expect=75).stderr
    assert home.token.read_bytes() == before
    home.run("calendars")
