"""One event as the lines of a VEVENT (RFC 5545 section 3.6.1, RFC 7986 section 5)."""

from __future__ import annotations

import msgspec

from calendar_sync.ics.html import is_html, plain_text
from calendar_sync.ics.meeting import (
    alarm_lines,
    attachment_lines,
    conference_lines,
    write_people,
)
from calendar_sync.ics.text import escape, is_blank
from calendar_sync.ics.times import Sheet, link_of, stamp
from calendar_sync.model import Event, people_of

NO_STAMP = "19700101T000000Z"
CLASSES = {"private": "PRIVATE", "confidential": "CONFIDENTIAL", "public": "PUBLIC"}
STATUSES = {
    None: "STATUS:CONFIRMED", "confirmed": "STATUS:CONFIRMED", "tentative": "STATUS:TENTATIVE",
}  # fmt: skip
NO_REMINDERS = b'{"useDefault":false}'  # as most events have it
# COLOR wants a CSS3 name: the one nearest to what Google's screen shows for a colorId.
COLORS = {
    "1": "mediumpurple", "2": "mediumseagreen", "3": "darkorchid", "4": "salmon", "5": "gold",
    "6": "orangered", "7": "deepskyblue", "8": "dimgray", "9": "royalblue", "10": "green",
    "11": "tomato",
}  # fmt: skip


def uid_of(event: Event) -> str:
    """Return the UID, shared by a series and its occurrences; Google makes it of the series' id."""
    return event.ical_uid or f"{event.recurring_event_id or event.id}@google.com"


def write_event(sheet: Sheet, event: Event, uid: str, times: list[str], extra: str = "") -> None:
    """Add one VEVENT. `times` is everything from DTSTART to EXDATE; `extra` one more line."""
    created, updated = stamp(event.created), stamp(event.updated)
    lines = sheet.lines
    lines += ("BEGIN:VEVENT", f"UID:{escape(uid)}", f"DTSTAMP:{updated or created or NO_STAMP}")
    lines += times
    if created:
        lines.append(f"CREATED:{created}")
    if updated:
        lines.append(f"LAST-MODIFIED:{updated}")
    lines.append(f"SEQUENCE:{min(max(event.sequence or 0, 0), 2**31 - 1)}")
    _write_words(lines, event)
    _write_texts(lines, event, sheet.html)
    people = people_of(event) if event.attendees else ()
    if people or event.organizer or event.attendees_omitted:
        write_people(sheet, event, people)
    _write_links(sheet, event)
    if event.conference_data or event.hangout_link:
        lines += conference_lines(event.conference_data, event.hangout_link)
    if event.attachments:
        lines += attachment_lines(sheet, event)
    lines.append(f"X-GOOGLE-EVENT-ID:{escape(event.id)}")
    if sheet.names_calendar:
        lines.append(f"X-WR-RELCALID:{escape(sheet.calendar.id)}")
    if extra:
        lines.append(extra)
    if event.reminders and event.reminders != NO_REMINDERS:
        lines += alarm_lines(sheet, event, people)
    lines.append("END:VEVENT")
    sheet.rows += 1


def _write_words(lines: list[str], event: Event) -> None:
    status = STATUSES.get(event.status)
    if status:
        lines.append(status)
    is_free = event.transparency == "transparent" or event.event_type == "workingLocation"
    lines.append("TRANSP:TRANSPARENT" if is_free else "TRANSP:OPAQUE")
    if event.visibility in CLASSES and not is_free_busy(event):
        lines.append(f"CLASS:{CLASSES[event.visibility]}")
    if event.event_type and event.event_type != "default":
        kind = escape(event.event_type)
        lines += (f"CATEGORIES:{kind}", f"X-GOOGLE-EVENT-TYPE:{kind}")
        if event.working_location_properties:
            json = msgspec.json.format(event.working_location_properties, indent=-1)
            lines.append(f"X-GOOGLE-WORKING-LOCATION:{escape(json.decode('utf-8', 'replace'))}")
    if event.color_id:
        if event.color_id in COLORS:
            lines.append(f"COLOR:{COLORS[event.color_id]}")
        lines.append(f"X-GOOGLE-COLOR-ID:{escape(event.color_id)}")


def _write_texts(lines: list[str], event: Event, html: str) -> None:
    if event.summary and not is_blank(event.summary):
        lines.append(f"SUMMARY:{escape(event.summary)}")
    elif is_free_busy(event):
        lines.append("SUMMARY:Busy")
    if event.description and not is_blank(event.description):
        lines += _description(event.description, html)
    if event.location and not is_blank(event.location):
        lines.append(f"LOCATION:{escape(event.location)}")


def _description(text: str, html: str) -> list[str]:
    """Write the description; HTML as it is, as plain text, or as both.

    X-ALT-DESC is what Outlook and Thunderbird read; RFC 9073's STYLED-DESCRIPTION hardly anybody.
    """
    if html == "keep" or not is_html(text):
        return [f"DESCRIPTION:{escape(text)}"]
    plain = plain_text(text)
    lines = [] if is_blank(plain) else [f"DESCRIPTION:{escape(plain)}"]
    if html == "both":
        lines.append(f"X-ALT-DESC;FMTTYPE=text/html:{escape(text)}")
    return lines


def is_free_busy(event: Event) -> bool:
    """Whether the calendar shows times only: no title, and nobody who made it."""
    return not (event.summary or event.creator or event.organizer or event.created)


def _write_links(sheet: Sheet, event: Event) -> None:
    source = link_of(sheet, event, event.source.url if event.source else None)
    page = link_of(sheet, event, event.html_link)
    if source or page:  # URL may occur once only
        sheet.lines.append(f"URL:{source or page}")
    if source and page:
        sheet.lines.append(f"X-GOOGLE-HTML-LINK:{page}")
