"""Read the lines of `recurrence[]`: RRULE, EXRULE, RDATE and EXDATE, in any case, kind and state.

RFC 5545 sections 3.3.10, 3.8.5.1 to 3.8.5.3. Google stores what importers and API clients wrote, so
nothing is trusted: what cannot be read becomes a problem in words, never an exception.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_LINE = re.compile(r"(RRULE|EXRULE|RDATE|EXDATE)((?:;[^:]*)?):(.*)", re.IGNORECASE)
_STAMP = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?", re.ASCII)
_WEEKDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,9}", re.ASCII)
_ZONE = re.compile(r';TZID="?([^";]+)"?', re.IGNORECASE)


@dataclass(frozen=True)
class Stamp:
    """A date (`seconds` is None), or a date-time on the clock of `zone` (None: the series')."""

    day: dt.date
    seconds: int | None = None
    zone: str | None = None


@dataclass(frozen=True)
class Rule:
    """One RRULE or EXRULE. Weekdays count from Monday = 0; `by_day` pairs an ordinal with one."""

    frequency: str
    interval: int = 1
    count: int | None = None
    until: Stamp | None = None
    week_start: int = 0
    by_month: tuple[int, ...] = ()
    by_week_number: tuple[int, ...] = ()
    by_year_day: tuple[int, ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_day: tuple[tuple[int | None, int], ...] = ()
    by_hour: tuple[int, ...] = ()
    by_minute: tuple[int, ...] = ()
    by_second: tuple[int, ...] = ()
    by_position: tuple[int, ...] = ()

    @property
    def is_sub_daily(self) -> bool:
        """Whether the rule counts hours, minutes or seconds."""
        return self.frequency in FREQUENCIES[4:]


@dataclass
class Recurrence:
    """All lines of one series; `problems` says what was left out."""

    rules: list[Rule] = field(default_factory=list)
    excluded_rules: list[Rule] = field(default_factory=list)
    dates: list[Stamp] = field(default_factory=list)
    excluded_dates: list[Stamp] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_recurrence(lines: Iterable[str]) -> Recurrence:
    """Read all lines; each one that cannot be read is left out and named in `problems`."""
    result = Recurrence()
    for line in lines:
        try:
            _read_line(line.strip(), result)
        except ValueError as error:
            result.problems.append(f"{line[:80]!r}: {error}")
    return result


def _read_line(line: str, result: Recurrence) -> None:
    match = _LINE.fullmatch(line)  # `.` stops at a line break, so nothing can be smuggled in
    if match is None:
        raise ValueError("not a recurrence line")
    name, parameters, value = match[1].upper(), match[2], match[3]
    if name == "RRULE":
        result.rules.append(read_rule(value))
    elif name == "EXRULE":
        result.excluded_rules.append(read_rule(value))
    else:
        into = result.dates if name == "RDATE" else result.excluded_dates
        _read_stamps(value, parameters, into, result.problems)


def _read_stamps(value: str, parameters: str, into: list[Stamp], problems: list[str]) -> None:
    """Read a list of dates, date-times or periods; of a period only the start counts."""
    zone = _ZONE.search(parameters)
    for part in value.replace(" ", "").split(","):
        try:
            into.append(read_stamp(part.partition("/")[0], zone[1] if zone else None))
        except ValueError as error:
            problems.append(str(error))


def read_stamp(text: str, zone: str | None = None) -> Stamp:
    """Read `20240426`, `20240426T090000` or `20240426T130000Z`. Raises ValueError."""
    match = _STAMP.fullmatch(text.strip().upper())
    if match is None:
        raise ValueError(f"{text[:40]!r} is no date")
    day = dt.date(int(match[1]), int(match[2]), int(match[3]))
    if match[4] is None:
        return Stamp(day)
    time = dt.time(int(match[4]), int(match[5]), min(int(match[6]), 59))  # no leap seconds here
    seconds = time.hour * 3600 + time.minute * 60 + time.second
    return Stamp(day, seconds, "UTC" if match[7] else zone)


def read_rule(text: str) -> Rule:
    """Read the value of an RRULE, lower case and spaces forgiven. Raises ValueError."""
    values: dict[str, object] = {}
    for name, value in rule_parts(text).items():
        known_as, read = _PARTS[name]
        values[known_as] = read(value)
    values.pop("", None)
    if "frequency" not in values:
        raise ValueError("no FREQ")
    return Rule(**values)  # type: ignore[arg-type]  # _PARTS pairs each field with its reader


def rule_parts(text: str) -> dict[str, str]:
    """Split a rule into its parts in order, without what has no meaning. Raises ValueError."""
    parts: dict[str, str] = {}
    for part in re.sub(r"[ \t]", "", text).upper().split(";"):
        name, _, value = part.partition("=")
        if not part or name.startswith("X-"):
            continue
        if name not in _PARTS or not value or name in parts:
            raise ValueError(f"{part[:40]!r} is no part of a rule")
        parts[name] = value
    return parts


def _one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in words:
            raise ValueError(f"{value[:20]!r} is not understood")
        return value

    return read


def _number(value: str) -> int:
    number = _integer(value)
    if number < 1:
        raise ValueError(f"{value[:20]!r} is no count")
    return number


def _integer(text: str) -> int:
    """Read an integer of ASCII digits: `int` also takes `1_0`, and digits of any script."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:20]!r} is no number")
    return int(text)


def _numbers(low: int, high: int) -> Callable[[str], tuple[int, ...]]:
    """Read a list of numbers between the bounds; a negative bound leaves out zero."""

    def read(value: str) -> tuple[int, ...]:
        numbers = {_integer(part) for part in value.split(",")}
        if any(not low <= number <= high or (low < 0 and number == 0) for number in numbers):
            raise ValueError(f"{value[:40]!r} is out of range")
        return tuple(sorted(numbers))

    return read


def _seconds(value: str) -> tuple[int, ...]:
    """Read BYSECOND; the leap second 60 is 59 on clocks that have none (RFC 5545 3.3.12)."""
    return tuple(sorted({min(second, 59) for second in _numbers(0, 60)(value)}))


def _weekdays(value: str) -> tuple[tuple[int | None, int], ...]:
    days = []
    for part in value.split(","):
        match = _WEEKDAY.fullmatch(part)
        if match is None or (match[1] and not 1 <= abs(int(match[1])) <= 53):
            raise ValueError(f"{part[:20]!r} is no weekday")
        days.append((int(match[1]) if match[1] else None, WEEKDAYS.index(match[2])))
    return tuple(dict.fromkeys(days))


_PARTS: dict[str, tuple[str, Callable[[str], object]]] = {
    "FREQ": ("frequency", _one_of(FREQUENCIES)),
    "INTERVAL": ("interval", _number),
    "COUNT": ("count", _number),
    "UNTIL": ("until", read_stamp),
    "WKST": ("week_start", lambda value: WEEKDAYS.index(_one_of(WEEKDAYS)(value))),
    "BYMONTH": ("by_month", _numbers(1, 12)),
    "BYWEEKNO": ("by_week_number", _numbers(-53, 53)),
    "BYYEARDAY": ("by_year_day", _numbers(-366, 366)),
    "BYMONTHDAY": ("by_month_day", _numbers(-31, 31)),
    "BYDAY": ("by_day", _weekdays),
    "BYHOUR": ("by_hour", _numbers(0, 23)),
    "BYMINUTE": ("by_minute", _numbers(0, 59)),
    "BYSECOND": ("by_second", _seconds),
    "BYSETPOS": ("by_position", _numbers(-366, 366)),
    # RFC 7529 in the only form that changes nothing.
    "RSCALE": ("", _one_of(("GREGORIAN",))),
    "SKIP": ("", _one_of(("OMIT",))),
}
