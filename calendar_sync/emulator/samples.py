"""The world that people see who try things: ada@example.com and her calendars.

Everything is dated relative to one fixed day, so that every byte is the same on every run.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from . import load
from .edits import add_event
from .occurrences import cancel_instance, edit_instance
from .resources import Resource
from .store import Calendar

if TYPE_CHECKING:
    from .world import World

ADA = "ada@example.com"
TEAM = "team@group.calendar.google.com"
HOLIDAYS = "en.usa#holiday@group.v.calendar.google.com"
HIDDEN = "archive@group.calendar.google.com"
BUSY = "grace@example.com"
DAY = date(2026, 3, 25)
"""A Wednesday, four days before clocks change in Berlin and seventeen after New York's."""


def fill_with_samples(world: World, day: date = DAY) -> None:
    """Build the default world; its events lie around `day`, its edits a week before."""
    now = datetime.combine(day - timedelta(days=7), time(8), UTC)
    primary = world.add_calendar(ADA, ADA, "Ada Lovelace", now=now).calendar
    primary.location = "Berlin"
    team = world.add_calendar(
        ADA, TEAM, "Team & Friends", role="writer", description="Shared, müde & <fröhlich>", now=now
    ).calendar
    holidays = world.add_calendar(
        ADA, HOLIDAYS, "Holidays in United States", role="reader", now=now
    ).calendar
    hidden = world.add_calendar(ADA, HIDDEN, "Archive 2019", hidden=True, now=now).calendar
    busy = world.add_calendar(ADA, BUSY, "grace@example.com", role="freeBusyReader", now=now)
    _fill_primary(primary, day, now)
    _fill_team(team, day, now)
    _fill_holidays(holidays, day, now)
    add_event(hidden, {"summary": "Old offsite", **_days(day, -2400, 2)}, now)
    add_event(busy.calendar, {"summary": "Secret plan", **_at(day, 1, "10:00", 90)}, now)
    add_event(busy.calendar, {"summary": "Away", **_days(day, 5, 3)}, now)


def _at(day: date, days: int, clock: str, minutes: int, offset: str = "+01:00") -> Resource:
    start = datetime.fromisoformat(f"{day + timedelta(days=days)}T{clock}:00{offset}")
    end = start + timedelta(minutes=minutes)
    return {"start": {"dateTime": start.isoformat()}, "end": {"dateTime": end.isoformat()}}


def _in_zone(times: Resource, zone: str) -> Resource:
    return {key: {**when, "timeZone": zone} for key, when in times.items()}


def _days(day: date, first: int, count: int) -> Resource:
    start = day + timedelta(days=first)
    after = start + timedelta(days=count)
    return {"start": {"date": start.isoformat()}, "end": {"date": after.isoformat()}}


def _guests(*names: str) -> list[dict[str, Any]]:
    guests: list[dict[str, Any]] = [
        {"email": ADA, "organizer": True, "self": True, "responseStatus": "accepted"}
    ]
    for place, name in enumerate(names):
        answer = ("accepted", "tentative", "needsAction")[place % 3]
        email = f"{name.split()[0].lower()}@example.com"
        guests.append({"email": email, "displayName": name, "responseStatus": answer})
    return guests


def _fill_primary(calendar: Calendar, day: date, now: datetime) -> None:
    standup = add_event(
        calendar,
        {
            "summary": "Stand-up ☕",
            "description": "Three sentences each:\nyesterday, today, what is in the way.",
            **_in_zone(_at(day, -16, "09:30", 15), "Europe/Berlin"),
            "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=MO"],
            "attendees": _guests("Charles Babbage", "Mary Somerville"),
            "hangoutLink": "https://meet.google.com/abc-defg-hij",
            "conferenceData": load.conference("abc-defg-hij"),
        },
        now,
    )
    # One Monday it is later, after the clocks have changed; one Monday it does not happen.
    later = (day + timedelta(days=5)).isoformat()
    moved = _in_zone(_at(day, 5, "14:00", 30, "+02:00"), "Europe/Berlin")
    edit_instance(calendar, standup, later, {**moved, "summary": "Stand-up ☕ (later)"}, now)
    cancel_instance(calendar, standup, (day + timedelta(days=12)).isoformat(), now)
    for fields in _singles(day):
        add_event(calendar, fields, now)


def _singles(day: date) -> list[Resource]:
    return [
        {
            "summary": "Analytical Engine: design review",
            "description": "<p>Agenda</p><ol><li>Mill &amp; store</li><li>Punched cards</li></ol>",
            "location": "Dorset Street 1, London",
            **_at(day, 0, "11:00", 60),
            "attendees": _guests("Charles Babbage", "Luigi Menabrea", "Michael Faraday"),
        },
        {"summary": "=SUM(A1:A9) – a title that a spreadsheet must not calculate",
         **_at(day, 1, "16:00", 45)},
        {"summary": "Vacation 🏖️", **_days(day, 9, 7), "transparency": "transparent"},
        {"summary": "Conference, Torino", **_at(day, 20, "09:00", 2 * 24 * 60, "+02:00"),
         "location": "Palazzo Carignano;\nVia Accademia 5, Torino"},
        {"summary": "Call with Kolkata",
         **_in_zone(_at(day, 2, "13:30", 30, "+05:30"), "Asia/Kolkata")},
        {"summary": "Dentist", "visibility": "private", **_at(day, 6, "08:15", 30, "+02:00")},
        {"summary": "Home", "eventType": "workingLocation", "visibility": "public",
         "transparency": "transparent", **_days(day, 0, 1),
         "workingLocationProperties": {"type": "homeOffice", "homeOffice": {}}},
        {"summary": "Focus time", "eventType": "focusTime", **_at(day, 0, "14:00", 120),
         "focusTimeProperties": {"autoDeclineMode": "declineNone", "chatStatus": "doNotDisturb"}},
        {"summary": "Happy birthday!", "eventType": "birthday", "visibility": "private",
         "transparency": "transparent", "start": {"date": "1815-12-10"},
         "end": {"date": "1815-12-11"}, "recurrence": ["RRULE:FREQ=YEARLY"],
         "birthdayProperties": {"type": "self"}},
        {"summary": "Pay rent", **_days(day, -24, 1), "transparency": "transparent",
         "recurrence": ["RRULE:FREQ=MONTHLY;BYMONTHDAY=1"]},
        {"summary": "", "description": "An event without a title", **_at(day, 3, "19:00", 120)},
        {"summary": "👩‍👩‍👧 Familientreffen – „Kaffee & Kuchen“", **_days(day, 4, 1)},
    ]  # fmt: skip


def _fill_team(calendar: Calendar, day: date, now: datetime) -> None:
    new_york = _in_zone(_at(day, -20, "10:00", 50, "-05:00"), "America/New_York")
    weekly = {
        "summary": "Team call (New York time)",
        **new_york,
        "recurrence": [
            "EXDATE;TZID=America/New_York:20260402T100000",
            "RRULE:FREQ=WEEKLY;BYDAY=TH;COUNT=12",
        ],
    }
    add_event(calendar, weekly, now)
    add_event(calendar, {"summary": "Picnic 🧺", **_at(day, 38, "12:00", 240, "+02:00")}, now)
    add_event(
        calendar,
        {"summary": "Release 2.0", "status": "tentative", "colorId": "11", **_days(day, 14, 1)},
        now,
    )


def _fill_holidays(calendar: Calendar, day: date, now: datetime) -> None:
    year = day.year
    for summary, first in (
        ("New Year's Day", date(year, 1, 1)),
        ("Independence Day", date(year, 7, 4)),
        ("Veterans Day", date(year, 11, 11)),
        ("Christmas Day", date(year, 12, 25)),
    ):
        fields = {
            "summary": summary,
            "description": "Public holiday",
            "transparency": "transparent",
            "visibility": "public",
            **_days(first, 0, 1),
        }
        add_event(calendar, fields, now)
