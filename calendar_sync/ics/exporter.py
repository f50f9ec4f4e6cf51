"""A calendar as one iCalendar file: RFC 5545 and RFC 7986, series as series."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby, islice, pairwise
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

from calendar_sync.blocks import IndexWriter, Key
from calendar_sync.ics.event import uid_of, write_events
from calendar_sync.ics.head import head
from calendar_sync.ics.placing import place
from calendar_sync.ics.sheet import IcsOptions, Sheet, Vevent
from calendar_sync.ics.times import plain_times
from calendar_sync.model import CalendarView, Event, EventWarning, Item, Series, Single
from calendar_sync.part import Part
from calendar_sync.points import Points, read_points
from calendar_sync.records import Record, head_columns, split_records
from calendar_sync.sorting import RUN_BYTES, RowSorter

__all__ = ["IcsExporter", "IcsOptions", "Rendered", "render"]

FOOT = b"END:VCALENDAR\r\n"
_END = b"\r\nEND:VEVENT\r\n"
_AT_ONCE = 250  # VEVENTs
_IN_A_BLOCK = 100  # items


@dataclass(frozen=True)
class Rendered:
    """One item as bytes of the file, and what the file must know about it."""

    content: bytes
    rows: int
    zones: dict[str, int]  # the earliest year written on the clock of each zone
    warnings: tuple[EventWarning, ...]


def render(item: Item, calendar: CalendarView, options: IcsOptions) -> Rendered:
    """Render one item; the same item, calendar and options always give the same bytes."""
    sheet = Sheet(calendar, options)
    place(sheet, item)
    content = b"".join(write_events(sheet, sheet.vevents))
    warnings = tuple(dict.fromkeys(sheet.warnings))
    return Rendered(content, len(sheet.vevents), sheet.zones, warnings)


# -- the file --------------------------------------------------------------------------------------


class IcsExporter:
    """Takes a calendar's items in any order and writes its ICS, by calendar and series.

    VTIMEZONEs stand before the events, as older readers want it, but are known after them: so events
    wait, sorted, in memory and where that is not enough in `folder`; `close` takes them away.
    Memory holds the zones, the warnings and `run_bytes` of events. Raises CannotWrite.
    """

    def __init__(
        self,
        calendar: CalendarView,
        options: IcsOptions,
        folder: Path,
        run_bytes: int = RUN_BYTES,
        sorter: RowSorter | None = None,
    ) -> None:
        self._calendar = calendar
        self._sheet = Sheet(calendar, options)
        self._sorter = sorter or RowSorter(folder, run_bytes)
        self._singles: list[tuple[Event, Points]] = []  # not yet on the sheet
        self._keys: list[str] = []  # the series of each VEVENT on it
        self._calendars = 0  # before the one that items come from
        self._rows = 0
        self._warnings: list[EventWarning] = []

    @property
    def rows(self) -> int:
        """How many VEVENTs there are so far."""
        self._flush()
        return self._rows

    @property
    def warnings(self) -> list[EventWarning]:
        """What a reader of the file should know."""
        self._flush()
        return self._warnings

    def add(self, item: Item, of: CalendarView | None = None) -> None:
        """Take one item; odd data costs a warning, or several, never an exception.

        `of` is the calendar it is from where a file is made of several, one after the other. What
        belongs to one series comes in one piece.
        """
        sheet, calendar = self._sheet, of or self._calendar
        if sheet.calendar is not calendar:
            self._flush()
            self._calendars += 1
            sheet.calendar = calendar
        elif len(self._keys) + len(self._singles) >= _AT_ONCE and key_of(item) != self._last_key():
            self._flush()
        if isinstance(item, Single) and item.event.status != "cancelled":
            self._singles.append((item.event, read_points(item.event, calendar.time_zone)))
        else:
            self._put_singles()
            self._put(item)

    def _last_key(self) -> str:
        return self._singles[-1][0].id if self._singles else self._keys[-1]

    def _put_singles(self) -> None:
        """Put on the sheet the events that wait; nearly all have times that are quickly written."""
        sheet, singles, self._singles = self._sheet, self._singles, []
        events, times = [event for event, _ in singles], plain_times(sheet, singles)
        if all(times):
            uids = [event.ical_uid or uid_of(event) for event in events]
            sheet.vevents += map(Vevent, events, uids, times)
            self._keys += [event.id for event in events]
            return
        for event, text in zip(events, times, strict=True):
            if text:
                sheet.vevents.append(Vevent(event, uid_of(event), text))
                self._keys.append(event.id)
            else:
                self._put(Single(event))

    def _put(self, item: Item) -> None:
        sheet = self._sheet
        vevents, warnings = len(sheet.vevents), len(sheet.warnings)
        try:
            place(sheet, item)
        except (ValueError, OverflowError) as error:
            event = item.master if isinstance(item, Series) else item.event
            del sheet.vevents[vevents:], sheet.warnings[warnings:]
            sheet.warn(event, "unwritable", f"It could not be written as ICS: {error}")
        self._keys += [key_of(item)] * (len(sheet.vevents) - vevents)

    def _flush(self) -> None:
        """Write many items' VEVENTs at once, at a third of the cost of one by one."""
        sheet = self._sheet
        self._put_singles()
        if sheet.vevents:
            self._sorter.extend(self._records())
            sheet.vevents.clear()
            self._keys.clear()
        self._warnings += dict.fromkeys(sheet.warnings)
        sheet.warnings.clear()

    def _records(self) -> list[Record]:
        """Write the sheet; an item that cannot be written is left out, with a warning."""
        sheet = self._sheet
        with suppress(ValueError, OverflowError):
            return self._written(sheet.vevents, self._keys)
        records: list[Record] = []
        for _, group in groupby(zip(self._keys, sheet.vevents, strict=True), key=itemgetter(0)):
            keys, vevents = zip(*group, strict=True)
            try:
                records += self._written(vevents, keys)
            except (ValueError, OverflowError) as error:
                message = f"It could not be written as ICS: {error}"
                sheet.warn(vevents[0].event, "unwritable", message)
        return records

    def _written(self, vevents: Sequence[Vevent], keys: Sequence[str]) -> list[Record]:
        """Write what goes to the sorter: what has the same key, one after the other, as one record."""
        heads = head_columns(self._calendars, keys)
        is_first = [key != before for before, key in pairwise([None, *keys])]
        if all(is_first):  # as of single events
            records = write_events(self._sheet, vevents, heads)
        else:
            rows = zip(is_first, *heads, strict=True)
            firsts = ["".join(head) if first else "" for first, *head in rows]
            contents = zip(keys, write_events(self._sheet, vevents, [firsts]), strict=True)
            groups = groupby(contents, key=itemgetter(0))
            records = [b"".join([content for _, content in group]) for _, group in groups]
        self._rows += len(vevents)
        return records

    def finish(self, file: BinaryIO, index: IndexWriter | None = None) -> int:
        """Write the whole calendar, noting in `index` where what is; return the length of its head."""
        self._flush()
        before = file.write(head(self._calendar, self.zones if self.rows else None))
        for records in self._sorter.sorted_blocks(_IN_A_BLOCK):
            keys, contents = split_records(records)
            length = file.write(b"".join(contents))
            if index is not None:
                counts = [content.count(_END) for content in contents]
                index.add([*zip(keys, counts, strict=True)], length)
        file.write(FOOT)
        return before

    def handed_over(self) -> Part:
        """Give away all that was taken; the file is another exporter's to write."""
        self._flush()
        runs = self._sorter.handed_over()
        return Part(runs, self._rows, warnings=self._warnings, zones=self._sheet.zones)

    def take_over(self, part: Part, file: BinaryIO) -> None:
        """Take what another exporter of this calendar has handed over."""
        self._sorter.take_over(file, part.runs)
        self._rows += part.rows
        self._warnings += part.warnings
        for zone, year in part.zones.items():
            self._sheet.use_zone(zone, year)

    def close(self) -> None:
        """Remove what waited on the disk; may be called twice."""
        self._sorter.close()

    @property
    def zones(self) -> dict[str, int]:
        """The zones that events name, each with the earliest year in it."""
        return dict(sorted(self._sheet.zones.items()))


def key_of(item: Item) -> str:
    """Return the series an item belongs to, its own id where to none: the order of the file."""
    if isinstance(item, Series):
        return item.master.id
    return item.event.id if isinstance(item, Single) else item.event.recurring_event_id or ""


def split_events(block: bytes, keys: Sequence[Key]) -> list[bytes]:
    """Cut a block into what each key has of it; no text can hold the end of a VEVENT."""
    events = [event + _END for event in block.split(_END)[:-1]]
    return _of_each(events, keys) if len(events) == sum([count for _, count in keys]) else []


def _of_each(events: list[bytes], keys: Sequence[Key]) -> list[bytes]:
    """Return what each key has of the VEVENTs; most have one."""
    if len(events) == len(keys):
        return events
    rest = iter(events)
    return [b"".join([*islice(rest, count)]) for _, count in keys]
