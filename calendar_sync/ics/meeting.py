"""Who comes, what to read and when to be reminded: the parts of a VEVENT around it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain, islice

from calendar_sync.ics.folding import LINE_LENGTH, folded
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
)
from calendar_sync.ics.times import link_of
from calendar_sync.model import CalendarView, Event, Person, Reminder
from calendar_sync.resources import attachments_of, reminders_of

_ROLE = "CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT"
_ANSWERS = {"accepted": "ACCEPTED", "declined": "DECLINED", "tentative": "TENTATIVE"}
_NO_ANSWER = "NEEDS-ACTION;RSVP=TRUE"


def _begun(answer: str) -> tuple[str, int, int]:
    """Return what is before a guest's name, folded, and how many octets fit into the line after it.

    With the address, and without.
    """
    [begin] = folded([f"\r\nATTENDEE;{_ROLE};PARTSTAT={answer};CN="])
    room = LINE_LENGTH - len(begin.rpartition("\r\n")[2])
    return begin, room, room - len(":mailto:")


_NOT_ANSWERED = _begun(_NO_ANSWER)
_GUESTS = {answer: _begun(word) for answer, word in _ANSWERS.items()}


def people_columns(
    sheet: Sheet, guests: Sequence[tuple[Event, tuple[Person, ...]]]
) -> list[Sequence[str]]:
    """Write ORGANIZER and ATTENDEEs of events, given with their guests, as columns to be joined.

    One's own event without guests has neither: with an ORGANIZER, Outlook would make a meeting of it.
    """
    lines = attendee_lines([*chain.from_iterable([people for _, people in guests])])
    rest = iter(lines)
    attendees = ["".join(islice(rest, len(people))) if people else "" for _, people in guests]
    organizers = [
        _organizer_line(event.organizer.email, event.organizer.display_name or "")
        if event.organizer
        and (reached or event.attendees_omitted or not event.organizer.is_self)
        and event.organizer.email
        else ""
        for (event, _), reached in zip(guests, attendees, strict=True)
    ]
    omitted = [
        "\r\nX-GOOGLE-ATTENDEES-OMITTED:TRUE" if event.attendees_omitted else ""
        for event, _ in guests
    ]
    for event, people in guests if "" in lines else ():
        if not all(person.email for person in people):
            sheet.warn(event, "no-address", "Guests without an address are not in the ICS file.")
    return [organizers, attendees, omitted]


@lru_cache(maxsize=256)
def _organizer_line(address: str, name: str) -> str:
    name = parameter(name)
    return block([f"ORGANIZER{';CN=' if name else ''}{name}:{mailto(address)}"])


def attendee_lines(people: Sequence[Person]) -> list[str]:
    """Write guests in the words of Google's own feed; nothing of one without an address.

    The line of most is longer than one may be, and they are many: so it is cut as it is made, within
    the name.
    """
    names = parameters([person.display_name or "" for person in people])
    addresses = quoted_addresses([person.email or "" for person in people])
    lines = []
    for person, name, address in zip(people, names, addresses, strict=True):
        begin, room, most = _GUESTS.get(person.response_status or "", _NOT_ANSWERED)
        length = len(name) + len(address)
        if (
            not name
            or not person.email
            or person.resource
            or person.optional
            or person.comment
            or person.additional_guests
        ):
            line = _odd_attendee(person, name, address)
        elif length <= most:
            line = f"{begin}{name}:mailto:{address}"
        elif (
            length < most + LINE_LENGTH
            and "" < (rest := name[room:]) < "\x80"
            and name[room - 1] != "\\"
        ):
            line = f"{begin}{name[:room]}\r\n {rest}:mailto:{address}"
        else:
            line = _folded_attendee(begin, name, address)
        lines.append(line)
    return lines


@lru_cache(maxsize=256)
def _folded_attendee(begin: str, name: str, address: str) -> str:
    """Write a guest whose line is cut anywhere; as most often the user is, with a short name."""
    begin = begin.replace("\r\n ", "")
    return folded([f"{begin}{name}:mailto:{address}"])[0]


def _odd_attendee(person: Person, name: str, address: str) -> str:
    if not person.email:
        return ""
    role = _ROLE
    if person.resource:
        role = "CUTYPE=RESOURCE;ROLE=NON-PARTICIPANT"
    elif person.optional:
        role = "CUTYPE=INDIVIDUAL;ROLE=OPT-PARTICIPANT"
    answer = _ANSWERS.get(person.response_status or "", _NO_ANSWER)
    named = f";CN={name}" if name else ""
    words = octets([_words(person)])[0]
    return folded([f"\r\nATTENDEE;{role};PARTSTAT={answer}{named}{words}:mailto:{address}"])[0]


def _words(person: Person) -> str:
    guests, comment = person.additional_guests, parameter(person.comment or "")
    text = f";X-NUM-GUESTS={guests}" if guests > 0 else ""
    return f"{text};X-RESPONSE-COMMENT={comment}" if comment else text


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
