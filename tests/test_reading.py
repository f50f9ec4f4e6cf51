"""Many calendars at once, one writer: order, back-pressure, giving up; and stopping from outside."""

from __future__ import annotations

import datetime as dt
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from calendar_sync.answers import BadAnswer
from calendar_sync.calendars import list_calendars, remember_calendars
from calendar_sync.errors import ExitCode, Stopped, TryLater
from calendar_sync.intake import Task, Writer
from calendar_sync.listing import RunFacts
from calendar_sync.mirror import Mirror
from calendar_sync.mirror_file import open_mirror
from calendar_sync.model import CalendarEntry
from calendar_sync.reading import read_calendars
from calendar_sync.retrying import ATTEMPTS, LONGEST, retry
from calendar_sync.stop import Stop
from calendar_sync.sync import (
    CheckFetch,
    EventsPage,
    Fetch,
    FullFetch,
    IncrementalFetch,
    WindowFetch,
)

NOW = dt.datetime(2026, 6, 10, tzinfo=dt.UTC)


class Shelf:
    """A source of made-up pages: how many of each calendar were taken, and by whom at once."""

    def __init__(self, pages: int) -> None:
        self.count = pages
        self.taken: dict[str, int] = {}
        self.ended = 0

    def pages(self, calendar_id: str, fetch: Fetch | WindowFetch) -> Iterator[EventsPage]:
        try:
            for number in range(self.count):
                self.taken[calendar_id] = number + 1
                items = [msgspec.Raw(json.dumps({"id": f"e{number:04}"}).encode())]
                is_last = number == self.count - 1
                yield EventsPage("calendar#events", items, None, "token" if is_last else None)
        finally:
            self.ended += 1


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    opened = open_mirror(tmp_path / "state" / "mirror.sqlite3")
    yield opened
    opened.close()


def tasks(mirror: Mirror, count: int) -> list[Task]:
    entries = [CalendarEntry(id=f"c{number:03}", summary=f"C{number}") for number in range(count)]
    with mirror.transaction():
        remember_calendars(mirror, entries, {})
    return [Task(calendar, FullFetch()) for calendar in list_calendars(mirror)]


def workers() -> list[str]:
    """The threads that read calendars; other tests' servers may live on beside them."""
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("calendar")]


def test_every_calendar_is_read_whole_by_fewer_workers_than_calendars(mirror: Mirror) -> None:
    wanted = tasks(mirror, 40)
    outcomes = [*read_calendars(Shelf(7), Writer(mirror, lambda: NOW), wanted, jobs=3)]
    assert {outcome.calendar.id for outcome in outcomes} == {task.calendar.id for task in wanted}
    assert {(outcome.counts.added, outcome.pages) for outcome in outcomes} == {(7, 7)}
    assert not workers()


def test_workers_do_not_run_far_ahead_of_the_writer(mirror: Mirror) -> None:
    """Memory is bounded by a few pages for each worker, whatever the calendars hold."""
    shelf = Shelf(500)
    outcomes = read_calendars(shelf, Writer(mirror, lambda: NOW), tasks(mirror, 2), jobs=2)
    first = next(outcomes)
    [other] = shelf.taken.keys() - {first.calendar.id}
    assert shelf.taken[other] <= 4
    outcomes.close()


def test_who_stops_taking_ends_the_workers(mirror: Mirror) -> None:
    shelf = Shelf(500)
    outcomes = read_calendars(shelf, Writer(mirror, lambda: NOW), tasks(mirror, 30), jobs=4)
    next(outcomes)
    outcomes.close()
    assert not workers()
    assert len(shelf.taken) < 30
    assert not mirror.connection.in_transaction


@pytest.mark.timeout(20)
def test_checks_that_are_refused_leave_every_worker_free(mirror: Mirror) -> None:
    """Google seems empty: as many calendars as there are workers, and more, must not hang the run."""

    class Emptied(Shelf):
        def pages(self, calendar_id: str, fetch: Fetch | WindowFetch) -> Iterator[EventsPage]:
            for number in range(3):
                yield EventsPage("calendar#events", [], None, "token" if number == 2 else None)

    wanted = tasks(mirror, 5)
    [*read_calendars(Shelf(2), Writer(mirror, lambda: NOW), wanted, jobs=2)]
    checks = [Task(task.calendar, CheckFetch("token")) for task in wanted]
    outcomes = [*read_calendars(Emptied(3), Writer(mirror, lambda: NOW), checks, jobs=2)]
    assert len(outcomes) == 5
    assert {outcome.error.exit_code for outcome in outcomes if outcome.error} == {1}
    assert {mirror.count(task.calendar.key)[0] for task in wanted} == {2}
    assert not workers()


def test_a_later_item_of_a_first_listing_wins(mirror: Mirror) -> None:
    """Its rows come without an index, which finds later that there are two of one id."""

    class Renamed(Shelf):
        def pages(self, calendar_id: str, fetch: Fetch | WindowFetch) -> Iterator[EventsPage]:
            for summary in ("old", "new"):
                raw = [msgspec.Raw(msgspec.json.encode({"id": "a", "summary": summary}))]
                yield EventsPage("calendar#events", raw, None, "token")

    [outcome] = read_calendars(Renamed(2), Writer(mirror, lambda: NOW), tasks(mirror, 1), jobs=1)
    assert (outcome.counts.added, outcome.error) == (1, None)
    rows = dict(mirror.resources_by_id(outcome.calendar.key))
    assert rows == {"a": b'{"id":"a","summary":"new"}'}


def test_a_later_item_of_a_listing_wins(mirror: Mirror) -> None:
    """Case 113: an event on two pages is one event, as the later page has it."""

    class Twice(Shelf):
        def pages(self, calendar_id: str, fetch: Fetch | WindowFetch) -> Iterator[EventsPage]:
            first = [{"id": "a", "summary": "old"}, {"id": "b", "status": "cancelled"}]
            second = [{"id": "a", "summary": "new"}, {"no": "id"}]
            for items, token in ((first, None), (second, "token")):
                raw = [msgspec.Raw(msgspec.json.encode(item)) for item in items]
                yield EventsPage("calendar#events", raw, None, token)

    [outcome] = read_calendars(Twice(2), Writer(mirror, lambda: NOW), tasks(mirror, 1), jobs=1)
    assert outcome.unreadable == 1
    rows = dict(mirror.resources_by_id(outcome.calendar.key))
    assert rows == {"a": b'{"id":"a","summary":"new"}'}


def test_a_hole_that_comes_after_its_series_tombstone_is_no_hole(mirror: Mirror) -> None:
    """A fresh read would not name it; one whose series is elsewhere stays."""

    class Deleted(Shelf):
        def pages(self, calendar_id: str, fetch: Fetch | WindowFetch) -> Iterator[EventsPage]:
            items = [
                {"id": "s", "status": "cancelled"},
                {"id": "s_1", "status": "cancelled", "recurringEventId": "s"},
                {"id": "t_1", "status": "cancelled", "recurringEventId": "t"},
            ]
            raw = [msgspec.Raw(json.dumps(item).encode()) for item in items]
            yield EventsPage("calendar#events", raw, None, "token")

    [outcome] = read_calendars(Deleted(1), Writer(mirror, lambda: NOW), tasks(mirror, 1), jobs=1)
    assert [event_id for event_id, _ in mirror.resources_by_id(outcome.calendar.key)] == ["t_1"]


def test_an_exception_that_comes_before_its_series_is_put_behind_it(mirror: Mirror) -> None:
    """On an earlier page of the first read or of a later one; and alone, until the series comes."""

    class Backwards(Shelf):
        def __init__(self, *pages: list[dict[str, str]]) -> None:
            self.given = pages

        def pages(self, calendar_id: str, fetch: Fetch | WindowFetch) -> Iterator[EventsPage]:
            for items in self.given:
                raw = [msgspec.Raw(json.dumps(item).encode()) for item in items]
                yield EventsPage("calendar#events", raw, None, "token")

    def there() -> list[tuple[str, int]]:
        rows = mirror.resources_by_series(task.calendar.key)
        return [(series, kind) for series, kind, _ in rows]

    [task] = tasks(mirror, 1)
    later = Task(task.calendar, IncrementalFetch("token"))
    edited = {"id": "s_1", "recurringEventId": "s", "summary": "other"}
    hole = {"id": "s_2", "recurringEventId": "s", "status": "cancelled"}
    series = {"id": "s", "recurrence": "RRULE:FREQ=DAILY"}
    of_t = [hole | {"id": "t_2", "recurringEventId": "t"}]
    for asked, source in (
        (task, Backwards([edited], [hole, series])),
        (later, Backwards(of_t)),
        (later, Backwards([series | {"id": "t"}])),
    ):
        [outcome] = read_calendars(source, Writer(mirror, lambda: NOW), [asked], jobs=1)
        assert outcome.error is None
    assert there() == [("s", 1), ("s", 2), ("s", 3), ("t", 1), ("t", 3)]


# -- what it costs ---------------------------------------------------------------------------------


class Versions:
    """A source of one listing: so many events, each as this version of it is."""

    def __init__(self, count: int, **of_each: str) -> None:
        self.count, self.of_each = count, of_each

    def pages(self, calendar_id: str, fetch: Fetch | WindowFetch) -> Iterator[EventsPage]:
        items = [{"id": f"e{number:06}", **self.of_each} for number in range(self.count)]
        yield EventsPage("k", [msgspec.Raw(json.dumps(i).encode()) for i in items], None, "token")


@pytest.mark.parametrize(
    ("fetch", "of_each"),
    [
        (IncrementalFetch("token"), {"status": "cancelled"}),
        (IncrementalFetch("token"), {"summary": "another"}),
        (FullFetch(), {"summary": "another"}),
        (FullFetch(), {"summary": "one"}),
    ],
    ids=["all deleted", "all changed", "all changed, read whole", "nothing changed, read whole"],
)
def test_twice_the_changes_cost_twice_the_work(
    tmp_path: Path, fetch: Fetch, of_each: dict[str, str]
) -> None:
    """Counted in steps of SQLite's machine, which are the same on every computer."""

    def steps(count: int) -> int:
        with closing(open_mirror(tmp_path / f"{count}.sqlite3")) as mirror:
            [task] = tasks(mirror, 1)
            _take(mirror, task, Versions(count, summary="one"))
            counted: list[None] = []
            mirror.connection.set_progress_handler(lambda: counted.append(None), 100)
            _take(mirror, Task(task.calendar, fetch), Versions(count, **of_each))
            return len(counted)

    assert steps(4000) < 2.5 * steps(2000)


def _take(mirror: Mirror, task: Task, source: Versions) -> None:
    writer = Writer(mirror, lambda: NOW, allow_shrink=True, run=RunFacts("run"))
    [outcome] = read_calendars(source, writer, [task], jobs=1)
    assert outcome.error is None


# -- stopping and trying again ---------------------------------------------------------------------


def test_a_signal_is_a_request_and_the_second_one_the_systems_business() -> None:
    stop = Stop()
    before = signal.getsignal(signal.SIGTERM)
    with stop.on_signals():
        signal.raise_signal(signal.SIGTERM)
        assert stop.is_requested
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        with pytest.raises(Stopped) as caught:
            stop.check()
        assert caught.value.exit_code == ExitCode.TERMINATED
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_stop_ends_what_is_waiting_and_cuts_connections() -> None:
    stop, cut = Stop(), threading.Event()
    stop.cuts(cut.set)
    timer = threading.Timer(0.1, stop.request, [ExitCode.INTERRUPTED])
    timer.start()
    with pytest.raises(Stopped):
        stop.wait(60)
    assert cut.is_set()


def test_no_wait_is_longer_than_the_deadline() -> None:
    stop = Stop(deadline=0.1)
    assert 0 < stop.remaining <= 0.1
    with pytest.raises(TryLater, match="deadline"):
        stop.wait(60)


def test_bad_answers_are_tried_again_until_one_is_good() -> None:
    answers: list[BadAnswer | str] = [BadAnswer("no"), "yes"]

    def attempt() -> str:
        answer = answers.pop(0)
        if isinstance(answer, BadAnswer):
            raise answer
        return answer

    assert retry(attempt, Stop()) == "yes"


def test_waits_grow_at_random_and_end_in_time() -> None:
    """So that all who were turned away together do not come back together."""

    class Counting(Stop):
        def wait(self, seconds: float) -> None:
            waits.append(seconds)

    def attempt() -> None:
        raise BadAnswer("no")

    of_runs: list[list[float]] = []
    for _ in range(5):
        waits: list[float] = []
        with pytest.raises(TryLater):
            retry(attempt, Counting())
        of_runs.append(waits)
    for number, found in enumerate(zip(*of_runs, strict=True)):
        assert len(set(found)) == 5
        assert all(0.5 * 2**number <= seconds <= 0.5 * 2**number + 0.5 for seconds in found)
    assert len(of_runs[0]) == ATTEMPTS - 1 and sum(map(sum, of_runs)) / 5 < LONGEST


def test_what_is_no_bad_answer_is_not_tried_again() -> None:
    calls = []

    def attempt() -> None:
        calls.append(1)
        raise TryLater("the quota is gone")

    with pytest.raises(TryLater, match="quota"):
        retry(attempt, Stop())
    assert len(calls) == 1
