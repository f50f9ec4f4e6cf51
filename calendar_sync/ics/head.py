"""What stands before the events of an ICS file: the calendar's own properties, and the zones.

No METHOD: with one, DTSTAMP would mean the time of the export and some programs would offer to reply.
Without, it is the last revision, so the same events give the same bytes. For the same reason there is
no version in PRODID and no LAST-MODIFIED of the calendar.
"""

from __future__ import annotations

from calendar_sync.ics.colors import nearest_name
from calendar_sync.ics.text import escape, is_blank, to_bytes
from calendar_sync.ics.timezones import vtimezone
from calendar_sync.model import CalendarView
from calendar_sync.times import find_zone

PRODUCT = "-//calendar-sync//Google Calendar to ICS//EN"
# Of the VTIMEZONE that makes an empty calendar valid; nothing is dated by it.
YEAR_OF_NOTHING = 2024


def head(calendar: CalendarView, zones: dict[str, int] | None) -> bytes:
    """Return what is before the events, with a VTIMEZONE for each zone; None: no events.

    A calendar without events needs one to be valid (section 3.6).
    """
    if zones is None:
        zone = calendar.time_zone
        zones = {zone if find_zone(zone) else "UTC": YEAR_OF_NOTHING}
    timezones = [line for zone in sorted(zones) for line in vtimezone(zone, zones[zone])]
    return to_bytes([*header(calendar), *timezones])


def header(calendar: CalendarView) -> list[str]:
    """Return the lines before the first component; nothing blank is named."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{PRODUCT}", "CALSCALE:GREGORIAN"]
    texts = (
        (("NAME", "X-WR-CALNAME"), calendar.name),
        (("DESCRIPTION", "X-WR-CALDESC"), calendar.description),
        (("X-WR-TIMEZONE",), calendar.time_zone),
    )
    for names, text in texts:
        if text and not is_blank(text):
            lines += [f"{name}:{escape(text)}" for name in names]
    color = nearest_name(calendar.background_color or "")
    if color:
        lines += [f"COLOR:{color}", f"X-APPLE-CALENDAR-COLOR:{calendar.background_color}"]
    return lines
