"""The wide table and the presets, case by case; numbers are those of the list of edge cases."""

from __future__ import annotations

import io
import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from calendar_sync.emulator.fuzz import fuzz_events
from calendar_sync.items import read_items
from calendar_sync.model import CalendarView, Event, Item, Series, Single
from calendar_sync.resources import read_event
from calendar_sync.sync import Kind
from calendar_sync.table.exporter import CsvExporter, CsvOptions

PARIS, NEW_YORK = "Europe/Paris", "America/New_York"


def event(**fields: Any) -> Event:
    fields.setdefault("id", "e")
    return read_event(json.dumps(fields).encode())[0]


def times(start: str, end: str, zone: str | None = None, end_zone: str | None = None) -> Any:
    def time(text: str, name: str | None) -> dict[str, str]:
        if len(text) == 10:
            return {"date": text}
        return {"dateTime": text, **({"timeZone": name} if name else {})}

    return {"start": time(start, zone), "end": time(end, end_zone or zone)}


NOON = times("2024-07-01T12:00:00+02:00", "2024-07-01T12:30:00+02:00", PARIS)


def export(items: list[Item], folder: Path, name: str = "Team", **options: Any) -> bytes:
    calendar = CalendarView(id="c", name=name, time_zone=options.pop("calendar_zone", PARIS))
    exporter = CsvExporter(calendar, CsvOptions(**options), folder)
    for item in items:
        exporter.add(item)
    file = io.BytesIO()
    exporter.finish(file)
    exporter.close()
    return file.getvalue()


def row(fields: dict[str, Any], folder: Path, **options: Any) -> dict[str, str]:
    content = export([Single(event(**fields))], folder, **options)
    table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    assert len(table) == 1
    return dict(table.iloc[0])


TIMES = [
    pytest.param(
        times("2024-07-01T09:00:00+02:00", "2024-07-01T09:30:00+02:00", PARIS),
        {"start": "2024-07-01T09:00:00+02:00", "start_utc": "2024-07-01T07:00:00Z",
         "duration_minutes": "30", "timezone": PARIS},
        id="case-1",
    ),
    pytest.param(
        times("2024-07-01T07:00:00Z", "2024-07-01T07:30:00Z", PARIS),
        {"start": "2024-07-01T09:00:00+02:00", "end": "2024-07-01T09:30:00+02:00"},
        id="case-2",
    ),
    pytest.param(
        times("2024-07-01T07:00:00Z", "2024-07-01T07:30:00Z"),
        {"start": "2024-07-01T09:00:00+02:00", "timezone": PARIS},
        id="case-3",
    ),
    pytest.param(
        times("2024-07-01T07:00:00Z", "2024-07-01T07:30:00Z", "Etc/UTC"),
        {"start": "2024-07-01T07:00:00+00:00", "timezone": "Etc/UTC"},
        id="case-4",
    ),
    pytest.param(
        times("2024-07-01T07:00:00Z", "2024-07-01T07:30:00Z", "Etc/GMT+5"),
        {"start": "2024-07-01T02:00:00-05:00", "timezone": "Etc/GMT+5"},
        id="case-5",
    ),
    pytest.param(
        times("2024-07-01T07:00:00-03:00", "2024-07-01T07:30:00-03:00", "Foo/Bar"),
        {"start": "2024-07-01T07:00:00-03:00", "start_utc": "2024-07-01T10:00:00Z",
         "timezone": "Foo/Bar"},
        id="case-6",
    ),
    pytest.param(
        times("2024-07-01T09:00:00+05:30", "2024-07-01T10:00:00+05:30", "Asia/Calcutta"),
        {"start": "2024-07-01T09:00:00+05:30", "timezone": "Asia/Calcutta"},
        id="case-7",
    ),
    pytest.param(
        times("2024-07-01T20:00:00-04:00", "2024-07-02T09:00:00+02:00", NEW_YORK, PARIS),
        {"start": "2024-07-01T20:00:00-04:00", "end": "2024-07-02T09:00:00+02:00",
         "timezone": NEW_YORK, "duration_minutes": "420", "end_date_inclusive": "2024-07-02"},
        id="case-8-a-flight",
    ),
    pytest.param(
        times("2024-07-02T23:00:00+09:00", "2024-07-02T17:00:00-07:00", "Asia/Tokyo",
              "America/Los_Angeles"),
        {"start_date": "2024-07-02", "end_date_inclusive": "2024-07-02",
         "duration_minutes": "600"},
        id="case-8-over-the-date-line",
    ),
    pytest.param(
        times("2024-03-10", "2024-03-11"),
        {"start": "2024-03-10", "end": "2024-03-11", "end_date_inclusive": "2024-03-10",
         "all_day": "true", "start_utc": "", "timezone": ""},
        id="case-9",
    ),
    pytest.param(
        times("2024-03-10", "2024-03-13"),
        {"end_date_inclusive": "2024-03-12", "duration_minutes": ""},
        id="case-10",
    ),
    pytest.param(
        times("2024-03-10", "2024-03-10"),
        {"end": "2024-03-10", "end_date_inclusive": "2024-03-10"},
        id="case-11",
    ),
    pytest.param(
        times("2024-07-01T00:00:00+02:00", "2024-07-01T00:00:00+02:00", PARIS),
        {"end": "2024-07-01T00:00:00+02:00", "duration_minutes": "0",
         "end_date_inclusive": "2024-07-01"},
        id="case-12",
    ),
    pytest.param(
        times("2024-07-01T09:00:00+02:00", "2024-07-01T08:00:00+02:00", PARIS),
        {"end": "2024-07-01T08:00:00+02:00", "duration_minutes": "-60"},
        id="case-13",
    ),
    pytest.param(
        {**NOON, "endTimeUnspecified": True},
        {"start": "2024-07-01T12:00:00+02:00", "end": "", "end_utc": "", "duration_minutes": "",
         "end_date_inclusive": "2024-07-01"},
        id="case-14",
    ),
    pytest.param(
        times("2024-07-01T07:00:00.500Z", "2024-07-01T07:00:50.900Z", PARIS),
        {"start": "2024-07-01T09:00:00+02:00", "duration_minutes": "0.83"},
        id="case-15",
    ),
    pytest.param(
        times("2024-07-01T07:00:30Z", "2024-07-01T07:02:00Z", PARIS),
        {"start": "2024-07-01T09:00:30+02:00", "duration_minutes": "1.5"},
        id="case-16",
    ),
    pytest.param(
        times("0001-01-01T00:00:00+02:00", "0001-01-01T01:00:00+02:00", PARIS),
        {"start": "0001-01-01T00:00:00+02:00", "start_utc": "0001-01-01T00:00:00Z",
         "end_utc": "0001-01-01T00:00:00Z", "all_day": "false", "duration_minutes": "60"},
        id="case-17-year-1",
    ),
    pytest.param(
        times("0001-06-01T00:00:00Z", "0001-06-01T01:00:00Z", PARIS),
        {"start": "0001-06-01T00:09:21+00:09:21", "start_utc": "0001-06-01T00:00:00Z"},
        id="case-17-local-mean-time-has-seconds",
    ),
    pytest.param(times("1601-01-01", "1601-01-02"), {"start": "1601-01-01"}, id="case-17-year-1601"),
    pytest.param(
        times("9999-12-31T23:00:00-05:00", "9999-12-31T23:30:00-05:00", NEW_YORK),
        {"start": "9999-12-31T23:00:00-05:00", "start_utc": "9999-12-31T23:59:59Z",
         "end_utc": "9999-12-31T23:59:59Z", "duration_minutes": "30"},
        id="case-18",
    ),
    pytest.param(
        times("2024-11-03T01:30:00-05:00", "2024-11-03T01:45:00-05:00", NEW_YORK),
        {"start": "2024-11-03T01:30:00-05:00", "start_utc": "2024-11-03T06:30:00Z"},
        id="case-19-second-pass",
    ),
    pytest.param(
        times("2024-11-03T01:30:00-04:00", "2024-11-03T01:45:00-04:00", NEW_YORK),
        {"start": "2024-11-03T01:30:00-04:00", "start_utc": "2024-11-03T05:30:00Z"},
        id="case-20-first-pass",
    ),
    pytest.param(
        times("2024-07-01T09:00:00+07:00", "2024-07-01T10:00:00+07:00", PARIS),
        {"start": "2024-07-01T04:00:00+02:00", "start_utc": "2024-07-01T02:00:00Z"},
        id="case-21-the-instant-wins",
    ),
    pytest.param(
        times("2024-06-30T22:00:00+02:00", "2024-07-02T00:00:00+02:00", PARIS),
        {"start_date": "2024-06-30", "end_date_inclusive": "2024-07-01"},
        id="an-end-at-midnight-belongs-to-the-day-before",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "expected"), TIMES)
def test_times(fields: dict[str, Any], expected: dict[str, str], tmp_path: Path) -> None:
    found = row(fields, tmp_path)
    assert {name: found[name] for name in expected} == expected


CELLS = [
    pytest.param({"summary": "a;b,c\\d"}, {"summary": "a;b,c\\d"}, id="case-63"),
    pytest.param({"description": "a\r\nb\rc\nd"}, {"description": "a\nb\nc\nd"}, id="case-64"),
    pytest.param({"summary": "C:\\new"}, {"summary": "C:\\new"}, id="case-65"),
    pytest.param(
        {"summary": "a\x00b\x0bc\x1bd\x7fe\tf"}, {"summary": "abcd\x7fe\tf"}, id="case-66"
    ),
    pytest.param({"summary": "a\x85b\u2028c"}, {"summary": "a\x85b\u2028c"}, id="case-67"),
    pytest.param({"summary": "a\ud83db"}, {"summary": "a\ufffdb"}, id="case-71"),
    pytest.param({"summary": "\ufeffa"}, {"summary": "\ufeffa"}, id="case-72"),
    pytest.param({}, {"summary": ""}, id="case-73"),
    pytest.param({"summary": "e\u0301 \u202eabc"}, {"summary": "e\u0301 \u202eabc"}, id="case-78"),
    pytest.param(
        {"attendees": [{"displayName": "x"}, {"email": "r@x", "resource": True}]},
        {"attendees": "", "attendee_count": "1"},
        id="case-87",
    ),
    pytest.param({"visibility": "private"}, {"visibility": "private"}, id="case-93"),
    pytest.param({"transparency": "transparent"}, {"transparency": "transparent"}, id="case-94"),
    pytest.param(
        {"hangoutLink": "https://meet.google.com/x"},
        {"conference_url": "https://meet.google.com/x"},
        id="case-100",
    ),
    pytest.param({"eventType": "outOfOffice"}, {"event_type": "outOfOffice"}, id="case-105"),
    pytest.param(
        {"summary": '=HYPERLINK("http://x")'}, {"summary": "'=HYPERLINK(\"http://x\")"},
        id="case-114",
    ),
    pytest.param({"summary": "+33 1 23"}, {"summary": "'+33 1 23"}, id="case-115-plus"),
    pytest.param({"location": "-20% sale"}, {"location": "'-20% sale"}, id="case-115-minus"),
    pytest.param({"description": "@team"}, {"description": "'@team"}, id="case-115-at"),
    pytest.param({"summary": "\tx"}, {"summary": "'\tx"}, id="case-115-tab"),
    pytest.param({"summary": "\rx"}, {"summary": "'\nx"}, id="case-115-cr"),
    pytest.param({"summary": "\x00=x"}, {"summary": "'=x"}, id="case-115-hidden"),
    pytest.param(
        {"organizer": {"email": "-o@x", "displayName": "=o"}, "creator": {"email": "@c"},
         "attendees": [{"email": "+a@x"}, {"email": "b@x"}]},
        {"organizer_email": "'-o@x", "organizer_name": "'=o", "creator_email": "'@c",
         "attendees": "'+a@x;b@x"},
        id="case-115-people",
    ),
    pytest.param(
        {"iCalUID": "=1", "colorId": "-1", "htmlLink": "@x"},
        {"ical_uid": "=1", "color_id": "-1", "html_link": "@x"},
        id="case-115-never-ids",
    ),
    pytest.param({"summary": "'=1+1"}, {"summary": "'=1+1"}, id="case-116"),
    pytest.param({"summary": 'a"b'}, {"summary": 'a"b'}, id="case-117"),
    *(
        pytest.param({"summary": text}, {"summary": text}, id=f"case-118-{text!r}")
        for text in ("   ", "x\n", "NULL", "NaN", "007", " x", "x\u00a0")
    ),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "expected"), CELLS)
def test_cells(fields: dict[str, Any], expected: dict[str, str], tmp_path: Path) -> None:
    found = row({**NOON, **fields}, tmp_path)
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("text", ['=HYPERLINK("http://x")', "+33", "-20%", "@team", "\tx"])
def test_the_guard_can_be_turned_off(text: str, tmp_path: Path) -> None:
    """Cases 114 and 115, raw."""
    assert row({**NOON, "summary": text}, tmp_path, guard=False)["summary"] == text


def test_the_calendars_name_is_guarded_too(tmp_path: Path) -> None:
    assert row(NOON, tmp_path, name="=Team")["calendar"] == "'=Team"


def warned(fields: dict[str, Any], folder: Path, **options: Any) -> list[tuple[str, str]]:
    calendar = CalendarView(id="c", time_zone=PARIS)
    found = event(**NOON, **fields)
    exporter = CsvExporter(calendar, CsvOptions(horizon=1_830_297_600, **options), folder)
    exporter.add(Series(found) if found.is_series else Single(found))
    exporter.close()
    return [(warning.event_id, warning.code) for warning in exporter.warnings]


@pytest.mark.parametrize("rows", ["occurrences", "series"])
@pytest.mark.parametrize("recurrence", [{}, {"recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]}])
def test_what_a_row_cannot_show_is_warned_of_once(
    recurrence: dict[str, Any], rows: str, tmp_path: Path
) -> None:
    """Case 88: the count is a lower bound. Case 89: Excel cuts a cell of 300 guests' JSON."""
    few = {**recurrence, "attendeesOmitted": True, "attendees": [{"email": "me@example.com"}]}
    assert warned(few, tmp_path, rows=rows) == [("e", "attendees-omitted")]
    names = [{"email": f"p{n}@example.com", "displayName": "x" * 80} for n in range(300)]
    assert warned({**recurrence, "attendees": names}, tmp_path, rows=rows) == [("e", "long-cell")]
    assert warned({**recurrence, "description": "é" * 32_767}, tmp_path, rows=rows) == []
    longer = {**recurrence, "description": "é" * 32_768}
    assert warned(longer, tmp_path, rows=rows) == [("e", "long-cell")]


def test_a_long_description_is_one_cell(tmp_path: Path) -> None:
    """Case 77."""
    text = "é, line\n" * 130_000
    assert row({**NOON, "description": text}, tmp_path)["description"] == text


def test_lines_end_with_crlf_and_there_is_no_mark(tmp_path: Path) -> None:
    """Case 119."""
    content = export([Single(event(**NOON, summary="a\nb"))], tmp_path)
    assert content.startswith(b"calendar_id,")
    assert content.endswith(b"\r\n")
    assert content.count(b"\r\n") == 2
    assert b'"a\nb"' in content


def test_another_reader_agrees(tmp_path: Path) -> None:
    """Case 118: the csv module into SQLite and back, every cell of a nasty event."""
    import csv

    nasty = {**NOON, "summary": 'a"b,\n c', "description": "NULL", "location": "007"}
    content = export([Single(event(**nasty))], tmp_path)
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    database = sqlite3.connect(":memory:")
    database.execute(f"CREATE TABLE t ({', '.join(rows[0])})")
    database.executemany(f"INSERT INTO t VALUES ({','.join('?' * len(rows[0]))})", rows[1:])
    found = database.execute("SELECT summary, description, location FROM t").fetchall()
    assert found == [('a"b,\n c', "NULL", "007")]


# -- presets ---------------------------------------------------------------------------------------


def preset(items: list[Item], folder: Path, name: str, **options: Any) -> list[dict[str, str]]:
    content = export(items, folder, preset=name, **options)
    assert content.startswith(b"\xef\xbb\xbfSubject,Start Date,")
    table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    assert table.columns[0] == "Subject"
    return table.to_dict("records")


# The published rules: support.google.com/calendar/answer/37118, and for Outlook the list at
# wiki.mozilla.org Calendar:ImportExport:CSV. A column: what its cells must look like.
DATE = r"(0[1-9]|1[0-2])/(0[1-9]|[12]\d|3[01])/\d{4}"
BOOLEAN, PEOPLE, TEXT = "True|False", r"([^;]+(;[^;]+)*)?", r"(?s).*"
LONG_TIME = r"([1-9]|1[0-2]):[0-5]\d:[0-5]\d [AP]M"
RULES = {
    "google-import": {
        "Subject": r"(?s).+", "Start Date": DATE, "Start Time": r"(([1-9]|1[0-2]):[0-5]\d [AP]M)?",
        "End Date": DATE, "End Time": r"(([1-9]|1[0-2]):[0-5]\d [AP]M)?",
        "All Day Event": BOOLEAN, "Description": TEXT, "Location": TEXT, "Private": BOOLEAN,
    },
    "outlook": {
        "Subject": r"(?s).+", "Start Date": DATE, "Start Time": LONG_TIME, "End Date": DATE,
        "End Time": LONG_TIME, "All day event": BOOLEAN, "Reminder on/off": BOOLEAN,
        "Reminder Date": f"({DATE})?", "Reminder Time": f"({LONG_TIME})?",
        "Meeting Organizer": TEXT, "Required Attendees": PEOPLE, "Optional Attendees": PEOPLE,
        "Meeting Resources": PEOPLE, "Billing Information": "", "Categories": "",
        "Description": TEXT, "Location": TEXT, "Mileage": "", "Priority": "High|Normal|Low",
        "Private": BOOLEAN, "Sensitivity": "Normal|Personal|Private|Confidential",
        "Show time as": "[1-4]",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_a_preset_keeps_the_published_rules(name: str, tmp_path: Path) -> None:
    """Case 120: columns, required ones, dates, times and booleans, on every event of a fuzzer's."""
    rows = [
        (
            each["id"],
            Kind.SERIES if "recurrence" in each else Kind.SINGLE,
            json.dumps(each).encode(),
        )
        for each in sorted(fuzz_events(), key=lambda each: str(each["id"]))
        if each.get("status") != "cancelled"
    ]
    found = preset(list(read_items(rows, [])), tmp_path, name, horizon=1_830_297_600)
    assert len(found) > 60
    for row in found:
        assert list(row) == list(RULES[name])
        for column, rule in RULES[name].items():
            assert re.fullmatch(rule, row[column], re.ASCII) or not row["Start Date"], (column, row)


def test_google_import_times(tmp_path: Path) -> None:
    """Case 120: five past midnight, noon, on the calendar's clock or the one asked for."""
    late = times("2024-07-01T00:05:00+02:00", "2024-07-01T12:00:00+02:00", NEW_YORK)
    item = Single(event(**late, visibility="confidential", description="=d", location="l"))
    assert preset([item], tmp_path, "google-import") == [
        {
            "Subject": "(No title)",
            "Start Date": "07/01/2024",
            "Start Time": "12:05 AM",
            "End Date": "07/01/2024",
            "End Time": "12:00 PM",
            "All Day Event": "False",
            "Description": "'=d",
            "Location": "l",
            "Private": "True",
        }
    ]
    (other,) = preset([item], tmp_path, "google-import", zone="Asia/Tokyo", guard=False)
    assert (other["Start Time"], other["End Time"]) == ("7:05 AM", "7:00 PM")
    assert other["Description"] == "=d"


def test_google_import_of_whole_days_ends_on_the_last(tmp_path: Path) -> None:
    """Case 9."""
    (found,) = preset(
        [Single(event(**times("2024-03-10", "2024-03-12"), summary="x"))], tmp_path, "google-import"
    )
    shown = ("Start Date", "Start Time", "End Date", "End Time", "All Day Event")
    assert [found[name] for name in shown] == ["03/10/2024", "", "03/11/2024", "", "True"]


def test_presets_expand_series(tmp_path: Path) -> None:
    for fields in (NOON, times("2024-07-01", "2024-07-02")):
        master = event(**fields, summary="x", recurrence=["RRULE:FREQ=DAILY;COUNT=2"])
        for name in ("google-import", "outlook"):
            found = preset([Series(master)], tmp_path, name, rows="series")
            assert [r["Start Date"] for r in found] == ["07/01/2024", "07/02/2024"]


def test_outlook(tmp_path: Path) -> None:
    full = event(
        **NOON,
        summary="x",
        status="tentative",
        visibility="private",
        organizer={"email": "o@x", "displayName": "Doe, Jane"},
        attendees=[
            {"email": "a@x"},
            {"email": "b@x"},
            {"email": "c@x", "optional": True},
            {"email": "room@x", "resource": True},
        ],
        reminders={"overrides": [{"method": "popup", "minutes": 721}]},
    )
    (found,) = preset([Single(full)], tmp_path, "outlook")
    assert {name: value for name, value in found.items() if value} == {
        "Subject": "x",
        "Start Date": "07/01/2024",
        "Start Time": "12:00:00 PM",
        "End Date": "07/01/2024",
        "End Time": "12:30:00 PM",
        "All day event": "False",
        "Reminder on/off": "True",
        "Reminder Date": "06/30/2024",
        "Reminder Time": "11:59:00 PM",
        "Meeting Organizer": "Doe, Jane",
        "Required Attendees": "a@x;b@x",
        "Optional Attendees": "c@x",
        "Meeting Resources": "room@x",
        "Priority": "Normal",
        "Private": "True",
        "Sensitivity": "Private",
        "Show time as": "1",
    }


def test_outlook_whole_days_end_at_the_midnight_after(tmp_path: Path) -> None:
    fields = times("2024-03-10", "2024-03-12")
    (found,) = preset([Single(event(**fields))], tmp_path, "outlook")
    assert (found["Start Time"], found["End Date"], found["End Time"]) == (
        "12:00:00 AM",
        "03/12/2024",
        "12:00:00 AM",
    )


def test_presets_keep_what_has_no_readable_time(tmp_path: Path) -> None:
    for name in ("google-import", "outlook"):
        (found,) = preset([Single(event(summary="x"))], tmp_path, name)
        assert (found["Subject"], found["Start Date"]) == ("x", "")
