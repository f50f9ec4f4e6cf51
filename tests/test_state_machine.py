"""Whatever happened between: an incremental export equals a fresh home's, byte for byte.

A machine that edits, breaks, kills and runs in any order it likes. HYPOTHESIS_EXAMPLES=200 makes it
search longer.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pytest
from export_steps import (
    ADA,
    HOLIDAYS,
    TEAM,
    check_manifest,
    manifest,
    place,
    same_json,
    stamps,
    truth,
)
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from in_process import Job
from kill_points import run_until

from calendar_sync import export
from calendar_sync.emulator.api import ApiError
from calendar_sync.emulator.local_google import LocalGoogle

GROUP = "archive@group.calendar.google.com"
CALENDARS = st.sampled_from([ADA, TEAM])
# What may happen to one series, one thing after the other, runs between them.
STEPS = st.tuples(
    st.sampled_from(["cancel_instance", "cancel_instance", "edit_instance", "move_instance",
                     "touch_event", "edit_event", "split_series", "delete_event", "run", "run",
                     "expire_sync_tokens", "forget_page_tokens", "random_edit",
                     "random_edit", "killed"]),
    st.integers(0, 4),
)  # fmt: skip
SEEDS = st.integers(0, 1 << 30)
OFTEN = st.sampled_from([True, True, True, False])
BROKEN = st.sampled_from(["reset", "close", "truncated_chunk", "truncated_gzip", "truncated_json"])


class Mirroring(RuleBasedStateMachine):
    """One Google, one home that lives through everything, and a fresh one to compare with."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="state-machine-"))
        self.google = LocalGoogle().start()
        self.job = Job(self.folder / "home", self.google)
        self.unshared: dict[str, dict[str, bytes]] = {}  # calendar -> its last good files
        self.has_run = False
        self.worth_an_index = export.WORTH_AN_INDEX

    def teardown(self) -> None:
        export.WORTH_AN_INDEX = self.worth_an_index
        crashes = self.google.crashes
        self.google.stop()
        shutil.rmtree(self.folder)
        assert crashes == []

    @initialize(count=st.integers(0, 30), seed=SEEDS, patches=OFTEN, is_old=OFTEN)
    def fill(self, count: int, seed: int, patches: bool, is_old: bool) -> None:
        """Begin; files as small as these are patched, too, because thousands of events take long."""
        if patches:
            export.WORTH_AN_INDEX = 0
        self.google.control("load_events", calendar=TEAM, count=count, seed=seed)
        if is_old:
            self.run()

    # -- people

    @rule(calendar=CALENDARS, seeds=st.lists(SEEDS, min_size=1, max_size=8), then_run=OFTEN)
    def edit(self, calendar: str, seeds: list[int], then_run: bool) -> None:
        """Add, change, move and cancel events and occurrences, split and delete series."""
        for seed in seeds:
            self.google.control("random_edit", seed=seed, calendar=calendar)
        if then_run:
            self.run()

    @rule(calendar=CALENDARS, steps=st.lists(STEPS, min_size=3, max_size=9))
    def trouble_one_series(self, calendar: str, steps: list[tuple[str, int]]) -> None:
        """Cancel, move and delete what has just been edited, cut what has just been cancelled."""
        added = self.google.control("add_event", calendar=calendar, event=_weekly(0))
        for step, week in steps:
            if step == "run":
                self.job.run()
                continue
            if step == "killed":
                self.run_and_be_killed(20 + 15 * week)
                continue
            if step == "forget_page_tokens":
                self.google.control("set_switch", name="page_cap", value=1)
                self.forget_page_tokens(calendar)
                continue
            with contextlib.suppress(ApiError):  # it is deleted or cancelled already
                self.google.control(step, calendar=calendar, **_arguments(step, added["id"], week))
        self.run()

    @rule(calendar=st.sampled_from([TEAM, GROUP]), name=st.sampled_from(["Crew", "Ada Lovelace"]))
    def rename(self, calendar: str, name: str) -> None:
        self.google.control("rename_calendar", calendar=calendar, summary=name)

    @rule(zone=st.sampled_from(["Asia/Tokyo", "Europe/Berlin", "America/New_York"]))
    def change_zone(self, zone: str) -> None:
        self.google.control("change_time_zone", calendar=TEAM, time_zone=zone)

    @precondition(lambda self: self.has_run and not self.unshared)
    @rule(calendar=st.sampled_from([GROUP, HOLIDAYS]), comes_back=st.booleans())
    def unshare(self, calendar: str, comes_back: bool) -> None:
        kept = self.job.contents()
        self.unshared[calendar] = {n: kept[n] for n in kept if n.startswith(calendar)}
        self.google.control("unshare_calendar", calendar=calendar)
        if comes_back:
            self.run()
            self.share_again()

    @precondition(lambda self: self.unshared)
    @rule()
    def share_again(self) -> None:
        [calendar] = self.unshared
        self.unshared = {}
        self.google.control("share_calendar", calendar=calendar, account=ADA, role="reader")
        self.run()

    # -- Google, the net, and time

    @rule(calendar=st.none() | CALENDARS)
    def expire_sync_tokens(self, calendar: str | None) -> None:
        self.google.control("expire_sync_tokens", **({"calendar": calendar} if calendar else {}))

    @rule(cap=st.sampled_from([0, 1, 3, 7]), odd=st.sampled_from([0.0, 0.4]), twice=st.booleans())
    def change_pages(self, cap: int, odd: float, twice: bool) -> None:
        switches = {"page_cap": cap, "short_pages": odd, "empty_pages": odd}
        for name, value in {**switches, "duplicate_items": 0.3 * twice}.items():
            self.google.control("set_switch", name=name, value=value)

    # Two at most, an expired token among them: what Google refuses three times fails, as it should.
    @precondition(lambda self: len(self.google.faults.pending()) < 2)
    @rule(fault=BROKEN, calendar=CALENDARS, skip=st.integers(0, 2))
    def break_a_listing(self, fault: str, calendar: str, skip: int) -> None:
        self.google.faults.add(fault, on=place(calendar), skip=skip)

    @rule(calendar=CALENDARS)
    def forget_page_tokens(self, calendar: str) -> None:
        if not self.google.faults.pending():
            self.google.faults.add("api_400", on=place(calendar), query="pageToken")

    @precondition(lambda self: self.has_run)
    @rule()
    def make_a_check_due(self) -> None:
        damaged = contextlib.suppress(sqlite3.DatabaseError)  # or lost
        with damaged, closing(sqlite3.connect(self.job.home.mirror)) as mirror, mirror:
            mirror.execute("UPDATE calendars SET full_read_at = '2026-01-01T00:00:00Z'"
                           " WHERE full_read_at IS NOT NULL")  # fmt: skip

    # -- the disk

    @precondition(lambda self: self.has_run)
    @rule(number=st.integers(0, 100), how=st.sampled_from(["removed", "emptied", "another's"]))
    def meddle_with_a_file(self, number: int, how: str) -> None:
        """Somebody spoils a file; those of calendars that are gone cannot be made again."""
        gone = manifest(self.job.home.exports)
        kept = {f["path"] for id_ in self.unshared for f in gone[id_]["files"]}
        paths = [p for p in sorted(self.job.home.exports.glob("*.*")) if p.name not in kept]
        path = paths[number % len(paths)]
        if how == "removed" and path.name != "manifest.json":
            path.unlink()
        elif path.name != "manifest.json":
            path.write_bytes(b"" if how == "emptied" else b"x" * path.stat().st_size)
        self.run()

    @precondition(lambda self: self.has_run)
    @rule(how=st.sampled_from(["removed", "cut short", "garbage"]))
    def lose_the_mirror(self, how: str) -> None:
        mirror = self.job.home.mirror
        if how == "removed":
            shutil.rmtree(self.job.home.state)
        elif how == "cut short":
            os.truncate(mirror, mirror.stat().st_size // 2)
        else:
            mirror.write_bytes(b"no database" * 1000)
        self.run()

    def _compare_with_google(self, job: Job) -> None:
        for calendar in (ADA, TEAM):
            lines = job.contents()[f"{calendar}.jsonl"].splitlines()
            assert same_json([json.loads(line) for line in lines], truth(self.google, calendar))

    # -- runs

    @rule(cap=st.sampled_from([2, 5]), is_new=st.booleans())
    def run_while_people_edit(self, cap: int, is_new: bool) -> None:
        """Pages shift under the listing; what it says twice is not the same twice."""
        job = Job(Path(tempfile.mkdtemp(dir=self.folder)), self.google) if is_new else self.job
        self.google.faults.clear()
        for name, value in {"page_cap": cap, "mutate_listings": 0.5}.items():
            self.google.control("set_switch", name=name, value=value)
        job.run()
        self.google.control("set_switch", name="mutate_listings", value=0.0)
        job.run()
        self._compare_with_google(job)

    @rule(kill_at=st.integers(1, 120))
    def run_and_be_killed(self, kill_at: int) -> None:
        self.google.faults.clear()  # those told for the next run are not this one's
        self.has_run = False  # what lies there may be unfinished
        run_until(self.job.home.folder, kill_at, self.job.run)

    @rule()
    def run(self) -> None:
        """The promise: the same bytes as a fresh home, and a second run touches nothing."""
        found = self.job.run()
        assert (found.exit_code, found.message) == (0, "")
        odd = [text for text in found.warnings if "gone" not in text and "damaged" not in text]
        assert odd == []
        self.has_run = True
        self.google.faults.clear()
        fresh = Job(Path(tempfile.mkdtemp(dir=self.folder)), self.google)
        fresh.run()
        _compare(self.job, fresh, self.unshared)
        self._compare_with_google(self.job)  # both could be wrong alike
        check_manifest(self.job.home.exports)
        before = stamps(self.job.home.exports)
        again = self.job.run()
        assert {calendar.result for calendar in again.calendars} <= {"unchanged", "gone"}
        assert stamps(self.job.home.exports) == before
        shutil.rmtree(fresh.home.folder)


def _weekly(week: int) -> dict[str, Any]:
    """A series, or its times in a later week."""
    day = dt.date(2026, 5, 4) + dt.timedelta(weeks=week)
    times = {
        key: {"dateTime": f"{day}T{hour}:00:00+02:00", "timeZone": "Europe/Berlin"}
        for key, hour in (("start", "09"), ("end", "10"))
    }
    return {"summary": "Weekly", **times, "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=5"]}


def _arguments(step: str, series: str, week: int) -> dict[str, Any]:
    if step == "expire_sync_tokens":
        return {}
    if step == "random_edit":
        return {"seed": week}
    day = _weekly(week)["start"]["dateTime"]
    changes: dict[str, Any] = {"changes": {"summary": f"Other {week}"}}
    match step:
        case "split_series":
            return {"id": series, "at": day, **({"delete": True} if week % 2 else changes)}
        case "cancel_instance":
            return {"id": series, "original_start": day}
        case "edit_instance":
            return {"id": series, "original_start": day, **changes}
        case "move_instance":
            moved = {key: _weekly(week + 1)[key] for key in ("start", "end")}
            return {"id": series, "original_start": day, **moved}
        case "edit_event":
            return {"id": series, **changes}
    return {"id": series}


def _compare(job: Job, fresh: Job, unshared: dict[str, dict[str, bytes]]) -> None:
    kept: dict[str, bytes] = {}
    for files in unshared.values():
        kept |= files
    assert job.contents() == fresh.contents() | kept
    ours = {id_: e for id_, e in job.whole_manifest().items() if id_ not in unshared}
    assert ours == fresh.whole_manifest()


_EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "0"))
Mirroring.TestCase.settings = settings(
    max_examples=_EXAMPLES or 20,
    stateful_step_count=40 if _EXAMPLES else 16,
    derandomize=not _EXAMPLES,
    database=None,
    deadline=None,
    report_multiple_bugs=False,
    phases=(Phase.generate, Phase.shrink),  # to explain it would trace every line
    suppress_health_check=list(HealthCheck),
)


class TestMirroring(Mirroring.TestCase):  # type: ignore[misc]  # made by hypothesis
    """Hypothesis runs it."""

    pytestmark: ClassVar[Any] = [
        pytest.mark.slow,
        pytest.mark.timeout(3600 if _EXAMPLES else 300),
    ]
