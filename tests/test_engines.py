"""The contract of an engine, over all three: threads, processes, and a real Dask cluster."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from engine_work import (
    LONGEST,
    Chore,
    die_always,
    die_once,
    double,
    how_it_logs,
    refuse_odd,
    seconds_left,
    wait_for_stop,
    where,
)

from calendar_sync import logs
from calendar_sync.engines.choice import open_engine
from calendar_sync.engines.engine import WorkerDied
from calendar_sync.engines.window import work_through
from calendar_sync.errors import ExitCode, TryLater
from calendar_sync.logs import Logging
from calendar_sync.stop import Stop

ENGINES = pytest.mark.parametrize("name", ["threads", "processes", "dask"])
MORTAL = pytest.mark.parametrize("name", ["processes", "dask"])


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Two worker processes of one thread each; a task that kills two of them is given up."""
    dask = pytest.importorskip("dask")
    from distributed import LocalCluster

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as started,
    ):
        started.wait_for_workers(2)  # on a busy machine the second one is late
        yield f"dask:{started.scheduler_address}"


@pytest.fixture
def engine_name(name: str, request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("cluster")) if name == "dask" else name


def chores(folder: Path, count: int) -> list[Chore]:
    return [Chore(number, folder) for number in range(count)]


def outcomes(engine_name: str, work: Any, tasks: Any, stop: Stop | None = None) -> dict[int, Any]:
    """What became of each task, by its number; each comes once."""
    stop = stop or Stop()
    with open_engine(engine_name, 2, stop) as engine:
        found = [
            (task.number, outcome) for task, outcome in work_through(engine, work, tasks, stop)
        ]
    assert len(found) == len(dict(found))
    return dict(found)


@ENGINES
def test_everything_is_done_once(engine_name: str, tmp_path: Path) -> None:
    """And by who was asked: threads share our process, the others do not."""
    tasks = chores(tmp_path, 40)
    assert outcomes(engine_name, double, tasks) == {number: number * 2 for number in range(40)}
    processes = {pid for pid, _ in outcomes(engine_name, where, tasks).values()}
    import os

    assert (processes == {os.getpid()}) == (engine_name == "threads")


@ENGINES
def test_one_failure_is_that_tasks_outcome(engine_name: str, tmp_path: Path) -> None:
    """The others go on."""
    found = outcomes(engine_name, refuse_odd, chores(tmp_path, 6))
    assert {number for number, each in found.items() if isinstance(each, ValueError)} == {1, 3, 5}
    assert [found[number] for number in (0, 2, 4)] == [0, 2, 4]


@ENGINES
def test_only_so_much_is_out_at_once(engine_name: str, tmp_path: Path) -> None:
    """Tasks are taken as there is room, not all at the beginning."""
    taken = 0

    def counted() -> Iterator[Chore]:
        nonlocal taken
        for chore in chores(tmp_path, 30):
            taken += 1
            yield chore

    stop = Stop()
    with open_engine(engine_name, 2, stop) as engine:
        for done, _ in enumerate(work_through(engine, double, counted(), stop)):
            assert taken <= done + 4


@ENGINES
def test_the_deadline_travels_with_the_work(engine_name: str, tmp_path: Path) -> None:
    """A worker knows how long there is."""
    found = outcomes(engine_name, seconds_left, chores(tmp_path, 2), Stop(deadline=1000))
    assert all(900 < left <= 1000 for left in found.values())
    assert outcomes(engine_name, double, chores(tmp_path, 3), Stop(deadline=0)) == {}


@ENGINES
def test_a_stop_ends_what_is_out_and_takes_no_more(engine_name: str, tmp_path: Path) -> None:
    """As a signal handler asks for it; every worker hears of it."""
    stop = Stop()

    def ask() -> None:
        with began(tmp_path):
            stop.request(ExitCode.TERMINATED)

    asking = threading.Thread(target=ask)
    asking.start()
    found = outcomes(engine_name, wait_for_stop, chores(tmp_path, 30), stop)
    asking.join()
    assert 1 <= len(found) <= 4
    assert set(found.values()) == {"stopped"}


@contextmanager
def began(folder: Path) -> Iterator[None]:
    """Wait until some worker is in the middle of its work."""
    pause = threading.Event()
    for _ in range(LONGEST * 50):
        if [*folder.glob("began-*")]:
            break
        pause.wait(0.02)
    yield


@ENGINES
def test_an_engine_says_how_many_processes_share_the_quota(engine_name: str) -> None:
    """Each counts its requests for itself."""
    with open_engine(engine_name, 2, Stop()) as engine:
        assert engine.processes == (1 if engine_name == "threads" else 2)


@MORTAL
def test_a_worker_logs_as_its_owner_does(
    engine_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the same form, with the run's id, and no secret, whoever let it slip."""
    monkeypatch.setattr(logs, "_in_use", Logging(1, form="json"))
    for number, lines in outcomes(engine_name, how_it_logs, chores(tmp_path, 4)).items():
        (event,) = map(json.loads, lines)
        assert (event["run_id"], event["message"]) == (f"run-{number}", "code=***")


@MORTAL
def test_what_a_dead_worker_held_is_done_elsewhere(engine_name: str, tmp_path: Path) -> None:
    """Killed in the middle: nothing is lost, nothing comes twice."""
    found = outcomes(engine_name, die_once, chores(tmp_path, 20))
    assert found == {number: number * 2 for number in range(20)}
    assert (tmp_path / "began-3").exists()


@MORTAL
def test_who_kills_two_workers_is_given_up(engine_name: str, tmp_path: Path) -> None:
    """The others, some of them in the pool that died with it, are done."""
    found = outcomes(engine_name, die_always, chores(tmp_path, 10))
    assert isinstance(found.pop(3), WorkerDied)
    assert found == {number: number * 2 for number in range(10) if number != 3}


def test_a_cluster_that_does_not_answer_is_a_passing_trouble(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """75 at the start of the run, naming the address."""
    pytest.importorskip("distributed")
    from calendar_sync.engines import dask_cluster

    monkeypatch.setattr(dask_cluster, "_PATIENCE", 0.5)
    with (
        pytest.raises(TryLater, match="scheduler answers"),
        open_engine("dask:tcp://127.0.0.1:9", 2, Stop()),
    ):
        pass
