"""Views on what Google sent: an event resource, the people in it, a series with its exceptions.

The resource itself (Google's JSON, whole) lives in the mirror; nothing here is ever written back.
Fields: https://developers.google.com/workspace/calendar/api/v3/reference/events
"""

from __future__ import annotations

import msgspec

from calendar_sync.decoding import decoded

NO_JSON = msgspec.Raw()
DEFAULT_REMINDERS = msgspec.Raw(b'{"useDefault":true}')  # as most events have them


@decoded
class EventWarning(msgspec.Struct, frozen=True):
    """One thing a reader of the files should know about one event."""

    event_id: str
    code: str
    message: str


class EventTime(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A `start`, `end` or `originalStartTime`; a date-time's offset is that of the response."""

    date: str | None = None
    date_time: str | None = None
    time_zone: str | None = None


class Person(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A creator, an organizer or an attendee. Google omits what is false or empty."""

    email: str | None = None
    display_name: str | None = None
    is_self: bool = msgspec.field(name="self", default=False)
    organizer: bool = False
    resource: bool = False
    optional: bool = False
    response_status: str | None = None
    comment: str | None = None
    additional_guests: int = 0


class EntryPoint(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One way into a conference: `video`, `phone`, `sip` or `more`."""

    entry_point_type: str | None = None
    uri: str | None = None
    label: str | None = None
    pin: str | None = None
    access_code: str | None = None
    meeting_code: str | None = None
    passcode: str | None = None
    password: str | None = None
    region_code: str | None = None


class ConferenceSolution(msgspec.Struct, frozen=True, gc=False):
    """The product behind a conference; only its name interests a reader."""

    name: str | None = None


class Conference(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """`conferenceData`, as far as files can say it."""

    entry_points: tuple[EntryPoint, ...] = ()
    conference_solution: ConferenceSolution | None = None
    conference_id: str | None = None


@decoded
class Reminder(msgspec.Struct, frozen=True):
    """One reminder: `popup` or `email`, so many minutes before the start."""

    method: str = "popup"
    minutes: int = 0


class Reminders(msgspec.Struct, frozen=True, rename="camel"):
    """An event's own reminders, or the wish to use the calendar's."""

    use_default: bool = False
    overrides: tuple[Reminder, ...] = ()


class Attachment(msgspec.Struct, frozen=True, rename="camel"):
    """A file attached to an event."""

    file_url: str | None = None
    title: str | None = None
    mime_type: str | None = None


class Source(msgspec.Struct, frozen=True, gc=False):
    """Where an event was made from, for example a mail."""

    url: str | None = None
    title: str | None = None


class Event(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One event resource. Every field but the id may be absent; unknown fields are ignored.

    `attendees`, `attachments` and `reminders` keep Google's exact JSON (empty when absent), for the
    CSV cells that promise it; `people_of` and its neighbours read them.
    """

    id: str
    status: str | None = None
    html_link: str | None = None
    created: str | None = None
    updated: str | None = None
    summary: str | None = None
    description: str | None = None
    location: str | None = None
    color_id: str | None = None
    creator: Person | None = None
    organizer: Person | None = None
    start: EventTime | None = None
    end: EventTime | None = None
    end_time_unspecified: bool = False
    recurrence: tuple[str, ...] | None = None
    recurring_event_id: str | None = None
    original_start_time: EventTime | None = None
    transparency: str | None = None
    visibility: str | None = None
    ical_uid: str | None = msgspec.field(name="iCalUID", default=None)
    sequence: int | None = None
    attendees: msgspec.Raw = NO_JSON
    attendees_omitted: bool = False
    hangout_link: str | None = None
    conference_data: Conference | None = None
    reminders: msgspec.Raw = NO_JSON
    source: Source | None = None
    attachments: msgspec.Raw = NO_JSON
    event_type: str | None = None
    working_location_properties: msgspec.Raw = NO_JSON

    @property
    def is_cancelled(self) -> bool:
        """Whether this is a tombstone or a cancelled occurrence; its start means nothing."""
        return self.status == "cancelled"

    @property
    def is_series(self) -> bool:
        """Whether this event recurs by a rule or dates of its own."""
        return bool(self.recurrence) and self.recurring_event_id is None

    @property
    def is_exception(self) -> bool:
        """Whether this is one occurrence of a series, edited or cancelled by itself."""
        return self.recurring_event_id is not None


class Single(msgspec.Struct, frozen=True, gc=False):
    """An event that does not recur."""

    event: Event


class Series(msgspec.Struct, frozen=True, gc=False):
    """A series with all its exceptions known to the mirror, ordered by id."""

    master: Event
    edited: tuple[Event, ...] = ()
    cancelled: tuple[Event, ...] = ()


class Orphan(msgspec.Struct, frozen=True, gc=False):
    """A live exception whose series is not in the calendar: an invitation to one occurrence."""

    event: Event


Item = Single | Series | Orphan


@decoded
class CalendarEntry(msgspec.Struct, rename="camel"):
    """One entry of the user's calendar list, as far as we use it."""

    id: str
    summary: str = ""
    summary_override: str = ""
    description: str | None = None
    time_zone: str = ""
    access_role: str = ""
    background_color: str | None = None
    default_reminders: msgspec.Raw = msgspec.Raw(b"[]")
    primary: bool = False
    hidden: bool = False
    deleted: bool = False


@decoded
class CalendarView(msgspec.Struct, frozen=True):
    """What exporters know of a calendar. `name` is the user's own where there is one."""

    id: str
    name: str = ""
    description: str | None = None
    time_zone: str = "UTC"
    background_color: str | None = None
    default_reminders: tuple[Reminder, ...] = ()
