"""What a CSV must say about an item: the rows, told from the mirror and the expanded series.

The cells are written here a second time, by datetime rather than by the tables' templates.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator
from dataclasses import dataclass

from calendar_sync.model import CalendarView, Event, Item, Series, Single
from calendar_sync.recurrence.event_times import (
    When,
    Window,
    instant_at,
    is_within,
    original_of,
    when,
)
from calendar_sync.recurrence.occurrences import Occurrence, expand
from calendar_sync.times import Moment, at_instant, find_zone
from calendar_sync.verification.differences import Facts
from calendar_sync.verification.ics_reader import UnreadableFile
from calendar_sync.verification.wide_truth import (
    GUARDED,
    local_text,
    moved,
    plain,
    resource_cells,
    time_cells,
)

_TRIGGERS = tuple("=+-@\t\n")
_BEFORE_ALL = -(1 << 62)
PlacedRow = tuple[int, str, Facts]  # the start's instant, the event's id, cells by column


@dataclass(frozen=True)
class CsvRules:
    """What was asked for, as far as it decides about rows and cells."""

    rows: str
    preset: str
    guard: bool
    horizon: int | None
    window: Window | None
    zone: str | None  # of a preset's times


@dataclass(frozen=True)
class _Row:
    event: Event
    event_id: str
    start: When | None
    end: When | None
    series: str = ""
    original: When | None = None
    recurrence: tuple[str, ...] = ()


class CsvTruth:
    """Tells the rows of one calendar's items."""

    def __init__(self, calendar: CalendarView, rules: CsvRules) -> None:
        self._calendar, self._rules = calendar, rules
        self._zone = calendar.time_zone
        self._last: tuple[Event | None, Facts] = (None, {})

    def of(self, item: Item) -> Iterator[PlacedRow]:
        """Yield the rows of one item, each with what orders it."""
        for row in self._series(item) if isinstance(item, Series) else self._single(item):
            order = _BEFORE_ALL if row.start is None else instant_at(row.start, self._zone)
            cells = self._wide(row) if self._rules.preset == "wide" else self._preset(row)
            yield order, row.event_id, cells

    def _single(self, item: Item) -> Iterator[_Row]:
        assert not isinstance(item, Series)
        event = item.event
        if self._rules.window is None or is_within(event, self._zone, None, self._rules.window):
            yield self._own(event) if isinstance(item, Single) else self._exception(event)

    def _series(self, series: Series) -> Iterator[_Row]:
        rules = self._rules
        dates, _ = expand(series, self._zone, horizon=rules.horizon, window=rules.window)
        if rules.rows == "series" and rules.preset == "wide":
            yield from self._resources(series, dates)
            return
        if when(series.master.start, self._zone) is None and rules.window is None:
            yield self._own(series.master)
        for date in dates:
            if date.event is not series.master:
                yield self._exception(date.event)
                continue
            start, end = date.start, date.end
            yield _Row(date.event, date.instance_id, start, end, series.master.id, date.original)

    def _resources(self, series: Series, dates: list[Occurrence]) -> Iterator[_Row]:
        window = self._rules.window
        if window is None or any(date.event is series.master for date in dates):
            master = series.master
            start, end = self._times(master)
            yield _Row(master, master.id, start, end, recurrence=master.recurrence or ())
        for event in series.edited:
            if window is None or is_within(event, self._zone, None, window):
                yield self._exception(event)

    def _own(self, event: Event) -> _Row:
        return _Row(event, event.id, *self._times(event), series=event.recurring_event_id or "")

    def _exception(self, event: Event) -> _Row:
        start, end = self._times(event)
        original = original_of(event, self._zone)
        return _Row(event, event.id, start, end, event.recurring_event_id or "", original)

    def _times(self, event: Event) -> tuple[When | None, When | None]:
        end = None if event.end_time_unspecified else when(event.end, self._zone)
        return when(event.start, self._zone), end

    # -- cells

    def _wide(self, row: _Row) -> Facts:
        event, start, end = row.event, row.start, row.end
        if isinstance(start, Moment) != isinstance(end, Moment):
            end = None
        return {
            "calendar_id": plain(self._calendar.id),
            "calendar": self._guarded(self._calendar.name),
            "event_id": plain(row.event_id),
            "recurring_event_id": plain(row.series),
            "original_start": local_text(row.original),
            "recurrence": plain("\n".join(row.recurrence)),
            **time_cells(start, end),
            **self._shared(event),
        }

    def _shared(self, event: Event) -> Facts:
        """Tell the cells that are the same in all rows of an event."""
        if event is not self._last[0]:
            cells = resource_cells(event).items()
            guarded: Facts = {
                name: self._guarded(text) if name in GUARDED else plain(text)
                for name, text in cells
            }
            self._last = event, guarded
        return self._last[1]

    def _preset(self, row: _Row) -> Facts:
        is_google = self._rules.preset == "google-import"
        date, clock = self._preset_start(row.start, with_seconds=not is_google)
        is_all_day = row.start is not None and not isinstance(row.start, Moment)
        return {
            "Subject": self._guarded(row.event.summary) or "(No title)",
            "Start Date": date,
            "Start Time": clock,
            "All Day Event" if is_google else "All day event": str(is_all_day),
            "Description": self._guarded(row.event.description),
            "Location": self._guarded(row.event.location),
        }

    def _preset_start(self, start: When | None, *, with_seconds: bool) -> tuple[str, str]:
        if start is None:
            return "", ""
        if not isinstance(start, Moment):
            return _american(start), "12:00:00 AM" if with_seconds else ""
        zone = find_zone(self._rules.zone or "") or find_zone(self._zone) or dt.UTC
        offset = at_instant(start.instant, zone).utcoffset() or dt.timedelta()
        local = moved(start.instant + int(offset.total_seconds()))
        seconds = f":{local:%S}" if with_seconds else ""
        half = "AM" if local.hour < 12 else "PM"
        return _american(local), f"{local.hour % 12 or 12}:{local:%M}{seconds} {half}"

    def _guarded(self, text: str | None) -> str:
        shown = plain(text or "")
        return f"'{shown}" if self._rules.guard and shown.startswith(_TRIGGERS) else shown


def _american(day: dt.date) -> str:
    return f"{day:%m/%d}/{day.year:04}"


def read_csv(content: bytes) -> tuple[list[str], list[dict[str, str]]]:
    """Read columns and rows with the standard library's parser. Raises UnreadableFile."""
    csv.field_size_limit(1 << 30)  # a description may have a megabyte
    reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    try:
        columns = next(reader, [])
        rows = list(reader)
    except csv.Error as error:
        raise UnreadableFile(str(error)) from error
    for number, cells in enumerate(rows, 1):
        if len(cells) != len(columns):
            raise UnreadableFile(f"record {number} has {len(cells)} cells, not {len(columns)}")
    return columns, [dict(zip(columns, cells, strict=True)) for cells in rows]
