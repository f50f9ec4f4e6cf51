"""Which VEVENTs an item becomes, and when each of them is."""

from __future__ import annotations

from calendar_sync.ics.clock import Clock
from calendar_sync.ics.event import uid_of
from calendar_sync.ics.recurrence import original_time, original_wall, read_recurrence
from calendar_sync.ics.sheet import Sheet, Vevent
from calendar_sync.ics.survivors import has_occurrence
from calendar_sync.ics.text import block, escape
from calendar_sync.ics.times import read_start, series_times, single_times
from calendar_sync.model import Event, Item, Orphan, Series


def place(sheet: Sheet, item: Item) -> None:
    """Put the item's VEVENTs on the sheet: which, and when each of them is."""
    if isinstance(item, Series):
        _place_series(sheet, item)
    elif isinstance(item, Orphan):
        _place_orphan(sheet, item.event)
    else:
        _place_single(sheet, item.event)


def _place_single(sheet: Sheet, event: Event) -> None:
    if event.is_cancelled:
        return
    start = read_start(sheet, event)
    if start is not None:
        times = block(single_times(sheet, event, start))
        sheet.vevents.append(Vevent(event, uid_of(event), times))


def _place_series(sheet: Sheet, series: Series) -> None:
    """Put the master, then its edited occurrences in order; a cancelled master has neither."""
    master, zone = series.master, sheet.calendar.time_zone
    if master.is_cancelled:
        return
    start = read_start(sheet, master)
    if start is None:
        for event in series.edited:
            _place_orphan(sheet, event)
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
    sheet.vevents.append(Vevent(master, uid_of(master), block(times)))
    _place_edited(sheet, series, edited, clock)


def _place_edited(sheet: Sheet, series: Series, edited: list[Event], clock: Clock) -> None:
    """Put edited occurrences by RECURRENCE-ID, which is on the clock of the series' DTSTART."""
    placed = [(original_wall(event, clock, sheet.calendar.time_zone), event) for event in edited]
    known = [(wall, event) for wall, event in placed if wall is not None]
    for wall, event in sorted(known, key=lambda pair: (pair[0], pair[1].id)):
        start = read_start(sheet, event)
        if start is None:
            continue
        times = [clock.line("RECURRENCE-ID", wall), *single_times(sheet, event, start)]
        if clock.zone:
            sheet.use_zone(clock.zone, wall.year)
        sheet.vevents.append(Vevent(event, uid_of(series.master), block(times)))
    for original, event in placed:
        if original is None:
            sheet.warn(event, "odd-exception", "No original time; written as an event of its own.")
            _place_standalone(sheet, event, uid_of(series.master))


def _place_orphan(sheet: Sheet, event: Event) -> None:
    """Put an occurrence whose series is not in the calendar."""
    if event.is_cancelled:
        return
    original = original_time(event, sheet.calendar.time_zone)
    if sheet.options.orphans != "recurrence-id" or original is None:
        _place_standalone(sheet, event, uid_of(event))
        return
    start = read_start(sheet, event)
    if start is None:
        return
    clock = Clock(original)
    wall = clock.wall(original)
    if clock.zone:
        sheet.use_zone(clock.zone, wall.year)
    times = [clock.line("RECURRENCE-ID", wall), *single_times(sheet, event, start)]
    sheet.vevents.append(Vevent(event, uid_of(event), block(times), _series_line(event)))


def _place_standalone(sheet: Sheet, event: Event, uid: str) -> None:
    """Put an occurrence as an event of its own: the series' UID and what its id adds to it."""
    start = read_start(sheet, event)
    if start is None:
        return
    suffix = event.id.removeprefix(event.recurring_event_id or "")
    if not suffix.startswith("_"):
        suffix = f"_{suffix}"
    times = single_times(sheet, event, start)
    sheet.vevents.append(Vevent(event, f"{uid}{suffix}", block(times), _series_line(event)))


def _series_line(event: Event) -> str:
    return block([f"X-GOOGLE-RECURRING-EVENT-ID:{escape(event.recurring_event_id or '')}"])
