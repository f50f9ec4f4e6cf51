"""The ICS file as a whole: header, zones, order, streaming, what other programs read in it."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import time
import tracemalloc
from pathlib import Path

import icalendar
import pytest
import recurring_ical_events
from ics_export import (
    CALENDAR,
    NY,
    PARIS,
    at,
    cancelled,
    codes_of,
    edited,
    event,
    export,
    lines_of,
    named,
    on,
    parsed,
    single,
    unfolded,
    weekly,
)

from calendar_sync.ics.exporter import IcsExporter, IcsOptions, key_of, render
from calendar_sync.model import CalendarView, Item, Orphan, Series, Single
from calendar_sync.resources import read_event

SAMPLES = Path(__file__).parent / "data" / "events.jsonl"
EVIL = 'x"\r\nEND:VEVENT\nX-EVIL:1\x85X-EVIL:2\u2028X-EVIL:3\0\r;,:^n\\'


def test_an_empty_calendar_is_a_valid_file_with_its_zone() -> None:
    """Case 112: RFC 5545 section 3.6 wants at least one component."""
    assert lines_of()[:11] == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//calendar-sync//Google Calendar to ICS//EN",
        "CALSCALE:GREGORIAN",
        "NAME:Mine",
        "X-WR-CALNAME:Mine",
        "X-WR-TIMEZONE:Europe/Paris",
        "BEGIN:VTIMEZONE",
        "TZID:Europe/Paris",
        "BEGIN:DAYLIGHT",
        "TZOFFSETFROM:+0100",
    ]


@pytest.mark.parametrize(
    ("zone", "tzid"),
    [("UTC", "UTC"), ("Etc/UTC", "Etc/UTC"), ("Nowhere/City", "UTC"), ("GMT+03:00", "GMT+03:00")],
)
def test_an_empty_calendar_in_any_zone_is_read_by_icalendar(zone: str, tzid: str) -> None:
    content, _ = export(calendar=CalendarView("x", time_zone=zone))
    assert f"TZID:{tzid}" in unfolded(content)
    assert len(parsed(content).walk("VTIMEZONE")) == 1


def test_there_is_no_method_and_nothing_of_today() -> None:
    lines = lines_of(single(), weekly())
    assert not [line for line in lines if line.startswith(("METHOD", "REFRESH"))]
    assert not [line for line in lines if str(dt.date.today().year) in line and "DTSTAMP" in line]
    assert named(lines, "LAST-MODIFIED") == ["LAST-MODIFIED:20240202T111213Z"] * 2


def test_every_zone_that_is_named_is_declared_once_before_the_events() -> None:
    lines = lines_of(
        single(start=at("2024-07-01T18:00:00-04:00", NY), end=at("2024-07-02T07:30:00+02:00", PARIS)),
        single(start=at("2024-07-01T10:00:00+03:00", "GMT+03:00"), end=None),
        weekly(edited(at("2024-03-22T09:00:00-04:00", NY),
                      start=at("2024-03-22T22:00:00+09:00", "Asia/Tokyo"))),
    )  # fmt: skip
    declared = [line for line in lines if line.startswith("TZID:")]
    assert declared == [f"TZID:{zone}" for zone in (NY, "Asia/Tokyo", PARIS, "GMT+03:00")]
    assert lines.index("BEGIN:VEVENT") > max(lines.index(line) for line in declared)
    used = {line.split("TZID=")[1].split(":2")[0].strip('"') for line in lines if "TZID=" in line}
    assert used == {line[5:] for line in declared}


def test_a_vtimezone_reaches_back_to_the_first_date_any_line_names() -> None:
    """An EXDATE, an RDATE or a RECURRENCE-ID before DTSTART is rare, and would be read by guess."""
    plain = lines_of(weekly())
    early = lines_of(weekly(recurrence=["RRULE:FREQ=WEEKLY", "RDATE:20050715T130000Z"]))
    assert "DTSTART:19700308T020000" in plain
    assert "DTSTART:20070311T020000" in early
    assert "RDATE:20050403T020000" in early


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        pytest.param("2024-03-31T03:30:00+02:00", "20240331T013000Z", id="case-22"),
        pytest.param("2024-07-15T12:00:00+02:00", "20240715T100000Z", id="case-23"),
        pytest.param("2045-07-15T12:00:00+02:00", "20450715T100000Z", id="case-24"),
        pytest.param("1995-10-10T12:00:00+01:00", "19951010T110000Z", id="case-25-old-law"),
        pytest.param("1900-06-01T12:00:00+00:09:21", "19000601T115039Z", id="case-17-mean-time"),
    ],
)
def test_a_reader_without_a_zone_database_finds_the_instant(start: str, expected: str) -> None:
    """The zone has a name nobody knows, so only our VTIMEZONE counts."""
    content, _ = export(single(start=at(start, PARIS), end=None))
    # A name for each case: icalendar keeps the first zone it saw under a name.
    name = f"Nowhere/{start[:4]}-{start[5:7]}".encode()
    read = parsed(content.replace(b"Europe/Paris", name)).walk("VEVENT")[0]
    found = read["DTSTART"].dt
    assert isinstance(found, dt.datetime)
    assert f"{found.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}" == expected


# -- order and streaming ---------------------------------------------------------------------------


def test_a_series_is_its_master_then_its_exceptions_in_order() -> None:
    days = ["2024-03-29", "2024-03-15", "2024-03-22"]
    exceptions = [edited(at(f"{day}T09:00:00-04:00", NY), f"_{n}") for n, day in enumerate(days)]
    dates = named(lines_of(weekly(*exceptions)), "RRULE", "RECURRENCE-ID")
    assert dates == ["RRULE:FREQ=WEEKLY"] + [
        f"RECURRENCE-ID;TZID=America/New_York:202403{day}T090000" for day in (15, 22, 29)
    ]


def test_an_item_renders_the_same_by_itself(tmp_path: Path) -> None:
    """What one item becomes depends on no other, and not on when it comes."""
    items: list[Item] = [single(id="b"), weekly(cancelled(on("2024-03-15")))]
    files = []
    for order in (items, items[::-1]):
        exporter = IcsExporter(CALENDAR, IcsOptions(), tmp_path)
        for item in order:
            exporter.add(item)
        file = io.BytesIO()
        exporter.finish(file)
        files.append(file.getvalue())
    assert files[0] == files[1]
    for item in items:
        assert render(item, CALENDAR, IcsOptions()).content in files[0]


def test_memory_stays_flat(tmp_path: Path) -> None:
    """More events than it may keep wait on the disk, in any order; nothing is left there."""
    items = [single(id=f"e{n * 7919 % 2000:04}", description="é" * 2000) for n in range(2000)]
    with (tmp_path / "file").open("wb") as file:
        exporter = IcsExporter(CALENDAR, IcsOptions(), tmp_path, run_bytes=1 << 20)
        exporter.add(items[0])
        tracemalloc.start()
        for item in items[1:]:
            exporter.add(item)
        exporter.finish(file)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        exporter.close()
    content = (tmp_path / "file").read_bytes()
    assert len(content) > 8_000_000
    ids = re.findall(rb"X-GOOGLE-EVENT-ID:(\w+)", content)
    assert ids == sorted(ids)
    assert len(ids) == 2000
    assert peak < 4_000_000
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_description_of_a_megabyte_takes_no_second() -> None:
    """Case 77: folding is linear."""
    for text in ("x" * 1_000_000, "é" * 500_000, "\\" * 1_000_000):
        started = time.process_time()
        lines = lines_of(single(description=text))
        assert time.process_time() - started < 2
        assert named(lines, "DESCRIPTION") == ["DESCRIPTION:" + text.replace("\\", "\\\\")]


# -- hostile and odd -------------------------------------------------------------------------------


def test_no_text_can_begin_a_line_of_its_own() -> None:
    """Invitations are written by strangers: every text field at once, each with line breaks."""
    resource = event(
        id=EVIL, iCalUID=EVIL, summary=EVIL, description=EVIL, location=EVIL, colorId=EVIL,
        htmlLink=f"https:{EVIL}", status=EVIL, visibility=EVIL, transparency=EVIL, eventType=EVIL,
        created=EVIL, updated=EVIL, source={"url": f"x:{EVIL}", "title": EVIL},
        start=at("2024-07-01T09:00:00+02:00", EVIL), recurringEventId=EVIL,
        originalStartTime=at("2024-07-01T09:00:00+02:00", f"GMT+03:00{EVIL}"),
        organizer={"email": EVIL, "displayName": EVIL}, creator={"email": EVIL, "self": True},
        attendees=[{"email": EVIL, "displayName": EVIL, "comment": EVIL, "responseStatus": EVIL}],
        hangoutLink=f"https:{EVIL}", reminders={"overrides": [{"method": "email", "minutes": 1}]},
        conferenceData={"entryPoints": [{"uri": f"tel:{EVIL}", "label": EVIL, "pin": EVIL,
                                         "entryPointType": EVIL}]},
        attachments=[{"fileUrl": f"https:{EVIL}", "title": EVIL, "mimeType": EVIL}],
    )  # fmt: skip
    calendar = CalendarView(EVIL, EVIL, EVIL, time_zone=EVIL)
    master = event(
        recurrence=[EVIL, f"RRULE:{EVIL}", f"EXDATE;TZID={EVIL}:{EVIL}", f"RDATE:{EVIL}"]
    )
    for orphans in ("standalone", "recurrence-id"):
        content, _ = export(
            Orphan(resource), Single(resource), Series(resource, (resource,), (resource,)),
            Series(master, (resource,)), calendar=calendar, options=IcsOptions(orphans=orphans),
        )  # fmt: skip
        lines = unfolded(content)
        assert not [line for line in lines if line.startswith("X-EVIL")]
        assert lines.count("END:VEVENT") == lines.count("BEGIN:VEVENT") == 6
        assert len(content.decode().splitlines()) == content.count(b"\r\n")
        parsed(content)


def test_the_name_of_a_fixed_zone_cannot_break_a_line() -> None:
    lines = lines_of(single(start=at("2024-07-01T09:00:00+03:00", "GMT+03:00\n"), end=None))
    assert named(lines, "DTSTART") == ["DTSTART:20240701T060000Z"]


def test_an_event_that_cannot_be_written_costs_a_warning_only() -> None:
    assert codes_of(single(start={}), single(end={"date": "never"}), single()) == [
        "no-start",
        "odd-end",
    ]


def test_one_odd_guest_or_file_costs_no_other() -> None:
    """What can be read of each stays; pain 26."""
    guests = [
        {"email": "a@x.org", "additionalGuests": "many"},
        {"email": "b@x.org", "displayName": None, "self": None},
        "somebody",
        {"email": "c@x.org", "responseStatus": "accepted"},
    ]
    files = [{"fileUrl": None}, 7, {"fileUrl": "https://x.org/1", "title": ["?"]}]
    content, warnings = export(single(attendees=guests, attachments=files))
    lines = unfolded(content)
    addresses = [line.rpartition("mailto:")[2] for line in named(lines, "ATTENDEE")]
    assert addresses == ["a@x.org", "b@x.org", "c@x.org"]
    assert named(lines, "ATTACH") == ["ATTACH:https://x.org/1"]
    assert [warning.code for warning in warnings] == ["no-address"]


@pytest.mark.parametrize("field", ["summary", "attendees"])
def test_half_a_character_is_replaced_with_a_warning(field: str) -> None:
    """Case 71: JSON may hold a lone surrogate, UTF-8 may not."""
    half = "Jo\ud83d"
    value = half if field == "summary" else [{"email": "jo@x.org", "displayName": half}]
    resource = json.dumps({"id": "abc", "start": {"date": "2024-01-01"}, field: value})
    found, warnings = read_event(resource.encode())
    assert [(each.event_id, each.code) for each in warnings] == [("abc", "odd-text")]
    assert "Jo\ufffd" in "".join(lines_of(Single(found)))


@pytest.mark.parametrize(
    ("rule", "codes"),
    [
        ("FREQ=DAILY;COUNT=2;BYMONTH=2;BYMONTHDAY=30", []),  # not worth the walk: written as it is
        ("FREQ=SECONDLY;COUNT=2;BYMONTH=2;BYMONTHDAY=30", []),
        ("FREQ=MONTHLY;COUNT=2;BYMONTH=2;BYMONTHDAY=30", ["no-occurrence"]),
        ("FREQ=YEARLY;COUNT=2;BYMONTH=2;BYMONTHDAY=30", ["no-occurrence"]),
        ("FREQ=DAILY;COUNT=2;INTERVAL=7;BYDAY=MO", ["no-occurrence"]),
    ],
)
def test_a_rule_that_never_fits_is_given_up_soon(rule: str, codes: list[str]) -> None:
    """30 February, and the first day excluded: there is nothing to find, for ever."""
    started = time.process_time()
    rules = [f"RRULE:{rule}", "EXDATE:20240301T140000Z"]
    assert codes_of(weekly(recurrence=rules)) == codes
    assert time.process_time() - started < 5


# -- other readers ---------------------------------------------------------------------------------


def samples() -> list[Item]:
    """The recorded resources as items: series with their exceptions where both were recorded."""
    events = [read_event(json.dumps(json.loads(line)["resource"]).encode())[0]
              for line in SAMPLES.read_text().splitlines()]  # fmt: skip
    masters = {each.id: each for each in events if each.is_series}
    items: list[Item] = []
    for each in events:
        if each.is_series:
            mine = [e for e in events if e.recurring_event_id == each.id]
            items.append(Series(each, tuple(e for e in mine if not e.is_cancelled),
                                tuple(e for e in mine if e.is_cancelled)))  # fmt: skip
        elif each.is_exception and each.recurring_event_id not in masters:
            items.append(Orphan(each))
        elif not each.is_exception:
            items.append(Single(each))
    return items


@pytest.mark.parametrize("orphans", ["standalone", "recurrence-id"])
def test_the_recorded_events_are_read_back(orphans: str) -> None:
    items = samples()
    content, warnings = export(*items, options=IcsOptions(orphans=orphans, default_reminders=True))
    assert {warning.code for warning in warnings} == {"odd-offset"}  # of other calendars
    unfolded(content)
    read = parsed(content).walk("VEVENT")
    written = [
        each
        for item in sorted(items, key=key_of)
        for each in ((item.master, *item.edited) if isinstance(item, Series) else (item.event,))
        if not each.is_cancelled
    ]
    assert [str(each["X-GOOGLE-EVENT-ID"]) for each in read] == [each.id for each in written]
    for component, each in zip(read, written, strict=True):
        assert str(component.get("SUMMARY", "Busy")) == (each.summary or "Busy")
        assert str(component.get("DESCRIPTION", "")) == (each.description or "")
        start = each.start
        assert start is not None
        found = component["DTSTART"].dt
        if start.date_time:
            assert found.timestamp() == dt.datetime.fromisoformat(start.date_time).timestamp()
        else:
            assert found == dt.date.fromisoformat(start.date or "")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", [5, 17, 19, 31]),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", [5, 10, 19, 24]),
        ("FREQ=WEEKLY;UNTIL=19970819", [5, 12, 19]),
        ("FREQ=WEEKLY;UNTIL=19970819T130000Z", [5, 12, 19]),
        ("FREQ=WEEKLY;UNTIL=19970819T125959Z", [5, 12]),
    ],
)
def test_a_rule_means_the_same_to_others(rule: str, expected: list[int]) -> None:
    """Cases 33 and 55: what is passed on or repaired is expanded by an independent reader."""
    start = at("1997-08-05T09:00:00-04:00", NY)
    content, _ = export(weekly(start=start, end=None, recurrence=[f"RRULE:{rule}"]))
    found = recurring_ical_events.of(icalendar.Calendar.from_ical(content))
    assert [
        each["DTSTART"].dt.day for each in found.between((1997, 8, 1), (1997, 9, 1))
    ] == expected
