"""`calendar-sync emulator` as a person runs it: a process, its files, its words, its end."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from calendar_sync.emulator.local_google import LocalGoogle

COMMAND = [sys.executable, "-c", "from calendar_sync.emulator.command import emulator; emulator()"]
ROOT = Path(__file__).parents[2]


@contextmanager
def running(*options: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Run the command on a free port; yield the process, its address and its words so far."""
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *options], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    words = ""
    try:
        while "Ctrl-C" not in words:
            line = process.stderr.readline()
            assert line, words
            words += line
        yield process, re.search(r"http://127\.0\.0\.1:\d+", words)[0], words  # type: ignore[index]
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def control(address: str, action: str, **arguments: Any) -> dict[str, Any]:
    """Speak to the emulator's own interface."""
    answer = requests.post(f"{address}/_control/{action}", json=arguments, timeout=20)
    answer.raise_for_status()
    return answer.json()


def test_it_writes_a_home_says_how_to_use_it_and_ends_well(tmp_path: Path) -> None:
    with running("--home", str(tmp_path)) as (process, address, words):
        secrets = json.loads((tmp_path / "credentials" / "client_secrets.json").read_text())
        assert secrets["installed"]["api_endpoint"] == address + "/calendar/v3/"
        assert f"calendar-sync --home {tmp_path} consent" in words
        assert f"calendar-sync --home {tmp_path} export" in words
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == "Ended.\n"


def test_ctrl_c_ends_it_well() -> None:
    with running() as (process, address, words):
        assert '"installed"' in words
        assert address in words
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_an_old_calendar_dat_works_there(tmp_path: Path) -> None:
    path = tmp_path / "calendar.dat"
    with running("--calendar-dat", str(path), "--home", str(tmp_path)) as (_, _address, words):
        assert f"  calendar-sync --home {tmp_path} migrate {path}\n" in words
        stored = json.loads(path.read_text())
        form = {key: stored[key] for key in ("client_id", "client_secret", "refresh_token")}
        form["grant_type"] = "refresh_token"
        assert requests.post(stored["token_uri"], form, timeout=20).status_code == 200


def test_load_seed_and_switches(tmp_path: Path) -> None:
    seed = ROOT / "tests" / "data" / "events.jsonl"
    options = ("--load", "300", "--seed", str(seed), "--rotate-refresh-tokens", "--testing")
    with running(*options, "--access-token-lifetime", "60", "--latency", "1") as (_, address, _w):
        granted = control(address, "grant", account="ada@example.com")
        assert (granted["expires_in"], granted["refresh_token_expires_in"]) == (60, 604799)
        bearer = {"Authorization": "Bearer " + granted["access_token"]}
        calendars = requests.get(
            address + "/calendar/v3/users/me/calendarList", headers=bearer, timeout=20
        ).json()["items"]
        assert {"load@group.calendar.google.com", "seed@group.calendar.google.com"} <= {
            calendar["id"] for calendar in calendars
        }


def test_it_keeps_editing() -> None:
    with running("--edits", "0.01") as (_, address, _words):

        def positions() -> list[int]:
            calendars = control(address, "stats")["calendars"].values()
            return [calendar["position"] for calendar in calendars]

        before = positions()
        while positions() == before:
            pass


def test_a_taken_port_is_said_clearly() -> None:
    with LocalGoogle() as other:
        run = subprocess.run(
            [*COMMAND, "--port", str(other.port)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert run.returncode == 78
    assert f"Port {other.port} is not free" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("line", ["no json", "[]", '{"id": "a", "summary": 5, "eventType": 5}'])
def test_a_bad_seed_is_said_clearly(tmp_path: Path, line: str) -> None:
    seed = tmp_path / "seed.jsonl"
    seed.write_text(line + "\n")
    run = subprocess.run(
        [*COMMAND, "--port", "0", "--seed", str(seed)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 2
    assert "Traceback" not in run.stderr
