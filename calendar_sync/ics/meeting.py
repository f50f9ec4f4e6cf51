"""Who comes, how to get in, what to read and when to be reminded: the parts of a VEVENT around it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from calendar_sync.ics.folding import folded
from calendar_sync.ics.sheet import Sheet
from calendar_sync.ics.text import (
    block,
    duration,
    escape,
    is_blank,
    mailto,
    octets,
    parameter,
    parameters,
    quoted_addresses,
    uri,
)
from calendar_sync.ics.times import link_of
from calendar_sync.model import CalendarView, EntryPoint, Event, Person, Reminder
from calendar_sync.resources import attachments_of, reminders_of

_ROLE = "CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT"
_ANSWERS = {"accepted": "ACCEPTED", "declined": "DECLINED", "tentative": "TENTATIVE"}
_NO_ANSWER = "NEEDS-ACTION;RSVP=TRUE"
# What is before a guest's name, of most guests.
_GUESTS = {
    answer: f"\r\nATTENDEE;{_ROLE};PARTSTAT={word};CN="
    for answer, word in (*_ANSWERS.items(), ("", _NO_ANSWER))
}
FEATURES = {"video": ";FEATURE=AUDIO,VIDEO", "phone": ";FEATURE=PHONE", "sip": ";FEATURE=AUDIO"}


def people_lines(sheet: Sheet, guests: Sequence[tuple[Event, tuple[Person, ...]]]) -> list[str]:
    """Write ORGANIZER and ATTENDEEs of events, given with their guests."""
    reached = [person for _, people in guests for person in people if person.email]
    lines = iter(attendee_lines(reached))
    return [
        _people(sheet, event, people, lines)
        if people or event.attendees_omitted or (event.organizer and not event.organizer.is_self)
        else ""
        for event, people in guests
    ]


def _people(
    sheet: Sheet, event: Event, people: tuple[Person, ...], attendee_lines: Iterator[str]
) -> str:
    """Take what is about one event. One's own event without guests has neither property.

    With an ORGANIZER, Outlook would make a meeting of it.
    """
    attendees = [next(attendee_lines) for person in people if person.email]
    organizer = event.organizer
    is_meeting = attendees or event.attendees_omitted
    line = ""
    if organizer and organizer.email and (is_meeting or not organizer.is_self):
        line = _organizer_line(organizer.email, organizer.display_name or "")
    if len(attendees) < len(people):
        sheet.warn(event, "no-address", "Guests without an address are not in the ICS file.")
    omitted = "\r\nX-GOOGLE-ATTENDEES-OMITTED:TRUE" if event.attendees_omitted else ""
    return "".join([line, *attendees, omitted])


@lru_cache(maxsize=256)
def _organizer_line(address: str, name: str) -> str:
    name = parameter(name)
    return block([f"ORGANIZER{';CN=' if name else ''}{name}:{mailto(address)}"])


def attendee_lines(people: Sequence[Person]) -> list[str]:
    """Write guests with an address, in the words of Google's own feed."""
    names = octets(parameters([person.display_name or "" for person in people]))
    addresses = quoted_addresses([person.email or "" for person in people])
    return folded(
        [
            _odd_attendee(person, name, address)
            if not name
            or person.resource
            or person.optional
            or person.comment
            or person.additional_guests
            else f"{_GUESTS.get(person.response_status or '', _GUESTS[''])}{name}:mailto:{address}"
            for person, name, address in zip(people, names, addresses, strict=True)
        ]
    )


def _odd_attendee(person: Person, name: str, address: str) -> str:
    role = _ROLE
    if person.resource:
        role = "CUTYPE=RESOURCE;ROLE=NON-PARTICIPANT"
    elif person.optional:
        role = "CUTYPE=INDIVIDUAL;ROLE=OPT-PARTICIPANT"
    answer = _ANSWERS.get(person.response_status or "", _NO_ANSWER)
    named = f";CN={name}" if name else ""
    words = octets([_words(person)])[0]
    return f"\r\nATTENDEE;{role};PARTSTAT={answer}{named}{words}:mailto:{address}"


def _words(person: Person) -> str:
    guests, comment = person.additional_guests, parameter(person.comment or "")
    text = f";X-NUM-GUESTS={guests}" if guests > 0 else ""
    return f"{text};X-RESPONSE-COMMENT={comment}" if comment else text


def conference_lines(event: Event) -> list[str]:
    """Write each way into the conference, and the video one as Google's feed does."""
    conference, hangout_link = event.conference_data, event.hangout_link
    entries = list(conference.entry_points) if conference else []
    if hangout_link and hangout_link not in [entry.uri for entry in entries]:
        entries.insert(0, EntryPoint(entry_point_type="video", uri=hangout_link))
    solution = conference.conference_solution if conference else None
    name = solution.name if solution else None
    lines: list[str] = []
    video = None
    for entry in entries:
        link = uri(entry.uri) if entry.uri else None
        if link is None:
            continue
        if entry.entry_point_type == "video":
            video = video or link
        feature = FEATURES.get(entry.entry_point_type or "", "")
        lines.append(f"CONFERENCE;VALUE=URI{feature}{_entry_label(entry, name)}:{link}")
    return [*lines, f"X-GOOGLE-CONFERENCE:{video}"] if video else lines


_SECRETS = ("PIN", "access code", "meeting code", "passcode", "password")


def _entry_label(entry: EntryPoint, name: str | None) -> str:
    """Say what a person must know to get in: a URI has no place for a PIN."""
    label = entry.label or name or ""
    secrets = (entry.pin, entry.access_code, entry.meeting_code, entry.passcode, entry.password)
    if any(secrets):
        words = [
            f"{word} {secret}" for word, secret in zip(_SECRETS, secrets, strict=True) if secret
        ]
        label = ", ".join([label, *words] if label else words)
    label = parameter(label)
    return f";LABEL={label}" if label else ""


_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*")


def attachment_lines(sheet: Sheet, event: Event) -> list[str]:
    """Write links to the attached files (FILENAME is RFC 8607's, and Google's)."""
    lines = []
    for attachment in attachments_of(event):
        link = link_of(sheet, event, attachment.file_url)
        if link is None:
            continue
        name = parameter(attachment.title or "")
        line = f"ATTACH;FILENAME={name}" if name else "ATTACH"
        if attachment.mime_type and _MEDIA_TYPE.fullmatch(attachment.mime_type):
            line += f";FMTTYPE={attachment.mime_type}"
        lines.append(f"{line}:{link}")
    return lines


def alarm_lines(sheet: Sheet, event: Event, people: tuple[Person, ...]) -> str:
    """Write the event's reminders; the calendar's default ones only where that was asked for."""
    reminders = reminders_of(event)
    if reminders is None:
        return ""
    chosen = reminders.overrides
    if reminders.use_default:
        chosen = sheet.calendar.default_reminders if sheet.options.default_reminders else ()
    if not chosen:
        return ""
    text = "Reminder" if is_blank(event.summary) else escape(event.summary or "")
    owner = _owner(sheet.calendar, event, people)
    return block([line for reminder in chosen for line in _alarm(reminder, text, owner)])


def _alarm(reminder: Reminder, text: str, owner: str | None) -> list[str]:
    """Write one VALARM. DESCRIPTION is required, and many readers refuse the file without it."""
    lines = ["BEGIN:VALARM"]
    if reminder.method == "email" and owner:  # a mail needs an address
        lines += ["ACTION:EMAIL", f"SUMMARY:{text}", f"ATTENDEE:{mailto(owner)}"]
    else:
        lines.append("ACTION:DISPLAY")
    trigger = duration(-60 * reminder.minutes)
    return [*lines, f"DESCRIPTION:{text}", f"TRIGGER:{trigger}", "END:VALARM"]


def _owner(calendar: CalendarView, event: Event, people: tuple[Person, ...]) -> str | None:
    """Return whom an e-mail reminder goes to: the user this copy of the event belongs to."""
    for person in (*people, event.creator):
        if person and person.is_self and person.email:
            return person.email
    if "@" in calendar.id and not calendar.id.endswith(".calendar.google.com"):
        return calendar.id
    return None
