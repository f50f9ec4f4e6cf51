"""The wide table, its order, bytes and options, read back as an analyst would."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import random
from contextlib import suppress
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendar_sync.model import (
    CalendarView,
    EventTime,
    EventWarning,
    Item,
    Orphan,
    Series,
    Single,
)
from calendar_sync.points import Point, point_of, read_point
from calendar_sync.recurrence.occurrences import Window, expand
from calendar_sync.resources import read_event, without_half_surrogates
from calendar_sync.table.exporter import WIDE_COLUMNS, CsvExporter, CsvOptions
from calendar_sync.table.text import cell, clean, encode, guarded, line
from calendar_sync.times import Moment, UnreadableTime, find_zone, read_time
from calendar_sync.windows import parse_rolling_window

SAMPLES = Path(__file__).parent / "data" / "events.jsonl"
CALENDAR = CalendarView(id="team@group.calendar.google.com", name="Team", time_zone="Europe/Paris")
HORIZON = 1_830_297_600  # 2028-01-01T00:00:00Z


class Written:
    """What an exporter wrote."""

    def __init__(self, content: bytes, exporter: CsvExporter) -> None:
        self.content = content
        self.rows, self.occurrences = exporter.rows, exporter.occurrences
        self.warnings: list[EventWarning] = exporter.warnings
        self.table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
        self.records: list[dict[str, str]] = self.table.to_dict("records")


def write(
    items: list[Item], folder: Path, calendar: CalendarView = CALENDAR, **options: Any
) -> Written:
    options.setdefault("horizon", HORIZON)
    exporter = CsvExporter(calendar, CsvOptions(**options), folder)
    try:
        for item in items:
            exporter.add(item)
        file = io.BytesIO()
        exporter.finish(file)
    finally:
        exporter.close()
    return Written(file.getvalue(), exporter)


def event(**fields: Any) -> Any:
    fields.setdefault("id", "e")
    return read_event(json.dumps(fields).encode())[0]


def timed(start: str, end: str, zone: str | None = "Europe/Paris", **fields: Any) -> Any:
    named = {"timeZone": zone} if zone else {}
    return event(start={"dateTime": start, **named}, end={"dateTime": end, **named}, **fields)


def days(start: str, end: str, **fields: Any) -> Any:
    return event(start={"date": start}, end={"date": end}, **fields)


def one(item: Any, folder: Path, **options: Any) -> dict[str, str]:
    records = write([Single(item)], folder, **options).records
    assert len(records) == 1
    return records[0]


# -- the promise -----------------------------------------------------------------------------------


def test_the_columns_are_the_contracts() -> None:
    assert ",".join(WIDE_COLUMNS) == (
        "calendar_id,calendar,event_id,ical_uid,recurring_event_id,original_start,event_type,"
        "status,summary,description,location,start,end,start_utc,end_utc,all_day,start_date,"
        "end_date_inclusive,timezone,duration_minutes,recurrence,organizer_email,organizer_name,"
        "creator_email,self_response,attendee_count,attendees,attendees_json,visibility,"
        "transparency,conference_url,html_link,attachments_json,color_id,reminders_json,created,"
        "updated,sequence"
    )


def test_every_cell_of_a_full_event(tmp_path: Path) -> None:
    attendees = [
        {"email": "a@example.com", "self": True, "responseStatus": "accepted"},
        {"email": "room@resource.calendar.google.com", "resource": True},
        {"displayName": "No address"},
        {"email": "b@example.com", "optional": True, "comment": "späť"},
    ]
    row = one(
        timed(
            "2024-07-01T09:00:00+02:00",
            "2024-07-01T09:45:30+02:00",
            id="abc",
            iCalUID="abc@google.com",
            eventType="focusTime",
            status="tentative",
            summary="Plan, then do",
            description="two\r\nlines",
            location='the "blue" room',
            organizer={"email": "o@example.com", "displayName": "O"},
            creator={"email": "c@example.com"},
            attendees=attendees,
            visibility="private",
            transparency="transparent",
            hangoutLink="https://meet.google.com/old",
            conferenceData={
                "entryPoints": [
                    {"entryPointType": "phone", "uri": "tel:+1"},
                    {"entryPointType": "video", "uri": "https://meet.google.com/new"},
                ]
            },
            htmlLink="https://www.google.com/calendar/event?eid=x",
            attachments=[{"fileUrl": "https://drive.google.com/x", "title": "a,b"}],
            colorId="11",
            reminders={"useDefault": False, "overrides": [{"method": "popup", "minutes": 10}]},
            created="2024-01-01T00:00:00.000Z",
            updated="2024-01-02T00:00:00.000Z",
            sequence=3,
        ),
        tmp_path,
    )
    assert row == {
        "calendar_id": CALENDAR.id,
        "calendar": "Team",
        "event_id": "abc",
        "ical_uid": "abc@google.com",
        "recurring_event_id": "",
        "original_start": "",
        "event_type": "focusTime",
        "status": "tentative",
        "summary": "Plan, then do",
        "description": "two\nlines",
        "location": 'the "blue" room',
        "start": "2024-07-01T09:00:00+02:00",
        "end": "2024-07-01T09:45:30+02:00",
        "start_utc": "2024-07-01T07:00:00Z",
        "end_utc": "2024-07-01T07:45:30Z",
        "all_day": "false",
        "start_date": "2024-07-01",
        "end_date_inclusive": "2024-07-01",
        "timezone": "Europe/Paris",
        "duration_minutes": "45.5",
        "recurrence": "",
        "organizer_email": "o@example.com",
        "organizer_name": "O",
        "creator_email": "c@example.com",
        "self_response": "accepted",
        "attendee_count": "3",
        "attendees": "a@example.com;b@example.com",
        "attendees_json": json.dumps(attendees, separators=(",", ":")),
        "visibility": "private",
        "transparency": "transparent",
        "conference_url": "https://meet.google.com/new",
        "html_link": "https://www.google.com/calendar/event?eid=x",
        "attachments_json": '[{"fileUrl":"https://drive.google.com/x","title":"a,b"}]',
        "color_id": "11",
        "reminders_json": ('{"useDefault":false,"overrides":[{"method":"popup","minutes":10}]}'),
        "created": "2024-01-01T00:00:00.000Z",
        "updated": "2024-01-02T00:00:00.000Z",
        "sequence": "3",
    }


def test_defaults_are_words_and_nothing_is_an_empty_cell(tmp_path: Path) -> None:
    row = one(days("2024-03-10", "2024-03-13"), tmp_path)
    filled = {name: value for name, value in row.items() if value}
    assert filled == {
        "calendar_id": CALENDAR.id,
        "calendar": "Team",
        "event_id": "e",
        "event_type": "default",
        "status": "confirmed",
        "start": "2024-03-10",
        "end": "2024-03-13",
        "all_day": "true",
        "start_date": "2024-03-10",
        "end_date_inclusive": "2024-03-12",
        "attendee_count": "0",
        "visibility": "default",
        "transparency": "opaque",
    }


def test_an_empty_calendar_is_a_header(tmp_path: Path) -> None:
    assert write([], tmp_path).content == ",".join(WIDE_COLUMNS).encode() + b"\r\n"


def test_the_order_is_start_then_id(tmp_path: Path) -> None:
    """An all-day date counts from midnight in the calendar's zone."""
    items = [
        Single(timed("2024-07-01T00:00:00+02:00", "2024-07-01T01:00:00+02:00", id="b")),
        Single(days("2024-07-01", "2024-07-02", id="c")),
        Single(timed("2024-07-01T00:00:00+02:00", "2024-07-01T01:00:00+02:00", id="a")),
        Single(timed("2024-06-30T21:59:59Z", "2024-06-30T22:00:00Z", id="z")),
        Single(days("2024-06-30", "2024-07-02", id="y")),
        Single(event(id="without")),
    ]
    expected = ["without", "y", "z", "a", "b", "c"]
    assert list(write(items, tmp_path).table["event_id"]) == expected
    random.Random(1).shuffle(items)
    assert list(write(items, tmp_path).table["event_id"]) == expected


def test_an_event_without_a_readable_start_keeps_its_row(tmp_path: Path) -> None:
    odd = [event(id="1"), event(id="2", start={"dateTime": "0000-01-01T00:00:00Z"})]
    odd.append(event(id="3", start={"date": "tomorrow"}, end={"date": "2024-01-01"}))
    written = write([Single(item) for item in odd], tmp_path)
    assert written.rows == 3
    assert {row["start"] + row["all_day"] + row["end"] for row in written.records} == {""}
    assert [(w.event_id, w.code) for w in written.warnings] == [
        (name, "odd-time") for name in ("1", "2", "3")
    ]


@pytest.mark.parametrize("rows", ["occurrences", "series"])
def test_an_end_that_says_nothing_is_one_warning_and_an_empty_cell(
    rows: str, tmp_path: Path
) -> None:
    start = {"dateTime": "2024-07-01T09:00:00+02:00"}
    rule = ["RRULE:FREQ=DAILY;COUNT=2"]
    items: list[Item] = [
        Single(event(id="1", start=start, end={"date": "2024-07-02"})),
        Single(event(id="2", start=start, end={"dateTime": "later"})),
        Single(event(id="3", start=start)),
        Series(event(id="4", start={"date": "2024-07-01"}, end={"date": "?"}, recurrence=rule)),
        Single(timed("2024-07-01T09:00:00Z", "2024-07-01T10:00:00Z", endTimeUnspecified=True)),
    ]
    written = write(items, tmp_path, rows=rows)
    assert set(written.table["end"]) == {""}
    assert [(w.event_id, w.code) for w in written.warnings] == [
        (name, "odd-time") for name in ("1", "2", "4")
    ]


def test_columns_choose_and_order(tmp_path: Path) -> None:
    items: list[Item] = [
        Single(timed("2024-07-01T09:00:00+02:00", "2024-07-01T10:00:00+02:00", summary="a,b")),
        Series(
            days("2024-07-01", "2024-07-02", id="s", summary="x",
                 recurrence=["RRULE:FREQ=DAILY;COUNT=2"])
        ),
    ]  # fmt: skip
    written = write(items, tmp_path, columns=("start", "summary", "event_id", "start"))
    assert written.content.decode().split("\r\n") == [
        "start,summary,event_id,start",
        "2024-07-01,x,s_20240701,2024-07-01",
        '2024-07-01T09:00:00+02:00,"a,b",e,2024-07-01T09:00:00+02:00',
        "2024-07-02,x,s_20240702,2024-07-02",
        "",
    ]
    assert write(items, tmp_path, columns=("location",)).content == b"location\r\n" + b'""\r\n' * 3


def test_a_blank_cell_alone_in_its_row_is_quoted_wherever_it_is(tmp_path: Path) -> None:
    titles = ["first", "", "third", " \t"]
    items: list[Item] = [
        Single(days("2024-07-01", "2024-07-02", id=f"e{number}", summary=title))
        for number, title in enumerate(titles)
    ]
    written = write(items, tmp_path, columns=("summary",)).content
    assert written == b'summary\r\nfirst\r\n""\r\nthird\r\n" \t"\r\n'


@pytest.mark.parametrize(
    "options", [{"columns": ("start", "stop")}, {"columns": ()}, {"preset": "x"}, {"rows": "x"}]
)
def test_unknown_options_are_refused(options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown|no columns"):
        CsvExporter(CALENDAR, CsvOptions(**options), tmp_path)


# -- series ----------------------------------------------------------------------------------------

WEEKLY = timed(
    "2024-03-25T09:00:00+01:00",
    "2024-03-25T10:00:00+01:00",
    id="s",
    summary="100 %s, weekly",
    recurrence=["RRULE:FREQ=WEEKLY;COUNT=3", "EXDATE;TZID=Europe/Paris:20240701T090000"],
)
MOVED = timed(
    "2024-04-01T11:00:00+02:00",
    "2024-04-01T12:00:00+02:00",
    id="s_20240401T070000Z",
    recurringEventId="s",
    originalStartTime={"dateTime": "2024-04-01T07:00:00Z", "timeZone": "Europe/Paris"},
    summary="moved",
)
GONE = event(
    id="s_20240408T070000Z",
    status="cancelled",
    recurringEventId="s",
    originalStartTime={"dateTime": "2024-04-08T09:00:00+02:00"},
)


def test_occurrence_rows(tmp_path: Path) -> None:
    written = write([Series(WEEKLY, (MOVED,), (GONE,))], tmp_path)
    assert (written.rows, written.occurrences) == (2, 2)
    shown = ("event_id", "recurring_event_id", "original_start", "start", "summary", "recurrence")
    assert written.table[list(shown)].to_numpy().tolist() == [
        ["s_20240325T080000Z", "s", *["2024-03-25T09:00:00+01:00"] * 2, "100 %s, weekly", ""],
        ["s_20240401T070000Z", "s", "2024-04-01T09:00:00+02:00", "2024-04-01T11:00:00+02:00",
         "moved", ""],
    ]  # fmt: skip


def test_series_rows(tmp_path: Path) -> None:
    """Case 123: each live resource once; cancelled ones only in the count of what is left."""
    orphan = timed(
        "2024-05-01T11:00:00+02:00", "2024-05-01T12:00:00+02:00", id="other_x",
        recurringEventId="other", originalStartTime={"date": "2024-05-02"},
    )  # fmt: skip
    items: list[Item] = [Series(WEEKLY, (MOVED,), (GONE,)), Orphan(orphan)]
    written = write(items, tmp_path, rows="series")
    assert (written.rows, written.occurrences) == (3, 3)
    shown = ("event_id", "recurring_event_id", "original_start", "start", "recurrence")
    assert written.table[list(shown)].to_numpy().tolist() == [
        ["s", "", "", "2024-03-25T09:00:00+01:00", "\n".join(WEEKLY.recurrence)],
        ["s_20240401T070000Z", "s", "2024-04-01T09:00:00+02:00", "2024-04-01T11:00:00+02:00", ""],
        ["other_x", "other", "2024-05-02", "2024-05-01T11:00:00+02:00", ""],
    ]


def test_a_series_with_no_date_left_is_a_series_row_only(tmp_path: Path) -> None:
    """Case 50."""
    empty = timed(
        "2024-03-25T09:00:00+01:00", "2024-03-25T10:00:00+01:00",
        recurrence=["RRULE:FREQ=DAILY;COUNT=1", "EXDATE:20240325T080000Z"],
    )  # fmt: skip
    assert write([Series(empty)], tmp_path).rows == 0
    written = write([Series(empty)], tmp_path, rows="series")
    assert (written.rows, written.occurrences) == (1, 0)


def test_a_series_without_a_readable_start_keeps_a_row(tmp_path: Path) -> None:
    odd = event(id="s", recurrence=["RRULE:FREQ=DAILY"], start={"date": "never"})
    for rows in ("occurrences", "series"):
        written = write([Series(odd)], tmp_path, rows=rows)
        assert [row["event_id"] for row in written.records] == ["s"]
        assert (written.occurrences, [w.code for w in written.warnings]) == (1, ["odd-time"])


def test_garbage_in_a_rule_is_one_warning_and_one_row(tmp_path: Path) -> None:
    odd = timed("2024-03-25T09:00:00+01:00", "2024-03-25T10:00:00+01:00", recurrence=["RRULE:x"])
    written = write([Series(odd)], tmp_path)
    assert [row["start"] for row in written.records] == ["2024-03-25T09:00:00+01:00"]
    assert [w.code for w in written.warnings] == ["odd-recurrence"]


def test_an_occurrence_row_equals_the_row_of_the_same_event_alone(tmp_path: Path) -> None:
    """The template for series and the writer of single rows cannot drift apart."""
    master = timed(
        "2024-03-20T23:30:00+01:00", "2024-03-21T00:00:00+01:00", id="s", location="=x\x00\r\ny",
        summary="50 % off, \"now\"", recurrence=["RRULE:FREQ=DAILY;COUNT=20"],
        attendees=[{"email": "a@example.com"}], reminders={"useDefault": True},
    )  # fmt: skip
    found, _ = expand(Series(master), "Europe/Paris")
    alone = []
    for occurrence in found:
        start, end = occurrence.start, occurrence.end
        times = [
            EventTime(date_time=t.wall.replace(tzinfo=t.tzinfo).isoformat(), time_zone=t.zone)  # type: ignore[union-attr]
            for t in (start, end)
        ]
        alone.append(
            Orphan(
                msgspec.structs.replace(
                    master, id=occurrence.instance_id, recurring_event_id="s", recurrence=None,
                    start=times[0], end=times[1], original_start_time=times[0],
                )
            )
        )  # fmt: skip
    assert write([Series(master)], tmp_path).content == write(alone, tmp_path).content


def test_the_end_of_an_occurrence_is_on_its_own_clock(tmp_path: Path) -> None:
    """A weekly flight, and a night in which the clock changes: case 8 and the contract's `end`."""
    new_york = {"dateTime": "2024-03-01T18:00:00-05:00", "timeZone": "America/New_York"}
    paris = {"dateTime": "2024-03-02T07:00:00+01:00", "timeZone": "Europe/Paris"}
    weekly = ["RRULE:FREQ=WEEKLY;COUNT=6"]
    flight = event(id="f", start=new_york, end=paris, recurrence=weekly)
    found = write([Series(flight)], tmp_path).records
    assert [(row["start"], row["end"]) for row in found] == [
        ("2024-03-01T18:00:00-05:00", "2024-03-02T07:00:00+01:00"),
        ("2024-03-08T18:00:00-05:00", "2024-03-09T07:00:00+01:00"),
        ("2024-03-15T18:00:00-04:00", "2024-03-16T06:00:00+01:00"),
        ("2024-03-22T18:00:00-04:00", "2024-03-23T06:00:00+01:00"),
        ("2024-03-29T18:00:00-04:00", "2024-03-30T06:00:00+01:00"),
        ("2024-04-05T18:00:00-04:00", "2024-04-06T07:00:00+02:00"),
    ]
    assert {row["timezone"] for row in found} == {"America/New_York"}
    night = timed("2024-03-29T23:00:00+01:00", "2024-03-30T04:00:00+01:00",
                  recurrence=["RRULE:FREQ=DAILY;COUNT=3"])  # fmt: skip
    assert [row["end"] for row in write([Series(night)], tmp_path).records] == [
        "2024-03-30T04:00:00+01:00",
        "2024-03-31T05:00:00+02:00",
        "2024-04-01T04:00:00+02:00",
    ]


def test_a_rolling_window_takes_singles_too(tmp_path: Path) -> None:
    """Case 121."""
    items: list[Item] = [
        Single(timed("2024-12-31T23:30:00+01:00", "2025-01-01T00:30:00+01:00", id="over")),
        Single(timed("2024-12-31T22:30:00+01:00", "2025-01-01T00:00:00+01:00", id="before")),
        Single(timed("2025-01-02T00:00:00+01:00", "2025-01-02T01:00:00+01:00", id="after")),
        Single(days("2024-12-31", "2025-01-01", id="day before")),
        Single(days("2025-01-01", "2025-01-02", id="day")),
        Series(days("2024-12-01", "2024-12-02", id="s", recurrence=["RRULE:FREQ=DAILY"])),
        Series(days("2024-11-01", "2024-11-02", id="old", recurrence=["RRULE:FREQ=DAILY;COUNT=2"])),
    ]  # fmt: skip
    window = Window(1_735_686_000, 1_735_772_400)  # the first of January 2025 in Paris
    written = write(items, tmp_path, window=window)
    assert list(written.table["event_id"]) == ["over", "day", "s_20250101"]
    by_series = write(items, tmp_path, window=window, rows="series")
    assert list(by_series.table["event_id"]) == ["s", "over", "day"]


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-07-01", 24)]
)
def test_a_rolling_day_has_the_hours_its_clock_shows(day: str, hours: int, tmp_path: Path) -> None:
    """Also the day on which the clock changes, and the days beside it: nothing is lost or doubled."""
    hourly = timed("2026-01-01T00:00:00+01:00", "2026-01-01T00:10:00+01:00", id="s",
                   recurrence=["RRULE:FREQ=HOURLY"])  # fmt: skip
    evening = timed(f"{day}T23:50:00", f"{day}T23:55:00", id="evening")
    noon = dt.datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo("Europe/Paris"))
    found = {}
    for window in ("-1d..0d", "0d..+1d", "+1d..+2d"):
        bounds = parse_rolling_window(window).instants(noon.astimezone(dt.UTC), noon.tzinfo)
        rows = write([Series(hourly), Single(evening)], tmp_path, window=Window(*bounds)).records
        found[window] = [row["start_utc"] for row in rows]
    assert len(found["0d..+1d"]) == hours + 1
    assert (len(found["-1d..0d"]), len(found["+1d..+2d"])) == (24, 24)
    together = [start for starts in found.values() for start in starts]
    assert len(together) == len(set(together))


def test_the_horizon_never_cuts_singles(tmp_path: Path) -> None:
    far = Single(days("2099-01-01", "2099-01-02"))
    assert write([far], tmp_path, horizon=0).rows == 1


# -- text ------------------------------------------------------------------------------------------

odd_text = st.text(
    st.sampled_from(list("=+-@'\",;\t\n\r\x00\x0b\x1b\x7fé€\u2028😀\ud800 aZ09")) | st.characters(),
    max_size=20,
)


@given(st.lists(odd_text, min_size=1, max_size=6))
def test_the_bytes_are_those_of_csv_writer(cells: list[str]) -> None:
    ours = encode(line([cell(text) for text in cells]))
    cleaned = [clean(text) for text in cells]
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerow(cleaned)
    if len(cleaned) > 1 or cleaned[0].strip(" \t"):  # a blank line is skipped by many readers
        assert ours == buffer.getvalue().encode()
    assert next(csv.reader(io.StringIO(ours.decode(), newline=""))) == cleaned


@given(odd_text)
def test_clean_text_has_no_controls_and_no_carriage_returns(text: str) -> None:
    expected = without_half_surrogates(text).replace("\r\n", "\n").replace("\r", "\n")
    expected = "".join(c for c in expected if c in "\t\n" or ord(c) > 31)
    assert clean(text) == expected


@given(odd_text)
def test_the_guard_looks_at_what_will_be_written(text: str) -> None:
    written = clean(text)
    expected = "'" + written if written[:1] in ("=", "+", "-", "@", "\t", "\n") else written
    assert clean(guarded(text)) == (expected if written else "")


@given(odd_text, odd_text, st.booleans())
@settings(max_examples=30, deadline=None)
def test_any_text_reads_back_through_the_whole_exporter(
    tmp_path_factory: pytest.TempPathFactory, summary: str, name: str, by_occurrence: bool
) -> None:
    times = {"start": EventTime(date="2024-01-01"), "end": EventTime(date="2024-01-02")}
    master = msgspec.structs.replace(
        event(), summary=summary, description=name, ical_uid=name, color_id=summary, **times
    )
    calendar = CalendarView(id="c", name=name)
    recurring = msgspec.structs.replace(master, recurrence=("RRULE:FREQ=DAILY;COUNT=1",))
    item: Item = Series(recurring) if by_occurrence else Single(master)
    written = write([item], tmp_path_factory.getbasetemp(), calendar, guard=False)
    row = next(csv.DictReader(io.StringIO(written.content.decode(), newline="")))
    found = (row["summary"], row["description"], row["ical_uid"], row["color_id"], row["calendar"])
    assert found == tuple(clean(text) for text in (summary, name, name, summary, name))


# -- times -----------------------------------------------------------------------------------------

NEAR_CHANGES = [
    "2024-03-31T02:30:00",
    "2024-10-27T02:30:00",
    "2024-10-27T23:00:00",
    "1969-12-31T12:00:00",
]
any_time = st.builds(
    lambda value, offset, zone: EventTime(date_time=value + offset, time_zone=zone),
    st.datetimes().map(lambda value: value.replace(microsecond=0).isoformat())
    | st.datetimes().map(lambda value: value.replace(second=0, microsecond=0).isoformat())
    | st.sampled_from(NEAR_CHANGES)
    | st.sampled_from(["0000-01-01T00:00:00", "2024-13-01T00:00:00", "2024-01-01T24:00:00", "x"]),
    st.sampled_from(["Z", "+02:00", "-11:30", "", ".500Z", "+14:00", "+01:00"]),
    st.sampled_from([None, "Europe/Paris", "America/New_York", "GMT+03:00", "Foo/Bar", "UTC"]),
)


@given(any_time)
@settings(max_examples=150)
def test_the_fast_reader_of_times_is_the_slow_one(time: EventTime) -> None:
    """And a time it calls plain leaves nothing to decide."""
    moment = None
    with suppress(UnreadableTime):
        moment = read_time(time, "Asia/Tokyo")
    point, expected = read_point(time, "Asia/Tokyo"), point_of(moment)
    if not isinstance(point, Point) or not isinstance(expected, Point):
        assert point == expected
        return
    assert (point.instant, point.offset, point.zone) == (
        expected.instant,
        expected.offset,
        expected.zone,
    )
    assert isinstance(moment, Moment)
    if point.is_plain:
        assert moment.is_zone_known
        assert not (moment.is_ambiguous or moment.is_offset_odd)


# -- real captures ---------------------------------------------------------------------------------


def samples() -> dict[str, dict[str, Any]]:
    """Return the captured resources by id."""
    lines = SAMPLES.read_text(encoding="utf-8").splitlines()
    return {
        resource["id"]: resource for text in lines if (resource := json.loads(text)["resource"])
    }


def sample_items() -> list[Item]:
    """Group the captures as a calendar would hold them."""
    events = [read_event(json.dumps(resource).encode())[0] for resource in samples().values()]
    masters = {found.id for found in events if found.is_series}
    items: list[Item] = []
    for found in events:
        if found.is_series:
            own = [e for e in events if e.recurring_event_id == found.id]
            edited = tuple(e for e in own if not e.is_cancelled)
            items.append(Series(found, edited, tuple(e for e in own if e.is_cancelled)))
        elif found.is_exception and found.recurring_event_id not in masters:
            if not found.is_cancelled:
                items.append(Orphan(found))
        elif not found.is_exception and not found.is_cancelled:
            items.append(Single(found))
    return items


@pytest.mark.parametrize("rows", ["occurrences", "series"])
def test_real_captures_read_back_with_pandas(rows: str, tmp_path: Path) -> None:
    items = sample_items()
    written = write(items, tmp_path, rows=rows)
    table = written.table
    assert list(table.columns) == list(WIDE_COLUMNS)
    assert len(table) == written.rows
    assert not table.duplicated(["event_id"]).any()
    assert written.warnings == []
    by_id = table.set_index("event_id")
    for resource in samples().values():
        if resource["id"] not in by_id.index:
            continue
        row = by_id.loc[resource["id"]]
        assert row["summary"] == resource.get("summary", "")
        assert row["description"] == resource.get("description", "").replace("\r\n", "\n")
        assert row["ical_uid"] == resource.get("iCalUID", "")
        if "attendees" in resource:
            assert json.loads(row["attendees_json"]) == resource["attendees"]


def test_real_captures_give_these_occurrences(tmp_path: Path) -> None:
    """UNTIL as a date, dates with times on an all-day series, a birthday from 1976."""
    counts = {
        item.master.id: write([item], tmp_path).rows
        for item in sample_items()
        if isinstance(item, Series)
    }
    assert counts["birthday-series"] == 2027 - 1976 + 1
    assert counts["5hni4sj3ql1669otmjg7sn1mok"] == 50  # 9 February to 31 March, one cancelled


def test_the_same_items_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    items = sample_items()
    expected = write(items, tmp_path).content
    random.Random(7).shuffle(items)
    assert write(items, tmp_path).content == expected


def test_a_spill_changes_no_byte(tmp_path: Path) -> None:
    items = sample_items()
    exporter = CsvExporter(CALENDAR, CsvOptions(horizon=HORIZON), tmp_path, run_bytes=5000)
    for item in items:
        exporter.add(item)
    file = io.BytesIO()
    exporter.finish(file)
    exporter.close()
    assert file.getvalue() == write(items, tmp_path).content
    assert list(tmp_path.iterdir()) == []


def test_zones_of_the_samples_are_known() -> None:
    zones = {
        time["timeZone"]
        for resource in samples().values()
        for time in (resource.get("start", {}), resource.get("end", {}))
        if "timeZone" in time
    }
    assert all(find_zone(zone) for zone in zones)


def test_a_series_at_the_edge_of_the_calendar_saturates_date_by_date(tmp_path: Path) -> None:
    """Case 17: in UTC its first date is before the year 1; the others are as ever."""
    master = timed(
        "0001-01-01T09:00:00+12:00", "0001-01-01T10:00:00+12:00", "GMT+12:00",
        recurrence=["RRULE:FREQ=DAILY;COUNT=3"],
    )  # fmt: skip
    found = write([Series(master)], tmp_path).records
    assert [row["start_utc"] for row in found] == [
        "0001-01-01T00:00:00Z",
        "0001-01-01T21:00:00Z",
        "0001-01-02T21:00:00Z",
    ]
