"""SIGKILL at any moment under load: readers see whole files only, and the next run converges."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from export_steps import ADA, TEAM, add_calendar, check_manifest, contents

from calendar_sync.emulator.local_google import LocalGoogle

if TYPE_CHECKING:
    from conftest import HomeFolder

FORMATS = ("--format", "csv,jsonl,ics")


class Reader(threading.Thread):
    """Somebody who reads the exports all the time: what they saw, by its hash."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder = folder
        self.seen: dict[str, set[str]] = {}
        self.missed: list[str] = []
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.is_set():
            for name in ("big.csv", "big.jsonl", "big.ics", "manifest.json"):
                try:
                    content = (self.folder / name).read_bytes()
                except FileNotFoundError:
                    self.missed.append(name)
                    continue
                self.seen.setdefault(name, set()).add(_hash(content))
            self._ended.wait(0.003)

    def end(self) -> None:
        self._ended.set()
        self.join()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _hashes(folder: Path) -> dict[str, str]:
    return {name: _hash(content) for name, content in contents(folder).items()}


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_killed_at_random_moments_readers_see_whole_files_and_runs_converge(
    home: HomeFolder, google: LocalGoogle, new_home: Callable[..., HomeFolder]
) -> None:
    """A large calendar with edits between the kills; every version seen is one a fresh home makes."""
    draw = random.Random(20261121)
    big = add_calendar(google, "Big")
    google.control("load_events", calendar=big, count=3000, seed=7)
    home.run("export", *FORMATS)
    whole = {name: {digest} for name, digest in _hashes(home.exports).items()}
    reader = Reader(home.exports)
    reader.start()
    killed = 0
    for number in range(3):
        for _ in range(5):
            google.control("random_edit", seed=draw.randrange(1 << 30), calendar=big)
        fresh = new_home(f"fresh{number}")
        fresh.run("export", *FORMATS, "--calendar", big)
        for name, digest in _hashes(fresh.exports).items():
            whole.setdefault(name, set()).add(digest)
        if number % 3 == 2:  # also in the middle of a full read
            google.control("expire_sync_tokens", calendar=big)
        for _ in range(
            3
        ):  # what a killed run has left is taken on by the next, which is killed too
            process = home.start("export", *FORMATS)
            time.sleep(draw.uniform(0.2, 1.4))
            process.kill()
            process.communicate(timeout=60)
            killed += process.returncode == -9
    reader.end()
    assert killed >= 2  # of nine; a quick machine is done before
    assert reader.missed == []
    for name in ("big.csv", "big.jsonl", "big.ics"):
        assert reader.seen[name] <= whole[name], name
    home.run("export", *FORMATS)
    check_manifest(home.exports)
    assert list(home.exports.glob(".calendar-sync-*")) == []
    last = new_home("last")
    last.run("export", *FORMATS)
    assert contents(home.exports) == contents(last.exports)


def test_what_a_killed_run_left_unpublished_the_next_one_publishes(
    home: HomeFolder, google: LocalGoogle
) -> None:
    """The mirror has the change and its sync token, the files do not: the delta will be empty."""
    home.run("export")
    google.control("load_events", calendar=TEAM, count=50, seed=1)
    blocked = home.exports / "team-friends.ics"
    blocked.unlink()
    blocked.mkdir()  # publishing stops here, after the commit
    home.run("export", expect=73)
    blocked.rmdir()
    done = home.run("export", "--json")
    assert '"added":0' in done.stdout.replace(" ", "")
    assert check_manifest(home.exports)[TEAM]["events"] > 40


def test_drafts_of_a_killed_run_are_removed_and_files_put_right(home: HomeFolder) -> None:
    """Also what somebody else changed, removed or replaced by a link comes back as it was."""
    home.run("export")
    before = contents(home.exports)
    (home.exports / ".calendar-sync-left-over").write_bytes(b"half a fi")
    (home.exports / "ada-lovelace.csv").write_bytes(b"touched")
    (home.exports / "team-friends.ics").unlink()
    outside = home / "outside.txt"
    outside.write_text("mine")
    (home.exports / "team-friends.csv").unlink()
    (home.exports / "team-friends.csv").symlink_to(outside)
    home.run("export")
    assert contents(home.exports) == before
    assert outside.read_text() == "mine"
    assert not (home.exports / "team-friends.csv").is_symlink()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"calendars": 5}', b"\xff\xfe"])
def test_a_damaged_manifest_is_written_anew(home: HomeFolder, content: bytes) -> None:
    home.run("export", "--calendar", ADA)
    (home.exports / "manifest.json").write_bytes(content)
    home.run("export")
    assert len(check_manifest(home.exports)) == 5
