"""How long, in words: `90s`, `30m`, `12h`, `30d`."""

from __future__ import annotations

import datetime as dt
import re

_DURATION = r"(\d{1,5})\s*(s|m|min|h|d|w|mo|y)$"
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}
_SECONDS["mo"] = 30 * 86400


class Unreadable(ValueError):
    """Words that mean no stretch of time; the text says what was expected."""


def parse_duration(text: str) -> dt.timedelta:
    """Read `90s`, `30m`, `2h`, `30d`, `4w`, `1y`."""
    match = re.match(_DURATION, text.strip())
    if match is None:
        raise Unreadable(f"{text!r} is no duration such as 30m, 12h or 30d")
    return dt.timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def parse_jitter(text: str) -> dt.timedelta:
    """Read by how much a start may be later: a day at most."""
    most = parse_duration(text)
    if most > dt.timedelta(days=1):
        raise Unreadable(f"{text!r} is more than a day")
    return most


def parse_deadline(text: str) -> dt.timedelta:
    """Read how long something may take: more than no time."""
    limit = parse_duration(text)
    if not limit:
        raise Unreadable(f"{text!r} leaves no time for anything")
    return limit
