"""The times of an event as ICS lines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache

import msgspec

from calendar_sync.ics.clock import Time, utc_text, wall_text, zone_parameter
from calendar_sync.ics.sheet import Sheet
from calendar_sync.ics.text import duration, uri
from calendar_sync.model import Event
from calendar_sync.points import BASIC_CLOCKS, BASIC_DAYS, Point, Points, date_of
from calendar_sync.recurrence.clocks import DAY
from calendar_sync.times import (
    FIRST_SECOND,
    LAST_SECOND,
    UTC_NAMES,
    Moment,
    UnreadableTime,
    is_utc,
    read_time,
)


def link_of(sheet: Sheet, event: Event, text: str | None) -> str | None:
    """Return a link as a URI, None without one; what is no URI costs a warning."""
    if not text:
        return None
    link = uri(text)
    if link is None:
        sheet.warn(event, "odd-link", f"{text[:100]!r} is no link and was left out.")
    return link


def plain_times(sheet: Sheet, singles: Sequence[tuple[Event, Points]]) -> list[str]:
    """Write DTSTART and DTEND of events whose times leave nothing to decide; "" for others.

    Nearly all events are such: from then to then on one clock that everybody knows, at times that
    happen once.
    """
    texts = []
    begins: dict[str, list[int]] = {}  # on each clock
    clock = "UTC"
    before, between, after = _marks(clock)
    note = begins.setdefault(clock, []).append
    for event, (start, end) in singles:
        text = ""
        if event.end_time_unspecified:
            pass
        elif isinstance(start, Point) and isinstance(end, Point):
            zone = start.zone
            if start.is_plain and end.is_plain and start.instant < end.instant and end.zone == zone:
                if zone != clock:
                    clock = zone
                    before, between, after = _marks(clock)
                    note = begins.setdefault(clock, []).append
                begin = start.instant + start.offset
                note(begin)
                day = begin // DAY
                first = begin - day * DAY
                last = end.instant + end.offset - begin + first
                first_day = last_day = BASIC_DAYS[day]
                if last >= DAY:
                    last_day = BASIC_DAYS[day + last // DAY]
                    last %= DAY
                text = (
                    f"{before}{first_day}{BASIC_CLOCKS[first]}"
                    f"{between}{last_day}{BASIC_CLOCKS[last]}{after}"
                )
        elif isinstance(start, int) and isinstance(end, int) and start < end:
            dates = BASIC_DAYS[start // DAY], BASIC_DAYS[end // DAY]
            text = f"\r\nDTSTART;VALUE=DATE:{dates[0]}\r\nDTEND;VALUE=DATE:{dates[1]}"
        texts.append(text)
    for zone in begins.keys() - UTC_NAMES:
        sheet.use_zone(zone, date_of(min(begins[zone]) // DAY).year)
    return texts


@lru_cache(maxsize=256)
def _marks(zone: str) -> tuple[str, str, str]:
    """Return what is before, between and after the times of an event on a zone's clock."""
    head, mark = (":", "Z") if zone in UTC_NAMES else (f"{zone_parameter(zone)}:", "")
    return f"\r\nDTSTART{head}", f"{mark}\r\nDTEND{head}", mark


def read_start(sheet: Sheet, event: Event) -> Time | None:
    """Read an event's start; None, with a warning, where there is none to read."""
    try:
        if event.start is None:
            raise UnreadableTime("missing")
        return read_time(event.start, sheet.calendar.time_zone)
    except UnreadableTime as error:
        sheet.warn(event, "no-start", f"The start cannot be read ({error}); not in the ICS file.")
        return None


def read_end(sheet: Sheet, event: Event, start: Time) -> Time | None:
    """Read an event's end; None where DTEND must be left out: it has to be later than DTSTART."""
    if event.end is None or event.end_time_unspecified:
        return None
    try:
        end = read_time(event.end, sheet.calendar.time_zone)
    except UnreadableTime as error:
        sheet.warn(event, "odd-end", f"The end cannot be read ({error}); written without one.")
        return None
    if isinstance(start, Moment) and isinstance(end, Moment):
        length = end.instant - start.instant
    elif not isinstance(start, Moment) and not isinstance(end, Moment):
        length = (end - start).days
    else:
        sheet.warn(event, "odd-end", "One of start and end is a date; written without an end.")
        return None
    if length < 0:
        sheet.warn(event, "odd-end", "The end is before the start; written without an end.")
    return end if length > 0 else None


def single_times(sheet: Sheet, event: Event, start: Time) -> list[str]:
    """Write DTSTART and DTEND of an event that happens once.

    Both in UTC where a wall time could be misread: at a local time that occurs twice (readers
    disagree on which one TZID means), at an offset with seconds (Thunderbird drops them), in a zone
    nobody knows, or where today's zone database does not agree with the instant Google sent. Not
    where UTC has no such year: there the clock stays.
    """
    end = read_end(sheet, event, start)
    moments = [time for time in (start, end) if isinstance(time, Moment)]
    _warn_of_zones(sheet, event, moments)
    in_utc = any(
        m.is_ambiguous or m.is_offset_odd or m.offset % 60 or not m.is_zone_known for m in moments
    )
    if not all(FIRST_SECOND <= m.instant <= LAST_SECOND for m in moments):
        in_utc = not all(m.is_zone_known for m in moments)
    first = time_line(sheet, "DTSTART", start, in_utc)
    last = time_line(sheet, "DTEND", end, in_utc) if end is not None else ""
    # In UTC, year 1 and year 9999 end at their edge, and both may be there.
    is_later = last.removeprefix("DTEND") != first.removeprefix("DTSTART")
    return [first, last] if last and is_later else [first]


def series_times(sheet: Sheet, event: Event, start: Time) -> list[str]:
    """Write DTSTART and DTEND of a series: on the clock of its zone, or it would drift with DST.

    A first occurrence at a local time that occurs twice gets a DURATION: it cannot be misread.
    """
    end = read_end(sheet, event, start)
    moments = [time for time in (start, end) if isinstance(time, Moment)]
    _warn_of_zones(sheet, event, moments)
    lines = [time_line(sheet, "DTSTART", start, _is_unknown(start))]
    if (
        isinstance(start, Moment)
        and isinstance(end, Moment)
        and any(moment.is_ambiguous for moment in moments)
    ):
        lines.append(f"DURATION:{duration(end.instant - start.instant)}")
    elif end is not None:
        lines.append(time_line(sheet, "DTEND", end, _is_unknown(end)))
    return lines


def _is_unknown(time: Time) -> bool:
    return isinstance(time, Moment) and not time.is_zone_known


def _warn_of_zones(sheet: Sheet, event: Event, moments: list[Moment]) -> None:
    for moment in moments:
        if not moment.is_zone_known:
            message = f"The zone {moment.zone[:60]!r} is unknown; written in UTC."
            sheet.warn(event, "unknown-zone", message)
        elif moment.is_offset_odd:
            message = f"Google's offset is not that of {moment.zone}; Google's instant is kept."
            sheet.warn(event, "odd-offset", message)


def time_line(sheet: Sheet, name: str, time: Time, in_utc: bool = False) -> str:
    """Write a property with one time; UTC zones of any name are written in UTC."""
    if not isinstance(time, Moment):
        return f"{name};VALUE=DATE:{time.isoformat().replace('-', '')}"
    if in_utc or is_utc(time.zone):
        return f"{name}:{utc_text(time.instant)}"
    sheet.use_zone(time.zone, time.wall.year)
    return f"{name}{zone_parameter(time.zone)}:{wall_text(time.wall)}"


_MARKS = {4: "-", 7: "-", 10: "T", 13: ":", 16: ":", 23: "Z"}
_FRACTIONS_APART = bytes.maketrans(b".", b"Z")


def stamps(texts: Sequence[str]) -> list[str]:
    """Return many timestamps as `stamp` does, all at once where they are `2024-07-01T07:00:00.000Z`."""
    whole = "".join(texts)
    if [*map(len, texts)] == [24] * len(texts) and all(
        whole[at::24] == mark * len(texts) for at, mark in _MARKS.items()
    ):
        with suppress(ValueError, msgspec.ValidationError):
            msgspec.convert(texts, list[dt.datetime])  # by a third quicker than fromisoformat
            return whole.encode().translate(_FRACTIONS_APART, b"-:").decode().split("Z")[:-1:2]
    return [stamp(text) for text in texts]


def stamp(text: str) -> str:
    """Return a timestamp of Google's in UTC without its `Z`, nothing for none (`0000-12-31` of old)."""
    try:
        if text[-1] == "Z" and text[4:17:3] == "--T::":
            dt.datetime.fromisoformat(text[:-1])
            return text[:19].replace("-", "").replace(":", "")
        time = dt.datetime.fromisoformat(text)
        if time.tzinfo is not None:
            time = time.astimezone(dt.UTC)
        return wall_text(time.replace(tzinfo=None))
    except (ValueError, OverflowError, IndexError):
        return ""
