"""Google's JSON -> the model: a field of a wrong type is left out, not the event."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from calendar_sync.model import Attachment, Event, EventWarning, Person, Reminders

_T = TypeVar("_T")
Json = bytes | msgspec.Raw  # the mirror's, or a page's own bytes


class UnreadableEvent(Exception):
    """A resource that is no event at all: not an object, or without an id."""


_decoder = msgspec.json.Decoder(Event, strict=False)
decode_event = _decoder.decode  # of most; it raises ODD
decode_events = _decoder.decode_lines  # of many; as does this
ODD = (msgspec.MsgspecError, UnicodeDecodeError)
_decode_people = msgspec.json.Decoder(tuple[Person, ...], strict=False).decode
_decode_attachments = msgspec.json.Decoder(tuple[Attachment, ...], strict=False).decode
_decode_reminders = msgspec.json.Decoder(Reminders, strict=False).decode
_FIELD_IN_PATH = re.compile(r"at `\$\.(\w+)")


def read_event(resource: Json) -> tuple[Event, list[EventWarning]]:
    """Read one resource; a field of a wrong type is left out with a warning, not the event.

    Raises UnreadableEvent when there is no object or no id in it.
    """
    try:
        return decode_event(resource), []
    except ODD:
        return _read_odd_event(resource)


def _read_odd_event(resource: Json) -> tuple[Event, list[EventWarning]]:
    """Read what the fast decoder refused: half surrogates, wrong types."""
    try:
        value: Any = json.loads(bytes(resource).decode("utf-8", "replace"))
    except ValueError as error:
        raise UnreadableEvent("not JSON") from error
    sent, value = value, without_half_surrogates(value)
    if not isinstance(value, dict) or not isinstance(value.get("id"), str):
        raise UnreadableEvent("no id")
    warnings: list[EventWarning] = []
    if value != sent:
        message = "Half a character (a lone surrogate) was replaced by U+FFFD."
        warnings.append(EventWarning(value["id"], "odd-text", message))
    while True:
        try:
            return decode_event(msgspec.json.encode(value)), warnings
        except msgspec.MsgspecError as error:
            field = _FIELD_IN_PATH.search(str(error))
            if field is None or field[1] == "id" or field[1] not in value:
                raise UnreadableEvent(str(error)) from error
            del value[field[1]]
            message = f"The field {field[1]!r} has an unexpected type and was left out."
            warnings.append(EventWarning(value["id"], "odd-field", message))


def without_half_surrogates(value: Any) -> Any:
    """Replace half surrogates, which JSON allows and UTF-8 does not, by U+FFFD, at any depth."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [without_half_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {
            without_half_surrogates(key): without_half_surrogates(item)
            for key, item in value.items()
        }
    return value


def people_of(event: Event) -> tuple[Person, ...]:
    """List the attendees; what is not a list of people counts as nobody."""
    raw = event.attendees
    if not raw:
        return ()
    known = _PEOPLE.pop(id(raw), None)
    if known is not None:
        return known[1]
    if len(_PEOPLE) >= _MOST_PEOPLE:
        _PEOPLE.clear()
    people = people_in(raw)
    _PEOPLE[id(raw)] = (raw, people)
    return people


# By the id of what they are read from, which is no other's as long as that is kept here, too: one
# format asks after the other, some hundred events later. No longer: that keeps a page in memory.
_PEOPLE: dict[int, tuple[msgspec.Raw, tuple[Person, ...]]] = {}
_MOST_PEOPLE = 500


def people_in(raw: Json) -> tuple[Person, ...]:
    """List the people of Google's JSON, whatever it is."""
    return _members(_decode_people, Person, raw)


def attachments_of(event: Event) -> tuple[Attachment, ...]:
    """List the attachments; what is not a list of them counts as none."""
    return _members(_decode_attachments, Attachment, event.attachments)


def reminders_of(event: Event) -> Reminders | None:
    """Return the event's reminders, None when the resource has none that can be read."""
    if not event.reminders:
        return None
    try:
        return _decode_reminders(bytes(event.reminders))
    except ODD:
        return None


def _members(decode: Callable[[Json], tuple[_T, ...]], kind: type[_T], raw: Json) -> tuple[_T, ...]:
    """Read a list; of a member that is odd, the fields that can be read: the others stay whole."""
    if not raw:
        return ()
    try:
        return decode(raw)
    except ODD:
        pass
    try:
        members = msgspec.json.decode(bytes(raw))
    except ODD:
        return ()
    if not isinstance(members, list):
        return ()
    return tuple(_without_odd_fields(member, kind) for member in members)


def _without_odd_fields(member: Any, kind: type[_T]) -> _T:
    kept: dict[str, Any] = {}
    for name, value in member.items() if isinstance(member, dict) else ():
        with suppress(msgspec.ValidationError):
            msgspec.convert({name: value}, kind, strict=False)
            kept[name] = value
    return msgspec.convert(kept, kind, strict=False)
