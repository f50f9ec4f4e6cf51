"""What an RRULE may be made of (RFC 5545 section 3.3.10): no other text reaches a file."""

from __future__ import annotations

import re
from functools import lru_cache

DATE = re.compile(r"\d{8}(?:T\d{6}Z?)?", re.ASCII)
_WEEKDAY = r"(?:MO|TU|WE|TH|FR|SA|SU)"
_PARTS = {
    "FREQ": re.compile("SECONDLY|MINUTELY|HOURLY|DAILY|WEEKLY|MONTHLY|YEARLY"),
    "UNTIL": DATE,
    "WKST": re.compile(_WEEKDAY),
    "BYDAY": re.compile(rf"(?:[+-]?\d{{1,2}})?{_WEEKDAY}(?:,(?:[+-]?\d{{1,2}})?{_WEEKDAY})*", re.A),
}
_RANGES = {  # the lowest and highest number, and whether it may be counted from the end
    "COUNT": (1, 10**9, False),
    "INTERVAL": (1, 10**6, False),
    "BYSECOND": (0, 60, False),
    "BYMINUTE": (0, 59, False),
    "BYHOUR": (0, 23, False),
    "BYMONTHDAY": (1, 31, True),
    "BYYEARDAY": (1, 366, True),
    "BYWEEKNO": (1, 53, True),
    "BYMONTH": (1, 12, False),
    "BYSETPOS": (1, 366, True),
}
_NUMBERS = re.compile(r"[+-]?\d{1,9}(?:,[+-]?\d{1,9})*", re.ASCII)


@lru_cache(maxsize=1024)
def rule_parts(text: str) -> dict[str, str] | None:
    """Read an RRULE, forgiving case and spaces; None if any part of it is not RFC 5545's."""
    result: dict[str, str] = {}
    for part in text.replace(" ", "").replace("\t", "").upper().rstrip(";").split(";"):
        name, _, value = part.partition("=")
        if name in result or not _is_sound(name, value):
            return None
        result[name] = value
    return result if "FREQ" in result else None


def _is_sound(name: str, value: str) -> bool:
    if name in _PARTS:
        return _PARTS[name].fullmatch(value) is not None
    if name not in _RANGES or not _NUMBERS.fullmatch(value):
        return False
    low, high, may_be_negative = _RANGES[name]
    if name in ("COUNT", "INTERVAL") and "," in value:
        return False
    numbers = [int(number) for number in value.split(",")]
    return all(low <= (abs(n) if may_be_negative else n) <= high for n in numbers)
