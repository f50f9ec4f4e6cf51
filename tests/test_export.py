"""The first export: what a user finds in `exports/`, over real HTTP against the local Google."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import icalendar
import pandas as pd
import pytest
from export_steps import (
    ADA,
    HOLIDAYS,
    TEAM,
    add_calendar,
    add_singles,
    check_manifest,
    contents,
    lines,
    manifest,
    place,
    report,
    same_json,
    stamps,
    table,
    truth,
)

from calendar_sync.emulator.local_google import LocalGoogle

if TYPE_CHECKING:
    from conftest import HomeFolder

CAPTURED = Path(__file__).parent / "data" / "events.jsonl"


def test_every_calendar_gets_its_files_hidden_ones_too(
    home: HomeFolder, google: LocalGoogle
) -> None:
    """One ICS and one CSV for each calendar of the list, and a manifest that tells the truth."""
    home.run("export")
    entries = check_manifest(home.exports)
    listed = {item["id"]: item for item in google.control("list_calendars")["items"]}
    assert entries.keys() == listed.keys()
    slugs = {entry["slug"] for entry in entries.values()}
    assert slugs == {
        "ada-lovelace", "archive-2019", "grace-example-com",
        "holidays-in-united-states", "team-friends",
    }  # fmt: skip
    assert set(contents(home.exports)) == {f"{s}.{f}" for s in slugs for f in ("csv", "ics")}
    for calendar, entry in entries.items():
        assert list(entry) == [
            "id", "summary", "slug", "synced_at", "events", "series", "exceptions",
            "occurrences", "files", "warnings",
        ]  # fmt: skip
        items = truth(google, calendar)
        assert entry["summary"] == listed[calendar]["summary"]
        assert entry["events"] == sum(item["status"] != "cancelled" for item in items)
        assert entry["series"] == sum("recurrence" in item for item in items)
        assert entry["exceptions"] == sum("recurringEventId" in item for item in items)
        assert entry["occurrences"] == len(
            table((home / f"exports/{entry['slug']}.csv").read_bytes())
        )
        assert dt.datetime.fromisoformat(entry["synced_at"]).tzinfo is not None
        assert [file["path"] for file in entry["files"]] == [
            f"{entry['slug']}.ics",
            f"{entry['slug']}.csv",
        ]


def test_a_first_run_asks_once_for_the_list_and_once_for_each_calendar(
    home: HomeFolder, google: LocalGoogle
) -> None:
    """Pages of 2,500, hidden calendars asked for, ids encoded once, no window, no expansion."""
    home.run("export")
    [listing] = google.requests.to("calendarList")
    assert listing.query["showHidden"] == ("true",)
    events = google.requests.to("/events$")
    assert len(events) == 5 and google.requests.count() == 6
    assert {entry.query["maxResults"] for entry in events} == {("2500",)}
    assert {entry.query["singleEvents"] for entry in events} == {("false",)}
    assert not any("timeMin" in entry.query or "orderBy" in entry.query for entry in events)
    assert google.requests.count(place(HOLIDAYS)) == 1


def test_the_jsonl_is_google_s_truth_value_for_value(home: HomeFolder, google: LocalGoogle) -> None:
    """One line a resource, ordered by id, keys in Google's order, strange resources included."""
    fuzz = add_calendar(google, "Fuzz")
    google.control("load_fuzz", calendar=fuzz)
    home.run("export", "--format", "jsonl")
    for calendar, entry in check_manifest(home.exports).items():
        if calendar == "grace@example.com":
            continue  # we see less of it than its owner does
        assert same_json(lines(home / f"exports/{entry['slug']}.jsonl"), truth(google, calendar))
    assert {path.suffix for path in home.exports.iterdir()} == {".jsonl", ".json"}


@pytest.mark.slow
def test_thousands_of_events_come_in_pages_of_2500(home: HomeFolder, google: LocalGoogle) -> None:
    big = add_calendar(google, "Big")
    google.control("load_events", calendar=big, count=5200, seed=3)
    home.run("export", "--calendar", big, "--format", "jsonl")
    items = truth(google, big)
    assert same_json(lines(home / "exports/big.jsonl"), items)
    assert google.requests.count(place(big)) == -(-len(items) // 2500) == 3


@pytest.mark.parametrize(
    "switches",
    [
        {"page_cap": 37},
        {"short_pages": 0.5, "empty_pages": 0.5, "seed": 4},
        {"duplicate_items": 0.3, "page_cap": 50, "seed": 5},
    ],
    ids=lambda switches: "-".join(switches),
)
def test_odd_pages_lose_and_double_nothing(
    home: HomeFolder, google: LocalGoogle, switches: dict[str, Any]
) -> None:
    """Google may send fewer items than asked, none at all, or one twice."""
    google.control("load_events", calendar=ADA, count=400, seed=1)
    for name, value in switches.items():
        google.control("set_switch", name=name, value=value)
    home.run("export", "--format", "jsonl")
    assert same_json(lines(home / "exports/ada-lovelace.jsonl"), truth(google, ADA))


@pytest.mark.slow
def test_300_calendars_are_listed_in_pages_and_all_exported(
    home: HomeFolder, google: LocalGoogle
) -> None:
    ids = [add_calendar(google, f"Room {number:03}") for number in range(295)]
    add_singles(google, ids[200], 1)
    home.run("export", "--jobs", "16", "--format", "jsonl")
    assert google.requests.count("calendarList") == 2
    assert google.requests.count() == 2 + 300
    entries = check_manifest(home.exports)
    assert len(entries) == 300
    assert entries[ids[200]]["events"] == 1


def test_a_calendar_list_whose_page_token_dies_is_listed_anew(
    home: HomeFolder, google: LocalGoogle
) -> None:
    for number in range(250):
        add_calendar(google, f"Room {number:03}")
    google.faults.add("api_400", on="calendarList", query="pageToken")
    done = home.run("export", "--calendar", "Room 249", "--json")
    assert json.loads(done.stdout)["report"]["calendars"][0]["name"] == "Room 249"


def test_one_job_or_eight_the_same_bytes(new_home: Callable[..., HomeFolder]) -> None:
    one, eight = new_home("one"), new_home("eight")
    one.run("export", "--jobs", "1", "--format", "ics,csv,jsonl")
    eight.run("export", "--jobs", "8", "--format", "ics,csv,jsonl")
    assert contents(one.exports) == contents(eight.exports) != {}


# -- what the command line narrows -----------------------------------------------------------------


def test_calendar_chooses_by_name_pattern_or_id(home: HomeFolder, google: LocalGoogle) -> None:
    home.run("export", "--calendar", "team *", "--calendar", HOLIDAYS)
    assert manifest(home.exports).keys() == {TEAM, HOLIDAYS}
    assert google.requests.count("/events$") == 2
    done = home.run("export", "--calendar", "nothing like that", expect=2)
    assert "nothing like that" in done.stderr and "calendar-sync calendars" in done.stderr


def test_calendar_and_output_touch_nothing_else(home: HomeFolder, tmp_path: Path) -> None:
    """What another run read is not written to where somebody asked for one calendar."""
    home.run("export")
    before = stamps(home.exports)
    home.run("export", "--calendar", "Team*", "--output", str(tmp_path / "elsewhere"))
    assert set(contents(tmp_path / "elsewhere")) == {"team-friends.csv", "team-friends.ics"}
    assert check_manifest(tmp_path / "elsewhere").keys() == {TEAM}
    assert stamps(home.exports) == before


def test_output_is_relative_to_where_the_user_stands(home: HomeFolder, tmp_path: Path) -> None:
    home.run("export", "--output", "here", cwd=tmp_path)
    assert check_manifest(tmp_path / "here").keys() == {
        ADA, TEAM, HOLIDAYS, "archive@group.calendar.google.com", "grace@example.com",
    }  # fmt: skip


def test_from_and_to_bound_the_rows(home: HomeFolder) -> None:
    """What overlaps [from, to) is in every format, and nothing else."""
    home.run(
        "export", "--from", "2026-03-25", "--to", "2026-03-27",
        "--calendar", ADA, "--format", "csv,ics,jsonl",
    )  # fmt: skip
    rows = table((home / "exports/ada-lovelace.csv").read_bytes())
    assert [row["summary"] for row in rows] == [
        "Home",
        "Analytical Engine: design review",
        "Focus time",
        "'=SUM(A1:A9) – a title that a spreadsheet must not calculate",
    ]
    [entry] = check_manifest(home.exports).values()
    assert [file["rows"] for file in entry["files"]] == [4, 4, 4]


def test_an_unknown_format_is_wrong_usage(home: HomeFolder) -> None:
    done = home.run("export", "--format", "xml", expect=2)
    assert "ics, csv, jsonl" in done.stderr
    assert not home.exports.exists()


# -- the captured events ---------------------------------------------------------------------------


@pytest.fixture
def captured(home: HomeFolder, google: LocalGoogle) -> tuple[HomeFolder, str]:
    """A home after the export of a calendar that serves the captured events unchanged."""
    calendar = add_calendar(google, "Captured", time_zone="America/Chicago")
    google.control("load_jsonl", path=str(CAPTURED), calendar=calendar)
    home.run("export", "--format", "ics,csv,jsonl")
    check_manifest(home.exports)
    return home, calendar


def test_every_captured_event_is_in_the_ics_at_its_time(
    captured: tuple[HomeFolder, str], google: LocalGoogle
) -> None:
    """Read back by icalendar: masters, exceptions, orphans, all-day, zones."""
    home, calendar = captured
    parsed = icalendar.Calendar.from_ical((home / "exports/captured.ics").read_bytes())
    starts = {
        (str(found["UID"]), _instant(found.get("RECURRENCE-ID"))): _instant(found["DTSTART"])
        for found in parsed.walk("VEVENT")
    }
    items = truth(google, calendar)
    masters = {item["id"] for item in items if "recurrence" in item}
    live = [item for item in items if item.get("status") != "cancelled"]
    assert len(live) > 20
    for item in live:
        series = item.get("recurringEventId")
        uid = item.get("iCalUID") or f"{series or item['id']}@google.com"
        original = item.get("originalStartTime", item["start"])
        key = uid, _when(original) if series in masters else None
        if series and key not in starts:  # an orphan stands alone, its id's end behind the UID
            key = f"{uid}{item['id'].removeprefix(series)}", None
        assert starts.pop(key) == _when(item["start"]), item["id"]
    assert starts == {}


def _when(time: dict[str, str]) -> dt.date | dt.datetime:
    if "date" in time:
        return dt.date.fromisoformat(time["date"])
    found = dt.datetime.fromisoformat(time["dateTime"])
    if found.tzinfo is None:
        found = found.replace(tzinfo=icalendar.timezone.tzp.timezone(time["timeZone"]))
    return found.astimezone(dt.UTC)


def _instant(value: Any) -> dt.date | dt.datetime | None:
    if value is None:
        return None
    found = value.dt
    return found.astimezone(dt.UTC) if isinstance(found, dt.datetime) else found


def test_an_analyst_reads_the_captured_csv_with_pandas(
    captured: tuple[HomeFolder, str], google: LocalGoogle
) -> None:
    """One header, times that parse, rows in order, every live single event there."""
    home, calendar = captured
    frame = pd.read_csv(home / "exports/captured.csv", keep_default_na=False)
    assert frame.columns[0] == "calendar_id" and set(frame["calendar_id"]) == {calendar}
    live = [item for item in truth(google, calendar) if item.get("status") != "cancelled"]
    singles = {item["id"] for item in live if "recurrence" not in item}
    assert singles <= set(frame["event_id"])
    assert frame["event_id"].is_unique
    timed = frame[frame["start_utc"] != ""]
    starts = pd.to_datetime(timed["start_utc"], utc=True)
    assert starts.is_monotonic_increasing
    assert (pd.to_datetime(timed["start"], utc=True) == starts).all()
    by_id = frame.set_index("event_id")
    for item in live:
        if item["id"] in singles and "dateTime" in item["start"]:
            assert pd.Timestamp(by_id.loc[item["id"], "start_utc"]) == _when(item["start"])


def test_an_event_that_cannot_be_read_costs_a_warning_only(
    home: HomeFolder, google: LocalGoogle
) -> None:
    """It is in the JSONL, the others are in every file, the manifest names it."""
    ids = add_singles(google, ADA, 2)
    broken = {"dateTime": "yesterday afternoon"}
    google.faults.add(
        "set_keys", on=place(ADA),
        keys={"items": [
            {"id": "broken", "status": "confirmed", "start": broken, "end": broken},
            *[item for item in truth(google, ADA) if item["id"] in ids],
        ]},
    )  # fmt: skip
    home.run("export", "--format", "csv,ics,jsonl", "--calendar", ADA)
    [entry] = check_manifest(home.exports).values()
    assert {file["format"]: file["rows"] for file in entry["files"]}["jsonl"] == 3
    assert {warning["event_id"] for warning in entry["warnings"]} == {"broken"}
    for name in ("ada-lovelace.csv", "ada-lovelace.ics"):
        content = (home.exports / name).read_bytes()
        assert b"Event 0" in content and b"Event 1" in content


def test_half_surrogates_and_foreign_bytes_stay_as_google_sent_them(
    home: HomeFolder, google: LocalGoogle
) -> None:
    event = {**truth(google, HOLIDAYS)[0], "summary": "half \ud83d done", "id": "half"}
    page = {"kind": "calendar#events", "items": [event], "nextSyncToken": "made-up"}
    google.faults.add("status", on=place(HOLIDAYS), status=200, body=json.dumps(page))
    home.run("export", "--calendar", HOLIDAYS, "--format", "jsonl,csv,ics")
    [line] = lines(home / "exports/holidays-in-united-states.jsonl")
    assert same_json(line, event)
    [row] = table((home / "exports/holidays-in-united-states.csv").read_bytes())
    assert row["summary"] == "half \ufffd done"


def test_what_a_run_did_is_told_in_json(home: HomeFolder) -> None:
    found = report(home, "--calendar", TEAM)
    assert found["exit_code"] == 0 and found["requests"] == 2
    assert found["by_id"][TEAM] == {
        "id": TEAM,
        "name": "Team & Friends",
        "slug": "team-friends",
        "result": "updated",
        "read": "full (first read)",
        "added": 3,
        "changed": 0,
        "removed": 0,
        "events": 3,
        "error": "",
    }
