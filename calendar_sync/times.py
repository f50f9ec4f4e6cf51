"""From Google's times to wall clocks, zones and instants; one place, so that all files agree.

Google's `dateTime` carries the offset of the *response's* zone, `timeZone` names the event's own,
and either may be missing. The instant in the JSON is always the truth.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from calendar_sync.model import EventTime

EPOCH = dt.datetime(1970, 1, 1)
_EPOCH_IN_UTC = EPOCH.replace(tzinfo=dt.UTC)
FIRST_SECOND, LAST_SECOND = -62_135_596_800, 253_402_300_799  # of the years 1 and 9999, in UTC
UTC_NAMES = frozenset(
    ["UTC", "Etc/UTC", "GMT", "Etc/GMT", "Zulu", "Etc/Zulu", "UCT", "Etc/UCT", "Universal",
     "Etc/Universal", "GMT0", "Etc/GMT0", "Greenwich", "Etc/Greenwich", "Z"]
)  # fmt: skip
# Files that systems keep beside the zones: this machine's own zone, or no zone at all.
_NO_ZONES = frozenset(["localtime", "posixrules", "Factory"])
_FIXED = re.compile(r"(?:GMT|UTC)([+-])(\d{1,2}):?(\d{2})?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Moment:
    """A timed start or end. `wall` is naive, on the clock of `zone`."""

    wall: dt.datetime
    zone: str  # as Google names it, or the calendar's
    tzinfo: dt.tzinfo
    offset: int  # seconds east of UTC
    instant: int  # seconds since 1970-01-01T00:00Z, negative before
    is_ambiguous: bool = False  # the wall time occurs twice in that zone
    is_zone_known: bool = True  # else wall, tzinfo and offset are those of the JSON
    is_offset_odd: bool = False  # the JSON's offset is neither the zone's nor the calendar's


class UnreadableTime(ValueError):
    """A start or end that is neither a date nor a date-time."""


@lru_cache(maxsize=1024)
def find_zone(name: str) -> dt.tzinfo | None:
    """Return the zone of that name, None when nobody knows it. `GMT+03:00` is a fixed offset."""
    if name in UTC_NAMES:
        return dt.UTC
    fixed = _FIXED.match(name)
    if fixed:
        hours, minutes = int(fixed[2]), int(fixed[3] or 0)
        if hours > 23 or minutes > 59:
            return None
        delta = dt.timedelta(hours=hours, minutes=minutes)
        return dt.timezone(delta if fixed[1] == "+" else -delta)
    if name in _NO_ZONES or name.startswith("right/"):
        return None
    from zoneinfo import ZoneInfo  # whoever meets no zone needs none of it

    try:
        return ZoneInfo(name)
    except (OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError
        return None
    except KeyError:
        return None


def is_utc(name: str) -> bool:
    """Whether the zone is UTC under any of its names."""
    return name in UTC_NAMES


def is_fixed_offset(name: str) -> bool:
    """Whether the zone is one of the `GMT+03:00` kind, which no zone database holds."""
    return name not in UTC_NAMES and _FIXED.match(name) is not None


def read_time(time: EventTime, calendar_zone: str) -> dt.date | Moment:
    """Return the date of an all-day time, else the Moment. Raises UnreadableTime."""
    try:
        if time.date_time:
            return _read_moment(time.date_time, time.time_zone or calendar_zone, calendar_zone)
        if time.date:
            return dt.date.fromisoformat(time.date[:10])
    except (ValueError, OverflowError) as error:
        raise UnreadableTime(str(error)) from error
    raise UnreadableTime("neither date nor dateTime")


def _read_moment(text: str, zone: str, calendar_zone: str) -> Moment:
    sent = dt.datetime.fromisoformat(text)
    if sent.microsecond:
        sent = sent.replace(microsecond=0)
    known = find_zone(zone)
    tzinfo = known or sent.tzinfo or find_zone(calendar_zone) or dt.UTC
    if sent.tzinfo is None:
        sent = sent.replace(tzinfo=tzinfo)
        sent = _out_of_the_gap(sent)
    try:
        local, is_on_clock = sent.astimezone(tzinfo), True
    except OverflowError:  # year 1 or 9999: the zone's clock shows another year, which has no text
        local, tzinfo, is_on_clock = sent, sent.tzinfo or dt.UTC, is_utc(zone)
    offset = _seconds(local)
    wall = local.replace(tzinfo=None, fold=0)
    return Moment(
        wall=wall,
        zone=zone,
        tzinfo=tzinfo,
        offset=offset,
        instant=seconds_since_epoch(wall) - offset,
        is_ambiguous=_seconds(local.replace(fold=1 - local.fold)) != offset,
        is_zone_known=known is not None,
        is_offset_odd=not is_on_clock or _is_odd(sent, offset, calendar_zone),
    )


def _out_of_the_gap(local: dt.datetime) -> dt.datetime:
    """Move a wall time that no clock shows by the gap (RFC 5545 3.3.5: offset before the gap)."""
    zone = local.tzinfo
    return local.astimezone(dt.UTC).astimezone(zone)


def _is_odd(sent: dt.datetime, offset: int, calendar_zone: str) -> bool:
    sent_offset = _seconds(sent)
    if sent_offset in (offset, 0):
        return False
    zone = find_zone(calendar_zone)
    return zone is None or _seconds(sent.astimezone(zone)) != sent_offset


def _seconds(aware: dt.datetime) -> int:
    offset = aware.utcoffset()
    return 0 if offset is None else offset.days * 86400 + offset.seconds


def seconds_since_epoch(wall: dt.datetime) -> int:
    """Count the seconds from 1970 to a naive time, as if it were UTC."""
    delta = wall - EPOCH
    return delta.days * 86400 + delta.seconds


def instant_of(wall: dt.datetime, tzinfo: dt.tzinfo, fold: int = 0) -> int:
    """Return the instant of a wall time: the first pass of two, the offset before a gap.

    RFC 5545 section 3.3.5, FORM #3. With `fold` 1 the second pass, the offset after a gap.
    """
    return seconds_since_epoch(wall) - _seconds(wall.replace(tzinfo=tzinfo, fold=fold))


def at_instant(instant: int, tzinfo: dt.tzinfo) -> dt.datetime:
    """Return the aware local time of an instant; the ends of the calendar saturate."""
    try:
        return (_EPOCH_IN_UTC + dt.timedelta(seconds=instant)).astimezone(tzinfo)
    except OverflowError:
        edge = dt.datetime.max if instant > 0 else dt.datetime.min
        return edge.replace(tzinfo=dt.UTC, microsecond=0)


def midnight(day: dt.date, tzinfo: dt.tzinfo) -> int:
    """Return the instant at which a day begins in a zone; it orders and cuts all-day events."""
    return instant_of(dt.datetime(day.year, day.month, day.day), tzinfo)
