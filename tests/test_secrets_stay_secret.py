"""No token, code or secret ever leaves the credentials folder, at the most talkative level."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from grant_steps import consenting, edit, make_due, stored, wait_until_asked

from calendar_sync.cli import COMMANDS
from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.emulator.person import click


class Listener:
    """Runs commands at -vv and keeps all they print."""

    def __init__(self, home: Any, google: LocalGoogle) -> None:
        self.home, self.google = home, google
        self.heard: dict[str, str] = {}
        self.codes: list[str] = []

    def run(self, *arguments: str, expect: int | None = 0, **options: Any) -> str:
        surroundings = {"PYTHONASYNCIODEBUG": "1", "GOOGLE_SDK_PYTHON_LOGGING_SCOPE": "google"}
        log = (
            "--log-file",
            str(self.home / "sync.log"),
        )  # in the home, where all is looked through
        done = self.home.run(
            "-vv", *log, *arguments, expect=expect, environment=surroundings, **options
        )
        self.heard[f"{len(self.heard)} {' '.join(arguments)}"] = done.stdout + done.stderr
        return str(done.stdout + done.stderr)

    def consent(self, expect: int, decision: str = "allow") -> None:
        with consenting(self.home, "-vv") as asked:
            location = click(asked.url, decision)
            self.codes.append(asked.query["state"])
            asked.paste(location.replace("state=", "state=wrong"))
            asked.paste(location)
            said = asked.end(expect)
        # The printed address carries the state, which is public, and no secret.
        self.heard[f"{len(self.heard)} consent {decision}"] = said

    def places(self) -> Iterator[tuple[str, bytes]]:
        """Everything that was said, and every file outside the credentials folder."""
        yield from ((name, text.encode()) for name, text in self.heard.items())
        for path in self.home.folder.rglob("*"):
            if path.is_file() and path.parent != self.home.token.parent:
                yield str(path), path.read_bytes()

    def assert_silence(self, *more: str) -> None:
        secrets = [*self.google.secrets_issued, *self.codes, *more]
        assert len(secrets) >= 4
        for place, content in self.places():
            for secret in secrets:
                assert secret.encode() not in content, f"{secret[:8]}… is in {place}"


@pytest.fixture
def listener(new_home: Callable[..., Any], google: LocalGoogle) -> Listener:
    return Listener(new_home(granted=False), google)


def test_a_whole_life_is_told_without_a_secret(listener: Listener, google: LocalGoogle) -> None:
    home = listener.home
    google.control("oauth", rotate_refresh_tokens=True, testing=True)
    listener.run("calendars", expect=77)
    listener.consent(77, "deny")
    listener.consent(0)
    for verb in ("calendars", "export", "doctor", "status"):
        listener.run(verb, expect=None)
    listener.run("--json", "doctor", expect=None)
    listener.run("--json", "status", expect=None)
    make_due(home.token)
    listener.run("export", "--full")
    google.expire_access_tokens()
    listener.run("export", "--format", "csv,ics,jsonl", "--full")
    listener.run("backfill", "--from", "2026-01-01", "--to", "2026-03-01")
    listener.run("schedule", "show", expect=None)
    listener.run("revoke")
    google.control("oauth", rotate_refresh_tokens=False)
    old = google.write_calendar_dat(home.token.parent / "calendar.dat")
    listener.run("migrate", "--dry-run", str(old))
    listener.run("migrate", str(old))
    listener.run("migrate", str(old), expect=2)
    listener.run("revoke")
    assert "run done" in (home / "sync.log").read_text()
    listener.assert_silence()


OFTEN = {"consent", "migrate", "calendars", "export", "backfill", "status", "doctor", "revoke"}
OTHERS = {
    "schedule": ["show", "--backend", "systemd"],
    "history": [],
    "changes": ["--since", "2020-01-01"],
    "verify": [],
    "report": [],
    "notify": ["test"],
    "completion": ["bash"],
    "man": [],
}
STARTED = {"daemon": ["--schedule", "* * * * *"], "emulator": ["--port", "0"]}


def test_no_verb_at_all_tells_a_secret(
    listener: Listener, google: LocalGoogle, tmp_path: Path
) -> None:
    """Those that the whole life above has no use for; the daemon with a refresh in it."""
    assert OFTEN | OTHERS.keys() | STARTED.keys() | {"demo"} == COMMANDS.keys()
    home = listener.home
    home.configure('[tell]\nmetrics = "state/calendar.prom"\n')
    listener.consent(0)
    listener.run("export")
    for verb, arguments in OTHERS.items():
        listener.run(verb, *arguments)
    (home / "state" / "mirror.sqlite3").unlink()  # so that a run is due at once
    make_due(home.token)
    for verb, arguments in STARTED.items():
        calls, local = google.requests.count(), tmp_path / "local"
        folder = ("--home", str(local)) if verb == "emulator" else ()
        process = home.start("-vv", verb, *arguments, *folder, stdin=subprocess.DEVNULL)
        until = time.monotonic() + 30
        while not (google.requests.count() > calls + 2 or (local / "credentials").exists()):
            assert process.poll() is None and time.monotonic() < until, process.communicate()
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        listener.heard[verb] = "".join(process.communicate(timeout=60))
    told = listener.run("demo", "--folder", str(tmp_path / "demo"))
    of_others = [
        str(value)
        for path in tmp_path.glob("[dl]*/credentials/*.json")
        for key, value in (stored(path).get("installed") or stored(path)).items()
        if key in ("token", "refresh_token", "client_secret")
    ]
    assert len(of_others) >= 4 and "Granted" in told
    listener.assert_silence(*of_others)


def test_a_crash_leaves_no_core_with_a_token_in_it(home: Any, google: LocalGoogle) -> None:
    """Killed while it waits for the token server, under a system that would write one."""
    make_due(home.token)
    google.faults.add("hang", on="token")

    def allow_cores() -> None:
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

    process = home.start("export", cwd=home.folder, preexec_fn=allow_cores)
    wait_until_asked(google)
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    assert re.search("^Max core file size +0 ", limits, re.MULTILINE), limits
    process.send_signal(signal.SIGABRT)
    _, status = os.waitpid(process.pid, 0)
    process.communicate()
    assert os.WTERMSIG(status) == signal.SIGABRT and not os.WCOREDUMP(status)
    google.faults.clear()


# Failures are where secrets leak: exceptions carry what was sent and what came back.
FAILURES = [
    ("token", "invalid_grant"),
    ("token", "invalid_client"),
    ("token", "html_502"),
    ("token", "expires_in_text"),
    ("token", "no_access_token"),
    ("token", "lost_reply"),
    ("api", "api_401"),
    ("api", "api_403_scope"),
    ("api", "reset"),
    ("revoke", "html_500"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("place", "fault"), FAILURES)
def test_a_failure_is_told_without_a_secret(
    new_home: Callable[..., Any], google: LocalGoogle, place: str, fault: str
) -> None:
    listener = Listener(new_home(), google)
    make_due(listener.home.token)
    google.faults.add(fault, on=place, count=None)
    listener.run("revoke" if place == "revoke" else "calendars", expect=None)
    if place == "token":
        old = google.write_calendar_dat(listener.home.token.parent / "calendar.dat")
        listener.run("migrate", "--force", str(old), expect=None)
        with consenting(listener.home, "-vv") as asked:
            asked.click()
            asked.process.wait(30)
            assert asked.process.stderr is not None
            listener.heard["consent"] = asked.process.stderr.read()
        assert "\n" in listener.heard["consent"]
    assert "File " in "".join(listener.heard.values()), "-vv shows where it happened"
    listener.assert_silence()


def test_a_server_that_repeats_what_it_was_sent(
    new_home: Callable[..., Any], google: LocalGoogle
) -> None:
    """A debugging proxy's error page, with our own tokens in it, is not repeated."""
    listener = Listener(new_home(), google)
    token = stored(listener.home.token)
    told = f"<html>{token['refresh_token']} {token['client_secret']} {token['token']}</html>"
    for place in ("token", "api", "revoke"):
        for body in (
            told,
            {"error": told, "error_description": told},
            {"error": {"message": told}},
        ):
            make_due(listener.home.token)
            google.faults.add("status", on=place, status=400, body=body)
            listener.run("revoke" if place == "revoke" else "calendars", expect=None)
            google.faults.clear()
    listener.assert_silence()


def test_damaged_files_are_told_without_their_content(
    new_home: Callable[..., Any], google: LocalGoogle
) -> None:
    listener = Listener(new_home(), google)
    home = listener.home
    whole = home.token.read_bytes()
    client = home.client_secrets.read_bytes()
    for content in (whole[:-1], b"[" + whole + b"]"):
        home.token.write_bytes(content)
        for verb in ("calendars", "doctor", "status", "revoke"):
            listener.run(verb, expect=None)
        copy = home.token.with_name("copy.json")
        copy.write_bytes(content)
        listener.run("migrate", "--force", str(copy), expect=None)
    home.token.write_bytes(whole)
    for field in ("expires_in", "scopes", "client_id"):
        edit(home.token, **{field: {"odd": stored(home.token)["refresh_token"]}})
        listener.run("calendars", expect=65)
        home.token.write_bytes(whole)
    odd = json.loads(client)["installed"]["client_secret"]
    for changes in ({"client_id": [odd]}, {"project_id": {odd: odd}}, {"token_uri": "http://x.y"}):
        value = json.loads(client)
        value["installed"] |= changes
        home.client_secrets.write_text(json.dumps(value))
        listener.run("calendars", expect=78)
    home.client_secrets.write_bytes(client[:-2])
    listener.run("calendars", expect=78)
    listener.assert_silence()


def test_no_secret_is_on_a_command_line_or_in_an_address(
    listener: Listener, google: LocalGoogle
) -> None:
    """Command lines are for all to see, addresses end up in logs."""
    listener.consent(0)
    make_due(listener.home.token)
    listener.run("export")
    listener.run("revoke")
    for entry in google.requests:
        if entry.path.startswith("/_") or "auth" in entry.path:
            continue
        assert "***" not in str(entry.query), entry


def test_the_mirror_remembers_failures_without_secrets(
    new_home: Callable[..., Any], google: LocalGoogle
) -> None:
    home = new_home()
    listener = Listener(home, google)
    listener.run("export")
    make_due(home.token)
    google.faults.add("invalid_grant", on="token")
    listener.run("export", expect=77)
    listener.run("status", expect=1)
    path: Path = home / "state" / "mirror.sqlite3"
    with sqlite3.connect(path) as connection:
        dumped = "\n".join(connection.iterdump())
    for secret in google.secrets_issued:
        assert secret not in dumped
    listener.assert_silence()
