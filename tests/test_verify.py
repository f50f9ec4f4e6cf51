"""`verify`: clean homes pass, every kind of tampering is named, `export --verify` guards."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from export_steps import TEAM, add_calendar, add_singles, contents

from calendar_sync.emulator.local_google import LocalGoogle

if TYPE_CHECKING:
    from conftest import HomeFolder

CAPTURED = Path(__file__).parent / "data" / "events.jsonl"


def findings(home: HomeFolder, *arguments: str, expect: int = 0) -> dict[str, Any]:
    done = home.run("verify", "--json", *arguments, expect=None)
    assert done.returncode == expect, done.stdout[:3000] + done.stderr[:3000]
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["version"] == 1
    return found


def captured(google: LocalGoogle) -> None:
    calendar = add_calendar(google, "Captured", time_zone="Europe/Rome")
    google.control("load_jsonl", path=str(CAPTURED), calendar=calendar)


def fuzz(google: LocalGoogle) -> None:
    google.control("load_fuzz", calendar=add_calendar(google, "Fuzz"))


def load(google: LocalGoogle) -> None:
    google.control("load_events", calendar=add_calendar(google, "Big"), count=500, seed=7)


NY = "America/New_York"


def rare(google: LocalGoogle) -> None:
    """What files repair, or write in another form than most."""

    def timed(start: str, end: str, zone: str = NY) -> dict[str, Any]:
        return {key: {"dateTime": text, "timeZone": zone} for key, text in
                (("start", start), ("end", end))}  # fmt: skip

    def series(name: str, *lines: str, day: str = "2026-03-06T09:00:00-05:00") -> dict[str, Any]:
        end = dt.datetime.fromisoformat(day) + dt.timedelta(minutes=15)
        return {"id": name, "summary": name, **timed(day, end.isoformat()), "recurrence": [*lines]}

    gap = {"dateTime": "2026-03-08T03:30:00-04:00", "timeZone": NY}
    events: list[dict[str, Any]] = [
        series("twoendscount", "RRULE:FREQ=DAILY;COUNT=3;UNTIL=20270101T000000Z"),
        series("twoendsuntil", "RRULE:FREQ=DAILY;COUNT=30;UNTIL=20260310"),
        series("wholeday", "RRULE:FREQ=DAILY;BYHOUR=9,15;COUNT=9", "EXDATE;VALUE=DATE:20260307"),
        series("wholehours", "RRULE:FREQ=HOURLY;INTERVAL=5;COUNT=30", "EXDATE;VALUE=DATE:20260308"),
        series("inthegap", "RRULE:FREQ=DAILY;COUNT=4", day="2026-03-06T02:30:00-05:00"),
        {"id": "inthegap_20260308T073000Z", "recurringEventId": "inthegap", "summary": "moved",
         "originalStartTime": gap, **timed("2026-03-08T18:00:00-04:00", "2026-03-08T19:00:00-04:00")},
        {"id": "yearone",
         **timed("0001-01-01T00:00:00+02:00", "0001-01-01T01:00:00+02:00", "GMT+02:00")},
        {"id": "lastyear", **timed("9999-12-31T23:00:00-05:00", "9999-12-31T23:30:00-05:00")},
        {"id": "meantime", **timed("1880-01-01T12:00:00Z", "1880-01-01T13:00:00Z", "Europe/Paris")},
        {"id": "oddguests", **timed("2026-03-06T09:00:00-05:00", "2026-03-06T09:30:00-05:00"),
         "attendees": [{"email": "a@x.org", "additionalGuests": "many"}, {"email": "b@x.org"}, "c"]},
        {"id": "athome", "eventType": "workingLocation", "start": {"date": "2026-03-06"},
         "end": {"date": "2026-03-07"}, "workingLocationProperties": {"type": "homeOffice"}},
    ]  # fmt: skip
    google.control("add_events", calendar=add_calendar(google, "Rare"), events=events)


@pytest.mark.parametrize("fill", [captured, fuzz, load, rare], ids=lambda fill: fill.__name__)
def test_what_the_export_wrote_is_what_the_mirror_holds(
    home: HomeFolder, google: LocalGoogle, fill: Callable[[LocalGoogle], None]
) -> None:
    """Every event of every sort, in every format, read by other parsers."""
    fill(google)
    home.run("export", "--format", "ics,csv,jsonl")
    found = findings(home)
    assert found["count"] == 0 and found["differences"] == [] and found["remarks"] == []
    assert found["files"] >= 6 * 3 and found["events"] > 20


def test_an_event_in_the_last_minutes_of_the_calendar_is_no_difference(
    home: HomeFolder, google: LocalGoogle
) -> None:
    """In UTC both ends are in the year 10000, so both saturate and DTEND is left out."""
    times = {
        "start": {"dateTime": "9999-12-31T23:30:00-05:00"},
        "end": {"dateTime": "9999-12-31T23:59:00-05:00"},
    }
    google.control("add_events", calendar=TEAM, events=[{"summary": "Edge", **times}])
    home.run("export")
    assert findings(home)["count"] == 0


VIEWS = """
timezone = "Asia/Taipei"
[[export]]
name = "series"
rows = "series"
orphans = "recurrence-id"
csv_guard = false
output = "exports/series"
[[export]]
name = "window"
window = "-30d..+300d"
formats = ["ics", "csv", "jsonl"]
columns = ["start", "summary", "calendar"]
output = "exports/window"
[[export]]
name = "google"
preset = "google-import"
output = "exports/google"
[[export]]
name = "outlook"
preset = "outlook"
horizon = "2028-01-01"
output = "exports/outlook"
"""


def test_every_view_is_verified_by_its_own_rules(home: HomeFolder, google: LocalGoogle) -> None:
    for fill in (captured, fuzz):
        fill(google)
    home.configure(VIEWS)
    home.run("export")
    assert findings(home)["files"] == 8 * (2 + 3 + 2 + 2)
    home.run("export", "--from", "2026-03-01", "--to", "2026-09-01")
    findings(home, "--from", "2026-03-01", "--to", "2026-09-01")
    assert findings(home, expect=65)["remarks"]


# -- tampering -------------------------------------------------------------------------------------


@pytest.fixture
def exported(home: HomeFolder, google: LocalGoogle) -> HomeFolder:
    """The sample world, exported in every format that is text."""
    home.run("export", "--format", "ics,csv,jsonl")
    assert findings(home)["count"] == 0
    return home


def replace(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert content.count(old) >= 1
    path.write_bytes(content.replace(old, new, 1))


def named(home: HomeFolder) -> list[tuple[str, str]]:
    """What differs but the manifest's hashes: event and field."""
    found = findings(home, expect=65)["differences"]
    return [(d["event_id"], d["field"]) for d in found if not d["path"].endswith("manifest.json")]


def first_event(path: Path) -> tuple[bytes, str]:
    """The first VEVENT of a file and the id in it."""
    content = path.read_bytes()
    begin = content.index(b"BEGIN:VEVENT\r\n")
    block = content[begin : content.index(b"END:VEVENT\r\n") + len(b"END:VEVENT\r\n")]
    unfolded = block.replace(b"\r\n ", b"").decode()
    return block, unfolded.split("X-GOOGLE-EVENT-ID:")[1].split("\r\n")[0]


def test_a_vevent_that_is_gone_is_named(exported: HomeFolder) -> None:
    path = exported / "exports/ada-lovelace.ics"
    block, event_id = first_event(path)
    replace(path, block, b"")
    assert named(exported) == [(event_id, "event")]
    done = exported.run("verify", expect=65)
    assert f"{event_id}: event: file 0 times, mirror 1 times" in done.stdout
    assert "rows" in done.stdout and "sha256" in done.stdout


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("DTSTART", rb"(?s)(BEGIN:VEVENT.*?\nDTSTART[^\r]*T\d\d)\d\d", rb"\g<1>59"),
        ("SUMMARY", rb"(\r\nSUMMARY:)", rb"\1x"),
        ("RRULE", rb"(\r\nRRULE:FREQ=)WEEKLY", rb"\1DAILY"),
        ("EXDATE", rb"\r\nEXDATE[^\r]*", rb""),
        ("RECURRENCE-ID", rb"(\r\nRECURRENCE-ID[^\r]*:\d{6})\d\d", rb"\g<1>02"),
        ("LOCATION", rb"(\r\nLOCATION:)", rb"\1x"),
        ("UID", rb"(\r\nUID:)", rb"\1x"),
    ],
)
def test_a_changed_property_is_named(
    exported: HomeFolder, name: str, old: bytes, new: bytes
) -> None:
    changed = 0
    for path in exported.exports.glob("*.ics"):
        content, count = re.subn(old, new, path.read_bytes(), count=1)
        path.write_bytes(content)
        changed += count
    found = named(exported)
    assert changed and len(found) == changed
    assert {field for _, field in found} == {name}


def test_a_wrong_vtimezone_is_seen_in_the_times(exported: HomeFolder) -> None:
    """Times go through the file's own VTIMEZONE: a zone database would hide the mistake."""
    path = exported / "exports/team-friends.ics"
    path.write_bytes(re.sub(rb"TZOFFSETTO:\+0\d", b"TZOFFSETTO:+09", path.read_bytes()))
    assert {"DTSTART", "DTEND"} <= {field for _, field in named(exported)}


@pytest.mark.parametrize("column", ["event_id", "start_utc", "end_utc", "all_day", "summary"])
def test_a_changed_cell_is_named(exported: HomeFolder, column: str) -> None:
    path = exported / "exports/ada-lovelace.csv"
    rows = list(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))
    place = rows[0].index(column)
    row = next(row for row in rows[1:] if row[place])
    event_id, row[place] = row[rows[0].index("event_id")], row[place] + "0"
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    path.write_bytes(text.getvalue().encode())
    expected = {(event_id, column)}
    if column == "event_id":
        expected = {(event_id, "event"), (f"{event_id}0", "event")}
    assert set(named(exported)) == expected


def test_a_changed_resource_and_another_order_are_named(exported: HomeFolder) -> None:
    path = exported / "exports/team-friends.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[1], lines[0], *lines[2:]]))
    assert [field for _, field in named(exported)] == ["order"]
    path.write_bytes(
        b"".join([lines[0].replace(b'"status":"confirmed"', b'"status":"x"'), *lines[1:]])
    )
    assert named(exported) == [(json.loads(lines[0])["id"], "resource")]


@pytest.mark.parametrize("field", ["sha256", "bytes", "rows", "events", "series", "slug"])
def test_an_edited_manifest_is_named(exported: HomeFolder, field: str) -> None:
    path = exported / "exports/manifest.json"
    value = json.loads(path.read_bytes())
    entry = value["calendars"][0]
    part = entry["files"][0] if field in ("sha256", "bytes", "rows") else entry
    part[field] = "made-up" if isinstance(part[field], str) else part[field] + 1
    path.write_text(json.dumps(value))
    found = findings(exported, expect=65)["differences"]
    assert [difference["field"] for difference in found] == [field]


def test_a_missing_file_a_broken_file_and_a_lost_manifest_are_named(exported: HomeFolder) -> None:
    (exported / "exports/ada-lovelace.csv").unlink()
    (exported / "exports/ada-lovelace.ics").write_bytes(b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n")
    found = findings(exported, expect=65)["differences"]
    assert {"file", "content"} <= {difference["field"] for difference in found}
    (exported / "exports/manifest.json").unlink()
    found = findings(exported, expect=65)["differences"]
    assert {difference["field"] for difference in found} == {"calendar"}


@pytest.mark.slow
def test_at_most_twenty_are_printed_and_all_are_counted(
    home: HomeFolder, google: LocalGoogle
) -> None:
    load(google)
    home.run("export", "--format", "csv")
    path = home / "exports/big.csv"
    path.write_bytes(path.read_bytes().replace(b"Z,", b"X,"))
    found = findings(home, expect=65)
    assert len(found["differences"]) == 20 and found["count"] > 1000
    done = home.run("verify", expect=65)
    assert len(done.stdout.splitlines()) == 21
    assert f"{found['count']} differences in" in done.stdout


def test_files_older_than_the_mirror_are_explained(home: HomeFolder, google: LocalGoogle) -> None:
    """After another configuration was written, the remark says what to do."""
    home.run("export")
    home.configure('[[export]]\nrows = "series"\n')
    assert "run calendar-sync export" in findings(home, expect=65)["remarks"][0]


def test_without_anything_exported_there_is_nothing_to_verify(home: HomeFolder) -> None:
    assert "calendar-sync export" in home.run("verify", expect=1).stderr
    assert not (home / "state").exists()


# -- export --verify -------------------------------------------------------------------------------


def test_export_verify_publishes_what_it_has_read_back(
    home: HomeFolder, google: LocalGoogle
) -> None:
    fuzz(google)
    home.run("export", "--verify", "--format", "ics,csv,jsonl")
    assert findings(home)["files"] == 18


def test_a_writer_with_a_bug_publishes_nothing(home: HomeFolder, google: LocalGoogle) -> None:
    """The calendar fails with 65 and keeps its last good files; the others are brought up to date."""
    home.run("export")
    before = contents(home.exports)
    add_singles(google, TEAM, 1)
    broken = (
        "import sys, calendar_sync.ics.event as writer\n"
        "writer._titles = lambda events: ['wrong'] * len(events)\n"
        "from calendar_sync.cli import main\n"
        "main(sys.argv[1:])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", broken, "--home", str(home.folder), "export", "--verify"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 65, done.stderr
    assert "SUMMARY: file 'wrong', mirror" in done.stderr and "Team" in done.stderr
    assert contents(home.exports) == before
    home.run("export", "--verify")
    assert contents(home.exports) != before
    findings(home)


def test_a_manifest_that_makes_no_sense_is_a_difference_too(exported: HomeFolder) -> None:
    path = exported / "exports/manifest.json"
    value = json.loads(path.read_bytes())
    del value["calendars"][0]["files"]
    value["calendars"][1]["warnings"] = [3]
    path.write_text(json.dumps(value))
    found = findings(exported, expect=65)["differences"]
    assert [difference["field"] for difference in found] == ["entry", "entry"]


def test_a_rolling_window_that_moved_on_is_no_difference(
    home: HomeFolder, google: LocalGoogle
) -> None:
    """Files are judged by the time of the run that made them, also after many more runs."""
    home.configure('[[export]]\nwindow = "-1h..+90d"\nformats = ["csv"]\n')
    add_singles(google, TEAM, 300)
    home.run("export")
    time.sleep(1.1)
    home.run("export", "--calendar", "ada*")
    assert findings(home)["count"] == 0
