"""Instants, zones and the texts Google makes of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_FIXED_ZONE = re.compile(r"(?:GMT|UTC)([+-])(\d{1,2})(?::?(\d\d))?")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


@lru_cache(maxsize=2048)
def find_zone(name: str | None) -> tzinfo | None:
    """Return the zone, None if nobody knows it; `GMT+03:00` is one Google serves (facts 3.2)."""
    if not name:
        return None
    fixed = _FIXED_ZONE.fullmatch(name)
    if fixed:
        sign = 1 if fixed[1] == "+" else -1
        return timezone(sign * timedelta(hours=int(fixed[2]), minutes=int(fixed[3] or 0)))
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return None


def microseconds(moment: datetime) -> int:
    """Count the microseconds since 1970 of an aware instant; any year, no float."""
    return (moment - EPOCH) // MICROSECOND


def from_microseconds(stamp: int) -> datetime:
    """Undo `microseconds`, in UTC."""
    return EPOCH + stamp * MICROSECOND


def stamp_text(stamp: int) -> str:
    """Write an instant as Google's `updated`: UTC, three decimals, Z."""
    moment = from_microseconds(stamp)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def second_text(stamp: int) -> str:
    """Write an instant as Google's `created`: always .000Z."""
    return f"{from_microseconds(stamp):%Y-%m-%dT%H:%M:%S}.000Z"


def parse_rfc3339(text: str) -> datetime:
    """Read a parameter's instant; ValueError without offset, for a bare date, for nonsense."""
    if not _RFC3339.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text.upper())


def moment_of(when: Mapping[str, Any], calendar_zone: tzinfo) -> datetime:
    """Place a start, end or originalStartTime on the time line; ValueError if it has no place.

    All-day values lie at the calendar zone's midnights (I); a dateTime without offset, seen from
    resource calendars, lies in its own timeZone.
    """
    if "dateTime" in when:
        moment = datetime.fromisoformat(when["dateTime"])
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=find_zone(when.get("timeZone")) or calendar_zone)
        return moment
    if "date" in when:
        day = date.fromisoformat(when["date"])
        return datetime(day.year, day.month, day.day, tzinfo=calendar_zone)
    raise ValueError(when)


def moment_text(moment: datetime) -> str:
    """Write a dateTime with its offset, Z for UTC; ValueError for offsets RFC 3339 cannot write."""
    offset = moment.utcoffset() or timedelta(0)
    if offset.total_seconds() % 60:
        raise ValueError("local mean time")  # zones before the railways
    text = moment.replace(microsecond=0).isoformat()
    return text.replace("+00:00", "Z") if not offset else text


def in_zone(when: Mapping[str, Any], zone: tzinfo) -> dict[str, Any]:
    """Show the same instant with the offset of the response's zone; its own timeZone stays.

    What cannot be shown so (year 1, local mean time, garbage) is returned as it is.
    """
    if "dateTime" not in when:
        return dict(when)
    try:
        text = moment_text(moment_of(when, zone).astimezone(zone))
    except (ValueError, OverflowError):
        return dict(when)
    return {**when, "dateTime": text}
