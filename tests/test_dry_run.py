"""`--dry-run`: what a run would do, without a trace in `exports/` and `state/`."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from export_steps import ADA, TEAM, add_singles, wait_until

from calendar_sync.emulator.local_google import LocalGoogle

if TYPE_CHECKING:
    from conftest import HomeFolder


def test_a_dry_run_of_a_new_home_touches_nothing(home: HomeFolder, google: LocalGoogle) -> None:
    home.folder.chmod(0o500)
    before = _untouched(home)
    found = json.loads(home.run_obeying_modes("export", "--dry-run", "--json").stdout)["report"]
    assert {calendar["result"] for calendar in found["calendars"]} == {"updated"}
    assert _untouched(home) == before
    assert not (home / "state").exists()


@pytest.mark.parametrize("state", ["closed", "left open", "damaged"])
def test_a_dry_run_touches_nothing(home: HomeFolder, google: LocalGoogle, state: str) -> None:
    """Not one byte, not one time, in folders where no file may even come and go again."""
    home.run("export")
    mirror = home / "state/mirror.sqlite3"
    if state == "left open":
        _leave_open(mirror)
    elif state == "damaged":
        mirror.write_bytes(b"no database" * 1000)
    add_singles(google, TEAM, 3)
    for path in [
        *(home / "state").rglob("*"),
        *home.exports.rglob("*"),
        home.exports,
        home / "state",
    ]:
        path.chmod(0o500 if path.is_dir() else 0o400)
    before = _untouched(home)
    done = home.run_obeying_modes("export", "--dry-run", "--json")
    assert _untouched(home) == before
    found = json.loads(done.stdout)["report"]
    calendars = {c["id"]: c for c in found["calendars"]}
    assert calendars[TEAM]["added"] == (6 if state == "damaged" else 3)
    assert calendars[TEAM]["slug"] == ("other" if state == "left open" else "team-friends")
    assert calendars[ADA]["result"] == "unchanged" or state == "damaged"
    assert ("damaged" in done.stderr) == (state == "damaged")
    assert "aside" not in done.stderr or "a run moves it aside" in done.stderr
    assert "nothing was written" in home.run("export", "--dry-run").stderr


def test_a_dry_run_gives_way_to_a_run_and_looks_only_for_a_moment(
    home: HomeFolder, google: LocalGoogle
) -> None:
    """It would see half of what the run writes. While it reads from Google, runs may come."""
    home.run("export")
    google.faults.add("hang", on="calendarList")
    run = home.start("export", stdin=subprocess.DEVNULL)
    wait_until(lambda: not google.faults.pending())
    done = home.run("export", "--dry-run", expect=75)
    assert "Another run is at work" in done.stderr
    run.kill()
    run.communicate()
    google.faults.add("hang", on="calendarList")
    dry = home.start("export", "--dry-run", stdin=subprocess.DEVNULL)
    wait_until(lambda: not google.faults.pending())
    home.run("export")
    dry.kill()
    dry.communicate()


def _untouched(home: HomeFolder) -> dict[str, Any]:
    """Every file and folder but the credentials: content, and what tells that it was touched."""
    found: dict[str, Any] = {}
    for path in sorted([home.folder, *home.folder.rglob("*")]):
        name = str(path.relative_to(home.folder))
        if not name.startswith("credentials"):
            status = path.stat()
            content = path.read_bytes() if path.is_file() else b""
            found[name] = content, status.st_ino, status.st_mtime_ns, status.st_ctime_ns
    return found


def _leave_open(path: Path) -> None:
    """Have the mirror look as a killed run leaves it: its last changes only in the log."""
    copies = {}
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("UPDATE calendars SET slug = 'other' WHERE slug = 'team-friends'")
        opened.commit()
        for suffix in ("", "-wal", "-shm"):
            copies[suffix] = path.with_name(path.name + suffix).read_bytes()
    for suffix, content in copies.items():
        path.with_name(path.name + suffix).write_bytes(content)
