"""SIGKILL at every write boundary of a run: files are whole, the next run converges."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from export_steps import TEAM, add_singles, check_manifest, contents
from in_process import Job
from kill_points import run_until

from calendar_sync.emulator.local_google import LocalGoogle


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_kill_at_any_write_boundary_costs_only_work(tmp_path: Path, google: LocalGoogle) -> None:
    """After each kill every file is the old or the new one, and one run makes all of them new."""
    [first, *_] = add_singles(google, TEAM, 3)
    job, saved = Job(tmp_path / "home", google, keeps_deleted=True), tmp_path / "saved"
    job.run()
    old = contents(job.home.exports)
    shutil.copytree(job.home.folder, saved)
    google.control("delete_event", calendar=TEAM, id=first)
    for seed in range(6):
        google.control("random_edit", seed=seed, calendar=TEAM)
    fresh = Job(tmp_path / "fresh", google)
    fresh.run()
    new = contents(fresh.home.exports)
    points = run_until(job.home.folder, 0, job.run)
    assert points is not None and points > 30, points
    [path] = job.home.exports.glob("*.deleted.jsonl")
    new[path.name] = _without_times(path.read_bytes())
    assert _timeless(job) == new != old
    for kill_at in range(1, points + 1):
        _restore(job.home.folder, saved)
        assert run_until(job.home.folder, kill_at, job.run) is None, kill_at
        for name, content in contents(job.home.exports).items():
            is_draft = name.startswith(".calendar-sync-")
            is_new = _without_times(content) == new[name] if not is_draft else False
            assert is_draft or is_new or content == old.get(name), (kill_at, name)
        report = job.run()
        assert (report.exit_code, report.warnings) == (0, ()), kill_at
        assert _timeless(job) == new, kill_at
        assert check_manifest(job.home.exports).keys() == {c.id for c in report.calendars}


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_kill_at_any_third_boundary_of_a_first_run_costs_only_work(
    tmp_path: Path, google: LocalGoogle
) -> None:
    """Also while the new mirror is made beside its place: nothing of it is left, nothing is odd."""
    job, saved, fresh = Job(tmp_path / "home", google), tmp_path / "saved", tmp_path / "fresh"
    shutil.copytree(job.home.folder, saved)
    whole = Job(fresh, google)
    whole.run()
    new = contents(whole.home.exports)
    points = run_until(job.home.folder, 0, job.run)
    assert points is not None and points > 60, points
    for kill_at in range(1, points + 1, 3):
        _restore(job.home.folder, saved)
        assert run_until(job.home.folder, kill_at, job.run) is None, kill_at
        published = contents(job.home.exports) if job.home.exports.exists() else {}
        for name, content in published.items():
            assert name.startswith(".calendar-sync-") or content == new[name], (kill_at, name)
        report = job.run()
        assert (report.exit_code, report.warnings) == (0, ()), kill_at
        assert contents(job.home.exports) == new, kill_at
        assert not [*job.home.folder.rglob(".calendar-sync-*")], kill_at


def _timeless(job: Job) -> dict[str, bytes]:
    return {name: _without_times(text) for name, text in contents(job.home.exports).items()}


def _without_times(content: bytes) -> bytes:
    """Blank out when something was found deleted, which is another time in every run."""
    return re.sub(rb'"deleted_at":"[^"]*"', b"", content)


def _restore(folder: Path, saved: Path) -> None:
    """Bring the home back in its place, times too: what is published is known by them."""
    shutil.rmtree(folder)
    shutil.copytree(saved, folder)
