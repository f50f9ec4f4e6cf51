"""Events as VEVENTs (RFC 5545 section 3.6.1, RFC 7986 section 5), many at a time.

One property of all events after the other: to call a function for each event and each property would
cost more than what it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from calendar_sync.ics.conference import conference_lines
from calendar_sync.ics.folding import ascii_columns, folded
from calendar_sync.ics.html import is_html, plain_text
from calendar_sync.ics.meeting import (
    alarm_lines,
    attachment_lines,
    people_columns,
)
from calendar_sync.ics.sheet import Sheet, Vevent
from calendar_sync.ics.text import (
    are_https,
    block,
    escape,
    is_blank,
    is_plain_uri,
    line_columns,
    lines,
    word_columns,
)
from calendar_sync.ics.times import link_of, stamps
from calendar_sync.model import DEFAULT_REMINDERS, NO_JSON, Event, Person
from calendar_sync.resources import people_of

NO_STAMP = "19700101T000000"
_CLASSES = {name: f"\r\nCLASS:{name.upper()}" for name in ("private", "confidential", "public")}
_TRANSPS = ("\r\nTRANSP:OPAQUE", "\r\nTRANSP:TRANSPARENT")
_STATUSES = {
    name: f"\r\nSTATUS:{(name or 'confirmed').upper()}" for name in (None, "confirmed", "tentative")
}
# As most events have them.
_USUAL_KINDS = ("default", None, "")
_NO_REMINDERS = (NO_JSON, msgspec.Raw(b'{"useDefault":false}'))
# COLOR wants a CSS3 name: the one nearest to what Google's screen shows for a colorId.
COLORS = {
    "1": "mediumpurple", "2": "mediumseagreen", "3": "darkorchid", "4": "salmon", "5": "gold",
    "6": "orangered", "7": "deepskyblue", "8": "dimgray", "9": "royalblue", "10": "green",
    "11": "tomato",
}  # fmt: skip


def uid_of(event: Event) -> str:
    """Return the UID, shared by a series and its occurrences; Google makes it of the series' id."""
    return event.ical_uid or f"{event.recurring_event_id or event.id}@google.com"


def write_events(
    sheet: Sheet, vevents: Sequence[Vevent], heads: Sequence[Sequence[str]] = ()
) -> list[bytes]:
    """Write each VEVENT as whole lines of the file, after what its head is made of, as octets.

    Raises ValueError, OverflowError for odd data.
    """
    events = [vevent.event for vevent in vevents]
    people = [people_of(event) if event.attendees else () for event in events]
    guests = list(zip(events, people, strict=True))
    columns: list[Sequence[str]] = [
        *heads,
        *_firsts(vevents, events),
        _states(events),
        *line_columns("SUMMARY", _titles(events)),
        _descriptions(events, sheet.options.html),
        lines("LOCATION", _visible([event.location for event in events])),
        *people_columns(sheet, guests),
        *_links(sheet, events),
        _extras(sheet, events),
        *word_columns("X-GOOGLE-EVENT-ID", [event.id for event in events]),
        _lasts(sheet, vevents, guests),
    ]
    return [text.encode("latin-1") for text in map("".join, zip(*columns, strict=True))]


# -- columns: `NAME:value` for each event, CR LF before it, or nothing; or a part of that ------------


def _firsts(vevents: Sequence[Vevent], events: Sequence[Event]) -> list[Sequence[str]]:
    """Write all up to LAST-MODIFIED."""
    count = len(events)
    uids = word_columns("UID", [vevent.uid for vevent in vevents])
    created = stamps([event.created or "" for event in events])
    updated = stamps([event.updated or "" for event in events])
    if not all(created) or not all(updated):
        odd = [*map(_odd_stamps, vevents, created, updated)]
        return [["BEGIN:VEVENT"] * count, *uids, odd]
    return [
        ["BEGIN:VEVENT"] * count,
        *uids,
        ["\r\nDTSTAMP:"] * count,
        updated,
        ["Z"] * count,
        [vevent.times for vevent in vevents],
        ["\r\nCREATED:"] * count,
        created,
        ["Z\r\nLAST-MODIFIED:"] * count,
        updated,
        ["Z"] * count,
    ]


def _odd_stamps(vevent: Vevent, old: str, new: str) -> str:
    created = f"\r\nCREATED:{old}Z" if old else ""
    modified = f"\r\nLAST-MODIFIED:{new}Z" if new else ""
    return f"\r\nDTSTAMP:{new or old or NO_STAMP}Z{vevent.times}{created}{modified}"


def _states(events: Sequence[Event]) -> list[str]:
    """Write SEQUENCE, STATUS, TRANSP, CLASS, what kind of event it is, and its color."""
    return [
        _state(event.sequence, event.status, event.transparency)
        if not event.visibility and not event.color_id and event.event_type in _USUAL_KINDS
        else _odd_state(event)
        for event in events
    ]


def _odd_state(event: Event) -> str:
    state = _state(event.sequence, event.status, event.transparency, event.event_type)
    kind = _kind(event) if event.event_type not in _USUAL_KINDS else ""
    color = _color(event) if event.color_id else ""
    return f"{state}{_class(event)}{kind}{color}"


@lru_cache(maxsize=1024)
def _state(
    sequence: int | None, status: str | None, transparency: str | None, kind: str | None = None
) -> str:
    is_free = transparency == "transparent" or kind == "workingLocation"
    number = min(max(sequence or 0, 0), 2**31 - 1)
    return f"\r\nSEQUENCE:{number}{_STATUSES.get(status, '')}{_TRANSPS[is_free]}"


def _lasts(
    sheet: Sheet, vevents: Sequence[Vevent], guests: Sequence[tuple[Event, tuple[Person, ...]]]
) -> list[str]:
    """Write the calendar where it is to be named, what the VEVENT has besides, and its alarms."""
    calendar, end = _calendar(sheet), "\r\nEND:VEVENT\r\n"
    usual = f"{calendar}{end}"
    quiet = (NO_JSON if sheet.options.default_reminders else DEFAULT_REMINDERS, *_NO_REMINDERS)
    return [
        usual
        if not vevent.extra and event.reminders in quiet
        else f"{calendar}{vevent.extra}{alarm_lines(sheet, event, people)}{end}"
        for vevent, (event, people) in zip(vevents, guests, strict=True)
    ]


def _class(event: Event) -> str:
    return "" if is_free_busy(event) else _CLASSES.get(event.visibility or "", "")


def _kind(event: Event) -> str:
    kind = escape(event.event_type or "")
    lines = [f"CATEGORIES:{kind}", f"X-GOOGLE-EVENT-TYPE:{kind}"]
    if event.working_location_properties:
        json = msgspec.json.format(event.working_location_properties, indent=-1)
        lines.append(f"X-GOOGLE-WORKING-LOCATION:{escape(json.decode('utf-8', 'replace'))}")
    return block(lines)


def _color(event: Event) -> str:
    number = event.color_id or ""
    names = [f"COLOR:{COLORS[number]}"] if number in COLORS else []
    return block([*names, f"X-GOOGLE-COLOR-ID:{escape(number)}"])


def _calendar(sheet: Sheet) -> str:
    is_named = sheet.options.names_calendar
    return block([f"X-WR-RELCALID:{escape(sheet.calendar.id)}"]) if is_named else ""


def _visible(texts: list[str | None]) -> list[str]:
    return [t if t and (t[0].isalnum() or not is_blank(t)) else "" for t in texts]


def _titles(events: list[Event]) -> list[str]:
    titles = _visible([event.summary for event in events])
    if all(titles):
        return titles
    return [
        title or ("Busy" if is_free_busy(event) else "")
        for title, event in zip(titles, events, strict=True)
    ]


def _descriptions(events: list[Event], html: str) -> list[str]:
    """Write the descriptions; HTML as it is, as plain text, or as both.

    X-ALT-DESC is what Outlook and Thunderbird read; RFC 9073's STYLED-DESCRIPTION hardly anybody.
    """
    texts = _visible([event.description for event in events])
    if html == "keep":
        return lines("DESCRIPTION", texts)
    found = [(text, plain_text(text) if is_html(text) else text) for text in texts]
    shown = lines("DESCRIPTION", _visible([plain for _, plain in found]))
    if html == "plain":
        return shown
    styled = [text if text != plain else "" for text, plain in found]
    return list(
        map("".join, zip(shown, lines("X-ALT-DESC;FMTTYPE=text/html", styled), strict=True))
    )


def is_free_busy(event: Event) -> bool:
    """Whether the calendar shows times only: no title, and nobody who made it."""
    return not (event.summary or event.creator or event.organizer or event.created)


def _links(sheet: Sheet, events: list[Event]) -> list[Sequence[str]]:
    """Write the page of each event and where it is from. URL may occur once only."""
    pages, sources = [event.html_link or "" for event in events], [e.source for e in events]
    if not any(sources) and are_https(pages):  # as of most
        return ascii_columns("URL", pages)
    urls = [
        f"\r\nURL:{page}" if event.source is None and is_plain_uri(page) else ""
        for page, event in zip(pages, events, strict=True)
    ]
    return [[u or _odd_links(sheet, event) for u, event in zip(folded(urls), events, strict=True)]]


def _extras(sheet: Sheet, events: list[Event]) -> list[str]:
    """Write how to get in and what to read; few events have any of it."""
    texts = [""] * len(events)
    rows = [
        row
        for row, event in enumerate(events)
        if event.conference_data or event.hangout_link or event.attachments
    ]
    some = [events[row] for row in rows]
    for row, event, conference in zip(rows, some, conference_lines(some), strict=True):
        files = block(attachment_lines(sheet, event)) if event.attachments else ""
        texts[row] = f"{conference}{files}"
    return texts


def _odd_links(sheet: Sheet, event: Event) -> str:
    source = link_of(sheet, event, event.source.url if event.source else None)
    page = link_of(sheet, event, event.html_link)
    urls = [f"URL:{source or page}"] if source or page else []
    return block([*urls, f"X-GOOGLE-HTML-LINK:{page}"] if source and page else urls)
