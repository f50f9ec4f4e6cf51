"""The case table of the ICS export: what Google sends, and the lines that come of it.

A number is the case's in the project's list; each case also parses, folds and repeats byte for byte.
"""

from __future__ import annotations

from typing import Any

import pytest
from ics_export import (
    NY,
    PARIS,
    at,
    cancelled,
    edited,
    event,
    export,
    named,
    on,
    orphan,
    parsed,
    single,
    unfolded,
    weekly,
)

from calendar_sync.ics.exporter import IcsOptions
from calendar_sync.model import CalendarView, Item, Reminder, Series

TIMES = ("DTSTART", "DTEND", "DURATION")
DATES = ("RRULE", "RDATE", "EXDATE", "RECURRENCE-ID")
PEOPLE = ("ORGANIZER", "ATTENDEE")
ALARMS = ("ACTION", "TRIGGER", "SUMMARY", "ATTENDEE")
LONDON_DAY = {"start": on("2024-03-10"), "end": on("2024-03-11")}


def case(
    number: str,
    item: Item,
    names: tuple[str, ...],
    expected: list[str],
    warnings: tuple[str, ...] = (),
    **how: Any,
) -> Any:
    return pytest.param(item, names, expected, warnings, how, id=f"case-{number}")


def timed(start: str, end: str, zone: str | None, end_zone: str | None = None, **more: Any) -> Item:
    return single(start=at(start, zone), end=at(end, end_zone or zone), **more)


def all_day(start: str, end: str, **more: Any) -> dict[str, Any]:
    return {"start": on(start), "end": on(end), **more}


def ny(*recurrence: str, **more: Any) -> Item:
    return weekly(recurrence=list(recurrence), **more)


PA_LINES = ["DTSTART;TZID=Europe/Paris:20240701T090000", "DTEND;TZID=Europe/Paris:20240701T093000"]
UTC_LINES = ["DTSTART:20240701T070000Z", "DTEND:20240701T073000Z"]
OUT_OF_GUESTS = {"organizer": {"email": "me@example.com", "self": True}}


def guest(expected: str, number: str, **fields: Any) -> Any:
    fields = {"email": "jo@example.com", "responseStatus": "accepted", **fields}
    return case(number, single(attendees=[fields]), ("ATTENDEE",), [expected])


def text(number: str, summary: str, expected: str) -> Any:
    return case(number, single(summary=summary), ("SUMMARY",), [f"SUMMARY:{expected}"])


# fmt: off
TIME_CASES = [
    case("1", single(), TIMES, PA_LINES),
    case("2", timed("2024-07-01T07:00:00Z", "2024-07-01T07:30:00Z", PARIS), TIMES, PA_LINES),
    case("3", timed("2024-07-01T09:00:00+02:00", "2024-07-01T09:30:00+02:00", None), TIMES, PA_LINES),
    *(
        case(f"4-{zone}", timed("2024-07-01T07:00:00Z", "2024-07-01T07:30:00Z", zone), TIMES, UTC_LINES)
        for zone in ("UTC", "Etc/UTC", "GMT", "Etc/GMT", "Zulu")
    ),
    case(
        "5", timed("2024-07-01T02:00:00-05:00", "2024-07-01T02:30:00-05:00", "Etc/GMT+5"), TIMES,
        ["DTSTART;TZID=Etc/GMT+5:20240701T020000", "DTEND;TZID=Etc/GMT+5:20240701T023000"],
    ),
    case(
        "5-fixed", timed("2024-07-01T10:00:00+03:00", "2024-07-01T10:30:00+03:00", "GMT+03:00"),
        TIMES,
        ['DTSTART;TZID="GMT+03:00":20240701T100000', 'DTEND;TZID="GMT+03:00":20240701T103000'],
    ),
    *(
        case(f"6-{zone[:3]}", timed("2024-07-01T09:00:00+02:00", "2024-07-01T09:30:00+02:00", zone),
             TIMES, UTC_LINES, ("unknown-zone",))
        for zone in ("Foo/Bar", "../../etc/passwd", "x\r\nBEGIN:VEVENT", "localtime", "right/UTC")
    ),
    case(
        "7", timed("2024-07-01T12:30:00+05:30", "2024-07-01T13:00:00+05:30", "Asia/Calcutta"),
        TIMES,
        ["DTSTART;TZID=Asia/Calcutta:20240701T123000", "DTEND;TZID=Asia/Calcutta:20240701T130000"],
    ),
    case(
        "8", timed("2024-07-01T18:00:00-04:00", "2024-07-02T07:30:00+02:00", NY, PARIS), TIMES,
        ["DTSTART;TZID=America/New_York:20240701T180000", "DTEND;TZID=Europe/Paris:20240702T073000"],
    ),
    case("9", single(**all_day("2024-03-10", "2024-03-11")), TIMES,
         ["DTSTART;VALUE=DATE:20240310", "DTEND;VALUE=DATE:20240311"]),
    case("10", single(**all_day("2024-03-10", "2024-03-13")), TIMES,
         ["DTSTART;VALUE=DATE:20240310", "DTEND;VALUE=DATE:20240313"]),
    case("11", single(**all_day("2024-03-10", "2024-03-10")), TIMES, ["DTSTART;VALUE=DATE:20240310"]),
    case("12", timed("2024-07-01T09:00:00+02:00", "2024-07-01T09:00:00+02:00", PARIS), TIMES,
         PA_LINES[:1]),
    case("12-zones", timed("2024-07-01T09:00:00+02:00", "2024-07-01T03:00:00-04:00", PARIS, NY),
         TIMES, PA_LINES[:1]),
    case("12-series", weekly(end=at("2024-03-01T09:00:00-05:00", NY)), TIMES,
         ["DTSTART;TZID=America/New_York:20240301T090000"]),
    case("13-series", weekly(end=at("2024-03-01T08:00:00-05:00", NY)), TIMES,
         ["DTSTART;TZID=America/New_York:20240301T090000"], ("odd-end",)),
    case("13", timed("2024-07-01T09:00:00+02:00", "2024-07-01T08:00:00+02:00", PARIS), TIMES,
         PA_LINES[:1], ("odd-end",)),
    case("13-day", single(**all_day("2024-03-10", "2024-03-09")), TIMES,
         ["DTSTART;VALUE=DATE:20240310"], ("odd-end",)),
    case("13-mixed", single(end=on("2024-07-02")), TIMES, PA_LINES[:1], ("odd-end",)),
    case("14", single(endTimeUnspecified=True), TIMES, PA_LINES[:1]),
    case("15", timed("2024-07-01T09:00:00.500+02:00", "2024-07-01T09:30:00.999+02:00", PARIS), TIMES,
         PA_LINES),
    case("16", timed("2024-07-01T09:00:30+02:00", "2024-07-01T09:30:00+02:00", PARIS), TIMES,
         ["DTSTART;TZID=Europe/Paris:20240701T090030", PA_LINES[1]]),
    *(
        case(f"17-{year}", single(**all_day(f"{year}-01-01", f"{year}-01-02")), TIMES,
             [f"DTSTART;VALUE=DATE:{year}0101", f"DTEND;VALUE=DATE:{year}0102"])
        for year in ("1601", "1900", "0001")
    ),
    case("17-1900", timed("1900-06-01T00:00:00Z", "1900-06-01T01:00:00Z", "UTC"), TIMES,
         ["DTSTART:19000601T000000Z", "DTEND:19000601T010000Z"]),
    case("17-0001", timed("0001-01-01T00:00:00+02:00", "0001-01-01T01:00:00+02:00", "UTC"), TIMES,
         ["DTSTART:00010101T000000Z"]),
    case("17-0001-zone", timed("0001-01-01T00:00:00+02:00", "0001-01-01T01:00:00+02:00", PARIS), TIMES,
         ["DTSTART;TZID=Europe/Paris:00010101T000000", "DTEND;TZID=Europe/Paris:00010101T010000"],
         ("odd-offset",)),
    case("17-mean-time", timed("1880-01-01T12:00:00Z", "1880-01-01T13:00:00Z", PARIS), TIMES,
         ["DTSTART:18800101T120000Z", "DTEND:18800101T130000Z"]),
    case("18-local", timed("9999-12-31T23:00:00-05:00", "9999-12-31T23:30:00-05:00", NY), TIMES,
         ["DTSTART;TZID=America/New_York:99991231T230000",
          "DTEND;TZID=America/New_York:99991231T233000"], ("odd-offset",)),
    case("18", timed("9999-12-31T23:00:00-02:00", "9999-12-31T23:30:00-02:00", "UTC"), TIMES,
         ["DTSTART:99991231T235959Z"]),
    case("18-zone", timed("9999-12-31T22:00:00Z", "9999-12-31T23:00:00Z", "Asia/Tokyo"), TIMES,
         ["DTSTART:99991231T220000Z", "DTEND:99991231T230000Z"], ("odd-offset",)),
    case("19", timed("2024-11-03T01:30:00-05:00", "2024-11-03T02:30:00-05:00", NY), TIMES,
         ["DTSTART:20241103T063000Z", "DTEND:20241103T073000Z"]),
    case("20", timed("2024-11-03T01:30:00-04:00", "2024-11-03T01:45:00-04:00", NY), TIMES,
         ["DTSTART:20241103T053000Z", "DTEND:20241103T054500Z"]),
    case("20-end", timed("2024-11-03T00:30:00-04:00", "2024-11-03T01:30:00-04:00", NY), TIMES,
         ["DTSTART:20241103T043000Z", "DTEND:20241103T053000Z"]),
    case("21", timed("2024-07-01T09:00:00+01:00", "2024-07-01T09:30:00+01:00", "Asia/Tokyo"), TIMES,
         ["DTSTART:20240701T080000Z", "DTEND:20240701T083000Z"], ("odd-offset",)),
    case("no-start", single(start=None), TIMES, [], ("no-start",)),
    case("bad-start", single(start=at("2024-99-99T00:00:00Z")), TIMES, [], ("no-start",)),
]

FRIDAY_15 = at("2024-03-15T09:00:00-04:00", NY)
FRIDAY_22 = at("2024-03-22T09:00:00-04:00", NY)
FRIDAY_15_LINE = "EXDATE;TZID=America/New_York:20240315T090000"
FRIDAY_22_LINE = "EXDATE;TZID=America/New_York:20240322T090000"
ID_22_LINE = "RECURRENCE-ID;TZID=America/New_York:20240322T090000"
WEEKLY = "RRULE:FREQ=WEEKLY"
DAILY = "RRULE:FREQ=DAILY"
IN_THE_GAP = {"start": at("2024-03-09T02:30:00-05:00", NY), "end": at("2024-03-09T03:00:00-05:00", NY)}
DAILY_DAY = {**LONDON_DAY, "recurrence": ["RRULE:FREQ=DAILY"]}

RECURRENCE_CASES = [
    case("30", ny("RRULE:FREQ=WEEKLY;BYDAY=FR"), (*TIMES, *DATES), [
        "DTSTART;TZID=America/New_York:20240301T090000", "DTEND;TZID=America/New_York:20240301T093000",
        "RRULE:FREQ=WEEKLY;BYDAY=FR"]),
    case("31", ny("RRULE:FREQ=WEEKLY;UNTIL=20240426"), DATES,
         ["RRULE:FREQ=WEEKLY;UNTIL=20240427T035959Z"]),
    case("31-local", ny("RRULE:FREQ=WEEKLY;UNTIL=20240426T090000"), DATES,
         ["RRULE:FREQ=WEEKLY;UNTIL=20240426T130000Z"]),
    case("32", weekly(**LONDON_DAY, recurrence=["RRULE:FREQ=DAILY;UNTIL=20240426T000000Z"]), DATES,
         ["RRULE:FREQ=DAILY;UNTIL=20240426"]),
    case("33", ny("RRULE:FREQ=WEEKLY;UNTIL=20240426T130000Z"), DATES,
         ["RRULE:FREQ=WEEKLY;UNTIL=20240426T130000Z"]),
    *(
        case(f"two-ends-{number}", ny(f"RRULE:{rule};COUNT=3;UNTIL={until}"), DATES,
             [f"RRULE:{rule};{kept}"], ("two-ends",))
        for number, (rule, until, kept) in enumerate([
            ("FREQ=WEEKLY", "20240315T130000Z", "COUNT=3"),
            ("FREQ=WEEKLY", "20240315T125959Z", "UNTIL=20240315T125959Z"),
            ("FREQ=WEEKLY", "20240314", "UNTIL=20240315T035959Z"),
            ("FREQ=WEEKLY", "20990101", "COUNT=3"),
            ("FREQ=MONTHLY;BYMONTHDAY=31", "20240531T130000Z", "UNTIL=20240531T130000Z"),
            ("FREQ=HOURLY;INTERVAL=6", "20240302T020000Z", "COUNT=3"),
            ("FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", "20990101", "UNTIL=20990102T045959Z")])
    ),
    case("two-ends-day", weekly(**LONDON_DAY, recurrence=["RRULE:FREQ=DAILY;COUNT=3;UNTIL=20240311"]),
         DATES, ["RRULE:FREQ=DAILY;UNTIL=20240311"], ("two-ends",)),
    case("34", weekly(cancelled(FRIDAY_15)), DATES, [WEEKLY, FRIDAY_15_LINE]),
    case("35", weekly(cancelled(on("2024-03-15")), **DAILY_DAY), DATES,
         ["RRULE:FREQ=DAILY", "EXDATE;VALUE=DATE:20240315"]),
    case("36", weekly(cancelled(FRIDAY_22, "_b"), cancelled(FRIDAY_15, "_c")), DATES,
         [WEEKLY, FRIDAY_15_LINE, FRIDAY_22_LINE]),
    case("37-utc", weekly(cancelled(at("2024-03-15T13:00:00Z"))), DATES, [WEEKLY, FRIDAY_15_LINE]),
    case("37-zone", weekly(cancelled(at("2024-03-15T14:00:00+01:00", PARIS))), DATES,
         [WEEKLY, FRIDAY_15_LINE]),
    case("37-id", weekly(edited(None, "_20240315T130000Z", start=FRIDAY_15, end=None)), DATES,
         [WEEKLY, ID_22_LINE.replace("0322", "0315")]),
    *(
        case(f"38-{number}", weekly(cancelled(FRIDAY_15), recurrence=[WEEKLY, line]), DATES,
             [WEEKLY, FRIDAY_15_LINE])
        for number, line in enumerate([
            "EXDATE;TZID=America/New_York:20240315T090000", "EXDATE:20240315T130000Z",
            "EXDATE;TZID=Europe/Paris:20240315T140000", "EXDATE;VALUE=DATE:20240315",
            "EXDATE:20240315T090000", 'exdate;tzid="America/New_York":20240315T090000'])
    ),
    case("38-whole-day", ny("RRULE:FREQ=DAILY;BYHOUR=9,15;COUNT=8", "EXDATE;VALUE=DATE:20240302"),
         ("EXDATE",), [f"EXDATE;TZID=America/New_York:20240302T{hour}0000" for hour in ("09", "15")]),
    case("38-whole-day-hours", ny("RRULE:FREQ=HOURLY;INTERVAL=8;COUNT=8", "RDATE:20240310T120000",
                                  "EXDATE;VALUE=DATE:20240310"),
         ("EXDATE",), ["EXDATE;TZID=America/New_York:20240310T090000",
                       "EXDATE;TZID=America/New_York:20240310T120000"]),
    case("39", weekly(edited(FRIDAY_22, start=at("2024-03-22T11:00:00-04:00", NY), end=None)),
         ("DTSTART", *DATES),
         ["DTSTART;TZID=America/New_York:20240301T090000", WEEKLY, ID_22_LINE,
          "DTSTART;TZID=America/New_York:20240322T110000"]),
    case("39-exdate", weekly(edited(FRIDAY_22, start=FRIDAY_22, end=None),
                             recurrence=[WEEKLY, FRIDAY_22_LINE]), DATES, [WEEKLY, ID_22_LINE]),
    case("40", weekly(edited(FRIDAY_22, **all_day("2024-03-22", "2024-03-23"))),
         ("DTSTART", "RECURRENCE-ID"),
         ["DTSTART;TZID=America/New_York:20240301T090000", ID_22_LINE, "DTSTART;VALUE=DATE:20240322"]),
    case("41", weekly(edited(on("2024-03-15")), **DAILY_DAY), ("DTSTART", "RECURRENCE-ID"),
         ["DTSTART;VALUE=DATE:20240310", "RECURRENCE-ID;VALUE=DATE:20240315", PA_LINES[0]]),
    case("42", weekly(edited(at("2024-03-22T14:00:00+01:00", PARIS))), ("DTSTART", "RECURRENCE-ID"),
         ["DTSTART;TZID=America/New_York:20240301T090000", ID_22_LINE, PA_LINES[0]]),
    case("43", weekly(cancelled(FRIDAY_15), edited(FRIDAY_22, "_y")), DATES,
         [WEEKLY, FRIDAY_15_LINE, ID_22_LINE]),
    case("44", weekly(edited(FRIDAY_22, attendees=[
        {"email": "me@example.com", "self": True, "responseStatus": "declined"}])),
        (*DATES, "ATTENDEE"),
        [WEEKLY, ID_22_LINE, "ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=DECLINED"
         ":mailto:me@example.com"]),
    case("45", orphan(), ("UID", *DATES, "X-GOOGLE-RECURRING-EVENT-ID"),
         ["UID:abc@google.com", "RECURRENCE-ID;TZID=Europe/Paris:20240701T090000",
          "X-GOOGLE-RECURRING-EVENT-ID:abc"], options=IcsOptions(orphans="recurrence-id")),
    case("46", orphan(), ("UID", *DATES, "X-GOOGLE-RECURRING-EVENT-ID"),
         ["UID:abc@google.com_20240701T070000Z", "X-GOOGLE-RECURRING-EVENT-ID:abc"]),
    case("47", orphan(status="cancelled"), ("UID",), []),
    case("48", weekly(edited(FRIDAY_22), status="cancelled"), ("UID",), []),
    case("50", weekly(cancelled(at("2024-03-01T09:00:00-05:00", NY)),
                      cancelled(at("2024-03-08T09:00:00-05:00", NY), "_y"),
                      recurrence=["RRULE:FREQ=WEEKLY;COUNT=2"]), ("UID",), [], ("no-occurrence",)),
    case("50-moved", weekly(cancelled(at("2024-03-01T09:00:00-05:00", NY)),
                            edited(at("2024-03-08T09:00:00-05:00", NY), "_y"),
                            recurrence=["RRULE:FREQ=WEEKLY;COUNT=2"]), ("UID",),
         ["UID:abc@google.com"] * 2),
    case("50-until", ny("RRULE:FREQ=WEEKLY;UNTIL=20240301T135959Z"), ("UID",), [],
         ("no-occurrence",)),
    case("50-rdate", ny("RDATE:20240308T140000Z", "EXDATE:20240308T140000Z", "EXDATE:20240301T140000Z"),
         ("UID",), [], ("no-occurrence",)),
    case("50-left", ny("RRULE:FREQ=WEEKLY;COUNT=3", "EXDATE:20240301T140000Z",
                       "EXDATE:20240308T140000Z"), ("UID",), ["UID:abc@google.com"]),
    case("51", ny("RDATE;TZID=America/New_York:20240402T090000,20240401T100000"), DATES,
         ["RDATE;TZID=America/New_York:20240401T100000",
          "RDATE;TZID=America/New_York:20240402T090000"]),
    case("51-day", weekly(**LONDON_DAY, recurrence=["RDATE;TZID=Europe/Helsinki:20121203T000000"]),
         DATES, ["RDATE;VALUE=DATE:20121203"]),
    case("51-period", ny("RDATE;VALUE=PERIOD:20240402T130000Z/PT1H"), DATES,
         ["RDATE;TZID=America/New_York:20240402T090000"], ("period",)),
    case("52", ny("RRULE:FREQ=WEEKLY;BYDAY=MO", "RRULE:FREQ=MONTHLY"), DATES,
         ["RRULE:FREQ=WEEKLY;BYDAY=MO", "RRULE:FREQ=MONTHLY"], ("several-rules",)),
    case("53", ny(WEEKLY, "EXRULE:FREQ=MONTHLY"), DATES, [WEEKLY], ("exrule",)),
    case("54", ny("rrule:freq=weekly; byday = fr ;"), DATES, ["RRULE:FREQ=WEEKLY;BYDAY=FR"]),
    *(
        case(f"54-odd-{number}", ny(line), DATES, [], ("odd-rule",))
        for number, line in enumerate([
            "RRULE:FREQ=WEEKLY\r\nX-EVIL:1", "RRULE:FREQ=NEVER", "RRULE:", "FREQ=WEEKLY",
            "RRULE:FREQ=WEEKLY;X=1", "RRULE:INTERVAL=2", "RRULE:FREQ=DAILY;INTERVAL=0",
            "RRULE:FREQ=DAILY;COUNT=1,2", "RRULE:FREQ=DAILY;UNTIL=20240231",
            "RRULE:FREQ=DAILY;BYMONTHDAY=0", "X-EVIL:1", "RRULE:FREQ=DAILY;COUNT=１"])
    ),
    case("54-date", ny(WEEKLY, "EXDATE:20240230T000000,tomorrow\r\n,20240315T130000Z"), DATES,
         [WEEKLY, FRIDAY_15_LINE], ("odd-date", "odd-date")),
    case("61", ny(WEEKLY, "EXDATE:" + ",".join(
        f"2024{month:02}{day:02}" for month in range(5, 10) for day in range(1, 25))), ("RRULE",),
        [WEEKLY], ("many-exdates",)),
    *(
        case(f"58-cancelled-{number}", weekly(*exceptions, **IN_THE_GAP, recurrence=[DAILY, *lines]),
             ("EXDATE",), ["EXDATE;TZID=America/New_York:20240310T023000"])
        for number, (lines, exceptions) in enumerate([
            ([], [cancelled(at("2024-03-10T03:30:00-04:00", NY))]),
            ([], [cancelled(at("2024-03-10T07:30:00Z"))]),
            (["EXDATE:20240310T073000Z"], []),
            (["EXDATE;TZID=America/New_York:20240310T033000"], []),
            (["EXDATE;TZID=America/New_York:20240310T023000", "EXDATE;VALUE=DATE:20240310"], [])])
    ),
    case("58-edited", weekly(edited(at("2024-03-10T03:30:00-04:00", NY)), **IN_THE_GAP,
                             recurrence=[DAILY]), ("RECURRENCE-ID",),
         ["RECURRENCE-ID;TZID=America/New_York:20240310T023000"]),
    case("58-not-in-the-gap", weekly(cancelled(at("2024-03-11T03:30:00-04:00", NY)), **IN_THE_GAP,
                                     recurrence=[DAILY]), ("EXDATE",),
         ["EXDATE;TZID=America/New_York:20240311T033000"]),
    case("unknown-zone", weekly(cancelled(at("2024-03-08T14:00:00Z")),
                                start=at("2024-03-01T09:00:00-05:00", "Foo/Bar"),
                                end=at("2024-03-01T09:30:00-05:00", "Foo/Bar")), (*TIMES, *DATES),
         ["DTSTART:20240301T140000Z", "DTEND:20240301T143000Z", WEEKLY, "EXDATE:20240308T140000Z"],
         ("unknown-zone",)),
    case("fold-series", weekly(start=at("2024-11-03T01:30:00-04:00", NY),
                               end=at("2024-11-03T01:45:00-04:00", NY)), TIMES,
         ["DTSTART;TZID=America/New_York:20241103T013000", "DURATION:PT15M"]),
    case("no-original", weekly(edited(None, "-odd")), ("UID", "RECURRENCE-ID"),
         ["UID:abc@google.com", "UID:abc@google.com_-odd"], ("odd-exception",)),
    case("no-start-series", weekly(edited(FRIDAY_22, "_20240322T130000Z"), start=None),
         ("UID", "RECURRENCE-ID"), ["UID:abc@google.com_20240322T130000Z"], ("no-start",)),
]

FAMILY = "\U0001f468‍\U0001f469‍\U0001f467"
TEXT_CASES = [
    text("63", "a;b,c\\d", "a\\;b\\,c\\\\d"),
    text("64", "a\nb\r\nc\rd", "a\\nb\\nc\\nd"),
    text("65", "C:\\new", "C:\\\\new"),
    text("66", "a\0b\x0bc\x1bd\x7fe\tf", "abcde\tf"),
    text("67", "a\x85b\u2028c\u2029d", "a\\nb\\nc\\nd"),
    text("68-accent", "é" * 200, "é" * 200),
    text("68-emoji", "\U0001f600" * 200, "\U0001f600" * 200),
    text("68-family", FAMILY * 30, FAMILY * 30),
    text("69-75", "x" * 67, "x" * 67),
    text("69-76", "x" * 68, "x" * 68),
    text("70", "\\" * 200, "\\\\" * 200),
    text("71", "a\ud83db", "a\ufffdb"),
    text("72", "\ufeffa", "\ufeffa"),
    *(
        case(f"73-{number}", single(summary=summary), ("SUMMARY",), [])
        for number, summary in enumerate([None, "", "  \t ", "\0\x1f", "\u2028", "\xa0"])
    ),
    *(
        case(f"73-{field}", single(**{field: " \0\t"}), (field.upper(),), [])
        for field in ("description", "location")
    ),
    case("74", single(description="<b>Hi</b>, all"), ("DESCRIPTION",),
         ["DESCRIPTION:<b>Hi</b>\\, all"]),
    text("75", "x\r\nEND:VEVENT\r\nBEGIN:VEVENT", "x\\nEND:VEVENT\\nBEGIN:VEVENT"),
    case("76", single(location="x\r\nX-EVIL:1", htmlLink="https://x/\r\nX-EVIL:1", attachments=[
        {"fileUrl": "https://y/ a\r\nX-EVIL:1", "title": "t"}]),
        ("LOCATION", "URL", "ATTACH", "X-EVIL"),
        ["LOCATION:x\\nX-EVIL:1", "URL:https://x/%0D%0AX-EVIL:1",
         "ATTACH;FILENAME=t:https://y/%20a%0D%0AX-EVIL:1"]),
    case("76-no-link", single(htmlLink="no link", source={"url": "//x"}), ("URL",), [],
         ("odd-link", "odd-link")),
    text("78", "שלום é e\u0301", "שלום é e\u0301"),
]

ACCEPTED = "ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED"
JO = ":mailto:jo@example.com"
PEOPLE_CASES = [
    guest(f'{ACCEPTED};CN="Doe, Jane"{JO}', "79", displayName="Doe, Jane"),
    guest(f"{ACCEPTED};CN=A 'B' C{JO}", "80", displayName='A "B" C'),
    guest(f'{ACCEPTED};CN="a;b:c"{JO}', "81", displayName="a;b:c"),
    guest(f'{ACCEPTED};CN="a = b"{JO}', "81-equals", displayName="a = b"),
    guest(f"{ACCEPTED};CN=a b{JO}", "82", displayName="a\r\nb"),
    guest(f"{ACCEPTED};CN=^^n ^^' ^x ^{JO}", "82-caret", displayName="^n ^\" ^x ^"),
    guest(f"{ACCEPTED}{JO}", "83"),
    guest(f"{ACCEPTED}{JO}", "83-blank", displayName=" \0"),
    guest("ATTENDEE;CUTYPE=RESOURCE;ROLE=NON-PARTICIPANT;PARTSTAT=ACCEPTED;CN=Room" + JO, "84",
          resource=True, displayName="Room"),
    guest("ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=OPT-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE" + JO,
          "85", optional=True, responseStatus="needsAction"),
    guest(f"{ACCEPTED};X-NUM-GUESTS=2;X-RESPONSE-COMMENT=late{JO}", "86", additionalGuests=2,
          comment="late"),
    case("87", single(attendees=[{"displayName": "Nobody"}]), PEOPLE, [], ("no-address",)),
    case("88", single(attendeesOmitted=True), ("X-GOOGLE-ATTENDEES-OMITTED",),
         ["X-GOOGLE-ATTENDEES-OMITTED:TRUE"]),
    case("89", single(attendees=[{"email": f"p{n}@x.org", "responseStatus": "accepted"}
                                 for n in range(300)]), PEOPLE,
         [f"{ACCEPTED}:mailto:p{n}@x.org" for n in range(300)]),
    case("90", single(**OUT_OF_GUESTS), PEOPLE, []),
    case("90-guests", single(**OUT_OF_GUESTS, attendees=[
        {"email": "jo@example.com", "responseStatus": "accepted"}]), PEOPLE,
        ["ORGANIZER:mailto:me@example.com", ACCEPTED + JO]),
    guest(f"{ACCEPTED}:mailto:a+%22b%22%20%C3%A9%0D%0AX@x.org", "91", email='a+"b" é\r\nX@x.org'),
    case("92", single(organizer={"email": "c@group.calendar.google.com", "displayName": "Team"}),
         PEOPLE, ["ORGANIZER;CN=Team:mailto:c@group.calendar.google.com"]),
]


def reminders(*overrides: tuple[str, int]) -> dict[str, Any]:
    return {"overrides": [{"method": method, "minutes": minutes} for method, minutes in overrides]}


def entry(kind: str, uri: str, **more: Any) -> dict[str, Any]:
    return {"entryPointType": kind, "uri": uri, **more}


LINKS = ("URL", "X-GOOGLE-HTML-LINK")
CONFERENCE = ("CONFERENCE", "X-GOOGLE-CONFERENCE")
KINDS = ("workingLocation", "focusTime", "outOfOffice", "birthday", "fromGmail")
ALARM_CALENDAR = CalendarView("me@example.com", default_reminders=(Reminder("popup", 30),))
OTHER_CASES = [
    *(
        case(f"93-{word}", single(visibility=word), ("CLASS",), lines)
        for word, lines in [("private", ["CLASS:PRIVATE"]), ("public", ["CLASS:PUBLIC"]),
                            ("confidential", ["CLASS:CONFIDENTIAL"]), ("default", [])]
    ),
    case("94", single(transparency="transparent"), ("TRANSP",), ["TRANSP:TRANSPARENT"]),
    case("94-absent", single(), ("TRANSP",), ["TRANSP:OPAQUE"]),
    case("95", single(status="tentative"), ("STATUS",), ["STATUS:TENTATIVE"]),
    case("96", single(reminders=reminders(("popup", 10), ("email", 2880))), ALARMS,
         ["SUMMARY:Tea", "ACTION:DISPLAY", "TRIGGER:-PT10M", "ACTION:EMAIL", "SUMMARY:Tea",
          "ATTENDEE:mailto:me@example.com", "TRIGGER:-PT48H"]),
    case("96-words", single(description="Milk", reminders=reminders(("popup", 10), ("email", 60))),
         ("DESCRIPTION",), ["DESCRIPTION:Milk", *["DESCRIPTION:Tea"] * 2]),
    case("96-no-title", single(summary=" ", reminders=reminders(("popup", 10))), ("DESCRIPTION",),
         ["DESCRIPTION:Reminder"]),
    case("96-nobody", single(reminders=reminders(("email", 90))), ALARMS,
         ["SUMMARY:Tea", "ACTION:DISPLAY", "TRIGGER:-PT1H30M"],
         calendar=CalendarView("x@group.calendar.google.com")),
    case("97", single(reminders={"useDefault": True}), ALARMS, ["SUMMARY:Tea"],
         calendar=ALARM_CALENDAR),
    case("97-on", single(reminders={"useDefault": True}), ALARMS,
         ["SUMMARY:Tea", "ACTION:DISPLAY", "TRIGGER:-PT30M"], calendar=ALARM_CALENDAR,
         options=IcsOptions(default_reminders=True)),
    case("98", single(reminders=reminders(("popup", 0), ("popup", 900))), ("TRIGGER",),
         ["TRIGGER:PT0S", "TRIGGER:-PT15H"]),
    case("99", single(conferenceData={"conferenceSolution": {"name": "Meet"}, "entryPoints": [
        entry("video", "https://meet.google.com/a-b", label="meet.google.com/a-b"),
        entry("phone", "tel:+1-555", pin="12;3"), entry("sip", "sip:1@x.org"),
        entry("more", "https://tel.meet/a")]}), CONFERENCE,
        ["CONFERENCE;VALUE=URI;FEATURE=AUDIO,VIDEO;LABEL=meet.google.com/a-b:https://meet.google.com/a-b",
         'CONFERENCE;VALUE=URI;FEATURE=PHONE;LABEL="Meet, PIN 12;3":tel:+1-555',
         "CONFERENCE;VALUE=URI;FEATURE=AUDIO;LABEL=Meet:sip:1@x.org",
         "CONFERENCE;VALUE=URI;LABEL=Meet:https://tel.meet/a",
         "X-GOOGLE-CONFERENCE:https://meet.google.com/a-b"]),
    case("100", single(hangoutLink="https://meet.google.com/a-b"), CONFERENCE,
         ["CONFERENCE;VALUE=URI;FEATURE=AUDIO,VIDEO:https://meet.google.com/a-b",
          "X-GOOGLE-CONFERENCE:https://meet.google.com/a-b"]),
    case("100-none", single(conferenceData={"entryPoints": [{"entryPointType": "more"}]}), CONFERENCE,
         []),
    case("101", single(colorId="11"), ("COLOR", "X-GOOGLE-COLOR-ID"),
         ["COLOR:tomato", "X-GOOGLE-COLOR-ID:11"]),
    case("101-unknown", single(colorId="99"), ("COLOR", "X-GOOGLE-COLOR-ID"),
         ["X-GOOGLE-COLOR-ID:99"]),
    case("102", single(attachments=[{"fileUrl": "https://d/1", "title": "a;b.pdf",
                                     "mimeType": "application/pdf"}]), ("ATTACH",),
         ['ATTACH;FILENAME="a;b.pdf";FMTTYPE=application/pdf:https://d/1']),
    case("103", single(attachments=[{"fileUrl": "https://d/1", "mimeType": "x\r\ny/z"},
                                    {"fileUrl": "https://d/2"}]), ("ATTACH",),
         ["ATTACH:https://d/1", "ATTACH:https://d/2"]),
    *(
        case(f"105-{kind}", single(eventType=kind), ("CATEGORIES", "X-GOOGLE-EVENT-TYPE"),
             [f"CATEGORIES:{kind}", f"X-GOOGLE-EVENT-TYPE:{kind}"])
        for kind in KINDS
    ),
    case("105-where", single(eventType="workingLocation", workingLocationProperties={
        "type": "officeLocation", "officeLocation": {"label": "HQ, 2nd floor"}}),
        ("TRANSP", "X-GOOGLE-WORKING-LOCATION"),
        ["TRANSP:TRANSPARENT", 'X-GOOGLE-WORKING-LOCATION:{"type":"officeLocation"\\,'
         '"officeLocation":{"label":"HQ\\, 2nd floor"}}']),
    case("105-default", single(eventType="default"), ("CATEGORIES",), []),
    case("106", single(summary=None, created=None, visibility="private"), ("SUMMARY", "CLASS"),
         ["SUMMARY:Busy"]),
    case("106-hidden", single(summary=None, visibility="private"), ("SUMMARY", "CLASS"),
         ["CLASS:PRIVATE"]),
    case("107", single(), ("DTSTAMP", "CREATED", "LAST-MODIFIED"),
         ["DTSTAMP:20240202T111213Z", "CREATED:20240101T100000Z", "LAST-MODIFIED:20240202T111213Z"]),
    case("107-created", single(updated=None), ("DTSTAMP", "CREATED", "LAST-MODIFIED"),
         ["DTSTAMP:20240101T100000Z", "CREATED:20240101T100000Z"]),
    case("107-none", single(updated="yesterday\r\n", created="0000-12-31T00:00:00.000Z"),
         ("DTSTAMP", "CREATED", "LAST-MODIFIED"), ["DTSTAMP:19700101T000000Z"]),
    case("108", single(), ("SEQUENCE",), ["SEQUENCE:0"]),
    case("108-3", single(sequence=3), ("SEQUENCE",), ["SEQUENCE:3"]),
    case("109", single(iCalUID=None), ("UID", "X-GOOGLE-EVENT-ID"),
         ["UID:abc@google.com", "X-GOOGLE-EVENT-ID:abc"]),
    case("109-odd", single(iCalUID="{04,00;A}\r\nX"), ("UID",), ["UID:{04\\,00\\;A}\\nX"]),
    case("110", single(htmlLink="https://g/1", source={"url": "https://s/1"}), LINKS,
         ["URL:https://s/1", "X-GOOGLE-HTML-LINK:https://g/1"]),
    case("110-link", single(htmlLink="https://g/1", source={"title": ""}), LINKS,
         ["URL:https://g/1"]),
    case("111", single(), ("NAME", "X-WR-CALNAME"),
         ["NAME:Team\\, plans", "X-WR-CALNAME:Team\\, plans"],
         calendar=CalendarView("x", "Team, plans")),
    *(
        case(f"101-calendar-{color[-6:]}", single(), ("COLOR", "X-APPLE-CALENDAR-COLOR"), expected,
             calendar=CalendarView("x", background_color=color))
        for color, expected in [
            ("#9fe1e7", ["COLOR:lightblue", "X-APPLE-CALENDAR-COLOR:#9fe1e7"]),
            ("#ff6347", ["COLOR:tomato", "X-APPLE-CALENDAR-COLOR:#ff6347"]),
            ("#9a9cff\r\nX-EVIL:1", []), ("blue", []), ("", [])]
    ),
    case("111-blank", single(), ("NAME", "X-WR-CALNAME", "DESCRIPTION", "X-WR-TIMEZONE"), [],
         calendar=CalendarView("x", " \n", description="", time_zone="")),
]

# fmt: on


@pytest.mark.parametrize(
    ("item", "names", "expected", "warnings", "how"),
    TIME_CASES + RECURRENCE_CASES + TEXT_CASES + PEOPLE_CASES + OTHER_CASES,
)
def test_google_says_this_and_the_file_says_that(
    item: Item, names: tuple[str, ...], expected: list[str], warnings: tuple[str, ...], how: Any
) -> None:
    content, noted = export(item, **how)
    lines = unfolded(content)
    assert named(lines, *names) == expected
    assert tuple(warning.code for warning in noted) == warnings
    assert export(item, **how)[0] == content
    assert len(parsed(content).walk("VEVENT")) == lines.count("BEGIN:VEVENT")


def test_a_split_series_is_two_series() -> None:
    """Case 49: "this and following" leaves a master with UNTIL and one with an _R id."""
    first = weekly(recurrence=["RRULE:FREQ=WEEKLY;UNTIL=20240314T035959Z"])
    second = Series(
        event(id="abc_R20240315T130000", iCalUID="abc_R20240315T130000@google.com",
              recurrence=["RRULE:FREQ=WEEKLY"])
    )  # fmt: skip
    lines = unfolded(export(first, second)[0])
    assert named(lines, "UID") == ["UID:abc@google.com", "UID:abc_R20240315T130000@google.com"]
