"""Files begun while a calendar's first listing comes in: the same bytes, or given up."""

from __future__ import annotations

import datetime as dt
import errno
import json
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from export_steps import ADA, TEAM, place
from in_process import Job

from calendar_sync import beside, export
from calendar_sync.beside import Beside
from calendar_sync.calendars import list_calendars, remember_calendars
from calendar_sync.config import Config, Export, Format
from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.errors import CannotWrite
from calendar_sync.export import CalendarExport
from calendar_sync.files import Draft
from calendar_sync.intake import Task, Writer
from calendar_sync.items import read_items
from calendar_sync.listing import Taken
from calendar_sync.mirror import Mirror
from calendar_sync.mirror_file import open_mirror
from calendar_sync.model import CalendarEntry, CalendarView, EventWarning
from calendar_sync.publish import MANIFEST, entries_in
from calendar_sync.reading import read_calendars
from calendar_sync.rendering import EMPTY, Order, Result, frame, frame_of_lines
from calendar_sync.sync import EventsPage, Fetch, FullFetch, Kind, WindowFetch

NOW = dt.datetime(2026, 6, 10, tzinfo=dt.UTC)


@pytest.fixture
def job(tmp_path: Path, google: LocalGoogle, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Single events, series and orphans, on several pages; files of any size get an index."""
    google.control("load_events", calendar=TEAM, count=3500, seed=7)
    odd = [{"id": "lost", "start": {"dateTime": "some day"}}, {"id": "odd", "summary": 7}]
    google.faults.add("set_keys", on=place(ADA), keys={"items": odd})
    monkeypatch.setattr(export, "WORTH_AN_INDEX", 0)
    return Job(tmp_path, google)


def made(job: Job) -> dict[str, object]:
    """The files, the indexes, and what the manifests say of them."""
    folders = {job.home.folder / each.output for each in job.config.export}
    paths = [path for folder in folders for path in folder.iterdir() if path.name != MANIFEST]
    paths += (job.home.mirror.parent / "blocks").iterdir()
    found: dict[str, object] = {f"{p.parent.name}/{p.name}": p.read_bytes() for p in paths}
    for folder in folders:
        found[folder.name] = [(e["occurrences"], e["warnings"]) for e in entries_in(folder)]
    return found


def made_from_the_mirror(job: Job) -> dict[str, object]:
    for each in job.config.export:
        for path in (job.home.folder / each.output).iterdir():
            path.unlink()
    job.run()
    return made(job)


@pytest.mark.parametrize("formats", [("ics", "csv"), ("ics", "csv", "jsonl"), ("ics",)])
def test_a_first_read_makes_the_files_that_the_mirror_makes(
    job: Job, monkeypatch: pytest.MonkeyPatch, formats: tuple[Format, ...]
) -> None:
    job.formats = formats
    whole: list[object] = []
    monkeypatch.setattr(export, "export_calendar", lambda *given: whole.append(given))
    monkeypatch.setattr(beside, "is_core_free", lambda: False)
    job.run()
    assert not whole  # all of them were begun early
    assert not [path for path in job.home.exports.iterdir() if path.name.startswith(".")]
    monkeypatch.undo()
    monkeypatch.setattr(export, "WORTH_AN_INDEX", 0)
    assert made(job) == made_from_the_mirror(job)


def test_files_are_finished_while_the_mirror_commits_and_published_after_it(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mirror that cannot commit publishes nothing, and leaves nothing behind."""
    job.formats = ("ics", "csv")
    finished: list[threading.Thread] = []
    finish, take = CalendarExport.finish, Writer._take_pages

    def noted(self: CalendarExport, *given: Any) -> None:
        finish(self, *given)
        finished.append(threading.current_thread())

    def failing(self: Writer, *given: Any) -> Any:
        take(self, *given)
        raise CannotWrite("The disk is full.")

    monkeypatch.setattr(CalendarExport, "finish", noted)
    monkeypatch.setattr(Writer, "_take_pages", failing)
    with pytest.raises(CannotWrite):
        job.run()
    assert finished
    assert threading.current_thread() not in finished
    assert [*job.home.exports.iterdir()] == []
    assert [*(job.home.mirror.parent / "blocks").iterdir()] == []


def test_what_a_finishing_thread_meets_ends_the_run(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.formats = ("ics", "csv")

    def full(self: Draft) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Draft, "sync", full)
    with pytest.raises(CannotWrite, match=r"\.ics"):
        job.run()
    assert [*job.home.exports.iterdir()] == []
    monkeypatch.undo()
    job.run()  # the mirror has all of it
    assert len([*job.home.exports.glob("*.csv")]) > 1


# -- with a second process -------------------------------------------------------------------------


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Give all events to the other process: wait until it wants some. Lists it each time it does."""
    asked: list[subprocess.Popen[bytes]] = []
    is_waited_for = Beside._is_waited_for

    def patient(self: Beside) -> bool:
        if self._process is not None:
            select.select([self._stdout], [], [])
            asked.append(self._process)
        return is_waited_for(self)

    monkeypatch.setattr(Beside, "_is_waited_for", patient)
    monkeypatch.setattr(beside, "is_core_free", lambda: True)
    monkeypatch.setattr(beside, "WORTH_A_PROCESS", 0)
    monkeypatch.setattr(beside, "_THEIRS", 300)
    return asked


@pytest.mark.parametrize(
    "exports",
    [
        [Export()],
        [Export(preset="outlook"), Export(output="series", rows="series", html="both")],
        [Export(window="-1mo..+1mo", leave_out=("default", "fromGmail"), orphans="recurrence-id")],
    ],
    ids=["as most have it", "two exports", "a window"],
)
def test_another_process_renders_the_same(
    job: Job, given: list[subprocess.Popen[bytes]], exports: list[Export]
) -> None:
    job.config, job.formats = Config(export=tuple(exports)), ("ics", "csv")
    job.run()
    assert len(given) > 5
    assert given[0].returncode is not None
    assert made(job) == made_from_the_mirror(job)


def test_a_process_that_never_came_to_it_is_not_waited_for(
    job: Job, given: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def impatient(self: Beside) -> bool:
        if self._process is not None:
            started.append(self._process)
        return False

    monkeypatch.setattr(Beside, "_is_waited_for", impatient)
    job.run()
    assert {process.returncode for process in started} == {-signal.SIGKILL}
    assert made(job) == made_from_the_mirror(job)


@pytest.mark.parametrize("last", [3, 99], ids=["in the middle", "at the end"])
def test_a_process_that_dies_costs_time_only(
    job: Job, given: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    send = Beside._send

    def fatal(self: Beside, message: bytes) -> None:
        if (len(given) == last or message == EMPTY) and self._process is not None:
            self._process.kill()
            self._process.wait()
        send(self, message)

    monkeypatch.setattr(Beside, "_send", fatal)
    job.run()
    assert (len(given) == 3) == (last == 3)
    assert given[0].returncode == -signal.SIGKILL
    assert made(job) == made_from_the_mirror(job)


def test_a_process_that_cannot_start_is_not_needed(
    job: Job, given: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    job.run()
    assert not given
    assert made(job) == made_from_the_mirror(job)


def test_a_process_is_asked_for_one_calendar_only_where_a_core_is_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1}, raising=False)
    assert beside.is_core_free()
    with ThreadPoolExecutor(1) as others:  # users are worked for in threads
        assert not others.submit(beside.is_core_free).result()
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0}, raising=False)
    assert not beside.is_core_free()


def test_a_process_outlives_nobody_who_started_it() -> None:
    """A killed run leaves none behind: its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "calendar_sync.rendering"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.communicate(frame(Order(CalendarView("c", time_zone="UTC"), []))) == (EMPTY, b"")
    assert process.returncode == 0


def test_a_process_may_be_fed_by_what_has_no_room(tmp_path: Path) -> None:
    """A file here; elsewhere than on Linux a pipe whose size nobody can ask for."""
    order = frame(Order(CalendarView("c", time_zone="UTC"), []))
    rows = frame_of_lines([b'{"id":"a","summary":5}', b'{"id":"b"}'])
    given = tmp_path / "frames"
    given.write_bytes(order + rows + rows + EMPTY)
    with given.open("rb") as source:
        done = subprocess.run(
            [sys.executable, "-m", "calendar_sync.rendering"],
            stdin=source,
            capture_output=True,
            check=True,
        )
    result = msgspec.msgpack.decode(done.stdout[len(3 * EMPTY) + 4 :], type=Result)
    assert done.stdout.startswith(3 * EMPTY)
    assert [each.code for each in result.unreadable] == ["odd-field"] * 2


# -- what is handed on -----------------------------------------------------------------------------


class Begun:
    """Stands in for files in the making."""

    def __init__(self, fails: bool = False) -> None:
        self.taken: list[str] = []
        self.is_open, self.fails, self.is_settled = True, fails, False

    def add(self, taken: Taken, *, is_last: bool) -> None:
        if self.fails:
            raise CannotWrite("The disk is full.")
        self.taken += [series for series, _, _ in taken.singles]
        self.taken += [f"{id_} of {series}" for id_, series, _, _ in taken.members]

    def settle(self) -> None:
        self.is_settled = True

    def close(self) -> None:
        self.is_open = False


class Pages:
    """A source of some pages of resources."""

    def __init__(self, *pages: list[dict[str, Any]]) -> None:
        self.given = pages

    def pages(self, calendar_id: str, fetch: Fetch | WindowFetch) -> Iterator[EventsPage]:
        for number, items in enumerate(self.given, 1):
            raw = [msgspec.Raw(json.dumps(item).encode()) for item in items]
            is_last = number == len(self.given)
            yield EventsPage("calendar#events", raw, "" if is_last else "p", "t" * is_last)


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    opened = open_mirror(tmp_path / "mirror.sqlite3")
    yield opened
    opened.close()


def read(mirror: Mirror, begun: Begun, *pages: list[dict[str, Any]]) -> None:
    with mirror.transaction():
        remember_calendars(mirror, [CalendarEntry(id="c", summary="C")], {})
    [calendar] = list_calendars(mirror)
    writer = Writer(mirror, lambda: NOW, begin=lambda _: begun)
    [outcome] = read_calendars(Pages(*pages), writer, [Task(calendar, FullFetch())], jobs=1)
    assert outcome.error is None


SERIES = {"id": "s", "recurrence": ["RRULE:FREQ=DAILY"]}
CANCELLED = {"id": "s_1", "status": "cancelled", "recurringEventId": "s"}


def test_what_a_first_listing_brings_is_handed_on(mirror: Mirror) -> None:
    begun = Begun()
    read(mirror, begun, [{"id": "b"}, SERIES, CANCELLED], [{"id": "a"}])
    assert begun.is_open
    assert begun.is_settled
    assert begun.taken == ["b", "s of s", "s_1 of s", "a"]


@pytest.mark.parametrize(
    "pages",
    [
        [[{"id": "a"}], [{"id": "a", "summary": "later"}]],
        [[{"id": "a"}], [{"id": "a", "status": "cancelled"}]],
        [[{"id": "a"}, {"id": "gone", "status": "cancelled"}, {"id": "b"}]],
        [[{"id": "a"}], [{**CANCELLED, "recurringEventId": "a"}]],
        [[{"id": "a"}], [{"id": "a_1", "recurringEventId": "a"}]],
    ],
    ids=["twice", "removed", "after a removal", "a hole in it", "an occurrence of it"],
)
def test_what_the_mirror_does_not_hold_like_that_is_given_up(
    mirror: Mirror, pages: list[list[dict[str, Any]]]
) -> None:
    begun = Begun()
    read(mirror, begun, *pages)
    assert begun.is_settled
    assert not begun.is_open


def test_a_second_reading_begins_nothing(mirror: Mirror) -> None:
    read(mirror, Begun(), [{"id": "a"}])
    again = Begun()
    read(mirror, again, [{"id": "a"}, {"id": "b"}])
    assert again.taken == []


def test_files_that_cannot_be_written_end_no_reading(mirror: Mirror) -> None:
    """The mirror has all of it, so that a run with room to write asks for changes only."""
    begun = Begun(fails=True)
    read(mirror, begun, [{"id": "a"}], [{"id": "b"}])
    assert not begun.is_open
    [calendar] = list_calendars(mirror)
    assert [row[0] for row in mirror.resources_by_id(calendar.key)] == ["a", "b"]


def test_an_odd_event_is_read_from_a_page_as_from_the_mirror() -> None:
    """Of a page it is the page's own bytes, which nobody has copied."""
    odd = b'{"id":"a","summary":5,"location":"half: \\ud800"}'
    found: list[list[EventWarning]] = [[], []]
    of_page, of_mirror = (
        [*read_items([("a", Kind.SINGLE, json)], warnings)]
        for json, warnings in zip((msgspec.Raw(odd), odd), found, strict=True)
    )
    assert of_page == of_mirror
    assert found[0] == found[1]
    assert [warning.code for warning in found[0]] == ["odd-text", "odd-field"]
