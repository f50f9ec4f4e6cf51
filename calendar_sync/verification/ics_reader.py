"""What an ICS file says, read by `icalendar` and, for its VTIMEZONEs, by dateutil.

Times go through the file's own VTIMEZONEs, never through a zone database: what a program without
one would show is what is compared.
"""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote

from calendar_sync.times import find_zone
from calendar_sync.verification.differences import Facts, Told

_VTIMEZONE = re.compile(rb"^BEGIN:VTIMEZONE\r\n.*?^END:VTIMEZONE\r\n", re.DOTALL | re.MULTILINE)
_EPOCH = dt.datetime(1970, 1, 1)
_NUMBER = re.compile(r"[+-]?\d+")
_LAST_SAMPLE = 2040  # after 2037, where the tables of many systems end


class UnreadableFile(Exception):
    """The file is no iCalendar file, or none that an independent parser takes without complaint."""


class WrongZone(NamedTuple):
    """A VTIMEZONE that is not what the zone database says, and the first time that shows it."""

    tzid: str
    wall: dt.datetime
    in_file: int  # seconds east of UTC
    in_database: int


def read_ics(content: bytes) -> tuple[list[Told], list[WrongZone]]:
    """Read every VEVENT, by its `X-GOOGLE-EVENT-ID`, and the zones. Raises UnreadableFile."""
    import icalendar  # heavy, and needed for nothing else

    try:
        calendar = icalendar.Calendar.from_ical(content)
        zones = _Zones(content)
        events = [part for part in calendar.subcomponents if part.name == "VEVENT"]
        complaints = [f"{event.get('UID')}: {event.errors}" for event in events if event.errors]
        if complaints:
            raise ValueError(complaints[0])
        return [_told(event, zones) for event in events], list(zones.wrong())
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise UnreadableFile(str(error)) from error


class _Zones:
    """The offsets that the file's VTIMEZONEs give."""

    def __init__(self, content: bytes) -> None:
        from dateutil.tz import tzical

        blocks = b"".join(match[0] for match in _VTIMEZONE.finditer(content))
        text = f"BEGIN:VCALENDAR\r\n{blocks.decode()}END:VCALENDAR\r\n"
        self._zones: Any = tzical(io.StringIO(text)) if blocks else None
        self._known: dict[tuple[str, dt.datetime], int] = {}

    def wrong(self) -> Iterator[WrongZone]:
        """Yield the zones that differ from the database, from the year of their first use on."""
        first: dict[str, int] = {}
        for tzid, wall in self._known:
            first[tzid] = min(wall.year, first.get(tzid, wall.year))
        for tzid, year in first.items():
            zone = find_zone(tzid)
            for wall in _samples(year) if zone else ():
                offset = wall.replace(tzinfo=zone).utcoffset() or dt.timedelta()
                in_file, in_database = self.offset(tzid, wall), int(offset.total_seconds())
                if in_file != in_database:
                    yield WrongZone(tzid, wall, in_file, in_database)
                    break

    def offset(self, tzid: str, wall: dt.datetime) -> int:
        """Return seconds east of UTC. Raises ValueError for a TZID the file does not declare."""
        known = self._known.get((tzid, wall))
        if known is None:
            zone = self._zones.get(tzid) if self._zones else None
            offset = wall.replace(tzinfo=zone).utcoffset() if zone else None
            if offset is None:
                raise ValueError(f"TZID {tzid!r} has no VTIMEZONE")
            known = int(offset.total_seconds())
            self._known[tzid, wall] = known
        return known


def _samples(year: int) -> Iterator[dt.datetime]:
    """Yield noons on which a wrong rule shows: one in a winter and one in a summer, or many."""
    for each in range(year, max(year + 2, _LAST_SAMPLE)):
        for month in (1, 7) if each < _EPOCH.year else range(1, 13):
            yield dt.datetime(min(each, 9998), month, 15, 12)


def _told(event: Any, zones: _Zones) -> Told:
    facts: Facts = {
        "UID": str(event["UID"]),
        "DTSTART": _time(event["DTSTART"], zones),
        "DTEND": _end(event, zones),
        "RRULE": frozenset(_rule(rule) for rule in _several(event, "RRULE")),
        "RDATE": frozenset(_dates(event, "RDATE")),
        "EXDATE": frozenset(_dates(event, "EXDATE")),
        "RECURRENCE-ID": None,
        "SUMMARY": str(event.get("SUMMARY", "")),
        "LOCATION": str(event.get("LOCATION", "")),
        "DESCRIPTION": str(event.get("DESCRIPTION", "")),
        "STATUS": str(event.get("STATUS", "")),
        "TRANSP": str(event.get("TRANSP", "")),
        "CLASS": str(event.get("CLASS", "")),
        "ORGANIZER": _address(event.get("ORGANIZER", "")),
        "ATTENDEE": frozenset(
            (_address(one), str(one.params["PARTSTAT"])) for one in _several(event, "ATTENDEE")
        ),
    }
    if "RECURRENCE-ID" in event:
        original = event["RECURRENCE-ID"]
        facts["RECURRENCE-ID"] = on_clock(original.dt, original.params.get("TZID"))
    if "X-WR-RELCALID" in event:
        facts["X-WR-RELCALID"] = str(event["X-WR-RELCALID"])
    return str(event["X-GOOGLE-EVENT-ID"]), facts


def _time(value: Any, zones: _Zones) -> int | dt.date:
    """Return an instant, or a date."""
    time = value.dt
    if not isinstance(time, dt.datetime):
        return time  # type: ignore[no-any-return]
    wall, tzid = time.replace(tzinfo=None), value.params.get("TZID")
    seconds = (wall - _EPOCH) // dt.timedelta(seconds=1)
    return seconds - (zones.offset(tzid, wall) if tzid else 0)


def _end(event: Any, zones: _Zones) -> int | dt.date | None:
    if "DTEND" in event:
        return _time(event["DTEND"], zones)
    start = _time(event["DTSTART"], zones)
    if "DURATION" in event and isinstance(start, int):
        return start + int(event["DURATION"].dt.total_seconds())
    return None


def on_clock(time: dt.date, tzid: str | None) -> tuple[str, dt.datetime]:
    """Return a time of a series as the clock it is on and what that clock shows."""
    if not isinstance(time, dt.datetime):
        return "DATE", dt.datetime.combine(time, dt.time())
    return tzid or "UTC", time.replace(tzinfo=None)


def _several(event: Any, name: str) -> list[Any]:
    value = event.get(name, [])
    return value if isinstance(value, list) else [value]


def _address(value: Any) -> str:
    return unquote(str(value).removeprefix("mailto:"))


def _dates(event: Any, name: str) -> Iterator[tuple[str, dt.datetime]]:
    for values in _several(event, name):
        for value in values.dts:
            yield on_clock(value.dt, values.params.get("TZID"))


def _rule(rule: Any) -> frozenset[tuple[str, frozenset[str]]]:
    return rule_facts((name, [_until(v) for v in values]) for name, values in rule.items())


def _until(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return f"{value:%Y%m%dT%H%M%S}".rjust(15, "0") + "Z"
    return f"{value:%Y%m%d}".rjust(8, "0") if isinstance(value, dt.date) else str(value)


def rule_facts(
    parts: Iterable[tuple[str, Iterable[str]]],
) -> frozenset[tuple[str, frozenset[str]]]:
    """Return a rule as a set of its parts, each with the set of its values; order says nothing."""
    return frozenset((name.upper(), frozenset(map(_plain, values))) for name, values in parts)


def _plain(value: str) -> str:
    value = value.upper()
    return str(int(value)) if _NUMBER.fullmatch(value) and len(value) < 8 else value.lstrip("+")
