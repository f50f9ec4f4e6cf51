"""Someone is told: pings, notices, hooks, metrics; and none of it can harm a run."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from export_steps import TEAM, place
from receiver import Receiver

from calendar_sync.config import parse_config
from calendar_sync.errors import WrongConfiguration
from calendar_sync.history import CalendarReport, Report
from calendar_sync.telling.metrics import render_metrics
from calendar_sync.telling.notices import decide
from calendar_sync.telling.pings import end_address, ping_body, start_address

SECRET = "s3cr3t-check-1f3a"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture
def told(home: Any, receiver: Receiver) -> Any:
    """A home that tells the receiver about everything."""
    _point(home, receiver.url)
    return home


def _point(home: Any, url: str, **keys: str) -> None:
    for way in ("ping", "webhook", "ntfy"):
        (home / "credentials" / way).write_text(f"# {way}\n{url}/{way}/{SECRET}\n")
    keys = {way: f"file:credentials/{way}" for way in ("ping", "webhook", "ntfy")} | keys
    lines = [f'{key} = "{value}"' for key, value in keys.items()]
    home.configure("\n".join(["[tell]", *lines, 'metrics = "state/run.prom"']))


def _break(home: Any) -> str:
    """Take the grant away, which ends a run with 77; return it."""
    text: str = home.token.read_text()
    home.token.unlink()
    return text


def _report(exit_code: int = 0, *, warnings: tuple[str, ...] = (), message: str = "") -> Report:
    times = ("2026-11-21T09:30:00Z", "2026-11-21T09:30:12Z")
    return Report("run", "export", *times, exit_code, message, 3, (), warnings)


# -- pings -----------------------------------------------------------------------------------------


def test_a_run_pings_start_and_success_in_this_order(told: Any, receiver: Receiver) -> None:
    """The address itself is success; the body says what the run did."""
    told.run("export")
    pings = [m for m in receiver.messages if m.path.startswith("/ping")]
    assert [m.path for m in pings] == [f"/ping/{SECRET}/start", f"/ping/{SECRET}"]
    assert "exit code 0" in pings[1].body
    assert "updated" in pings[1].body


def test_a_failed_run_pings_its_exit_code_with_the_end_of_the_log(
    told: Any, receiver: Receiver
) -> None:
    """Also one that ends before its first request; no more than 10 kB."""
    _break(told)
    told.run("export", expect=77)
    ping = receiver.messages[[m.endswith("/77") for m in receiver.paths()].index(True)]
    assert "exit code 77" in ping.body
    assert len(ping.body) <= 10_000


@pytest.mark.slow
def test_a_calendar_that_fails_is_named_in_the_ping(told: Any, receiver: Receiver) -> None:
    """Exit code 1, and its slug with the error's words."""
    told.run("export")
    told.google.faults.add("reset", on=place(TEAM), count=None)
    told.run("export", expect=1)
    ping = next(m for m in receiver.messages if m.path.endswith("/1"))
    assert "failed team-friends" in ping.body
    assert "ERROR calendar failed calendar=team-friends" in ping.body, "the end of the log"
    notice = json.loads(next(m.body for m in receiver.messages if "/webhook/" in m.path))
    assert "Team" in notice["message"]


@pytest.mark.parametrize(
    ("url", "start", "success", "failure"),
    [
        ("https://hc.example/u1", "https://hc.example/u1/start", "https://hc.example/u1",
         "https://hc.example/u1/75"),
        ("https://hc.example/k/slug?create=1", "https://hc.example/k/slug/start?create=1",
         "https://hc.example/k/slug?create=1", "https://hc.example/k/slug/75?create=1"),
        ("https://up.example/api/push/T?status=up&msg=OK&ping=", None,
         "https://up.example/api/push/T?status=up&msg=OK&ping=",
         "https://up.example/api/push/T?status=down&msg=exit+code+75&ping="),
        ("https://cronitor.link/p/K/job", "https://cronitor.link/p/K/job?state=run",
         "https://cronitor.link/p/K/job?state=complete&status_code=0",
         "https://cronitor.link/p/K/job?state=fail&status_code=75"),
    ],
    ids=["healthchecks", "query", "uptime-kuma", "cronitor"],
)  # fmt: skip
def test_each_service_is_spoken_to_in_its_own_way(
    url: str, start: str | None, success: str, failure: str
) -> None:
    """The shape of the address tells which it is."""
    assert (start_address(url), end_address(url, 0), end_address(url, 75)) == (
        start, success, failure,
    )  # fmt: skip


def test_a_dry_run_tells_nobody(told: Any, receiver: Receiver) -> None:
    """It is nobody's business, and writes no metrics."""
    told.run("export", "--dry-run")
    assert receiver.messages == []
    assert not (told / "state" / "run.prom").exists()


def test_a_run_that_finds_another_at_work_tells_nobody(told: Any, receiver: Receiver) -> None:
    """Cron starts every five minutes what may take ten: that is no failure."""
    from filelock import FileLock

    (told / "state").mkdir(mode=0o700)
    with FileLock(told / "state" / "run.lock"):
        told.run("export", expect=75)
    assert receiver.messages == []


def test_a_ping_holds_the_summary_and_the_end_of_a_long_log() -> None:
    """10 kB; the beginning of the log is what is left out."""
    calendars = tuple(CalendarReport(f"{n}", "n", f"slug-{n}", "updated") for n in range(500))
    report = msgspec.structs.replace(_report(1, message="why"), calendars=calendars)
    body = ping_body(report, "first line\n" + "ä" * 20_000 + "\nlast line").decode(
        "utf-8", "replace"
    )
    assert body.startswith("run exit code 1 why\nupdated slug-0")
    assert body.endswith("last line")
    assert "first line" not in body
    assert len(ping_body(report, "x" * 20_000)) == 10_000


# -- notices ---------------------------------------------------------------------------------------


def test_a_notice_is_sent_once_for_each_change_of_state(told: Any, receiver: Receiver) -> None:
    """Well, well, failing, failing, well: one failure and one recovery, each way once."""
    told.run("export")
    told.run("export")
    assert [p for p in receiver.paths() if "/ping/" not in p] == []
    grant = _break(told)
    told.run("export", expect=77)
    told.run("export", expect=77)
    told.token.write_text(grant)
    told.token.chmod(0o600)
    told.run("export")
    events = [json.loads(m.body)["event"] for m in receiver.messages if "/webhook/" in m.path]
    assert events == ["failure", "recovery"]
    titles = [m.headers["Title"] for m in receiver.messages if "/ntfy/" in m.path]
    assert titles == ["calendar-sync is failing", "calendar-sync works again"]


def test_a_webhook_carries_what_slack_and_discord_show(told: Any, receiver: Receiver) -> None:
    """And everything a program wants, with a version."""
    _break(told)
    told.run("export", expect=77)
    value = json.loads(next(m.body for m in receiver.messages if "/webhook/" in m.path))
    assert value["version"] == 1
    assert value["exit_code"] == 77
    assert "consent" in value["message"]
    assert value["text"] == value["content"] == f"{value['title']}\n{value['message']}"


def test_on_chooses_what_is_told(home: Any, receiver: Receiver) -> None:
    """Recovery only: a failure says nothing."""
    (home / "hook").write_text(f"{receiver.url}/hook")
    home.configure('[tell]\nwebhook = "file:hook"\non = ["recovery"]')
    grant = _break(home)
    home.run("export", expect=77)
    assert receiver.messages == []
    home.token.write_text(grant)
    home.run("export")
    assert [json.loads(m.body)["event"] for m in receiver.messages] == ["recovery"]


@pytest.mark.parametrize(
    ("previous", "now", "events"),
    [
        (None, _report(), []),
        (None, _report(75), ["failure"]),
        (_report(75), _report(75), []),
        (_report(75), _report(77), ["failure"]),
        (_report(77), _report(), ["recovery"]),
        (_report(77), _report(143), []),
        (_report(), _report(warnings=("a",)), ["warning"]),
        (_report(warnings=("a",)), _report(warnings=("a",)), []),
        (_report(warnings=("a",)), _report(warnings=("a", "b")), ["warning"]),
    ],
)
def test_what_is_worth_telling(previous: Report | None, now: Report, events: list[str]) -> None:
    """Another failure is news, the same one is not; being stopped is no state."""
    assert [event for event, _ in decide(now, previous, (None, None))] == events


def test_a_grant_that_will_end_is_told_once() -> None:
    """Its words count the days; that there are any is what counts."""
    assert decide(_report(), _report(), (None, "ends soon")) == [("warning", "ends soon")]
    assert decide(_report(), _report(), ("ends in 2 days", "ends in 1 day")) == []


def test_a_run_that_somebody_stopped_is_no_failure(told: Any, receiver: Receiver) -> None:
    """A reboot wakes nobody: the start was told, the rest is left to the service's patience."""
    told.run("export")
    receiver.messages.clear()
    told.google.faults.add("hang", on="events", count=None)
    process = told.start("export")
    ends = time.monotonic() + 20
    while f"/ping/{SECRET}/start" not in receiver.paths() and time.monotonic() < ends:
        time.sleep(0.05)
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 143
    assert receiver.paths() == [f"/ping/{SECRET}/start"]


# -- no harm ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_receiver_that_hangs_delays_a_run_by_its_limit_only(
    told: Any, receiver: Receiver
) -> None:
    """It sends a byte now and then, which no socket timeout ends."""
    receiver.hangs = True
    started = time.monotonic()
    done = told.run("export")
    assert time.monotonic() - started < 25
    assert "not told by ping: no answer in time" in done.stderr
    assert (told.exports / "manifest.json").exists()


@pytest.mark.parametrize("status", [404, 302])
def test_a_refusal_is_a_warning_and_a_redirect_is_not_followed(
    told: Any, receiver: Receiver, status: int
) -> None:
    """The address goes to nobody else, and into no message."""
    with Receiver() as stranger:
        receiver.status, receiver.location = status, f"{stranger.url}/{SECRET}"
        done = told.run("-vv", "export")
        assert stranger.messages == []
    assert f"not told by ping: the answer was {status}" in done.stderr
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "content",
    [
        "",
        f"gopher://127.0.0.1/{SECRET}",
        f"http://[{SECRET}",
        f"http://127.0.0.1:1/{SECRET}",
        f"https://nowhere.invalid/{SECRET}",
    ],
)
def test_an_address_that_leads_nowhere_is_a_warning_without_it(home: Any, content: str) -> None:
    """Empty, of another kind, unreadable, refused."""
    (home / "credentials" / "ping").write_text(content)
    home.configure('[tell]\nping = "file:credentials/ping"')
    done = home.run("-vv", "export")
    assert "not told by ping" in done.stderr
    assert SECRET not in done.stdout + done.stderr


def test_an_address_in_the_configuration_is_refused_and_not_repeated(home: Any) -> None:
    """78; the message names the key."""
    home.configure(f'[tell]\nping = "https://hc.example/{SECRET}"')
    done = home.run("export", expect=78)
    assert "tell.ping" in done.stderr
    assert SECRET not in done.stderr


def test_an_address_may_come_from_the_environment(home: Any, receiver: Receiver) -> None:
    """Where a service manager keeps secrets there."""
    home.configure('[tell]\nping = "env:MY_PING"')
    home.run("export", environment={"MY_PING": f"{receiver.url}/x"})
    assert receiver.paths() == ["/x/start", "/x"]


@pytest.mark.parametrize(
    "text", ['[tell]\nmail = "x"', '[hooks]\nafter = "rm x"', '[tell]\non=["x"]']
)
def test_what_tell_and_hooks_do_not_take(text: str) -> None:
    """Unknown keys, a command as one string, an unknown event."""
    with pytest.raises(WrongConfiguration):
        parse_config(text, "calendar-sync.toml")


# -- hooks -----------------------------------------------------------------------------------------


def _hook(home: Any, name: str, script: str) -> str:
    path = home / f"{name}.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return f'{name} = ["{path}", "an argument"]'


def test_hooks_run_in_the_home_and_know_how_it_went(home: Any) -> None:
    """Before, on change, after; what they print is talk, and an unchanged run changes nothing."""
    names = ("before", "on_change", "on_error", "after")
    line = 'echo "$CALENDAR_SYNC_HOOK $1 [$CALENDAR_SYNC_EXIT_CODE] $CALENDAR_SYNC_CHANGED" >>log'
    hooks = [_hook(home, name, f"{line}; echo said") for name in names]
    home.configure("\n".join(["[hooks]", *hooks]))
    done = home.run("--json", "export")
    json.loads(done.stdout)
    assert "said" in done.stderr
    lines = (home / "log").read_text().splitlines()
    assert [text.split()[0] for text in lines] == ["before", "on_change", "after"]
    assert lines[0] == "before an argument [] "
    assert re.match(r"after an argument \[0\] \w", lines[2])
    home.run("export")
    assert len((home / "log").read_text().splitlines()) == 5
    _break(home)
    home.run("export", expect=77)
    assert [text.split()[0] for text in (home / "log").read_text().splitlines()[5:]] == [
        "before", "on_error", "after",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("script", "trouble"),
    [
        ("exit 3", "it ended with 3"),
        ("sleep 60", "it was ended after 1 seconds"),
        ("trap '' TERM INT; sleep 60", "it was ended after 1 seconds"),
    ],
)
def test_a_hook_that_fails_or_hangs_is_a_warning(home: Any, script: str, trouble: str) -> None:
    """The run is as good as without it."""
    home.configure(f'[hooks]\ntimeout = "1s"\n{_hook(home, "before", script)}\nafter = ["/none"]')
    done = home.run("export")
    assert f"not told by hook before: {trouble}" in done.stderr
    assert "not told by hook after: it cannot be started" in done.stderr


# -- metrics ---------------------------------------------------------------------------------------


def test_metrics_are_what_node_exporter_reads(told: Any) -> None:
    """Every sample has its HELP and TYPE, and the names end in their unit."""
    told.run("export")
    text = (told / "state" / "run.prom").read_text()
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(
        re.fullmatch(r'calendar_sync_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? -?[\d.]+', line)
        for line in samples
    )
    names = {re.split(r"[{ ]", line)[0] for line in samples}
    assert names == set(re.findall(r"# TYPE (\S+) gauge", text))
    assert {
        "calendar_sync_last_success_timestamp_seconds",
        "calendar_sync_calendar_events",
    } <= names
    assert "calendar_sync_last_run_exit_code 0\n" in text


def test_a_failed_run_leaves_the_last_success_in_the_metrics(told: Any) -> None:
    """That is what an alert looks at; the calendars stay, too."""
    told.run("export")
    pattern = r"last_success_timestamp_seconds (\d+)\n"
    before = (told / "state" / "run.prom").read_text()
    _break(told)
    told.run("export", expect=77)
    after = (told / "state" / "run.prom").read_text()
    assert re.findall(pattern, before) == re.findall(pattern, after) != []
    assert "last_run_exit_code 77" in after
    assert "calendar_events{" in after


def test_a_label_cannot_break_the_format() -> None:
    """A slug is harmless; the escape does not rely on that."""
    calendar = CalendarReport("i", "n", 'a"b\\c\nd', "updated", events=3)
    report = Report(
        "r", "export", "2026-11-21T09:30:00Z", "2026-11-21T09:30:12Z", 0, "", 1, (calendar,)
    )
    text = render_metrics(report, None, None).decode()
    assert 'calendar_sync_calendar_events{calendar="a\\"b\\\\c\\nd"} 3\n' in text
    assert "calendar_sync_last_run_duration_seconds 12\n" in text


# -- notify test -----------------------------------------------------------------------------------


def test_notify_test_says_which_way_worked(told: Any, receiver: Receiver) -> None:
    """0 when all did, 1 when one did not; data on stdout, and no address anywhere."""
    done = told.run("notify", "test")
    assert done.stdout.split() == ["ping", "told", "webhook", "told", "ntfy", "told"]
    assert len(receiver.messages) == 3
    (told / "credentials" / "ntfy").unlink()
    done = told.run("--json", "notify", "test", expect=1)
    ways = {way["way"]: way["error"] for way in json.loads(done.stdout)["ways"]}
    assert ways["ping"] is ways["webhook"] is None
    assert "Cannot read" in ways["ntfy"]
    assert SECRET not in done.stdout + done.stderr


def test_notify_test_without_anybody_to_tell_is_78(home: Any) -> None:
    """It shows what to write."""
    assert "[tell]" in home.run("notify", "test", expect=78).stderr


def test_apprise_is_told_or_missed_in_words(home: Any, receiver: Receiver) -> None:
    """With the extra it delivers, without it the message says what to install."""
    (home / "urls").write_text(receiver.url.replace("http:", "json:") + "/apprise\n")
    home.configure('[tell]\napprise = "file:urls"')
    try:
        import apprise  # noqa: F401
    except ImportError:
        assert "calendar-sync[notify]" in home.run("notify", "test", expect=1).stdout
    else:
        home.run("notify", "test")
        assert receiver.paths() == ["/apprise"]


def test_the_daemon_tells_too(told: Any, receiver: Receiver) -> None:
    """Its catch-up run is a run like any other."""
    process = told.start("daemon", "--schedule", "0 0 1 1 *")
    ends = time.monotonic() + 40
    while f"/ping/{SECRET}" not in receiver.paths() and time.monotonic() < ends:
        time.sleep(0.1)
    process.terminate()
    process.communicate(timeout=30)
    assert receiver.paths()[:2] == [f"/ping/{SECRET}/start", f"/ping/{SECRET}"]
    assert (told / "state" / "run.prom").stat().st_size > 0
    assert Path(told.exports / "manifest.json").exists()
