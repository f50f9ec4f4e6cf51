"""Slices of the past, by hand: their borders, their files, and going on after an interruption."""

from __future__ import annotations

import json
import signal
import sqlite3
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from backfill_steps import PAST, add_past
from export_steps import (
    TEAM,
    check_manifest,
    contents,
    lines,
    manifest,
    place,
    report,
    stamps,
    table,
)

from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.slices import slices_between

if TYPE_CHECKING:
    from conftest import HomeFolder

BERLIN = ZoneInfo("Europe/Berlin")
FOLDER = "exports/backfill/past"


@pytest.fixture
def past(home: HomeFolder, google: LocalGoogle) -> HomeFolder:
    """A home whose account has a calendar `Past` in Berlin, with a series and two singles."""
    add_past(google)
    return home


def backfill(home: HomeFolder, start: str, end: str, *more: str, expect: int = 0) -> str:
    done = home.run(
        "backfill", "--from", start, "--to", end, "--calendar", "Past", *more, expect=expect
    )
    return done.stderr


@pytest.mark.parametrize(
    ("kind", "start", "end", "names"),
    [
        ("day", "2024-02-28", "2024-03-02", ["2024-02-28", "2024-02-29", "2024-03-01"]),
        ("week", "2020-12-28", "2021-01-11", ["2020-W53", "2021-W01"]),
        ("month", "2023-12-01", "2024-02-01", ["2023-12", "2024-01"]),
        ("year", "2023-01-01", "2025-01-01", ["2023", "2024"]),
        ("month", "2024-01-15", "2024-02-02", ["2024-01", "2024-02"]),
    ],
)
def test_slices_are_whole_units_cut_to_what_was_asked(
    kind: str, start: str, end: str, names: list[str]
) -> None:
    first, last = (datetime.fromisoformat(text).replace(tzinfo=BERLIN) for text in (start, end))
    slices = [*slices_between(first, last, kind)]
    assert [slice_.name for slice_ in slices] == names
    assert slices[0].start == first and slices[-1].end == last
    assert all(one.end == two.start for one, two in pairwise(slices))


def test_a_month_for_a_file_and_an_event_over_the_border_in_both(past: HomeFolder) -> None:
    """Local days; what only touches a border is not in the next slice; series are expanded."""
    backfill(past, "2024-12-01", "2025-03-01", "--format", "csv,ics,jsonl")
    found = {
        path.stem: [row["summary"] for row in table(path.read_bytes())]
        for path in sorted((past / FOLDER).glob("*.csv"))
    }
    assert found == {
        "2024-12": ["New Year"],
        "2025-01": ["New Year", "Weekly", "Weekly", "Weekly", "Weekly", "Midnight"],
        "2025-02": [],
    }
    [entry] = check_manifest(past / "exports/backfill").values()
    assert entry["slug"] == "past"
    assert len(entry["files"]) == 9
    assert all(file["path"].startswith("past/") for file in entry["files"])
    assert len(lines(past / f"{FOLDER}/2025-01.jsonl")) == 6


def test_an_empty_slice_is_a_file_without_rows(past: HomeFolder) -> None:
    backfill(past, "2019-01-01", "2019-02-01", "--format", "csv,ics,jsonl")
    assert (past / f"{FOLDER}/2019-01.csv").read_bytes().startswith(b"calendar_id,")
    assert table((past / f"{FOLDER}/2019-01.csv").read_bytes()) == []
    assert b"BEGIN:VEVENT" not in (past / f"{FOLDER}/2019-01.ics").read_bytes()
    assert (past / f"{FOLDER}/2019-01.jsonl").read_bytes() == b""


@pytest.mark.parametrize(("kind", "name"), [("day", "2025-01-06"), ("week", "2025-W02")])
def test_smaller_slices(past: HomeFolder, kind: str, name: str) -> None:
    backfill(past, "2025-01-06", "2025-01-13", "--slice", kind, "--format", "csv")
    rows = table((past / f"{FOLDER}/{name}.csv").read_bytes())
    assert [row["start"] for row in rows] == ["2025-01-06T09:00:00+01:00"]
    assert len(list((past / FOLDER).glob("*.csv"))) == (7 if kind == "day" else 1)


def test_the_configured_zone_draws_the_borders(past: HomeFolder) -> None:
    """At 23:00 in Berlin it is already the next day, and year, in Taipei."""
    past.configure('timezone = "Asia/Taipei"\n')
    backfill(past, "2024-12-01", "2025-02-01", "--format", "csv")
    assert table((past / f"{FOLDER}/2024-12.csv").read_bytes()) == []


def test_the_same_slices_again_cost_no_listing(past: HomeFolder, google: LocalGoogle) -> None:
    backfill(past, "2024-12-01", "2025-03-01")
    before = stamps(past / "exports")
    google.requests.clear()
    assert "3 were there already" in backfill(past, "2024-12-01", "2025-03-01")
    assert google.requests.count("/events$") == 0
    assert stamps(past / "exports") == before
    (past / f"{FOLDER}/2025-01.csv").unlink()
    backfill(past, "2024-12-01", "2025-03-01")
    assert google.requests.count("/events$") == 1
    backfill(past, "2024-12-01", "2025-03-01", "--restart")
    assert google.requests.count("/events$") == 4


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_an_interrupted_backfill_goes_on_where_it_was(
    past: HomeFolder, google: LocalGoogle, number: int
) -> None:
    """Slices that are written are not read again; the files are those of an undisturbed one."""
    google.faults.add("hang", on=place(PAST), skip=4)
    google.faults.add("hang", on=place(PAST), skip=4, count=None)  # and if it asks again
    process = past.start(
        "backfill", "--from", "2024-09-01", "--to", "2025-03-01", "--calendar", "Past"
    )
    _wait_for(lambda: len(google.faults.pending()) == 1)
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == (-9 if number == signal.SIGKILL else 143)
    assert len(list((past / FOLDER).glob("*.csv"))) == 4
    google.faults.clear()
    google.requests.clear()
    assert "2 slices written, 4 were there already" in backfill(past, "2024-09-01", "2025-03-01")
    asked = [entry.query["timeMax"][0][:13] for entry in google.requests.to(place(PAST))]
    assert asked == ["2025-01-31T23", "2025-02-28T23"]  # midnight in Berlin
    resumed = contents(past / "exports/backfill")
    backfill(past, "2024-09-01", "2025-03-01", "--restart")
    assert contents(past / "exports/backfill") == resumed
    check_manifest(past / "exports/backfill")


def _wait_for(is_so: Any) -> None:
    import time

    ends = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_the_sync_state_and_the_exports_are_not_touched(
    past: HomeFolder, google: LocalGoogle
) -> None:
    past.run("export")
    before = stamps(past.exports)
    tokens = _sync_tokens(past)
    backfill(past, "2024-12-01", "2025-03-01")
    assert _sync_tokens(past) == tokens
    after = stamps(past.exports)
    kept = {name: stamp for name, stamp in after.items() if not name.startswith("backfill")}
    assert kept == before
    assert report(past)["by_id"][TEAM]["read"] == "changes"
    assert "backfill" not in json.dumps(manifest(past.exports))


def _sync_tokens(home: HomeFolder) -> list[Any]:
    with sqlite3.connect(home / "state/mirror.sqlite3") as mirror:
        return mirror.execute("SELECT id, sync_token, synced_at FROM calendars").fetchall()


def test_one_failing_calendar_does_not_stop_the_others(
    past: HomeFolder, google: LocalGoogle
) -> None:
    google.faults.add("api_403_quota", on=place(TEAM), count=None)
    done = past.run("backfill", "--from", "2025-01-01", "--to", "2025-02-01", expect=1)
    assert "Team & Friends" in done.stderr and "quota" in done.stderr
    assert (past / f"{FOLDER}/2025-01.csv").exists()
    assert not (past / "exports/backfill/team-friends/2025-01.csv").exists()


def test_a_slice_of_many_odd_pages_is_whole(past: HomeFolder, google: LocalGoogle) -> None:
    google.control("set_switch", name="page_cap", value=2)
    google.faults.add("api_400", on=place(PAST), query="pageToken")
    backfill(past, "2025-01-01", "2025-02-01", "--format", "csv")
    assert len(table((past / f"{FOLDER}/2025-01.csv").read_bytes())) == 6


def test_from_must_be_before_to(past: HomeFolder) -> None:
    assert "--from must be earlier" in backfill(past, "2025-02-01", "2025-02-01", expect=2)
    for first, last in (("0001-12-01", "0003-01-01"), ("9998-01-01", "9999-12-31")):
        assert "the years 2 to 9998" in backfill(past, first, last, expect=2)


def test_a_dry_run_lists_slices_and_requests_and_writes_nothing(
    past: HomeFolder, google: LocalGoogle
) -> None:
    past.run("export")
    before = stamps(past.folder)
    done = past.run(
        "backfill", "--from", "2025-01-01", "--to", "2025-03-01", "--calendar", "Past", "--dry-run"
    )
    assert done.stdout.split() == ["past/2025-01", "past/2025-02"]
    assert "2 slices to read, 0 were there already; at least 2 requests" in done.stderr
    assert stamps(past.folder) == before
    assert google.requests.count("/events$") == 6  # of the export


def test_json_tells_of_every_slice(past: HomeFolder) -> None:
    asked = ["--from", "2025-01-01", "--to", "2025-03-01", "--calendar", "Past", "--json"]
    done = json.loads(past.run("backfill", *asked).stdout)
    assert done["version"] == 1
    first, second = done["report"]["slices"]
    assert second["result"] == "written" and second["rows"] == {"csv": 0, "ics": 0}
    del first["requests"], first["calendar"]
    assert first == {
        "slug": "past",
        "slice": "2025-01",
        "from": "2025-01-01T00:00:00+01:00",
        "to": "2025-02-01T00:00:00+01:00",
        "result": "written",
        "rows": {"csv": 6, "ics": 6},
        "over_borders": 1,
        "differences": 0,
    }
    again = json.loads(past.run("backfill", *asked, "--dry-run").stdout)["report"]
    assert again["requests_needed"] == 0
    assert [each["result"] for each in again["slices"]] == ["there", "there"]


def test_several_accounts_each_in_a_folder_of_its_own(
    past: HomeFolder, google: LocalGoogle
) -> None:
    """One without a grant does not stop the other."""
    past.configure('[[account]]\nname = "none"\n[[account]]\nname = "ada"\n')
    google.write_token(past / "credentials/ada/token.json")
    asked = ["--from", "2025-01-01", "--to", "2025-02-01", "--calendar", "Past"]
    done = past.run("backfill", *asked, expect=1)
    assert "calendar-sync consent" in done.stderr and "--account none" in done.stderr
    assert (past / "exports/ada/backfill/past/2025-01.csv").exists()
    past.run("backfill", *asked, "--output", str(past / "other"), "--account", "ada")
    check_manifest(past / "other/ada")


def test_the_log_has_a_line_for_each_slice(past: HomeFolder) -> None:
    told = backfill(past, "2024-12-01", "2025-02-01", "-v")
    assert "calendar=past slice=2024-12 result=written rows=1 requests=1 over_borders=1" in told
    assert "written   past/2025-01: 6 rows, 1 over a border" in told
    assert "New Year" not in told


def test_what_has_no_id_is_left_out_and_counted(past: HomeFolder, google: LocalGoogle) -> None:
    """There is nothing to know it by: a warning in the log and in the manifest, no error."""
    page = {"kind": "calendar#events", "items": [None, {"id": 3}, {"summary": "nobody"}]}
    google.faults.add("status", on=place(PAST), status=200, body=page)
    said = backfill(past, "2024-12-01", "2025-01-01")
    assert "Left out of the slice 2024-12, for want of an id: 3." in said
    warnings = manifest(past.exports / "backfill")[PAST]["warnings"]
    assert [warning["code"] for warning in warnings] == ["no-id"]
