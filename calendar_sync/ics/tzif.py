"""A zone as its compiled file tells it: the changes that happened, and the rule from then on.

TZif is RFC 9636; its footer is a POSIX TZ string with the extensions of section 3.3.1. The standard
library reads both but shows neither, and a VTIMEZONE needs the rule, not samples of it.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
import struct
import zoneinfo
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from pathlib import Path

DAY = 86_400
ALWAYS = -1 << 62  # an instant before all others


@dataclass(frozen=True, slots=True)
class Onset:
    """One change of a zone's offset. Seconds: since 1970 in UTC, and east of UTC."""

    instant: int
    before: int
    after: int
    name: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class YearlyRule:
    """`Mm.w.d/time`: the w-th (5: last) weekday d (0: Sunday) of a month, `seconds` after midnight.

    The seconds may be negative or more than a day: Scoresbysund, Cairo and Gaza use that.
    """

    month: int
    week: int
    weekday: int
    seconds: int

    def wall(self, year: int) -> int:
        """Return when it strikes in a year, in seconds since 1970 on the clock before the change."""
        return days_since_epoch(year, self.month, self.day(year)) * DAY + self.seconds

    def day(self, year: int) -> int:
        """Return the day of the month that the rule names, before `seconds` moves it."""
        first_weekday, length = calendar.monthrange(min(year, 9999), self.month)
        first = (self.weekday - 1 - first_weekday) % 7 + 1
        day = first + 7 * (self.week - 1)
        return day if day <= length else day - 7


@dataclass(frozen=True, slots=True)
class Daylight:
    """The yearly change to a second offset and back."""

    offset: int
    name: str
    start: YearlyRule
    end: YearlyRule


@dataclass(frozen=True, slots=True)
class Footer:
    """What holds for ever after the last listed change."""

    offset: int
    name: str
    daylight: Daylight | None = None

    def onsets(self, year: int) -> list[Onset]:
        """Return the two changes of a year in order, none without daylight saving."""
        other = self.daylight
        if other is None:
            return []
        start = other.start.wall(year) - self.offset
        end = other.end.wall(year) - other.offset
        pair = [
            Onset(start, self.offset, other.offset, other.name),
            Onset(end, other.offset, self.offset, self.name),
        ]
        return sorted(pair, key=lambda onset: onset.instant)


@dataclass(frozen=True, slots=True)
class Zone:
    """The offset before all changes, the changes in order, and the rule from `listed_until` on.

    The list may end later than the last onset: with a change of the name only.
    """

    offset: int
    name: str
    onsets: tuple[Onset, ...]
    listed_until: int
    footer: Footer


class UnknownZone(LookupError):
    """A name that neither the system's nor the package's database has."""


def days_since_epoch(year: int, month: int, day: int) -> int:
    """Count the days from 1970-01-01."""
    return dt.date(min(max(year, 1), 9999), month, day).toordinal() - 719_163


@lru_cache(maxsize=1024)
def read_zone(key: str) -> Zone:
    """Read the zone of that IANA name from the file that `zoneinfo` would take. Raises UnknownZone."""
    return parse_zone(_find_file(key))


def _find_file(key: str) -> bytes:
    """Look along zoneinfo.TZPATH, then in the tzdata package (PEP 615's order)."""
    for folder in zoneinfo.TZPATH:
        path = Path(folder, key)
        if path.is_file():
            return path.read_bytes()
    try:
        return resources.files("tzdata").joinpath("zoneinfo", key).read_bytes()
    except (OSError, ModuleNotFoundError) as error:
        raise UnknownZone(key) from error


def parse_zone(content: bytes) -> Zone:
    """Read a TZif file of any version."""
    offset, is_wide = 0, False
    if content[4:5] >= b"2":  # a block with 32-bit times comes first, for old readers
        offset, is_wide = _block_length(content, 0, 4), True
    types, changes = _read_block(content, offset, 8 if is_wide else 4)
    initial = next((each for each in types if not each[1]), types[0])
    onsets = _onsets(initial, changes)
    last = changes[-1] if changes else (ALWAYS, *initial)
    footer = Footer(last[1], last[3])
    if is_wide:
        text = content[offset + _block_length(content, offset, 8) :].strip(b"\n").decode("ascii")
        footer = parse_footer(text) or footer
    return Zone(initial[0], initial[2], onsets, last[0], footer)


def _counts(content: bytes, at: int) -> tuple[int, ...]:
    return struct.unpack_from(">6l", content, at + 20)


def _block_length(content: bytes, at: int, width: int) -> int:
    is_utc, is_standard, leaps, times, types, letters = _counts(content, at)
    return (
        44 + times * (width + 1) + types * 6 + letters + leaps * (width + 4) + is_standard + is_utc
    )


def _read_block(
    content: bytes, at: int, width: int
) -> tuple[list[tuple[int, bool, str]], list[tuple[int, int, bool, str]]]:
    """Return the types (offset, is daylight, name) and the changes (instant, *type)."""
    _, _, _, time_count, type_count, letter_count = _counts(content, at)
    at += 44
    instants = struct.unpack_from(f">{time_count}{'q' if width == 8 else 'l'}", content, at)
    at += time_count * width
    indices = content[at : at + time_count]
    at += time_count
    records = list(struct.iter_unpack(">lBB", content[at : at + type_count * 6]))
    letters = content[at + type_count * 6 :][:letter_count]
    types = [
        (offset, bool(is_daylight), letters[start:].split(b"\0", 1)[0].decode("ascii"))
        for offset, is_daylight, start in records
    ]
    return types, [
        (instant, *types[index]) for instant, index in zip(instants, indices, strict=True)
    ]


def _onsets(
    initial: tuple[int, bool, str], changes: list[tuple[int, int, bool, str]]
) -> tuple[Onset, ...]:
    """Leave out what changes a name only: an observance for it would be one more thing to misread."""
    result: list[Onset] = []
    before = initial[0]
    for instant, after, _, name in changes:
        if after != before:
            result.append(Onset(instant, before, after, name))
        before = after
    return tuple(result)


_NAME = r"(?:<([A-Za-z0-9+-]+)>|([A-Za-z]+))"
_TIME = r"([+-]?\d{1,3}(?::\d{2}){0,2})"
_RULE = r"M(\d{1,2})\.(\d)\.(\d)(?:/" + _TIME + ")?"
_FOOTER = re.compile(rf"{_NAME}{_TIME}(?:{_NAME}{_TIME}?,{_RULE},{_RULE})?", re.ASCII)


def parse_footer(text: str) -> Footer | None:
    """Read a POSIX TZ string; None for one without a rule that we know (no zone has one today)."""
    match = _FOOTER.fullmatch(text)
    if match is None:
        return None
    offset, name = -_seconds(match[3]), match[1] or match[2]
    if not (match[4] or match[5]):
        return Footer(offset, name)
    other_offset = -_seconds(match[6]) if match[6] else offset + 3600
    start, end = _rule(match.groups()[6:10]), _rule(match.groups()[10:14])
    return Footer(offset, name, Daylight(other_offset, match[4] or match[5], start, end))


def _rule(parts: tuple[str | None, ...]) -> YearlyRule:
    month, week, weekday, time = parts
    seconds = 2 * 3600 if time is None else _seconds(time)
    return YearlyRule(int(month or 0), int(week or 0), int(weekday or 0), seconds)


def _seconds(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    parts = [int(part) for part in text.lstrip("+-").split(":")]
    return sign * sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))
