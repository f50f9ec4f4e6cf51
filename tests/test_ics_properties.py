"""The ICS export on anything: random text, random resources, read back by icalendar."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ics_export import NY, PARIS, codes_of, export, lines_of, named, parsed, unfolded, weekly

from calendar_sync.ics.exporter import IcsOptions
from calendar_sync.ics.rule import rule_parts
from calendar_sync.ics.text import (
    are_https,
    duration,
    escape,
    is_plain_uri,
    line_columns,
    lines,
    mailto,
    octets,
    parameter,
    parameters,
    quoted_addresses,
    to_bytes,
    uri,
    word_columns,
)
from calendar_sync.ics.times import stamp, stamps
from calendar_sync.model import CalendarView, Event, Orphan, Series, Single
from calendar_sync.recurrence.lines import read_recurrence
from calendar_sync.resources import read_event

# Text that breaks writers: marks of the format, line breaks of all kinds, wide and half characters.
NASTY = st.sampled_from(
    ["\\", ";", ",", ":", '"', "^", "^n", "'", "\r\n", "\r", "\n", "\t", "\0", "\x0b", "\x7f", "\x85",
     "\u2028", "\ufeff", "é", "\U0001f600", "\u200d", "\ud83d", "%", "=", " ", "BEGIN:VEVENT", "x" * 70]
)  # fmt: skip
TEXT = st.one_of(
    st.lists(st.one_of(NASTY, st.text(max_size=8)), max_size=12).map("".join), st.text()
)
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
BREAKS = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


def as_read(text: str) -> str:
    """What a reader should find of a text: no controls, one kind of line break."""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return CONTROLS.sub("", BREAKS.sub("\n", text))


@given(st.lists(st.from_regex(r"[\w@.-]{1,170}", fullmatch=True) | st.text(max_size=8), max_size=4))
@example(["x" * n for n in (70, 71, 72, 144, 145, 146, 400)])
def test_words_are_written_as_any_text(words: list[str]) -> None:
    for columns in word_columns("UID", words), line_columns("UID", words):
        assert [*map("".join, zip(*columns, strict=True))] == lines("UID", words)


@given(st.lists(TEXT.map(lambda text: f"X-A:{escape(text)}"), min_size=1, max_size=5))
@example(["X" * 75, "X" * 76, "é" * 38, "X" + "é" * 37, "\\" * 151, "X" * 74 + "\\n"])
@example(["X" * n + "é" * 200 for n in (0, 1)] + ["X" * n + "\U0001f600" * 90 for n in range(4)])
@example(["X-A:" + "x" * n + "\\n" * 90 for n in (0, 1)])
@example(["X" * (75 + 74 * n) for n in range(5)])
@example(["a\r\nb", "\r", "\n"])
def test_folding_is_undone_by_unfolding(lines: list[str]) -> None:
    """RFC 5545 section 3.1; each physical line is text by itself, for readers that decode first."""
    octets = to_bytes(lines)
    for physical in octets.split(b"\r\n"):
        assert len(physical) <= 75
        assert physical != b" "
        physical.decode()
        backslashes = len(physical) - len(physical.rstrip(b"\\"))
        assert physical.startswith(b" ") or backslashes % 2 == 0 or not lines_are_escaped(lines)
    cleaned = [CONTROLS.sub("", line).replace("\r", "").replace("\n", "") for line in lines]
    expected = "".join(f"{line}\r\n" for line in cleaned).encode("utf-8", "replace")
    expected = re.sub("[\x85\u2028\u2029]", "", expected.decode()).encode()
    unfolded_octets = octets.replace(b"\r\n ", b"")
    assert re.sub("[\x85\u2028\u2029]", "", unfolded_octets.decode()).encode() == expected


@given(st.lists(TEXT.map(escape), min_size=1, max_size=3))
@example(["x" * 70 + "\x01" * 9 + "y" * 9, "\x7f" * 80, "x" * 74 + "\x0b" + "é" * 99])
def test_a_control_character_moves_no_fold(lines: list[str]) -> None:
    assert to_bytes(lines) == to_bytes([CONTROLS.sub("", line) for line in lines])


def lines_are_escaped(lines: list[str]) -> bool:
    return all(line.startswith("X-A:") for line in lines)


STAMPS = st.sampled_from([
    "2024-07-01T07:12:33.123Z", "2024-13-01T07:12:33.123Z", "0000-12-31T00:00:00.000Z", "",
    "2024-W27-1T07:12:33.12Z ", "2024-07-01T07:12:33+02:00", "20240701T07:12:33-02:00Z",
    "2024-07-01T07:12:33,123Z", "2024-07-01T24:00:00.000Z", "2024-07-01T07:12:33Z",
    "2024-07-01T07:12:33-1234",
])  # fmt: skip


@given(st.lists(STAMPS | st.just("2024-07-01T07:12:33.123Z"), max_size=4))
def test_many_stamps_are_read_as_each_is(texts: list[str]) -> None:
    assert stamps(texts) == [stamp(text) for text in texts]


@given(TEXT)
def test_escaped_text_is_read_back(text: str) -> None:
    assert re.fullmatch(
        r"(?:[^\\;,\r\n]|\\[\\;,n])*", escape(text)
    )  # readers forgive, the RFC does not
    octets = to_bytes([f"SUMMARY:{escape(text)}"])
    line = icalendar.parser.Contentlines.from_ical(octets)[0]
    assert icalendar.vText.from_ical(line.parts()[2]) == CONTROLS.sub(
        "", BREAKS.sub("\n", text.encode("utf-8", "replace").decode())
    )


@given(TEXT)
def test_a_parameter_stays_one(text: str) -> None:
    line = to_bytes([f"ATTENDEE;CN={parameter(text) or 'x'};ROLE=CHAIR:mailto:x"])
    name, parameters, value = icalendar.parser.Contentlines.from_ical(line)[0].parts()
    assert (name, sorted(parameters), value) == ("ATTENDEE", ["CN", "ROLE"], "mailto:x")
    assert parameters["ROLE"] == "CHAIR"


WORDS = st.sampled_from(["Ada", "Zoë Li", " x", "x ", "a,b", "a\nb", "\n", "", "a@b.c", "http://x"])
LINKS = st.sampled_from(
    ["https://a.b/c?d=%20", "https://a https://b", "http://x", "x", "https://é"]
)


@given(st.lists(st.just("Ada") | WORDS | TEXT, max_size=3), st.lists(LINKS | TEXT, max_size=3))
@example(["Ada", "x "], [])
@example([" x", "Ada"], [])
@example(["a\nb", "Ada"], [])
def test_many_values_are_written_as_each_is(texts: list[str], links: list[str]) -> None:
    assert parameters(texts) == octets([parameter(text) for text in texts])
    mailtos = [f"mailto:{address}" for address in quoted_addresses(texts)]
    assert mailtos == [mailto(text) for text in texts]
    are_plain = all(is_plain_uri(link) and link.startswith("https://") for link in links)
    assert are_https(links) == are_plain


@pytest.mark.parametrize("mark", [*map(chr, range(0x81))], ids=ascii)
def test_a_mark_counts_in_long_columns_as_alone(mark: str) -> None:
    long, text, link = "x" * 900, f"a{mark}b", f"https://a/{mark}"
    assert lines("NAME", [long, text]) == [*lines("NAME", [long]), *lines("NAME", [text])]
    assert are_https([f"https://{long}", link]) == bool(is_plain_uri(link))


@given(TEXT)
def test_links_and_addresses_are_visible_ascii(text: str) -> None:
    for link in (mailto(text), uri(f"https://{text}"), uri(text)):
        assert link is None or re.fullmatch(r"[!-~]+", link)


@given(st.integers(-(10**7), 10**7))
def test_a_duration_is_exact(seconds: int) -> None:
    assert icalendar.vDuration.from_ical(duration(seconds)) == dt.timedelta(seconds=seconds)


@given(st.one_of(TEXT, st.text("FREQ=;,:DAILYUNTCOW0123456789 +-Z", max_size=40)))
def test_only_sound_rules_pass(text: str) -> None:
    parts = rule_parts(text)
    if parts is not None:
        rule = ";".join(f"{name}={value}" for name, value in parts.items())
        assert re.fullmatch(r"[A-Z0-9=;,+-]+", rule)
        icalendar.vRecur.from_ical(rule)


RULE_PARTS = [
    "FREQ=DAILY", "FREQ=MONTHLY", "COUNT=3", "COUNT=0", "UNTIL=20260304T080060Z", "UNTIL=20260304",
    "BYDAY=MO,1TU", "BYDAY=0MO", "BYDAY=-54SU", "BYMONTHDAY=1,-1", "BYMONTHDAY=,1", "BYHOUR=+9",
    "BYHOUR=1_0", "BYHOUR=\uff11", "BYSETPOS=400", "INTERVAL=1000001", "WKST=XX", "BYSECOND=60",
    "RSCALE=GREGORIAN", "SKIP=OMIT", "RSCALE=HEBREW", "X-A=1", "BYEASTER=1", "", " ", "\n", "COUNT",
]  # fmt: skip


@given(st.lists(st.sampled_from(RULE_PARTS), max_size=5).map(";".join))
@example("FREQ=DAILY;COUNT=3;UNTIL=20260304T080060Z")
def test_the_ics_keeps_the_rules_that_the_csv_follows(rule: str) -> None:
    """Both leave out the same ones, each with a warning."""
    line = f"RRULE:{rule}"
    written = named(lines_of(weekly(recurrence=[line])), "RRULE")
    assert bool(read_recurrence([line]).problems) == (written == [])
    has_two_ends = written and "COUNT=" in rule and "UNTIL=" in rule
    sound = ["two-ends"] if has_two_ends else []
    assert codes_of(weekly(recurrence=[line])) == (sound if written else ["odd-rule"])


@given(st.lists(st.sampled_from(["20240308T140000Z", "20240308", "tomorrow", "", "20240230"])))
def test_one_odd_date_costs_no_other(dates: list[str]) -> None:
    line = f"EXDATE:{','.join(dates)}"
    written = named(lines_of(weekly(recurrence=["RRULE:FREQ=WEEKLY", line])), "EXDATE")
    read = read_recurrence([line])
    assert len(read.problems) == sum(text in ("tomorrow", "", "20240230") for text in dates or [""])
    assert bool(read.excluded_dates) == bool(written)


# -- whole events ----------------------------------------------------------------------------------

ZONES = [PARIS, NY, "UTC", "Asia/Kolkata", "Australia/Lord_Howe", "Europe/Dublin", "GMT+03:00"]
WALLS = st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2060, 1, 1)).map(
    lambda wall: wall.replace(microsecond=0)
)
RULES = ["FREQ=DAILY;COUNT=5", "FREQ=WEEKLY;BYDAY=MO,FR", "FREQ=MONTHLY;INTERVAL=2", "FREQ=YEARLY"]


def tzinfo(zone: str) -> dt.tzinfo:
    return dt.timezone(dt.timedelta(hours=3)) if zone.startswith("GMT") else ZoneInfo(zone)


@st.composite
def times(draw: st.DrawFn) -> dict[str, Any]:
    """A start and an end that Google could send."""
    wall, length = draw(WALLS), draw(st.integers(0, 10**6))
    if draw(st.integers(0, 3)) == 0:
        end = wall.date() + dt.timedelta(days=length % 9)
        return {"start": {"date": f"{wall.date()}"}, "end": {"date": f"{end}"}}
    zone = draw(st.sampled_from(ZONES))
    start = wall.replace(tzinfo=dt.UTC).astimezone(tzinfo(zone))
    finish = (wall + dt.timedelta(seconds=length)).replace(tzinfo=dt.UTC).astimezone(tzinfo(zone))
    return {
        "start": {"dateTime": start.isoformat(), "timeZone": zone},
        "end": {"dateTime": finish.isoformat(), "timeZone": zone},
    }


PERSON = st.fixed_dictionaries(
    {},
    optional={
        "email": TEXT, "displayName": TEXT, "comment": TEXT, "self": st.booleans(),
        "responseStatus": st.sampled_from(["accepted", "declined", "needsAction"]),
        "additionalGuests": st.integers(0, 3), "resource": st.booleans(),
    },
)  # fmt: skip
OTHERS = {
    "summary": TEXT, "description": TEXT, "location": TEXT, "iCalUID": TEXT.filter(str.strip),
    "sequence": st.integers(-5, 2**40), "colorId": TEXT, "htmlLink": TEXT, "hangoutLink": TEXT,
    "visibility": TEXT, "transparency": st.sampled_from(["transparent", "opaque"]),
    "created": TEXT, "updated": TEXT, "eventType": TEXT, "organizer": PERSON, "creator": PERSON,
    "attendees": st.lists(PERSON, max_size=3),
    "reminders": st.fixed_dictionaries({"overrides": st.lists(st.fixed_dictionaries(
        {"method": st.sampled_from(["popup", "email"]), "minutes": st.integers(0, 40320)}),
        max_size=2)}),
    "attachments": st.lists(st.fixed_dictionaries({"fileUrl": TEXT, "title": TEXT}), max_size=2),
}  # fmt: skip
EVENTS = st.tuples(times(), st.fixed_dictionaries({}, optional=OTHERS)).map(
    lambda parts: {"id": "abc", "status": "confirmed", **parts[0], **parts[1]}
)


def read(resource: dict[str, Any]) -> Event:
    return read_event(json.dumps(resource).encode())[0]


def moment(value: dt.date | dt.datetime) -> Any:
    return value.timestamp() if isinstance(value, dt.datetime) else value


def sent(time: dict[str, str]) -> Any:
    if "date" in time:
        return dt.date.fromisoformat(time["date"])
    return dt.datetime.fromisoformat(time["dateTime"]).timestamp()


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(EVENTS, TEXT)
def test_any_event_is_read_back(resource: dict[str, Any], name: str) -> None:
    content, _ = export(Single(read(resource)), calendar=CalendarView("x", name, name))
    unfolded(content)
    component = parsed(content).walk("VEVENT")[0]
    assert moment(component["DTSTART"].dt) == sent(resource["start"])
    end = component.get("DTEND")
    if end is None:
        assert sent(resource["end"]) == sent(resource["start"])
    else:
        assert moment(end.dt) == sent(resource["end"])
    for key in ("summary", "description", "location"):
        expected = as_read(resource.get(key, ""))
        found = str(component.get(key.upper(), ""))
        assert found == expected or (not found and not expected.strip()) or found == "Busy"
    emails = [person for person in resource.get("attendees", ()) if person.get("email")]
    found_guests = component.get("ATTENDEE", [])
    guests = found_guests if isinstance(found_guests, list) else [found_guests]
    assert len(guests) == len(emails)
    assert len(component.walk("VALARM")) == len(resource.get("reminders", {}).get("overrides", ()))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(EVENTS, st.sampled_from(RULES), st.lists(st.integers(1, 40), max_size=4), st.booleans())
def test_any_series_is_read_back(
    resource: dict[str, Any], rule: str, days: list[int], in_utc: bool
) -> None:
    """RRULE as it was, an EXDATE for each cancelled date, a RECURRENCE-ID for the edited one."""
    master = {**resource, "recurrence": [f"RRULE:{rule}"]}
    originals = [later(resource["start"], day, in_utc) for day in days]
    series = Series(
        read(master),
        (read({**resource, "id": "abc_e", "recurringEventId": "abc",
               "originalStartTime": later(resource["start"], 50, in_utc)}),),
        tuple(read({"id": f"abc_{n}", "status": "cancelled", "recurringEventId": "abc",
                    "originalStartTime": original}) for n, original in enumerate(originals)),
    )  # fmt: skip
    content, _ = export(series)
    unfolded(content)
    first, second = parsed(content).walk("VEVENT")
    assert first["RRULE"] == icalendar.vRecur.from_ical(rule)
    exdates = first.get("EXDATE", [])
    found = [value.dt for each in (exdates if isinstance(exdates, list) else [exdates])
             for value in each.dts]  # fmt: skip
    assert len(found) == len(set(days))
    assert {moment(value) for value in found} == {sent(original) for original in originals}
    assert type(second["RECURRENCE-ID"].dt) is type(first["DTSTART"].dt)
    assert moment(second["RECURRENCE-ID"].dt) == sent(later(resource["start"], 50, in_utc))
    assert first["UID"] == second["UID"]


def later(start: dict[str, str], days: int, in_utc: bool) -> dict[str, str]:
    """The start moved by days on its own clock, at a time that occurs there once."""
    if "date" in start:
        return {"date": f"{dt.date.fromisoformat(start['date']) + dt.timedelta(days)}"}
    zone = tzinfo(start["timeZone"])
    wall = dt.datetime.fromisoformat(start["dateTime"]).replace(tzinfo=zone) + dt.timedelta(days)
    there = wall.astimezone(dt.UTC).astimezone(zone).replace(fold=0)
    value = there.astimezone(dt.UTC) if in_utc else there
    return {"dateTime": value.isoformat(), "timeZone": start["timeZone"]}


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([
    "start", "end", "recurrence", "originalStartTime", "attendees", "reminders", "sequence", "id",
    "iCalUID", "conferenceData", "attachments", "source", "organizer"]),
    st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), TEXT),
                 lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                     st.sampled_from(["date", "dateTime", "timeZone", "email", "uri", "overrides",
                                      "minutes", "fileUrl", "entryPoints"]), inner, max_size=3),
                 max_leaves=8)))  # fmt: skip
def test_odd_resources_never_raise(odd: dict[str, Any]) -> None:
    """Fields of any shape: a field is left out, or the event is, and the file stays sound."""
    resource = {"id": "abc", "start": {"date": "2024-01-01"}, **odd}
    resource["id"] = "abc"
    event = read(resource)
    items = [Single(event), Orphan(event), Series(event, (event,), (event,))]
    content, _ = export(*items, options=IcsOptions(orphans="recurrence-id"))
    unfolded(content)
    parsed(content)


@pytest.mark.parametrize("length", [100, 400])
def test_no_fold_parts_a_backslash_from_what_it_escapes(length: int) -> None:
    """Wherever the pairs of a line lie, in one of two pieces and in one of many."""
    for before in range(60, 76):
        line = "S:" + "x" * before + "\\," * ((length - before) // 2)
        folded = to_bytes([line])
        assert b"\\\r\n" not in folded
        assert folded.replace(b"\r\n ", b"") == f"{line}\r\n".encode()
