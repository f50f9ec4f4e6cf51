"""An organisation read by each engine: the same bytes, whoever does the work and whoever dies."""

from __future__ import annotations

import json
import os
import pickle
import select
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from bench.organisation import children
from bench.organisation import main as run_bench
from export_steps import contents
from grant_steps import wait_until_asked
from organisation_steps import add_users, organisation, write_key

from calendar_sync.home import Home
from calendar_sync.options import RunOptions
from calendar_sync.organisation.user_run import UserTask

if TYPE_CHECKING:
    from conftest import HomeFolder


@pytest.fixture
def acme(new_home: Callable[..., HomeFolder]) -> Callable[[str], HomeFolder]:
    """Make homes of one organisation of four users, each with an engine of its own."""
    users: list[str] = []

    def make(engine: str) -> HomeFolder:
        home = new_home(engine, granted=False)
        users[:] = users or add_users(home.google, 4)
        write_key(home)
        home.configure(organisation(users, f'engine = "{engine}"', "workers = 2"))
        return home

    return make


def test_processes_write_the_same_bytes_as_threads(acme: Callable[[str], HomeFolder]) -> None:
    """And tell the same of it, failures included."""
    one, other = acme("threads"), acme("processes")
    one.google.control("oauth", suspended=["user0001@example.com"])
    totals = []
    for home in (one, other):
        done = home.run("export", "--json", expect=1)
        totals.append(json.loads(done.stdout.splitlines()[-1]))
    assert totals[0] == totals[1]
    assert len(contents(one.exports)) == 6
    assert contents(one.exports) == contents(other.exports)


@pytest.mark.parametrize("engine", ["threads", "processes"])
def test_sigterm_ends_every_worker(acme: Callable[[str], HomeFolder], engine: str) -> None:
    """While each of them waits for an answer: 143, soon, and nobody is left behind."""
    home = acme(engine)
    home.google.faults.add("hang", on="calendarList", count=2)
    with home.start("export") as run:
        wait_until_asked(home.google)
        workers = children(run.pid)
        assert bool(workers) == (engine == "processes")
        run.send_signal(signal.SIGTERM)
        assert run.wait(20) == 143
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    assert "exit 143" in home.run("history").stdout
    home.google.faults.clear()
    home.run("export")


def test_workers_end_with_an_owner_that_is_killed(acme: Callable[[str], HomeFolder]) -> None:
    """Nobody is left to take their results; their locks are free for the next run."""
    home = acme("processes")
    home.google.faults.add("hang", on="calendarList", count=2)
    with home.start("export") as run:
        wait_until_asked(home.google)
        workers = children(run.pid)
        run.kill()
        run.wait()
    home.google.faults.clear()  # what hangs is answered
    for pid in workers:
        wait_for_the_end_of(pid)
    home.run("export")


def wait_for_the_end_of(pid: int) -> None:
    """Wait for a process that is not ours."""
    with suppress(ProcessLookupError):
        assert select.select([os.pidfd_open(pid)], [], [], 60)[0]


def test_a_task_carries_no_secret(acme: Callable[[str], HomeFolder]) -> None:
    """It is what travels to other processes and machines: a folder, a name, and what was asked for."""
    home = acme("threads")
    of = Home(home.folder, "a test", home / "calendar-sync.toml").of_account("acme")
    sent = pickle.dumps(UserTask(of.of_user("user0000@example.com"), RunOptions()))
    key = json.loads((home / "key.json").read_text())
    assert b"user0000@example.com" in sent
    assert key["private_key"].splitlines()[1].encode() not in sent
    assert key["client_email"].encode() not in sent


@pytest.mark.slow
def test_every_engine_survives_a_killed_worker(capsys: pytest.CaptureFixture[str]) -> None:
    """Forty users, 200 ms an answer, rate limits on; every export whole and the same."""
    assert run_bench(40, ["threads", "processes", "dask"]) == 0
    runs = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    first = [run for run in runs if run.get("run") == "first read"]
    assert [run["worker_killed"] for run in first] == [False, True, True]
    for run in first:
        assert (run["exit_code"], run["failed"]) == (0, 0), run
        assert run["updated"] + run["unchanged"] == 40
    assert [run["unchanged"] for run in runs if run.get("run") == "nothing changed"] == [40, 40, 40]
