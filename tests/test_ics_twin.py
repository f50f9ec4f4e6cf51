"""Our bytes are what icalendar's own API builds of the same event, line by line, with all parameters.

icalendar is the oracle, not the writer: it is twenty times slower. What Google's JSON means is said a
second time here, in its words.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ics_export import export, unfolded
from test_ics_properties import CONTROLS, NASTY, as_read, later, read, times

from calendar_sync.model import Series, Single

Line = tuple[str, tuple[tuple[str, str], ...], str]
# icalendar drops a byte order mark that begins a text, and takes a backslash and N for a line break.
TEXT = st.lists(st.one_of(NASTY, st.text(max_size=8)), max_size=12).map(
    lambda parts: "".join(parts).replace("\ufeff", "").replace("N", "n")
)
STAMPS = st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2060, 1, 1)).map(
    lambda stamp: f"{stamp:%Y-%m-%dT%H:%M:%S}.000Z"
)
RULES = st.one_of(
    st.builds(
        lambda freq, interval, end, extra: f"FREQ={freq};INTERVAL={interval}{end}{extra}",
        st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
        st.integers(1, 9),
        st.sampled_from(["", ";COUNT=7"]),
        st.sampled_from(["", ";WKST=SU", ";BYDAY=MO,TH", ";BYMONTH=1,12", ";BYHOUR=9,10"]),
    ),
    st.just("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"),
    st.just("FREQ=YEARLY;BYMONTHDAY=-1;BYMONTH=2"),
)
GUEST = st.fixed_dictionaries(
    {"email": st.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.org", fullmatch=True)},
    optional={
        # RFC 6868's caret is our own choice; and icalendar takes `CN=\\;` for an escaped semicolon.
        "displayName": TEXT.map(lambda text: re.sub(r"[\^\\]", "", text)),
        "responseStatus": st.sampled_from(["accepted", "declined", "tentative", "needsAction"]),
        "optional": st.booleans(),
        "resource": st.booleans(),
        "additionalGuests": st.integers(0, 3),
    },
)
FIELDS = {
    "summary": TEXT, "description": TEXT, "location": TEXT, "iCalUID": TEXT.filter(str.strip),
    "sequence": st.integers(0, 99), "created": STAMPS, "updated": STAMPS,
    "status": st.sampled_from(["confirmed", "tentative"]),
    "visibility": st.sampled_from(["private", "public", "confidential", "default"]),
    "transparency": st.sampled_from(["transparent", "opaque"]),
    "colorId": st.just("11"), "eventType": st.sampled_from(["default", "focusTime"]),
    "attendees": st.lists(GUEST, max_size=3),
    "organizer": st.fixed_dictionaries({"email": st.just("o@example.org")}),
    "reminders": st.lists(st.integers(0, 40320), max_size=2).map(
        lambda all: {"overrides": [{"method": "popup", "minutes": each} for each in all]}),
}  # fmt: skip
EVENTS = st.tuples(times(), st.fixed_dictionaries({}, optional=FIELDS)).map(
    lambda parts: {"id": "abc", **parts[0], **parts[1]}
)


def shown(text: str) -> str:
    """A text as it is to be read; nothing where a reader would see nothing."""
    plain = as_read(text)
    return plain if plain.strip() else ""


def stamp(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(microsecond=0)


def zone_of(name: str) -> dt.tzinfo:
    return dt.UTC if name == "UTC" else ZoneInfo(name)


def when(time: dict[str, str], in_utc: bool = False) -> dt.date:
    if "date" in time:
        return dt.date.fromisoformat(time["date"])
    zone = dt.UTC if in_utc else zone_of(time["timeZone"])
    return dt.datetime.fromisoformat(time["dateTime"]).astimezone(zone).replace(fold=0)


def is_ambiguous(time: dict[str, str]) -> bool:
    if "date" in time:
        return False
    there = dt.datetime.fromisoformat(time["dateTime"]).astimezone(zone_of(time["timeZone"]))
    return there.utcoffset() != there.replace(fold=1 - there.fold).utcoffset()


def built(
    resource: dict[str, Any], rule: str = "", dates: tuple[dt.date, ...] = ()
) -> Counter[Line]:
    """The event by icalendar's API, as a bag of lines."""
    event = icalendar.Event()
    event.add("UID", as_read(resource.get("iCalUID", "abc@google.com")))
    stamps = [stamp(resource[name]) for name in ("updated", "created") if name in resource]
    event.add("DTSTAMP", (stamps or [dt.datetime(1970, 1, 1, tzinfo=dt.UTC)])[0])
    for name, key in (("CREATED", "created"), ("LAST-MODIFIED", "updated")):
        if key in resource:
            event.add(name, stamp(resource[key]))
    add_times(event, resource, rule)
    for date in dates:
        event.add("EXDATE", date)
    for name in ("SUMMARY", "DESCRIPTION", "LOCATION"):
        text = shown(resource.get(name.lower(), ""))
        if not text and name == "SUMMARY" and is_free_busy(resource):
            text = "Busy"
        if text:
            event.add(name, text)
    event.add("SEQUENCE", resource.get("sequence", 0))
    event.add("STATUS", resource.get("status", "confirmed").upper())
    event.add("TRANSP", resource.get("transparency", "opaque").upper())
    if resource.get("visibility", "default") != "default" and not is_free_busy(resource):
        event.add("CLASS", resource["visibility"].upper())
    if resource.get("eventType", "default") != "default":
        event.add("CATEGORIES", [resource["eventType"]])
        event.add("X-GOOGLE-EVENT-TYPE", resource["eventType"])
    if "colorId" in resource:
        event.add("COLOR", "tomato")
        event.add("X-GOOGLE-COLOR-ID", resource["colorId"])
    add_people(event, resource)
    event.add("X-GOOGLE-EVENT-ID", "abc")
    for reminder in resource.get("reminders", {"overrides": []})["overrides"]:
        alarm = icalendar.Alarm()
        alarm.add("ACTION", "DISPLAY")
        text = shown(resource.get("summary", "")) or "Reminder"
        alarm.add("DESCRIPTION", text)
        alarm.add("TRIGGER", dt.timedelta(minutes=-reminder["minutes"]))
        event.add_component(alarm)
    return bag(event.to_ical())


def is_free_busy(resource: dict[str, Any]) -> bool:
    return not any(resource.get(name) for name in ("summary", "organizer", "created"))


def add_times(event: icalendar.Event, resource: dict[str, Any], rule: str) -> None:
    start, end = resource["start"], resource["end"]
    in_doubt = is_ambiguous(start) or is_ambiguous(end)
    in_utc = in_doubt and not rule
    event.add("DTSTART", when(start, in_utc))
    first, last = (when(time, in_utc=True) for time in (start, end))
    if last > first and in_doubt and rule:
        event.add("DURATION", last - first)
    elif last > first:
        event.add("DTEND", when(end, in_utc))
    if rule:
        event.add("RRULE", icalendar.vRecur.from_ical(rule))


def add_people(event: icalendar.Event, resource: dict[str, Any]) -> None:
    if "organizer" in resource:
        event.add("ORGANIZER", icalendar.vCalAddress("mailto:o@example.org"))
    for guest in resource.get("attendees", []):
        address = icalendar.vCalAddress(f"mailto:{guest['email']}")
        is_room = guest.get("resource", False)
        optional = "OPT-PARTICIPANT" if guest.get("optional") else "REQ-PARTICIPANT"
        answer = guest.get("responseStatus", "needsAction")
        told = {
            "CUTYPE": "RESOURCE" if is_room else "INDIVIDUAL",
            "ROLE": "NON-PARTICIPANT" if is_room else optional,
            "PARTSTAT": "NEEDS-ACTION" if answer == "needsAction" else answer.upper(),
            "RSVP": "TRUE" if answer == "needsAction" else "",
            "CN": name_of(guest.get("displayName", "")),
            "X-NUM-GUESTS": str(guest.get("additionalGuests") or ""),
        }
        for name, value in told.items():
            if value:
                address.params[name] = value
        event.add("ATTENDEE", address, encode=False)


def name_of(text: str) -> str:
    """A name on one line, without quotation marks, which RFC 5545 has no place for."""
    if not shown(text):
        return ""
    line = re.sub(
        "[\r\n\x85\u2028\u2029]+",
        " ",
        text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
    )
    return CONTROLS.sub("", line).replace('"', "'").strip()


def bag(content: bytes) -> Counter[Line]:
    """The lines of a component, in no order: names, parameters, values."""
    found: Counter[Line] = Counter()
    for line in content.replace(b"\r\n ", b"").decode().split("\r\n"):
        if line and not line.startswith(("BEGIN:", "END:")):
            name, parameters, value = icalendar.parser.Contentline(line).parts()
            if name == "RRULE":  # whose parts have no order
                value = ";".join(sorted(value.split(";")))
            elif name in ("TRIGGER", "DURATION"):  # P1D or PT24H
                value = str(icalendar.vDuration.from_ical(value))
            told = tuple(sorted((key, str(each)) for key, each in parameters.items()))
            found[name, told, value] += 1
    return found


def ours(content: bytes) -> Counter[Line]:
    lines = unfolded(content)
    inside = lines[lines.index("BEGIN:VEVENT") : lines.index("END:VCALENDAR")]
    return bag("".join(f"{line}\r\n" for line in inside).encode())


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(EVENTS)
def test_any_event_is_what_icalendar_builds(resource: dict[str, Any]) -> None:
    if resource["start"].get("timeZone", "").startswith("GMT"):
        resource = {**resource, **times_in_utc(resource)}
    assert ours(export(Single(read(resource)))[0]) == built(resource)


def times_in_utc(resource: dict[str, Any]) -> dict[str, Any]:
    """icalendar knows no fixed offset by name."""
    return {name: {**resource[name], "timeZone": "UTC"} for name in ("start", "end")}


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(EVENTS, RULES, st.sets(st.integers(1, 40), max_size=3))
def test_any_series_is_what_icalendar_builds(
    resource: dict[str, Any], rule: str, days: set[int]
) -> None:
    """Rules as they are; one EXDATE for each cancelled date, of DTSTART's type and zone."""
    if resource["start"].get("timeZone", "").startswith("GMT"):
        resource = {**resource, **times_in_utc(resource)}
    originals = [later(resource["start"], day, in_utc=False) for day in sorted(days)]
    cancelled = tuple(
        read({"id": f"abc_{n}", "status": "cancelled", "recurringEventId": "abc",
              "originalStartTime": original})
        for n, original in enumerate(originals)
    )  # fmt: skip
    series = Series(read({**resource, "recurrence": [f"RRULE:{rule}"]}), (), cancelled)
    dates = tuple(when(original) for original in originals)
    assert ours(export(series)[0]) == built(resource, rule, dates)
