"""What goes wrong between us and Google: the exit code, the words, and the last good files."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from export_steps import (
    ADA,
    TEAM,
    add_calendar,
    add_singles,
    check_manifest,
    contents,
    place,
    report,
    stamps,
    table,
    wait_until,
)

from calendar_sync.answers import retry_after
from calendar_sync.emulator.local_google import LocalGoogle

if TYPE_CHECKING:
    from conftest import HomeFolder

# Each of them, once in a while, is tried again and the run ends well.
PASSING = [
    "html_200", "empty_200", "truncated_json", "truncated_gzip", "corrupt_gzip", "gzip_bomb",
    "non_utf8", "reset", "close", "lost_reply", "short_body", "short_content_length",
    "truncated_chunk", "redirect", "html_502", "api_408", "api_429", "api_500", "api_503",
    "api_403_rate_limit", "api_403_rate_limit_legacy", "api_403_user_rate_limit",
    "api_403_without_errors",
]  # fmt: skip
# Each of them, for ever, on one calendar: a word of the message.
LASTING = {
    "html_200": "not whole JSON",
    "empty_200": "not whole JSON",
    "truncated_json": "not whole JSON",
    "truncated_gzip": "not whole JSON",
    "corrupt_gzip": "connection failed",
    "gzip_bomb": "connection failed",
    "non_utf8": "not whole JSON",
    "reset": "connection failed",
    "close": "connection failed",
    "short_body": "connection failed",
    "truncated_chunk": "connection failed",
    "redirect": "redirect",
    "api_429": "slow down",
    "api_500": "answers 500",
    "api_503": "answers 503",
    "api_403_rate_limit": "slow down",
    "api_403_quota": "quota",
    "api_403_daily": "quota",
    "api_403_forbidden": "Workspace policy",
    "api_400": "400 badRequest",
}


def test_passing_disturbances_are_tried_again(home: HomeFolder, google: LocalGoogle) -> None:
    """Every kind of spoiled answer once, each on its own calendar: all is well in the end."""
    ids = {fault: add_calendar(google, f"Calendar {fault}") for fault in PASSING}
    for fault, calendar in ids.items():
        add_singles(google, calendar, 3)
        google.faults.add(fault, on=place(calendar))
    home.run("export", "--jobs", "24")
    assert google.faults.pending() == []
    entries = check_manifest(home.exports)
    assert {entries[calendar]["events"] for calendar in ids.values()} == {3}


def test_lasting_failures_name_each_calendar_and_keep_its_last_good_files(
    home: HomeFolder, google: LocalGoogle
) -> None:
    """Exit code 1; the others are up to date; what failed can be read in the report."""
    ids = {fault: add_calendar(google, f"Calendar {fault}") for fault in LASTING}
    for calendar in ids.values():
        add_singles(google, calendar, 1)
    home.run("export")
    before = contents(home.exports)
    for fault, calendar in ids.items():
        add_singles(google, calendar, 2)
        google.faults.add(fault, on=place(calendar), count=None)
    add_singles(google, TEAM, 1)
    found = report(home, "--jobs", "24", expect=1)
    errors = {c["id"]: c["error"] for c in found["calendars"] if c["result"] == "failed"}
    assert errors.keys() == set(ids.values())
    for fault, calendar in ids.items():
        assert LASTING[fault] in errors[calendar], fault
        assert f"Calendar {fault}" in found["message"]
    after = contents(home.exports)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"team-friends.csv", "team-friends.ics"}
    google.faults.clear()
    found = report(home)
    assert {found["by_id"][calendar]["added"] for calendar in ids.values()} == {2}
    assert check_manifest(home.exports)


def test_retry_after_is_waited_for(home: HomeFolder, google: LocalGoogle) -> None:
    google.faults.add("api_429", on=place(TEAM), retry_after=3)
    started = time.monotonic()
    home.run("export")
    assert time.monotonic() - started >= 3
    assert [entry.status for entry in google.requests.to(place(TEAM))] == [429, 200]


@pytest.mark.parametrize(
    ("header", "date", "seconds"),
    [
        ("7", None, 7),
        (" 0 ", None, 0),
        ("Fri, 27 Nov 2026 10:00:30 GMT", "Fri, 27 Nov 2026 10:00:00 GMT", 30),
        ("Fri, 27 Nov 2026 09:59:00 GMT", "Fri, 27 Nov 2026 10:00:00 GMT", 0),
        ("Fri, 27 Nov 2026 10:00:30 GMT", None, None),
        ("Fri, 27 Nov 2026 10:00:30 -0000", "Fri, 27 Nov 2026 10:00:00 GMT", None),
        ("-3", "Fri, 27 Nov 2026 10:00:00 GMT", None),
        ("soon", "Fri, 27 Nov 2026 10:00:00 GMT", None),
        ("\u00b2", None, None),
        ("9" * 400, None, math.inf),
        ("", None, None),
    ],
)
def test_retry_after_is_read_as_seconds_and_as_a_date(
    header: str, date: str | None, seconds: float | None
) -> None:
    """A date counts from the answer's own: a clock of ours that is wrong does not matter."""
    assert retry_after({"retry-after": header, **({"date": date} if date else {})}) == seconds


def test_who_is_asked_to_wait_for_long_comes_back_later(
    home: HomeFolder, google: LocalGoogle
) -> None:
    """A later run is cheaper than hours under a lock."""
    google.faults.add("api_503", on="calendarList", retry_after=3600)
    started = time.monotonic()
    home.run("export", expect=75)
    assert time.monotonic() - started < 20
    assert google.requests.count() == 1


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("api_403_disabled", 78, "not enabled"),
        ("api_403_scope", 77, "calendar-sync consent"),
        ("api_403_no_calendar", 78, "no Google Calendar"),
        ("api_403_quota", 75, "quota"),
        ("api_404", 75, "404"),
    ],
)
def test_what_concerns_the_whole_account_ends_the_run(
    home: HomeFolder, google: LocalGoogle, fault: str, code: int, words: str
) -> None:
    home.run("export")
    before = stamps(home.exports)
    google.faults.add(fault, on="calendarList", count=None)
    done = home.run("export", expect=code)
    assert words in done.stderr and "Traceback" not in done.stderr
    assert stamps(home.exports) == before


@pytest.mark.parametrize(
    ("fault", "code"), [("api_403_disabled", 78), ("api_403_scope", 77)], ids=lambda v: str(v)
)
def test_a_refusal_of_the_project_or_grant_on_a_calendar_ends_the_run(
    home: HomeFolder, google: LocalGoogle, fault: str, code: int
) -> None:
    google.faults.add(fault, on="events", count=None)
    home.run("export", expect=code)
    assert contents(home.exports) == {}


def test_every_calendar_failing_for_a_passing_reason_is_try_later(
    home: HomeFolder, google: LocalGoogle
) -> None:
    home.run("export")
    before = stamps(home.exports)
    google.faults.add("api_403_quota", on="events", count=None)
    found = report(home, expect=75)
    assert {calendar["result"] for calendar in found["calendars"]} == {"failed"}
    google.faults.clear()
    google.faults.add("api_400", on="events", count=None)
    home.run("export", expect=1)
    assert stamps(home.exports) == before


def test_a_network_that_is_down_is_try_later(home: HomeFolder, google: LocalGoogle) -> None:
    home.run("export")
    before = stamps(home.exports)
    google.stop()
    done = home.run("export", expect=75)
    assert "Google could not be read" in done.stderr
    assert stamps(home.exports) == before


# -- time and signals ------------------------------------------------------------------------------


def test_a_deadline_ends_the_wait_for_a_slow_answer(home: HomeFolder, google: LocalGoogle) -> None:
    home.run("export")
    before = stamps(home.exports)
    google.faults.add("hang", on="events", count=None)
    started = time.monotonic()
    done = home.run("export", "--deadline", "2s", expect=75)
    assert time.monotonic() - started < 20
    assert "deadline" in done.stderr
    assert stamps(home.exports) == before


def test_a_deadline_ends_an_answer_that_trickles_in(home: HomeFolder, google: LocalGoogle) -> None:
    """There is a byte every moment, so no time-out of the connection ever passes."""
    home.run("export")
    before = stamps(home.exports)
    google.faults.add("trickle", on="events", count=None)
    started = time.monotonic()
    found = report(home, "--deadline", "3s", expect=75)
    assert 3 <= time.monotonic() - started < 20
    assert all("deadline" in calendar["error"] for calendar in found["calendars"])
    assert stamps(home.exports) == before
    google.faults.clear()
    home.run("export")


def test_calendars_read_before_the_deadline_are_up_to_date(
    home: HomeFolder, google: LocalGoogle
) -> None:
    google.faults.add("hang", on=place(TEAM), count=None)
    found = report(home, "--deadline", "3s", expect=1)
    assert found["by_id"][ADA]["result"] == "updated"
    assert "deadline" in found["by_id"][TEAM]["error"]
    assert ADA in check_manifest(home.exports)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"]
)
def test_a_signal_ends_the_run_cleanly_even_while_google_hangs(
    home: HomeFolder, google: LocalGoogle, number: int, code: int
) -> None:
    """The answer is not waited for; nothing half is left; the next run is as if nothing had been."""
    home.run("export")
    before = stamps(home.exports)
    add_singles(google, TEAM, 5)
    google.faults.add("hang", on="events", count=5)
    google.faults.add("hang", on="events", count=None)
    process = home.start("export")
    wait_until(lambda: len(google.faults.pending()) == 1)  # all five calendars are waited for
    started = time.monotonic()
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == code, errors
    assert time.monotonic() - started < 10
    assert "Traceback" not in errors
    assert stamps(home.exports) == before
    google.faults.clear()
    assert report(home)["by_id"][TEAM]["added"] == 5


# -- one run at a time -----------------------------------------------------------------------------


def test_a_second_run_gives_way_and_a_killed_one_leaves_no_lock(
    home: HomeFolder, google: LocalGoogle
) -> None:
    google.faults.add("hang", on="calendarList")
    first = home.start("export", stdin=subprocess.DEVNULL)
    wait_until(lambda: google.faults.pending() == [])
    done = home.run("export", expect=75)
    assert "Another run is at work" in done.stderr
    assert home.run("backfill", "--from", "2026-01-01", "--to", "2026-02-01", expect=75)
    first.kill()
    first.communicate()
    home.run("export")


def test_the_exit_code_and_the_words_are_remembered(home: HomeFolder, google: LocalGoogle) -> None:
    """`status` tells of a run that ended early, with its message; `history` keeps both."""
    home.run("export")
    google.faults.add("api_403_disabled", on="calendarList")
    home.run("export", expect=78)
    found = json.loads(home.run("status", "--json", expect=1).stdout)
    assert (found["health"], found["last_success"] is None) == ("failing", False)
    said = home.run("status", expect=1).stdout
    assert "exit code 78" in said and "not enabled" in said
    last = json.loads(home.run("history", "--json").stdout)["runs"][0]
    assert last["exit_code"] == 78 and "not enabled" in last["message"]


def test_no_message_and_no_log_holds_a_secret_or_a_title(
    home: HomeFolder, google: LocalGoogle
) -> None:
    """Everything at the most talkative level, failures included."""
    google.faults.add("api_500", on=place(TEAM), count=None)
    google.faults.add("html_200", on=place(ADA))
    done = home.run("export", "-vv", "--deadline", "4s", expect=1)
    said = done.stdout + done.stderr
    for secret in google.secrets_issued:
        assert secret not in said
    for row in table((home / "exports/ada-lovelace.csv").read_bytes()):
        assert not row["summary"] or row["summary"] not in said


@pytest.mark.parametrize(
    ("form", "begins"), [("", "failed    Team & Friends: "), ("logfmt", "time=")]
)
def test_each_failed_calendar_is_told_once_and_with_the_next_step(
    home: HomeFolder, google: LocalGoogle, form: str, begins: str
) -> None:
    """To a person by its name, in a log with the time; not to both on one stderr."""
    google.faults.add("set_keys", on=place(TEAM), count=None, keys={"nextPageToken": "for ever"})
    done = home.run("export", "--quiet", *(("--log-format", form) if form else ()), expect=1)
    (line,) = done.stderr.splitlines()
    assert line.startswith(begins)
    assert "Google forgets its own page tokens" in line
    assert f"If it stays: calendar-sync doctor --home {home.folder}" in line
    home.run("export", "--quiet", "--json", expect=1)
