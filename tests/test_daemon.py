"""The daemon: due when cron would be, caught up when late, ended by a signal, alone in its home."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from calendar_sync import daemon as daemon_module
from calendar_sync.config import Config
from calendar_sync.daemon import CronSimTrigger, Daemon
from calendar_sync.home import Home
from calendar_sync.schedule import is_due, next_due, previous_due
from calendar_sync.service_manager import ServiceManager

UTC = dt.UTC

# -- when ------------------------------------------------------------------------------------------


def _fires(expression: str, zone: str, start: str, count: int) -> list[str]:
    """Ask the trigger as APScheduler does: with the last fire time, and now at that time."""
    trigger = CronSimTrigger(expression, ZoneInfo(zone))
    now = dt.datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    previous, fired = None, []
    for _ in range(count):
        previous = trigger.get_next_fire_time(previous, now)
        assert previous is not None
        now = previous
        fired.append(previous.astimezone(ZoneInfo(zone)).strftime("%m-%dT%H:%M%z"))
    return fired


@pytest.mark.parametrize(
    ("expression", "zone", "start", "expected"),
    [
        # Debian's cron: what the gap swallowed runs right after it, and once.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-28T12:00",
            ["03-29T03:00+0200", "03-30T02:30+0200"],
        ),
        # The hour comes twice; a job at a fixed time does not.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T12:00",
            ["10-25T02:30+0200", "10-26T02:30+0100"],
        ),
        # Midnight: APScheduler's own trigger loses 9 March.
        (
            "0 0 * * *",
            "US/Pacific",
            "2026-03-07T12:00",
            ["03-08T00:00-0800", "03-09T00:00-0700", "03-10T00:00-0700"],
        ),
        # A zone whose gap is at midnight, and one that repeats the hour before it.
        (
            "15 0 * * *",
            "America/Santiago",
            "2026-09-05T12:00",
            ["09-06T01:00-0300", "09-07T00:15-0300"],
        ),
        (
            "30 23 * * *",
            "America/Santiago",
            "2026-04-03T12:00",
            ["04-03T23:30-0300", "04-04T23:30-0300", "04-05T23:30-0400"],
        ),
        # Steps are real time: the gap costs none, the repeated hour has its own.
        (
            "*/30 * * * *",
            "Europe/Berlin",
            "2026-03-29T01:15",
            ["03-29T01:30+0100", "03-29T03:00+0200", "03-29T03:30+0200"],
        ),
        (
            "*/30 * * * *",
            "Europe/Berlin",
            "2026-10-25T01:45",
            ["10-25T02:00+0200", "10-25T02:30+0200", "10-25T02:00+0100", "10-25T02:30+0100"],
        ),
        # Half an hour of summer time.
        (
            "15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-03T12:00",
            ["10-04T02:30+1100", "10-05T02:15+1100"],
        ),
        # Days of the week: 1 is Monday, 0 and 7 are Sunday.
        ("0 9 * * 1", "UTC", "2026-11-21T00:00", ["11-23T09:00+0000", "11-30T09:00+0000"]),
        ("0 9 * * 7", "UTC", "2026-11-21T00:00", ["11-22T09:00+0000", "11-29T09:00+0000"]),
        ("0 9 * * sun", "UTC", "2026-11-21T00:00", ["11-22T09:00+0000", "11-29T09:00+0000"]),
        # Two day fields: either one.
        ("0 0 1 * 1", "UTC", "2026-11-24T00:00", ["11-30T00:00+0000", "12-01T00:00+0000"]),
        ("@daily", "Asia/Tokyo", "2026-11-21T12:00", ["11-22T00:00+0900", "11-23T00:00+0900"]),
        ("@weekly", "UTC", "2026-11-21T00:00", ["11-22T00:00+0000", "11-29T00:00+0000"]),
    ],
)
def test_fires_as_debians_cron(expression: str, zone: str, start: str, expected: list[str]) -> None:
    """Over both changes of the clock, and for the days that other triggers count differently."""
    assert _fires(expression, zone, start, len(expected)) == expected


@pytest.mark.parametrize(
    "zone",
    ["Europe/Berlin", "America/New_York", "US/Pacific", "Pacific/Auckland", "Asia/Beirut"],
)
@pytest.mark.parametrize("at", ["0 0", "30 0", "0 2", "30 2", "59 23"])
def test_a_daily_job_fires_once_every_day_of_the_year(zone: str, at: str) -> None:
    """No day is lost, none has two: APScheduler's own trigger loses some of these."""
    tzinfo = ZoneInfo(zone)
    moment = dt.datetime(2026, 1, 1, tzinfo=tzinfo).astimezone(UTC) - dt.timedelta(seconds=1)
    days = []
    while len(days) < 365:
        due = next_due(f"{at} * * *", moment, tzinfo)
        assert due is not None
        days.append(due.astimezone(tzinfo).date())
        moment = due
    assert days == [dt.date(2026, 1, 1) + dt.timedelta(days=n) for n in range(365)]


ZONES = ["Europe/Berlin", "America/New_York", "America/Santiago", "Asia/Kathmandu", "UTC"]
EXPRESSIONS = ["30 2 * * *", "*/15 * * * *", "0 0 * * *", "15 1-3 * * *", "0 9 * * 1", "30 1 * * *"]
CHANGES = [dt.datetime(2026, month, day, tzinfo=UTC) for month, day in
           [(3, 8), (3, 29), (4, 5), (9, 6), (10, 25), (11, 1)]]  # fmt: skip
moments = st.builds(
    lambda change, offset: change + dt.timedelta(seconds=offset),
    st.sampled_from(CHANGES),
    st.floats(-3 * 86400, 3 * 86400),
)


@settings(deadline=None)
@given(st.sampled_from(EXPRESSIONS), st.sampled_from(ZONES), moments)
def test_next_and_previous_stand_on_their_own_sides(
    expression: str, zone: str, now: dt.datetime
) -> None:
    """Next is later, previous is not, and between the two nothing is due."""
    tzinfo = ZoneInfo(zone)
    following, before = next_due(expression, now, tzinfo), previous_due(expression, now, tzinfo)
    assert following is not None
    assert before is not None
    assert before.astimezone(UTC) <= now < following.astimezone(UTC)
    again = next_due(expression, before, tzinfo)
    assert again is not None
    assert again.astimezone(UTC) == following.astimezone(UTC)


def test_half_a_second_early_is_not_due() -> None:
    """A run at 14:59.5 would be followed by another one at 15:00."""
    now = dt.datetime(2026, 1, 1, 10, 14, 59, 500_000, tzinfo=UTC)
    last = dt.datetime(2026, 1, 1, 10, 0, 1, tzinfo=UTC)
    assert not is_due("*/15 * * * *", last, now, UTC)
    assert is_due("*/15 * * * *", last, now + dt.timedelta(seconds=0.5), UTC)


# -- the scheduler, inside this process ------------------------------------------------------------


class _Watched(Daemon):
    """Notes when it was run instead of doing anything."""

    def __init__(self) -> None:
        home = Home(Path("/nonexistent"), "test", Path("/nonexistent/calendar-sync.toml"))
        super().__init__(home, Config(), lambda: dt.datetime.now(UTC))
        self.ran = threading.Event()
        self.at: list[dt.datetime] = []

    def run_once(self) -> None:
        self.at.append(dt.datetime.now(UTC))
        self.ran.set()


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-06-01T10:14:59.5+00:00", "2026-06-01T10:15:00+00:00"),
        # 02:59:59 in Berlin, for the first time; in half a second it is 02:00 again.
        ("2026-10-25T00:59:59.5+00:00", "2026-10-25T01:00:00+00:00"),
        ("2026-03-29T00:59:59.5+00:00", "2026-03-29T01:00:00+00:00"),
    ],
)
def test_the_scheduler_fires_at_the_due_time(now: str, expected: str) -> None:
    """Really run by APScheduler, in the hour that comes twice, too."""
    watched = _Watched()
    with time_machine.travel(dt.datetime.fromisoformat(now), tick=True):
        scheduler = daemon_module._start(
            watched, CronSimTrigger("*/15 * * * *", ZoneInfo("Europe/Berlin"))
        )
        assert watched.ran.wait(5)
        scheduler.shutdown()
    late = watched.at[0] - dt.datetime.fromisoformat(expected)
    assert dt.timedelta(0) <= late < dt.timedelta(seconds=3)


def test_the_hour_that_comes_twice_does_not_fire_early() -> None:
    """At 02:46 the next time is 02:00, in 14 minutes: by the clock on the wall it has passed."""
    watched = _Watched()
    now = dt.datetime(2026, 10, 25, 0, 46, tzinfo=UTC)
    with time_machine.travel(now, tick=True):
        scheduler = daemon_module._start(
            watched, CronSimTrigger("*/15 * * * *", ZoneInfo("Europe/Berlin"))
        )
        due = scheduler.get_job("export").next_run_time
        assert not watched.ran.wait(0.3)
        scheduler.shutdown()
    assert due.astimezone(UTC) == dt.datetime(2026, 10, 25, 1, 0, tzinfo=UTC)


# -- one run inside this process -------------------------------------------------------------------


def _daemon(home: Any, config: Config) -> Daemon:
    found = Home(home.folder, "test", home / "calendar-sync.toml")
    return Daemon([found], config, lambda: dt.datetime.now(UTC))


def test_a_failed_run_is_followed_by_a_good_one(
    home: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged with its exit code and what to do; the next one starts from scratch."""
    daemon = _daemon(home, Config())
    home.google.faults.add("api_403_disabled", on="api")
    assert daemon.run_once() == [None]
    (failed,) = [r for r in caplog.records if r.message == "run failed"]
    assert failed.fields["exit_code"] == 78  # type: ignore[attr-defined]
    (report,) = daemon.run_once()
    assert report is not None
    assert report.exit_code == 0


def test_a_bug_in_a_run_ends_neither_the_daemon_nor_secrecy(
    home: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """One line with the kind of error; its text may hold what a server sent."""
    assert _daemon(home, Config(full_every="ya29.foreign-text")).run_once() == [None]
    assert "run ended by a bug" in caplog.text
    assert "ya29" not in caplog.text
    assert "Traceback" not in caplog.text
    assert [r.levelno for r in caplog.records if r.levelno > logging.INFO] == [logging.ERROR]


def test_a_run_queued_behind_a_stopped_one_does_nothing(home: Any) -> None:
    """Ending must not begin anything."""
    daemon = _daemon(home, Config())
    daemon.stop.request(daemon.stop.code)
    assert daemon.run_once() == [None]
    assert len(home.google.requests) == 0


# -- the real process ------------------------------------------------------------------------------


class Running:
    """A daemon in a process of its own; what it says is read line by line."""

    def __init__(self, home: Any, *arguments: str) -> None:
        self.process = home.start("daemon", *arguments, stdin=subprocess.DEVNULL)
        self.lines: list[str] = []
        self._said = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stderr:
            with self._said:
                self.lines.append(line.rstrip("\n"))
                self._said.notify_all()

    def says(self, words: str, timeout: float = 30) -> str:
        """Wait until a line holds `words`."""
        with self._said:
            self._said.wait_for(lambda: any(words in line for line in self.lines), timeout)
            found = [line for line in self.lines if words in line]
        assert found, f"never said {words!r}: {self.lines}"
        return found[0]

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def ended(self, timeout: float = 10) -> int:
        return int(self.process.wait(timeout))


@pytest.fixture
def start(home: Any) -> Iterator[Callable[..., Running]]:
    """Start daemons that are gone after the test, whatever happens."""
    started: list[Running] = []

    def begin(*arguments: str) -> Running:
        started.append(Running(home, *arguments))
        return started[-1]

    yield begin
    home.google.faults.clear()
    for running in started:
        running.process.kill()
        running.process.wait()
        running.process.stdout.close()


YEARLY = 'schedule = "0 0 1 1 *"\ntimezone = "UTC"\n'


def test_a_missed_run_is_caught_up_and_sigterm_ends_it_cleanly(home: Any, start: Any) -> None:
    """Never run before, so it runs at once; 143 after a clean end; not again at the next start."""
    home.configure(YEARLY)
    running = start()
    running.says('message="run done" exit_code=0')
    assert (home.exports / "manifest.json").exists()
    running.signal(signal.SIGTERM)
    assert running.ended() == 143
    running.says("Stopping.")
    asked = len(home.google.requests)
    again = start()
    again.says("Running '0 0 1 1 *'; next at 2027-01-01T00:00:00+00:00.")
    again.signal(signal.SIGINT)
    assert again.ended() == 130
    assert len(home.google.requests) == asked
    assert "Traceback" not in "".join(running.lines + again.lines)


def test_a_second_daemon_in_a_home_is_75(home: Any, start: Any) -> None:
    """Two of them would do everything twice. The first one is not disturbed."""
    home.configure(YEARLY)
    running = start()
    running.says("run done")
    second = home.run("daemon", expect=75)
    assert "Another daemon is at work" in second.stderr
    assert running.process.poll() is None


def test_without_a_schedule_there_is_no_daemon(home: Any) -> None:
    """78, and the line to write."""
    assert 'schedule = "*/15 * * * *"' in home.run("daemon", expect=78).stderr
    bad = home.run("daemon", "--schedule", "61 * * * *", expect=78)
    assert "'61 * * * *' is no cron expression" in bad.stderr
    home.configure('schedule = "61 * * * *"')
    assert "line 1" in home.run("daemon", expect=78).stderr


def test_a_failing_run_does_not_end_it(home: Any, start: Any) -> None:
    """Google is away: the run says so, the daemon waits for the next one."""
    home.configure(f'deadline = "1s"\n{YEARLY}')
    home.google.stop()
    running = start()
    running.says('message="run failed" exit_code=75 error="The run reached its deadline.')
    assert running.process.poll() is None
    running.signal(signal.SIGTERM)
    assert running.ended() == 143
    assert "Traceback" not in "".join(running.lines)


def _wait_until_it_hangs(home: Any) -> None:
    deadline = time.monotonic() + 20
    while home.google.faults.pending():
        assert time.monotonic() < deadline, "the request never came"
        time.sleep(0.01)


def test_sigterm_waits_for_the_page_that_is_being_read(home: Any, start: Any) -> None:
    """It ends as soon as the page is there, and the next run finds everything in order."""
    home.configure(YEARLY)
    home.google.faults.add("hang", on="events")
    running = start()
    _wait_until_it_hangs(home)
    running.signal(signal.SIGTERM)
    running.says("Stopping after the page that is being read.")
    assert running.process.poll() is None
    home.google.faults.clear()
    assert running.ended(10) == 143
    home.run("export")


def test_a_second_signal_ends_it_at_once(home: Any, start: Any) -> None:
    """Whoever asks twice does not want to wait; nothing is damaged."""
    home.configure(YEARLY)
    home.google.faults.add("hang", on="events")
    running = start()
    _wait_until_it_hangs(home)
    running.signal(signal.SIGTERM)
    running.says("Stopping")
    running.signal(signal.SIGTERM)
    assert running.ended(3) == -signal.SIGTERM
    home.google.faults.clear()
    home.run("export")


def test_quiet_says_nothing_about_good_runs(home: Any, start: Any) -> None:
    """Its log is for what went wrong."""
    home.configure(YEARLY)
    running = start("--quiet")
    deadline = time.monotonic() + 30
    while not (home.exports / "manifest.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    running.signal(signal.SIGTERM)
    assert running.ended() == 143
    assert running.lines == []


# -- the service manager ---------------------------------------------------------------------------


class Manager:
    """systemd's end of the socket: a real one, which keeps what it is told."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(20)
        self.socket.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)

    def hears(self) -> dict[str, str]:
        """Wait for the next datagram."""
        lines = self.socket.recv(4096).decode().split("\n")
        return dict(line.split("=", 1) for line in lines)

    def hears_until(self, name: str) -> list[dict[str, str]]:
        heard = [self.hears()]
        while name not in heard[-1]:
            heard.append(self.hears())
        return heard


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_systemd_is_told_ready_alive_and_stopping(home: Any, tmp_path: Path, kind: str) -> None:
    """Over a real socket; the watchdog is petted twice within its patience."""
    address = f"@calendar-sync-{os.getpid()}" if kind == "abstract" else f"{tmp_path}/notify"
    manager = Manager(address)
    home.configure(YEARLY)
    environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000000"}
    running = home.start("daemon", "--quiet", environment=environment)
    try:
        heard = manager.hears_until("READY")
        assert heard[-1]["STATUS"].startswith("Running '0 0 1 1 *'; next at 2")
        since = time.monotonic()
        for _ in range(3):
            heard += manager.hears_until("WATCHDOG")
        assert time.monotonic() - since < 3
        while not any("went well" in told.get("STATUS", "") for told in heard):
            heard.append(manager.hears())
        assert {"STATUS": "A run is under way."} in heard
        running.terminate()
        manager.hears_until("STOPPING")
        assert running.wait(20) == 143
    finally:
        running.kill()
        running.communicate()
        manager.socket.close()


def test_a_hung_run_is_not_petted(home: Any, tmp_path: Path) -> None:
    """Past its deadline and the time for its last words, systemd's patience runs out."""
    seconds = [0.0]
    environment = {"NOTIFY_SOCKET": f"{tmp_path}/notify", "WATCHDOG_USEC": "10000000"}
    heard = Manager(environment["NOTIFY_SOCKET"])
    heard.socket.setblocking(False)
    manager = ServiceManager(environment, lambda: seconds[0])
    assert environment == {}, "hooks do not inherit it"
    found = Home(home.folder, "test", home / "calendar-sync.toml")
    beats: list[float] = []

    def clock() -> dt.datetime:
        """The run asks what time it is, and that takes forty minutes."""
        for now in (1.0, 3.0, 30 * 60.0, 31 * 60.0 - 1, 31 * 60.0 + 1, 40 * 60.0):
            if now > seconds[0]:
                seconds[0] = now
                manager.beat(healthy=daemon.is_healthy())
                with contextlib.suppress(BlockingIOError):
                    while True:
                        beats.extend([now] if "WATCHDOG" in heard.hears() else [])
        return dt.datetime.now(UTC)

    daemon = Daemon([found], Config(deadline="30m"), clock, manager, lambda: seconds[0])
    daemon.run_once()
    heard.socket.close()
    assert beats == [1.0, 30 * 60.0, 31 * 60.0 - 1]
    assert daemon.is_healthy(), "it is over"


def test_nobody_listens_and_a_watchdog_of_another_process() -> None:
    """Started by hand, or by something that inherited the variables."""
    manager = ServiceManager({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"})
    assert manager.interval == 0
    manager.tell(READY="1")
    ServiceManager({"NOTIFY_SOCKET": "/nobody/is/there"}).tell(READY="1")


def test_a_homes_delay_is_its_own_and_stays() -> None:
    """Not everybody in one second, and no due time is lost or doubled by it."""
    homes = [Home(Path(f"/home/{i}"), "", Path("x")) for i in range(50)]
    delays = [daemon_module.delay_of(home, dt.timedelta(seconds=60)) for home in homes]
    assert delays == [daemon_module.delay_of(home, dt.timedelta(seconds=60)) for home in homes]
    assert len(set(delays)) > 20
    assert max(delays) < dt.timedelta(seconds=60)
    trigger = CronSimTrigger("* * * * *", UTC, dt.timedelta(seconds=50))
    fired = [dt.datetime(2026, 3, 29, 0, 0, 55, tzinfo=UTC)]
    for _ in range(3):
        fired.append(trigger.get_next_fire_time(fired[-1], fired[-1]))  # type: ignore[arg-type]
    assert [moment.strftime("%H:%M:%S") for moment in fired[1:]] == [
        "00:01:50", "00:02:50", "00:03:50",
    ]  # fmt: skip
