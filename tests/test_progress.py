"""Bars are for a person at a terminal who has to wait; nobody else sees anything of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from organisation_steps import add_users, organisation, write_key

LONG_WORK = """
import sys, threading
from calendar_sync.progress import progress
from calendar_sync.terminal import Terminal

terminal = Terminal(quiet="-q" in sys.argv, verbosity=0, as_json="--json" in sys.argv)
with progress("Reading calendars", shown=terminal.shows_progress, after=float(sys.argv[1])) as bar:
    bar.total(4)
    def work():
        for number in range(250):
            bar.detail(f"{number} events")
        bar.done()
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    terminal.say("said meanwhile")
    for thread in threads:
        thread.join()
print("rich" in sys.modules)
"""


def in_a_terminal(*command: str, expect: int = 0) -> tuple[str, str]:
    """Return what is drawn on stderr, a terminal, and what stdout, a pipe, is given."""
    import pty

    controller, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    drawn = b""

    def read() -> None:
        nonlocal drawn
        while True:
            try:
                piece = os.read(controller, 65536)
            except OSError:  # how Linux says that the other end is closed
                return
            drawn += piece

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=terminal, stdin=terminal, env=environment, text=True
    ) as process:
        os.close(terminal)
        reader = threading.Thread(target=read)
        reader.start()
        printed, _ = process.communicate(timeout=60)
        reader.join()
    os.close(controller)
    assert process.returncode == expect, drawn
    return drawn.decode(), printed


def test_a_long_work_has_a_bar_with_counts_and_an_estimate() -> None:
    """And what is said meanwhile is not lost in it."""
    drawn, printed = in_a_terminal(sys.executable, "-c", LONG_WORK, "0")
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn)
    assert re.search(r"Reading calendars ━+ +4/4 249 events 0:00:0\d left", text)
    assert "said meanwhile" in text
    assert printed == "True\n"


@pytest.mark.parametrize("arguments", [["100"], ["0", "-q"], ["0", "--json"]], ids=str)
def test_what_is_short_quiet_or_data_has_none(arguments: list[str]) -> None:
    """Not even rich is loaded."""
    drawn, printed = in_a_terminal(sys.executable, "-c", LONG_WORK, *arguments)
    assert "\x1b" not in drawn
    assert "Reading" not in drawn
    assert printed == "False\n"


def test_a_pipe_gets_none() -> None:
    """Whatever is redirected there is read by a program, or much later."""
    done = subprocess.run(
        [sys.executable, "-c", LONG_WORK, "0"], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("False\n", "said meanwhile\n")


@pytest.mark.parametrize("dry_run", [False, True])
def test_an_export_counts_its_calendars_and_events(
    home: Any, tmp_path: Path, dry_run: bool
) -> None:
    """The bar knows the calendars that are read, not all that there are."""
    told: list[str] = []

    from in_process import Hasty, _now

    from calendar_sync.config import Config
    from calendar_sync.home import Home
    from calendar_sync.options import RunOptions
    from calendar_sync.progress import Progress
    from calendar_sync.unattended import run_and_tell

    class Heard(Progress):
        def total(self, number: int) -> None:
            told.append(f"of {number}")

        def done(self, number: int = 1) -> None:
            told.append("done")

        def detail(self, words: str) -> None:
            told.append(words)

    here = Home(home.folder, "a test", home / "calendar-sync.toml")
    options = RunOptions(calendars=("Team*", "Archive*"), dry_run=dry_run)
    run_and_tell(here, Config(), options, _now, Hasty(), Heard())
    assert told[0] == "of 2"
    assert told.count("done") == 2
    assert "4 events" in told or "5 events" in told, told


def test_a_backfill_counts_its_slices_and_names_the_one_it_reads(home: Any) -> None:
    """What it says of each slice stands above the bar."""
    home.google.latency = 0.02
    asked = ["backfill", "--from", "2016-01-01", "--to", "2026-01-01", "--calendar", "Team*"]
    command = [sys.executable, "-m", "calendar_sync", "--home", str(home.folder), *asked]
    drawn, printed = in_a_terminal(*command)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn)
    assert printed == ""
    bars = re.findall(r"Reading slices .* (\d+)/120 team-friends/(20\d\d-\d\d) ", text)
    assert len(bars) > 3, text
    assert {int(done) for done, _ in bars} <= {*range(121)}
    assert "written   team-friends/2016-01: 0 rows" in text
    assert "120 slices written, 0 were there already" in text


def test_an_organisation_counts_its_users(new_home: Any) -> None:
    """Whoever failed stands above the bar."""
    home = new_home(granted=False)
    write_key(home)
    users = add_users(home.google, 12)
    home.google.control("oauth", suspended=users[:1])
    home.google.latency = 0.3
    home.configure(organisation(users, "workers = 2"))
    command = [sys.executable, "-m", "calendar_sync", "--home", str(home.folder), "export"]
    drawn, _ = in_a_terminal(*command, expect=1)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn)
    assert re.search(r"acme .* \d+/12 \d+ events", text), text
    assert f"{users[0]}: The domain knows no user" in text
