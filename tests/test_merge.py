"""`merge = true`: several calendars in one ICS and one CSV."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, Any

import icalendar
from export_steps import ADA, TEAM, add_calendar, add_singles, check_manifest, contents, stamps

from calendar_sync.emulator.local_google import LocalGoogle

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import HomeFolder

MERGED = """
[[export]]
name = "Everything & all"
merge = true
"""


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline="")))


def single(event_id: str, summary: str) -> dict[str, Any]:
    return {
        "id": event_id,
        "summary": summary,
        "iCalUID": "shared@example.com",
        "start": {"dateTime": "2026-05-01T10:00:00+02:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-05-01T11:00:00+02:00", "timeZone": "Europe/Berlin"},
    }


def test_one_file_of_all_calendars_named_after_the_export(
    home: HomeFolder, google: LocalGoogle
) -> None:
    """Case 62: an event of two calendars is there twice, each time saying of which."""
    for calendar in (ADA, TEAM):
        google.control("add_event", calendar=calendar, event=single("sharedevent", calendar))
    home.configure(MERGED)
    home.run("export", "--verify")
    assert set(contents(home.exports)) == {"everything-all.csv", "everything-all.ics"}
    content = (home / "exports/everything-all.ics").read_bytes()
    calendar = icalendar.Calendar.from_ical(content)
    assert str(calendar["NAME"]) == str(calendar["X-WR-CALNAME"]) == "Everything & all"
    zones = [str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")]
    assert len(zones) == len(set(zones)) > 1
    events = calendar.walk("VEVENT")
    shared = [event for event in events if event["X-GOOGLE-EVENT-ID"] == "sharedevent"]
    assert sorted(str(event["X-WR-RELCALID"]) for event in shared) == [ADA, TEAM]
    assert len({str(event["UID"]) for event in shared}) == 1
    assert json.loads(home.run("verify", "--json").stdout)["count"] == 0


def test_the_csv_is_in_one_order(home: HomeFolder, google: LocalGoogle) -> None:
    for calendar in (TEAM, ADA):
        google.control("add_event", calendar=calendar, event=single("sharedevent", "Tea"))
    home.run("export", "--format", "csv")
    apart = [row for path in home.exports.glob("*.csv") for row in rows_of(path)]
    home.configure(MERGED + 'output = "merged"\n')
    home.run("export")
    merged = rows_of(home / "merged/everything-all.csv")
    assert sorted(map(str, merged)) == sorted(map(str, apart))
    timed = [(r["start_utc"], r["event_id"], r["calendar_id"]) for r in merged if r["start_utc"]]
    assert timed == sorted(timed)
    assert len({row["calendar_id"] for row in merged}) > 2


def test_the_manifest_says_what_is_merged(home: HomeFolder) -> None:
    home.configure(MERGED)
    home.run("export")
    whole = json.loads((home / "exports/manifest.json").read_bytes())["calendars"]
    ids = [entry["id"] for entry in whole]
    assert len(ids) == 5
    for entry in whole:
        assert entry["merged"] == ids
        assert [file["path"] for file in entry["files"]] == [
            "everything-all.ics",
            "everything-all.csv",
        ]
    check_manifest(home.exports)
    [rows] = {entry["files"][1]["rows"] for entry in whole}
    assert rows == sum(entry["occurrences"] for entry in whole)


def test_a_change_in_one_calendar_makes_the_files_anew_and_nothing_else_does(
    home: HomeFolder, google: LocalGoogle
) -> None:
    home.configure(MERGED)
    home.run("export")
    before = stamps(home.exports)
    home.run("export")
    assert stamps(home.exports) == before
    add_singles(google, TEAM, 2)
    home.run("export", "--calendar", TEAM)
    merged = rows_of(home / "exports/everything-all.csv")
    assert len({row["calendar_id"] for row in merged}) > 2
    assert sum(row["summary"].startswith("Event ") for row in merged) >= 2
    home.run("verify")
    incremental = contents(home.exports)
    (home / "exports/everything-all.ics").unlink()
    home.run("export", "--full")
    assert contents(home.exports) == incremental


def test_a_failed_calendar_stays_in_the_file_as_it_was(
    home: HomeFolder, google: LocalGoogle
) -> None:
    home.configure(MERGED)
    home.run("export")
    before = contents(home.exports)
    google.faults.add("api_400", on="team")
    home.run("export", expect=None)
    assert contents(home.exports) == before


def test_tampering_with_a_merged_file_is_named(home: HomeFolder) -> None:
    home.configure(MERGED)
    home.run("export")
    path = home / "exports/everything-all.ics"
    path.write_bytes(path.read_bytes().replace(b"\r\nSUMMARY:", b"\r\nSUMMARY:x", 1))
    found = json.loads(home.run("verify", "--json", expect=65).stdout)
    assert {d["field"] for d in found["differences"]} == {"SUMMARY", "sha256", "bytes"}


def test_what_cannot_be_merged_is_refused(home: HomeFolder) -> None:
    home.configure(MERGED + 'formats = ["ics", "jsonl"]\n')
    assert "merge" in home.run("export", expect=78).stderr
    home.configure(MERGED)
    assert "merge" in home.run("export", "--format", "sqlite", expect=2).stderr


# -- one file for each UID -------------------------------------------------------------------------

PER_UID = "[[export]]\nper_uid = true\n"


def test_each_uid_has_a_file_of_its_own(home: HomeFolder, google: LocalGoogle) -> None:
    """A series and its exceptions together; complete calendars; names that are safe anywhere."""
    google.control("load_fuzz", calendar=add_calendar(google, "Fuzz"))
    home.configure(PER_UID)
    home.run("export", "--verify")
    for entry in check_manifest(home.exports).values():
        whole = icalendar.Calendar.from_ical((home / f"exports/{entry['slug']}.ics").read_bytes())
        folder = home / f"exports/{entry['slug']}"
        uids: list[str] = []
        events = 0
        for path in folder.iterdir():
            assert re.fullmatch(r"[A-Za-z0-9_-]+\.ics", path.name)
            calendar = icalendar.Calendar.from_ical(path.read_bytes())
            [uid] = {str(event["UID"]) for event in calendar.walk("VEVENT")}
            uids.append(uid)
            events += len(calendar.walk("VEVENT"))
            used = set(re.findall(rb';TZID=("[^"]*"|[^:;]+)', path.read_bytes()))
            declared = {str(zone["TZID"]).encode() for zone in calendar.walk("VTIMEZONE")}
            assert {name.strip(b'"') for name in used} <= declared
        assert len(uids) == len(set(uids)) == entry["per_uid"]["files"]
        assert set(uids) == {str(event["UID"]) for event in whole.walk("VEVENT")}
        assert events == len(whole.walk("VEVENT"))
    home.run("verify")


def test_files_of_vanished_uids_go_others_stay_as_they_are(
    home: HomeFolder, google: LocalGoogle
) -> None:
    home.configure(PER_UID)
    ids = add_singles(google, TEAM, 3)
    home.run("export")
    folder = home / "exports/team-friends"
    before = stamps(folder)
    (folder / "my own notes.ics").write_text("mine")
    google.control("delete_event", calendar=TEAM, id=ids[1])
    home.run("export")
    after = stamps(folder)
    [gone] = before.keys() - after.keys()
    assert ids[1] in gone
    assert after.keys() - before.keys() == {"my own notes.ics"}
    assert all(after[name] == before[name] for name in before.keys() - {gone})
    home.run("verify")
    next(path for path in folder.iterdir() if ids[0] in path.name).unlink()
    found = json.loads(home.run("verify", "--json", expect=65).stdout)
    assert {(d["event_id"], d["field"]) for d in found["differences"]} == {
        (ids[0], "event"),
        ("team-friends", "files"),
    }
