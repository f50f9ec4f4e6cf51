"""The strange resources of rule 62: seen in the wild, or allowed by the schema (facts 3.2)."""

from __future__ import annotations

from typing import Any

from .resources import Resource, etag_of, in_order
from .times import second_text, stamp_text

_STAMP = 1_767_225_600_123_456  # 2026-01-01T00:00:00.123456Z

_CONTROLS = "".join(chr(code) for code in range(0x20))
_HTML = "<p>" + "".join(f"<b>point {n}</b> &amp; <i>détail {n * 7919}</i><br>" for n in range(170))


def _timed(start: str, end: str, zone: str | None = None) -> Resource:
    own = {"timeZone": zone} if zone else {}
    return {"start": {"dateTime": start, **own}, "end": {"dateTime": end, **own}}


def _days(first: str, after: str) -> Resource:
    return {"start": {"date": first}, "end": {"date": after}}


def _series(times: Resource, *lines: str) -> Resource:
    return {**times, "recurrence": list(lines)}


_BERLIN = _timed("2026-03-02T09:00:00+01:00", "2026-03-02T10:00:00+01:00", "Europe/Berlin")
_DAY = _days("2026-03-02", "2026-03-03")

_STRANGE: dict[str, dict[str, Any]] = {
    "zonegmtplus3": _timed("2026-03-01T10:00:00+03:00", "2026-03-01T11:00:00+03:00", "GMT+03:00"),
    "zonegmtseries": _series(
        _timed("2026-03-01T10:00:00+03:00", "2026-03-01T11:00:00+03:00", "GMT+03:00"),
        "RRULE:FREQ=WEEKLY;COUNT=5",
    ),
    "zoneetcgmtminus2": _timed(
        "2026-03-01T10:00:00+02:00", "2026-03-01T11:00:00+02:00", "Etc/GMT-2"
    ),
    "zonecet": _series(
        _timed("2026-03-27T10:00:00+01:00", "2026-03-27T11:00:00+01:00", "CET"),
        "RRULE:FREQ=DAILY;COUNT=4",
    ),
    "zoneunknown": _timed(
        "2026-03-01T10:00:00-05:00", "2026-03-01T11:00:00-05:00", "Mars/Olympus_Mons"
    ),
    "zoneunknownseries": _series(
        _timed("2026-03-01T10:00:00-05:00", "2026-03-01T11:00:00-05:00", "Mars/Olympus_Mons"),
        "RRULE:FREQ=DAILY;COUNT=3",
    ),
    "nooffset": _timed("2026-03-01T10:00:00", "2026-03-01T11:00:00", "Asia/Tokyo"),
    "untildateontimed": _series(_BERLIN, "RRULE:FREQ=DAILY;UNTIL=20260305"),
    "untiltimeonallday": _series(_DAY, "RRULE:FREQ=DAILY;UNTIL=20260305T225959Z"),
    "untilfloating": _series(_BERLIN, "RRULE:FREQ=DAILY;UNTIL=20260305T235959"),
    "untilbeforestart": _series(_BERLIN, "RRULE:FREQ=DAILY;UNTIL=20260302T075959Z"),
    "rdateonly": _series(_DAY, "RDATE;VALUE=DATE:20260401,20260420,20260507,20270402"),
    "rdateafteruntil": _series(
        _BERLIN,
        "RDATE;TZID=Europe/Berlin:20260601T090000",
        "RRULE:FREQ=WEEKLY;UNTIL=20260330T215959Z",
    ),
    "rdateperiod": _series(
        _BERLIN, "RDATE;VALUE=PERIOD:20260305T080000Z/20260305T100000Z,20260306T080000Z/PT3H"
    ),
    "exdatetzidallday": _series(
        _DAY, "EXDATE;TZID=Europe/Berlin:20260304T000000", "RRULE:FREQ=DAILY;COUNT=5"
    ),
    "exrule": _series(
        _BERLIN,
        "RRULE:FREQ=DAILY;COUNT=20",
        "EXRULE:FREQ=WEEKLY;BYDAY=SA,SU;UNTIL=20270101T000000Z",
    ),
    "startbesiderule": _series(_BERLIN, "RRULE:FREQ=WEEKLY;BYDAY=WE;COUNT=3"),
    "ruleunreadable": _series(_BERLIN, "RRULE:FREQ=FORTNIGHTLY;X-SOMETHING=1"),
    "thirtyfirst": _series(
        _days("2026-01-31", "2026-02-01"), "RRULE:FREQ=MONTHLY;BYMONTHDAY=31;COUNT=6"
    ),
    "leapday": _series(_days("2024-02-29", "2024-03-01"), "RRULE:FREQ=YEARLY;COUNT=3"),
    "overlapping": _series(
        _timed("2026-03-01T09:00:00+01:00", "2026-03-02T13:00:00+01:00", "Europe/Berlin"),
        "RRULE:FREQ=DAILY;COUNT=4",
    ),
    "springgap": _series(
        _timed("2026-03-28T02:30:00+01:00", "2026-03-28T03:30:00+01:00", "Europe/Berlin"),
        "RRULE:FREQ=DAILY;COUNT=3",
    ),
    "zerolength": _timed("2026-03-01T06:00:00+01:00", "2026-03-01T06:00:00+01:00"),
    "zerodays": _days("2026-03-01", "2026-03-01"),
    "endbeforestart": _timed("2026-03-01T12:00:00+01:00", "2026-03-01T11:00:00+01:00"),
    "year1604": _series(
        {**_days("1604-02-29", "1604-03-01"), "eventType": "birthday"}, "RRULE:FREQ=YEARLY"
    ),
    "year0001": _days("0001-01-01", "0001-01-02"),
    "year0001timed": _timed("0001-01-01T00:00:00Z", "0001-01-01T01:00:00Z", "Europe/Berlin"),
    "year9999": _days("9999-12-30", "9999-12-31"),
    "year9999timed": _timed("9999-12-31T22:00:00Z", "9999-12-31T23:59:59Z", "Asia/Tokyo"),
    "year9999series": _series(_days("9990-06-01", "9990-06-02"), "RRULE:FREQ=YEARLY"),
    "nosummary": {**_BERLIN, "summary": ""},
    "html8k": {**_BERLIN, "description": f"{_HTML}</p>"[:8192]},
    "crlf": {**_BERLIN, "description": "one\r\ntwo\rthree\n\nfour\r\n", "location": "Hall\r\n5"},
    "controls": {**_BERLIN, "summary": f"a{_CONTROLS}z", "description": f"\x7f{_CONTROLS}\x85"},
    "separators": {**_BERLIN, "summary": "line\u2028paragraph\u2029nbsp\u00a0bom\ufeff"},
    "rtl": {**_BERLIN, "summary": "\u202eevil\u202c פגישה \u200fعربي\u200e", "location": "ירושלים"},
    "emojizwj": {**_BERLIN, "summary": "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 e\u0301 𝔘𝔫𝔦"},
    "icsspecials": {**_BERLIN, "summary": "a,b;c\\d:e\"f'g\\n", "location": "\\, ; : \\N"},
    "formula": {**_BERLIN, "summary": "=HYPERLINK(\"http://example.com\")", "location": "+1-1@"},
    "spaces": {**_BERLIN, "summary": "  padded\t\ttabs  ", "description": " \n "},
    "longword": {**_BERLIN, "summary": "ü" * 1000},
    "uidwithoutat": {**_BERLIN, "iCalUID": "7kukuqrfedlm2f9tsih2uc9he3s67cal5mb0f16ubgc0"},
    "uidforeign": {**_BERLIN, "iCalUID": "{A1B2-C3}:x,y;z \\n@foreign.example"},
    "everyonedeclined": {
        **_BERLIN,
        "extendedProperties": {"private": {"everyoneDeclinedDismissed": "-1"}},
    },
}  # fmt: skip


def fuzz_events() -> list[Resource]:
    """Return the strange resources, complete but for what is strange in them; ids tell what."""
    return [_complete(name, number) for number, name in enumerate(_STRANGE)]


def _complete(name: str, number: int) -> Resource:
    stamp = _STAMP + number
    owner = {"email": "fuzz@example.com", "displayName": 'Fuzz, "the" Tester'}
    return in_order(
        {
            "kind": "calendar#event",
            "etag": etag_of(stamp),
            "id": f"fuzz{name}",
            "status": "confirmed",
            "htmlLink": "https://www.google.com/calendar/event?eid=REDACTED",
            "created": second_text(stamp),
            "updated": stamp_text(stamp),
            "summary": name,
            "creator": owner,
            "organizer": owner,
            "iCalUID": f"fuzz{name}@google.com",
            "sequence": 0,
            "reminders": {"useDefault": True},
            "eventType": "default",
            **_STRANGE[name],
        }
    )
