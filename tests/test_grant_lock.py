"""The grant's lock held by somebody else: consent, migrate, revoke and a run wait, then give up."""

from __future__ import annotations

import subprocess
import threading
import time
from typing import Any

import pytest
from grant_steps import consenting, make_due, stored, token_calls
from test_refresh import lock_of

from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.grants.token_file import LOCK_TIMEOUT

HELD = "Another process keeps hold of"


@pytest.mark.slow
def test_after_90_seconds_everybody_comes_back_later(home: Any, google: LocalGoogle) -> None:
    """Nobody goes on without the lock, nobody is asked, and the old grant stays."""
    make_due(home.token)
    old = google.write_calendar_dat(home / "calendar.dat")
    before = home.token.read_bytes()
    commands = [
        ["export"],
        ["consent", "--no-browser"],
        ["migrate", "--force", str(old)],
        ["revoke"],
    ]
    with lock_of(home):
        began = time.monotonic()
        waiting = [home.start(*command, stdin=subprocess.DEVNULL) for command in commands]
        for process in waiting:
            said, complained = process.communicate(timeout=LOCK_TIMEOUT + 60)
            assert process.returncode == 75, complained
            assert HELD in complained and "fuser -v" in complained
            assert f"{home.token}.lock" in complained
            assert said == ""
        assert time.monotonic() - began >= LOCK_TIMEOUT
    assert home.token.read_bytes() == before
    assert token_calls(google) == google.requests.count("^/revoke$") == 0
    home.run("export")


def test_a_person_is_told_of_the_wait_and_goes_on_after_it(home: Any, google: LocalGoogle) -> None:
    """The other process lets go as soon as both have said that they wait."""
    old = google.write_calendar_dat(home / "calendar.dat")
    commands = [["migrate", "--force", str(old)], ["consent", "--no-browser", "--timeout", "1"]]
    with lock_of(home):
        waiting = [home.start(*command) for command in commands]
        for process in waiting:
            assert "waiting up to 90 seconds" in _line_with("Another process", process)
    codes = [process.wait(60) for process in waiting]
    for process in waiting:
        process.communicate()
    assert codes == [0, 77], "the consent came as far as asking, and nobody answered"
    with lock_of(home):
        revoking = home.start("revoke")
        assert "waiting" in _line_with("Another process", revoking)
    assert revoking.wait(60) == 0
    revoking.communicate()
    assert not home.token.exists()


def test_a_lock_taken_while_the_person_clicks_costs_a_wait_only(
    home: Any, google: LocalGoogle
) -> None:
    """The answer has come; it is saved when the other process has done its refresh."""
    before = stored(home.token)["refresh_token"]
    with consenting(home) as asked:
        held = lock_of(home)
        held.__enter__()
        clicking = threading.Thread(target=asked.click)
        clicking.start()
        assert "waiting" in _line_with("Another process", asked.process)
        assert stored(home.token)["refresh_token"] == before
        held.__exit__(None, None, None)
        assert "Granted" in asked.end(0)
        clicking.join()
    assert stored(home.token)["refresh_token"] != before


def _line_with(words: str, process: subprocess.Popen[str]) -> str:
    """Read what a process says until the words come."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return line
    raise AssertionError(f"{process.args} never said {words!r}")
