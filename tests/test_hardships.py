"""What befalls the machine: a full disk, a cut file, several starts at once, a clock set back.

Each ends as the contract says: its exit code, words that name the thing, the last good files.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from export_steps import (
    ADA,
    TEAM,
    add_singles,
    check_manifest,
    contents,
    report,
    stamps,
    wait_until,
)
from in_process import Job

from calendar_sync.changes import list_changes
from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.history import last_reports, recent_reports

if TYPE_CHECKING:
    from conftest import HomeFolder

# -- a disk that is really full --------------------------------------------------------------------

_ON_A_SMALL_DISK = """
mount -t tmpfs -o size="$1" tmpfs "$2" && cp -a "$3/." "$2" || exit 99
before=$2 after=$4
shift 4
"$@"
code=$?
cp -a "$before/." "$after"
exit $code
"""


def _can_mount() -> bool:
    script = 'mount -t tmpfs tmpfs "$1"'
    try:
        return subprocess.run(_namespace(script, "/tmp"), capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def _namespace(script: str, *arguments: str) -> list[str]:
    mine = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *mine, "--mount", "--propagation", "private", "sh", "-c", script, "sh",
            *arguments]  # fmt: skip


@pytest.mark.skipif(not _can_mount(), reason="needs the right to mount a small disk")
@pytest.mark.parametrize(("folder", "size"), [("exports", "300k"), ("state", "400k")])
def test_a_full_disk_is_73_and_the_last_good_files_stay(
    home: HomeFolder, google: LocalGoogle, tmp_path: Path, folder: str, size: str
) -> None:
    """Once there is room again the next run brings everything up to date."""
    home.run("export")
    before = contents(home.exports)
    google.control("load_events", calendar=TEAM, count=600, seed=3)
    kept, after = tmp_path / "kept", tmp_path / "after"
    shutil.copytree(home / folder, kept)
    after.mkdir()
    places = [str(home / folder), str(kept), str(after)]
    command = _namespace(_ON_A_SMALL_DISK, size, *places, *home.command("export"))
    done = subprocess.run(command, capture_output=True, text=True, env=home.environment())
    assert done.returncode == 73, done.stderr
    assert f"Cannot write {home / folder}/" in done.stderr and "the disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    found = contents(after if folder == "exports" else home.exports)
    assert {n: c for n, c in found.items() if n.startswith("team")} == {
        n: c for n, c in before.items() if n.startswith("team")
    }
    assert found.keys() == before.keys()  # no draft is left in the way
    if folder == "state":  # what the disk holds after it was full is a whole mirror
        shutil.rmtree(home / "state")
        after.rename(home / "state")
    home.run("export")
    assert check_manifest(home.exports)[TEAM]["events"] > 500


@pytest.mark.skipif(not _can_mount(), reason="needs the right to mount a small disk")
@pytest.mark.parametrize("size", ["100k", "200k", "300k", "400k"])
def test_a_disk_too_small_for_a_first_mirror_is_73(
    home: HomeFolder, tmp_path: Path, size: str
) -> None:
    """Before its first page, when it is moved to its place, or later; then with room all is well."""
    empty, after = tmp_path / "empty", tmp_path / "after"
    for folder in (empty, after, home / "state"):
        folder.mkdir(mode=0o700)
    places = [str(home / "state"), str(empty), str(after)]
    command = _namespace(_ON_A_SMALL_DISK, size, *places, *home.command("export"))
    done = subprocess.run(command, capture_output=True, text=True, env=home.environment())
    assert done.returncode == 73, done.stderr
    assert f"Cannot write {home / 'state'}/" in done.stderr and "the disk is full" in done.stderr
    (home / "state").rmdir()
    after.rename(home / "state")
    assert report(home)["warnings"] == []
    assert check_manifest(home.exports)


_LOOK_ON_A_DISK = """
mount -t tmpfs -o size=2m tmpfs "$1" && cp -a "$2/." "$1" || exit 99
[ "$3" = full ] && dd if=/dev/zero of="$1/filler" bs=4k 2>/dev/null
[ "$3" = read-only ] && mount -o remount,ro "$1"
shift 3
for verb in status history changes; do "$@" "$verb" || exit 98; done
"""


@pytest.mark.skipif(not _can_mount(), reason="needs the right to mount a small disk")
@pytest.mark.parametrize("how", ["full", "read-only"])
def test_a_full_disk_does_not_hide_what_is_known(
    home: HomeFolder, google: LocalGoogle, tmp_path: Path, how: str
) -> None:
    """SQLite wants to write a file beside one that it reads; `status` did say "never" then."""
    home.run("export")
    add_singles(google, TEAM, 1)
    home.run("export")
    kept = tmp_path / "kept"
    shutil.copytree(home / "state", kept)
    command = _namespace(_LOOK_ON_A_DISK, str(home / "state"), str(kept), how, *home.command())
    done = subprocess.run(command, capture_output=True, text=True, env=home.environment())
    assert done.returncode == 0, done.stderr
    for words in ("fresh", "ada@example.com", "Ada Lovelace", "24 added", "1 added"):
        assert words in done.stdout


# -- a file cut short ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 99, 100, 4096, 8192, 8193, 0.5, -8192, -1])
def test_a_truncated_mirror_costs_a_full_read_at_most(
    google: LocalGoogle, tmp_path: Path, size: float
) -> None:
    """It is named and moved aside, but for an empty one, which is as good as none."""
    job, fresh = Job(tmp_path / "home", google), Job(tmp_path / "fresh", google)
    google.control("load_events", calendar=TEAM, count=100, seed=1)
    job.run()
    before = stamps(job.home.exports)
    whole = job.home.mirror.stat().st_size
    left = int(size * whole) if isinstance(size, float) else size if size >= 0 else whole + size
    os.truncate(job.home.mirror, left)
    report = job.run()
    assert report.exit_code == 0
    assert any("mirror was damaged" in warning for warning in report.warnings) == (left > 0)
    assert bool([*job.home.state.glob("mirror.damaged-*")]) == (left > 0)
    assert stamps(job.home.exports) == before
    for seed in range(5):
        google.control("random_edit", seed=seed, calendar=TEAM)
    assert job.run().warnings == ()
    fresh.run()
    assert job.contents() == fresh.contents()


@pytest.mark.parametrize("companions", [True, False], ids=["all of it", "but not its log"])
def test_a_deleted_mirror_is_read_anew_and_no_file_is_rewritten(
    home: HomeFolder, google: LocalGoogle, companions: bool
) -> None:
    home.run("export")
    home.run("status")  # leaves companions beside it
    before = stamps(home.exports)
    for path in (home / "state").glob("mirror.sqlite3*" if companions else "mirror.sqlite3"):
        path.unlink()
    done = home.run("export")
    assert stamps(home.exports) == before
    assert "damaged" not in done.stderr


# -- several at once -------------------------------------------------------------------------------


def test_of_many_started_at_once_one_runs_and_the_others_give_way(
    home: HomeFolder, google: LocalGoogle
) -> None:
    home.run("export")
    add_singles(google, TEAM, 5)
    google.faults.add("hang", on="calendarList")
    started = [home.start("export", stdin=subprocess.DEVNULL) for _ in range(4)]
    wait_until(lambda: sum(process.poll() is not None for process in started) == 3, 60)
    wait_until(lambda: google.faults.release() or all(p.poll() is not None for p in started), 60)
    said = [process.communicate(timeout=60)[1] for process in started]
    codes = [process.returncode for process in started]
    assert sorted(codes) == [0, 75, 75, 75], said
    for code, words in zip(codes, said, strict=True):
        assert ("Another run is at work" in words) == (code == 75)
    assert check_manifest(home.exports)[TEAM]["events"] == 8


# -- a clock set back ------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [400, 1, -1, -400])
def test_a_clock_set_back_or_forward_changes_nothing_but_times(
    google: LocalGoogle, tmp_path: Path, days: int
) -> None:
    """The next runs are whole, the newest run is the newest in history, and no change is lost."""
    job = Job(tmp_path / "home", google)
    now = dt.datetime(2026, 6, 10, 12, tzinfo=dt.UTC)
    job.clock = lambda: now
    job.run()
    add_singles(google, TEAM, 1)
    job.run()
    wrong = now + dt.timedelta(days=days)
    for moment, added in ((wrong, 2), (now, 3)):
        job.clock = lambda moment=moment: moment  # type: ignore[misc]
        ids = add_singles(google, TEAM, added)
        google.control("expire_sync_tokens", calendar=ADA)
        report = job.run()
        assert (report.exit_code, report.message) == (0, "")
        newest, successful = last_reports(job.home.mirror)
        assert newest is not None and newest.run_id == report.run_id
        assert successful == newest == recent_reports(job.home.mirror, 1)[0]
        found = list_changes(job.home.mirror, None)
        assert {change.event_id for change in found} == {*ids}
        assert job.run().calendars[0].result == "unchanged"
        assert check_manifest(job.home.exports)[TEAM]["events"] == 4 + added + (added == 3) * 2
