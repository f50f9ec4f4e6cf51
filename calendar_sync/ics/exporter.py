"""A calendar as one iCalendar file: RFC 5545 and RFC 7986, series as series.

No METHOD: with one, DTSTAMP would mean the time of the export and some programs would offer to reply.
Without, it is the last revision, so the same events give the same bytes. For the same reason there is
no version in PRODID and no LAST-MODIFIED of the calendar.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from calendar_sync.blocks import IndexWriter, Key
from calendar_sync.ics.colors import nearest_name
from calendar_sync.ics.event import uid_of, write_event
from calendar_sync.ics.recurrence import (
    Clock,
    original_time,
    original_wall,
    read_recurrence,
)
from calendar_sync.ics.survivors import has_occurrence
from calendar_sync.ics.text import escape, is_blank, to_bytes
from calendar_sync.ics.times import Sheet, plain_times, read_start, series_times, single_times
from calendar_sync.ics.timezones import vtimezone
from calendar_sync.model import (
    CalendarView,
    Event,
    EventWarning,
    Item,
    Orphan,
    Series,
    Single,
)
from calendar_sync.times import find_zone

PRODUCT = "-//calendar-sync//Google Calendar to ICS//EN"
# Of the VTIMEZONE that makes an empty calendar valid; nothing is dated by it.
YEAR_OF_NOTHING = 2024
FOOT = b"END:VCALENDAR\r\n"
_END = b"\r\nEND:VEVENT\r\n"
_LINES_AT_ONCE = 1000


@dataclass(frozen=True)
class IcsOptions:
    """What a user may choose about ICS files."""

    orphans: str = "standalone"  # or "recurrence-id": as RFC 5545 has it, refused by some servers
    default_reminders: bool = False  # the calendar's own would ring in whatever reads the file
    html: str = "keep"  # descriptions: or "plain", as text only; or "both", as text and as HTML
    names_calendar: bool = False  # say of each event which calendar it is from


@dataclass(frozen=True)
class Rendered:
    """One item as bytes of the file, and what the file must know about it."""

    content: bytes
    rows: int
    zones: dict[str, int]  # the earliest year written on the clock of each zone
    warnings: tuple[EventWarning, ...]


def render(item: Item, calendar: CalendarView, options: IcsOptions) -> Rendered:
    """Render one item; the same item, calendar and options always give the same bytes."""
    sheet = _sheet(calendar, options)
    _write(sheet, item, options)
    content = to_bytes(sheet.lines) if sheet.lines else b""
    return Rendered(content, sheet.rows, sheet.zones, tuple(sheet.warnings))


def _sheet(calendar: CalendarView, options: IcsOptions) -> Sheet:
    return Sheet(calendar, options.default_reminders, options.html, options.names_calendar)


def _write(sheet: Sheet, item: Item, options: IcsOptions) -> None:
    if isinstance(item, Series):
        _write_series(sheet, item, options)
    elif isinstance(item, Orphan):
        _write_orphan(sheet, item.event, options)
    else:
        _write_single(sheet, item)


def _write_single(sheet: Sheet, item: Single) -> None:
    event = item.event
    if event.status == "cancelled":
        return
    times = plain_times(sheet, event)
    if times is None:
        start = read_start(sheet, event)
        if start is None:
            return
        times = single_times(sheet, event, start)
    write_event(sheet, event, uid_of(event), times)


def _write_series(sheet: Sheet, series: Series, options: IcsOptions) -> None:
    """Write the master, then its edited occurrences in order; a cancelled master has neither."""
    master, zone = series.master, sheet.calendar.time_zone
    if master.is_cancelled:
        return
    start = read_start(sheet, master)
    if start is None:
        for event in series.edited:
            _write_orphan(sheet, event, options)
        return
    clock = Clock(start)
    recurrence = read_recurrence(
        series, clock, zone, lambda code, message: sheet.warn(master, code, message)
    )
    edited = [event for event in series.edited if not event.is_cancelled]
    if not edited and not has_occurrence(recurrence, clock):
        message = "No occurrence of the series is left; not in the ICS file."
        sheet.warn(master, "no-occurrence", message)
        return
    times = [*series_times(sheet, master, start), *recurrence.lines(clock)]
    if clock.zone:
        sheet.use_zone(clock.zone, recurrence.earliest(clock).year)
    write_event(sheet, master, uid_of(master), times)
    _write_edited(sheet, series, edited, clock)


def _write_edited(sheet: Sheet, series: Series, edited: list[Event], clock: Clock) -> None:
    """Write edited occurrences by RECURRENCE-ID, which is on the clock of the series' DTSTART."""
    placed = [(original_wall(event, clock, sheet.calendar.time_zone), event) for event in edited]
    known = [(wall, event) for wall, event in placed if wall is not None]
    for wall, event in sorted(known, key=lambda pair: (pair[0], pair[1].id)):
        start = read_start(sheet, event)
        if start is None:
            continue
        times = [clock.line("RECURRENCE-ID", wall), *single_times(sheet, event, start)]
        if clock.zone:
            sheet.use_zone(clock.zone, wall.year)
        write_event(sheet, event, uid_of(series.master), times)
    for original, event in placed:
        if original is None:
            sheet.warn(event, "odd-exception", "No original time; written as an event of its own.")
            _write_standalone(sheet, event, uid_of(series.master))


def _write_orphan(sheet: Sheet, event: Event, options: IcsOptions) -> None:
    """Write an occurrence whose series is not in the calendar."""
    if event.is_cancelled:
        return
    original = original_time(event, sheet.calendar.time_zone)
    if options.orphans != "recurrence-id" or original is None:
        _write_standalone(sheet, event, uid_of(event))
        return
    start = read_start(sheet, event)
    if start is None:
        return
    clock = Clock(original)
    wall = clock.wall(original)
    if clock.zone:
        sheet.use_zone(clock.zone, wall.year)
    times = [clock.line("RECURRENCE-ID", wall), *single_times(sheet, event, start)]
    write_event(sheet, event, uid_of(event), times, _series_line(event))


def _write_standalone(sheet: Sheet, event: Event, uid: str) -> None:
    """Write an occurrence as an event of its own: the series' UID and what its id adds to it."""
    start = read_start(sheet, event)
    if start is None:
        return
    suffix = event.id.removeprefix(event.recurring_event_id or "")
    if not suffix.startswith("_"):
        suffix = f"_{suffix}"
    times = single_times(sheet, event, start)
    write_event(sheet, event, f"{uid}{suffix}", times, _series_line(event))


def _series_line(event: Event) -> str:
    return f"X-GOOGLE-RECURRING-EVENT-ID:{escape(event.recurring_event_id or '')}"


# -- the file --------------------------------------------------------------------------------------


class IcsExporter:
    """Writes one calendar, item by item, in the order they come.

    VTIMEZONEs stand before the events, as older readers want it, but are known after them: so events
    go to `spool` (a temporary file open for reading and writing), and `finish` puts all together.
    Memory holds the zones, the warnings and some items' lines only.
    """

    def __init__(
        self,
        calendar: CalendarView,
        options: IcsOptions,
        spool: BinaryIO,
        index: IndexWriter | None = None,
    ) -> None:
        self._calendar, self._options, self._spool = calendar, options, spool
        self._start = spool.tell()
        self._sheet = _sheet(calendar, options)
        self._index = index
        self._keys: list[Key] = []  # of the lines at hand: an item's series, and its VEVENTs

    @property
    def rows(self) -> int:
        """How many VEVENTs there are so far."""
        return self._sheet.rows

    @property
    def warnings(self) -> list[EventWarning]:
        """What a reader of the file should know."""
        return self._sheet.warnings

    def add(self, item: Item, of: CalendarView | None = None) -> None:
        """Render one item to the spool; odd data costs a warning, or several, never an exception.

        `of` is the calendar it is from where a file is made of several.
        """
        sheet = self._sheet
        key = key_of(item)
        is_next = not self._keys or self._keys[-1][0] != key
        if len(sheet.lines) >= _LINES_AT_ONCE and (is_next or self._index is None):
            self._flush()
            is_next = True
        lines, rows, warnings = len(sheet.lines), sheet.rows, len(sheet.warnings)
        sheet.calendar = of or self._calendar
        sheet.begin_item()
        try:
            _write(sheet, item, self._options)
        except (ValueError, OverflowError) as error:
            event = item.master if isinstance(item, Series) else item.event
            message = f"It could not be written as ICS: {error}"
            del sheet.lines[lines:], sheet.warnings[warnings:]
            sheet.rows = rows
            sheet.warnings.append(EventWarning(event.id, "unwritable", message))
        written = sheet.rows - rows
        if written and not is_next:
            written += self._keys.pop()[1]
        if written:
            self._keys.append((key, written))

    def _flush(self) -> None:
        """Fold and encode many items' lines at once, at half the cost of one by one."""
        if self._sheet.lines:
            length = self._spool.write(to_bytes(self._sheet.lines))
            if self._index is not None:
                self._index.add(self._keys, length)
            self._sheet.lines.clear()
            self._keys.clear()

    def finish(self, file: BinaryIO) -> int:
        """Write the whole calendar to `file`; return how many bytes are before the first event.

        May be called again for another file.
        """
        self._flush()
        head = file.write(self.head(self.zones if self.rows else None))
        self._spool.seek(self._start)
        shutil.copyfileobj(self._spool, file, 1 << 20)
        file.write(FOOT)
        return head

    @property
    def zones(self) -> dict[str, int]:
        """The zones that events name, each with the earliest year in it."""
        return self._sheet.zones

    def head(self, zones: dict[str, int] | None) -> bytes:
        """Return what is before the events, with a VTIMEZONE for each zone; None: no events.

        A calendar without events needs one to be valid (section 3.6).
        """
        if zones is None:
            zone = self._calendar.time_zone
            zones = {zone if find_zone(zone) else "UTC": YEAR_OF_NOTHING}
        timezones = [line for zone in sorted(zones) for line in vtimezone(zone, zones[zone])]
        return to_bytes([*header(self._calendar), *timezones])


def key_of(item: Item) -> str:
    """Return the series an item belongs to, its own id where to none: the order of the file."""
    if isinstance(item, Series):
        return item.master.id
    return item.event.id if isinstance(item, Single) else item.event.recurring_event_id or ""


def split_events(block: bytes, keys: list[Key]) -> list[bytes]:
    """Cut a block into what each key has of it; no text can hold the end of a VEVENT."""
    events = [event + _END for event in block.split(_END)[:-1]]
    if len(events) != sum(count for _, count in keys):
        return []
    rest = iter(events)
    return [b"".join([*islice(rest, count)]) for _, count in keys]


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
