"""What the tests of the ICS export share: resources, an export in memory, a reader of lines."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path
from typing import Any

import icalendar

from calendar_sync.ics.exporter import IcsExporter, IcsOptions
from calendar_sync.model import (
    CalendarView,
    Event,
    EventWarning,
    Item,
    Orphan,
    Series,
    Single,
)
from calendar_sync.resources import read_event

NY, PARIS = "America/New_York", "Europe/Paris"
CALENDAR = CalendarView(id="me@example.com", name="Mine", time_zone=PARIS)


def resource(**fields: Any) -> dict[str, Any]:
    """A timed event of half an hour, as Google would send it; None takes a field away."""
    whole = {
        "id": "abc",
        "status": "confirmed",
        "created": "2024-01-01T10:00:00.000Z",
        "updated": "2024-02-02T11:12:13.456Z",
        "iCalUID": "abc@google.com",
        "summary": "Tea",
        "start": at("2024-07-01T09:00:00+02:00", PARIS),
        "end": at("2024-07-01T09:30:00+02:00", PARIS),
        **fields,
    }
    return {key: value for key, value in whole.items() if value is not None}


def at(date_time: str, zone: str | None = None) -> dict[str, str]:
    return {"dateTime": date_time} | ({"timeZone": zone} if zone else {})


def on(date: str) -> dict[str, str]:
    return {"date": date}


def event(**fields: Any) -> Event:
    return read_event(json.dumps(resource(**fields)).encode())[0]


def single(**fields: Any) -> Single:
    return Single(event(**fields))


def weekly(*exceptions: Event, **fields: Any) -> Series:
    """Fridays at 9:00 in New York from 2024-03-01 on, with the exceptions given."""
    fields = {
        "start": at("2024-03-01T09:00:00-05:00", NY),
        "end": at("2024-03-01T09:30:00-05:00", NY),
        "recurrence": ["RRULE:FREQ=WEEKLY"],
        **fields,
    }
    return Series(
        event(**fields),
        tuple(each for each in exceptions if not each.is_cancelled),
        tuple(each for each in exceptions if each.is_cancelled),
    )


def cancelled(original: dict[str, str], suffix: str = "_x") -> Event:
    fields = {"id": f"abc{suffix}", "status": "cancelled", "recurringEventId": "abc"}
    return read_event(json.dumps({**fields, "originalStartTime": original}).encode())[0]


def edited(original: dict[str, str] | None, suffix: str = "_x", **fields: Any) -> Event:
    return event(id=f"abc{suffix}", recurringEventId="abc", originalStartTime=original, **fields)


def orphan(**fields: Any) -> Orphan:
    return Orphan(edited(at("2024-07-01T09:00:00+02:00", PARIS), "_20240701T070000Z", **fields))


def export(
    *items: Item, calendar: CalendarView = CALENDAR, options: IcsOptions | None = None
) -> tuple[bytes, list[EventWarning]]:
    exporter = IcsExporter(calendar, options or IcsOptions(), Path(tempfile.gettempdir()))
    for item in items:
        exporter.add(item)
    file = io.BytesIO()
    exporter.finish(file)
    content = file.getvalue()
    assert exporter.rows == content.count(b"\r\nBEGIN:VEVENT\r\n")
    return content, exporter.warnings


def unfolded(content: bytes) -> list[str]:
    """The lines of a file; on the way, what holds for every file is checked."""
    assert content.endswith(b"END:VCALENDAR\r\n")
    assert not content.startswith(b"\xef\xbb\xbf")
    physical = content[:-2].split(b"\r\n")
    for line in physical:
        assert len(line) <= 75
        assert b"\n" not in line
        assert b"\r" not in line
        line.decode()
    lines = content[:-2].replace(b"\r\n ", b"").decode().split("\r\n")
    depth: list[str] = []
    for line in lines:
        if line.startswith("BEGIN:"):
            depth.append(line[6:])
        elif line.startswith("END:"):
            assert depth.pop() == line[4:]
        else:
            assert depth
            assert ":" in line
    assert not depth
    return lines


def lines_of(*items: Item, **how: Any) -> list[str]:
    return unfolded(export(*items, **how)[0])


def codes_of(*items: Item, **how: Any) -> list[str]:
    return [warning.code for warning in export(*items, **how)[1]]


def named(lines: list[str], *names: str) -> list[str]:
    """The lines of those properties, in the order of the file, outside of VTIMEZONEs."""
    found, inside_zone = [], False
    for line in lines:
        if line in ("BEGIN:VTIMEZONE", "END:VTIMEZONE"):
            inside_zone = line.startswith("BEGIN")
        if not inside_zone and line.split(":")[0].split(";")[0] in names:
            found.append(line)
    return found


def parsed(content: bytes) -> icalendar.Calendar:
    calendar = icalendar.Calendar.from_ical(content)
    assert isinstance(calendar, icalendar.Calendar)
    for component in calendar.walk():
        assert component.errors == []
    return calendar
