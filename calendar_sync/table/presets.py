"""CSV tables that other programs import: Google Calendar's own import, and Outlook.

Both want dates and times on one clock without a zone, series already expanded, and, for Excel's
sake, a byte order mark. The columns are those of support.google.com/calendar/answer/37118 and of
wiki.mozilla.org Calendar:ImportExport:CSV. From memory, not tried with the real programs: Google's
all-day end is the last day itself, Outlook's is the midnight after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from calendar_sync.model import CalendarView, Event, Person
from calendar_sync.points import Point, date_of
from calendar_sync.records import Record, record_of
from calendar_sync.recurrence.clocks import DAY, Clock, clock_of
from calendar_sync.recurrence.event_times import calendar_clock
from calendar_sync.recurrence.occurrences import Plan, instance_id
from calendar_sync.resources import people_of, reminders_of
from calendar_sync.table.by_day import RowsByDay
from calendar_sync.table.text import cell, clean, encode, guarded, line
from calendar_sync.table.wide_cells import TableRow
from calendar_sync.times import Moment, find_zone

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
Span = tuple[int, int, bool]  # local start and end in seconds, and whether it is whole days

GOOGLE_COLUMNS = (
    "Subject", "Start Date", "Start Time", "End Date", "End Time", "All Day Event", "Description",
    "Location", "Private",
)  # fmt: skip
OUTLOOK_COLUMNS = (
    "Subject", "Start Date", "Start Time", "End Date", "End Time", "All day event",
    "Reminder on/off", "Reminder Date", "Reminder Time", "Meeting Organizer",
    "Required Attendees", "Optional Attendees", "Meeting Resources", "Billing Information",
    "Categories", "Description", "Location", "Mileage", "Priority", "Private", "Sensitivity",
    "Show time as",
)  # fmt: skip
COLUMNS = {"google-import": GOOGLE_COLUMNS, "outlook": OUTLOOK_COLUMNS}


class PresetTable:
    """Rows for one of the presets; times on the clock of `zone`, else of the calendar."""

    def __init__(
        self, calendar: CalendarView, preset: str, *, guard: bool = True, zone: str | None = None
    ) -> None:
        if preset not in COLUMNS:
            raise ValueError(f"unknown preset {preset!r}")
        self._calendar = calendar
        self._guard: Callable[[str], str] = guarded if guard else str
        tzinfo = find_zone(zone) if zone else None
        self._clock = clock_of(tzinfo) if tzinfo else calendar_clock(calendar.time_zone)
        self._columns = COLUMNS[preset]
        is_google = preset == "google-import"
        self._cells = self._google_cells if is_google else self._outlook_cells

    def header(self) -> bytes:
        """Return the byte order mark and the first line."""
        return BYTE_ORDER_MARK + encode(line(self._columns))

    def records(self, heads: Sequence[bytes], rows: Sequence[TableRow]) -> list[Record]:
        """Render rows, each after its head and with its line end."""
        return [
            head + self._row(row.event, self._span(row.start, row.end))
            for head, row in zip(heads, rows, strict=True)
        ]

    def _row(self, event: Event, span: Span | None) -> bytes:
        return encode(line([cell(text) for text in self._cells(event, span)]))

    def occurrences(self, master: Event, planned: Plan, rows: RowsByDay) -> bytes:
        """Give the rows of all dates of a series that are not exceptions; return the last one."""
        is_all_day = not isinstance(planned.begin, Moment)
        midnights = calendar_clock(self._calendar.time_zone)
        records: list[Record] = []
        row = b""
        for date in planned.starts:
            last = date + (planned.length or 0)
            span = (date, last, True) if is_all_day else self._timed(date, last)
            row = self._row(master, span)
            instant = midnights.instant_of(date) if is_all_day else date
            instance = instance_id(master.id, date, is_all_day=is_all_day)
            records.append(record_of(instant, instance, row))
        rows.give(records)
        return row

    # -- times

    def _span(self, start: Point | int | None, end: Point | int | None) -> Span | None:
        if start is None:
            return None
        if isinstance(start, int):
            return (start, max(start, end) if isinstance(end, int) else start, True)
        return self._timed(start.instant, end.instant if isinstance(end, Point) else start.instant)

    def _timed(self, start: int, end: int) -> Span:
        local = self._local(self._clock, start)
        return (local, self._local(self._clock, max(start, end)), False)

    @staticmethod
    def _local(clock: Clock, instant: int) -> int:
        return instant + clock.offset_at(instant)

    # -- cells

    def _google_cells(self, event: Event, span: Span | None) -> list[str]:
        start_date, start_time, end_date, end_time = _google_times(span)
        return [
            self._subject(event),
            start_date,
            start_time,
            end_date,
            end_time,
            _boolean(span is not None and span[2]),
            self._guard(event.description or ""),
            self._guard(event.location or ""),
            _boolean(event.visibility in ("private", "confidential")),
        ]

    def _outlook_cells(self, event: Event, span: Span | None) -> list[str]:
        people = people_of(event)
        guests = [person for person in people if not person.resource]
        return [
            self._subject(event),
            *_outlook_times(span),
            _boolean(span is not None and span[2]),
            *_outlook_reminder(event, span),
            self._guard(_name(event.organizer)),
            self._guard(_names(person for person in guests if not person.optional)),
            self._guard(_names(person for person in guests if person.optional)),
            self._guard(_names(person for person in people if person.resource)),
            "",  # Billing Information
            "",  # Categories
            self._guard(event.description or ""),
            self._guard(event.location or ""),
            "",  # Mileage
            "Normal",
            _boolean(event.visibility in ("private", "confidential")),
            {"private": "Private", "confidential": "Confidential"}.get(
                event.visibility or "", "Normal"
            ),
            _show_as(event),
        ]

    def _subject(self, event: Event) -> str:
        """Both importers refuse a row without a subject."""
        return self._guard(clean(event.summary or "")) or "(No title)"


def _google_times(span: Span | None) -> tuple[str, str, str, str]:
    if span is None:
        return ("", "", "", "")
    start, end, is_all_day = span
    if is_all_day:
        return (_date(start), "", _date(max(start, end - DAY)), "")
    return (_date(start), _time(start), _date(end), _time(end))


def _outlook_times(span: Span | None) -> tuple[str, str, str, str]:
    if span is None:
        return ("", "", "", "")
    start, end, is_all_day = span
    if is_all_day:
        end = max(end, start + DAY)
    return (_date(start), _long_time(start), _date(end), _long_time(end))


def _outlook_reminder(event: Event, span: Span | None) -> tuple[str, str, str]:
    """Return the event's own earliest pop-up; the calendar's defaults would ring for strangers."""
    reminders = reminders_of(event)
    minutes = [r.minutes for r in reminders.overrides if r.method == "popup"] if reminders else []
    if span is None or not minutes:
        return ("False", "", "")
    at = span[0] - max(minutes) * 60
    return ("True", _date(at), _long_time(at))


def _date(local: int) -> str:
    return f"{date_of(local // DAY):%m/%d/}{date_of(local // DAY).year:04}"


def _time(local: int) -> str:
    """Write `12:05 AM`."""
    minutes = local % DAY // 60
    return f"{(minutes // 60 + 11) % 12 + 1}:{minutes % 60:02} {'AM' if minutes < 720 else 'PM'}"


def _long_time(local: int) -> str:
    """Write `12:05:00 AM`."""
    clock, _, half = _time(local).partition(" ")
    return f"{clock}:{local % 60:02} {half}"


def _boolean(value: bool) -> str:
    return "True" if value else "False"


def _name(person: Person | None) -> str:
    return (person.display_name or person.email or "") if person else ""


def _names(people: Iterator[Person]) -> str:
    return ";".join([person.email or person.display_name or "" for person in people])


def _show_as(event: Event) -> str:
    """Return Outlook's number: 1 tentative, 2 busy, 3 free, 4 out of office."""
    if event.event_type == "outOfOffice":
        return "4"
    if event.transparency == "transparent":
        return "3"
    return "1" if event.status == "tentative" else "2"
