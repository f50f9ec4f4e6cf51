"""Google's published limits are kept by waiting: per user, per project, whoever asks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from in_process import Job, _now
from msgspec.structs import replace
from organisation_steps import ADMIN, add_users, organisation, write_key_of

from calendar_sync.config import Account, Config, parse_config, read_config
from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.errors import ExitCode, Stopped, TryLater, WrongConfiguration
from calendar_sync.home import Home
from calendar_sync.options import RunOptions
from calendar_sync.organisation.whole_run import run_organisation
from calendar_sync.quota import Limits, Quota, process_quota
from calendar_sync.session import account_of, directory_of
from calendar_sync.shard import Shard
from calendar_sync.stop import Stop


class Timeline(threading.local):
    """Time as one thread has it: it passes where that thread waits."""

    now = 1000.0


class Waiting(Stop):
    def __init__(self, timeline: Timeline) -> None:
        super().__init__()
        self._timeline = timeline

    def wait(self, seconds: float) -> None:
        self._timeline.now += seconds


def busiest_minute(times: list[float]) -> int:
    times = sorted(times)
    return max(sum(1 for t in times[n:] if t < start + 60) for n, start in enumerate(times))


def in_threads(limits: Limits, user_of: Callable[[int], str], each: int = 125) -> list[list[float]]:
    """Let eight threads make requests as fast as they may; return when each one's were allowed."""
    timeline = Timeline()
    quota = Quota(limits, lambda: timeline.now)
    stop = Waiting(timeline)

    def work(number: int) -> list[float]:
        allowed = []
        for _ in range(each):
            quota.take(user_of(number), stop)
            allowed.append(timeline.now)
        return allowed

    with ThreadPoolExecutor(8) as executor:
        return [*executor.map(work, range(8))]


def test_a_users_minute_holds_under_eight_threads() -> None:
    """A thousand requests at 200 a minute: never more, and no slower than that."""
    times = [t for of_thread in in_threads(Limits(200), lambda _: "ada") for t in of_thread]
    assert busiest_minute(times) == 200
    assert max(times) - min(times) == pytest.approx(4 * 61)


def test_the_projects_minute_holds_over_all_users() -> None:
    limits = Limits(per_user_per_minute=50, per_project_per_minute=200)
    threads = in_threads(limits, lambda number: f"user {number}")
    assert busiest_minute([t for of_thread in threads for t in of_thread]) <= 200
    assert all(busiest_minute(of_thread) <= 50 for of_thread in threads)


def test_far_from_the_limit_nobody_waits_and_it_costs_nothing() -> None:
    stop = Stop()
    quota = Quota(Limits(10_000, 100_000))
    started = time.perf_counter()
    for _ in range(10_000):
        quota.take("ada", stop)
    assert time.perf_counter() - started < 1  # a hundredth of it on an idle machine


def test_shards_share_the_project_but_not_the_users() -> None:
    assert Limits().shared_by(4) == Limits(600, 2500)
    assert Limits(per_project_per_minute=3).shared_by(7).per_project_per_minute == 1


def test_a_stop_ends_the_waiting() -> None:
    quota, stop = Quota(Limits(per_user_per_minute=1)), Stop()
    quota.take("ada", stop)
    stop.request(ExitCode.TERMINATED)
    with pytest.raises(Stopped):
        quota.take("ada", stop)


def test_the_deadline_ends_the_waiting() -> None:
    quota, stop = Quota(Limits(per_user_per_minute=1)), Stop(deadline=0.01)
    quota.take("ada", stop)
    with pytest.raises(TryLater):
        quota.take("ada", stop)


def test_every_request_of_a_run_is_counted(tmp_path: Path, google: LocalGoogle) -> None:
    """Five requests are allowed, six are needed; the deadline comes before the sixth."""
    job = Job(tmp_path / "home", google)
    config = Config(quota=Limits(per_user_per_minute=5))
    account = account_of(job.home, config, _now, Stop(deadline=1))()
    for _ in range(5):
        account.calendars()
    with pytest.raises(TryLater, match="deadline"):
        account.calendars()
    assert google.requests.count("calendarList") == 5
    assert process_quota(config.quota) is process_quota(Limits(per_user_per_minute=5))


def test_requests_to_the_directory_are_counted_too(tmp_path: Path, google: LocalGoogle) -> None:
    """They are asked for by the project's key as all others are."""
    home = Home(tmp_path, "a test", tmp_path / "none.toml").of_account("acme")
    write_key_of(google, tmp_path)
    google.control("add_account", account=ADMIN)
    account = Account("acme", "key.json", ADMIN, "directory")
    config = Config(quota=Limits(per_user_per_minute=1))
    directory = directory_of(home, config, account, _now, Stop(deadline=1))
    assert directory.users()
    with pytest.raises(TryLater, match="deadline"):
        directory.users()
    assert google.requests.count("/admin/directory/") == 1


@pytest.mark.parametrize("engine", ["threads", "processes"])
def test_the_project_is_divided_among_shards_and_processes(
    tmp_path: Path, google: LocalGoogle, engine: str
) -> None:
    """Two users take two requests each: one process of a shard may make three of the project's."""
    write_key_of(google, tmp_path)
    users = add_users(google, 8)
    shard = Shard(1, 3)
    mine = [user for user in users if shard.has(user)][:2]
    parts = 3 * (2 if engine == "processes" else 1)
    quota = f"[quota]\nper_project_per_minute = {3 * parts + 1}\n"
    (tmp_path / "c.toml").write_text(
        organisation(mine, f'engine = "{engine}"', "workers = 2") + quota
    )
    home = replace(Home(tmp_path, "a test", tmp_path / "c.toml").of_account("acme"), shard=shard)
    config = read_config(home.config)
    report, totals = run_organisation(
        home, config, RunOptions(), _now, Stop(deadline=5), lambda _: None
    )
    asked = google.requests.count("/calendar/v3/")
    if engine == "processes":  # a user each, or both one after the other
        assert 3 <= asked <= 4
    else:
        assert (asked, totals.updated, report.exit_code) == (3, 1, ExitCode.SOME_FAILED)


def test_the_configuration_says_what_google_allows() -> None:
    assert Config().quota == Limits(600, 10_000)
    text = "[quota]\nper_user_per_minute = 300\n"
    assert parse_config(text, "f").quota.per_user_per_minute == 300
    with pytest.raises(WrongConfiguration, match=r"f, line 2: .*quota.per_user_per_minute"):
        parse_config("[quota]\nper_user_per_minute = 0\n", "f")


def test_the_plan_on_paper_adds_up() -> None:
    """The README's table: four requests a user, the project's minute, a million requests a day."""
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    table = readme.partition("**A plan on paper**")[2].partition("So one machine")[0]
    rows = {
        cells[0]: cells[1:]
        for line in table.splitlines()
        if len(cells := [cell.strip() for cell in line.split("|")[1:-1]]) == 4
    }
    users = [int(cell.partition(" ")[0].replace(",", "")) for cell in rows[""]]
    requests = [int(cell.replace(",", "")) for cell in rows["requests of a run, the first one too"]]
    assert requests == [4 * number for number in users]
    minutes = [number / Limits().per_project_per_minute for number in requests[1:]]
    least = next(cells for head, cells in rows.items() if head.startswith("the least time"))
    assert least[1:] == [f"{minutes[0] * 60:.0f} seconds", f"{minutes[1]:.0f} minutes"]
    runs = next(cells for head, cells in rows.items() if head.startswith("runs a day"))
    assert [int(cell) for cell in runs[1:]] == [1_000_000 // number for number in requests[1:]]
