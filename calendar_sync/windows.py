"""Windows in words: `-1d..+7d`, a date; and the instants they mean."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from calendar_sync.durations import Unreadable, parse_duration
from calendar_sync.times import instant_of, midnight

_STEP = re.compile(r"([+-]?)(\d{1,5})(h|d|w|mo|y)$")
_NAMES = {"h": "hours", "d": "days", "w": "weeks", "mo": "months", "y": "years"}


@dataclass(frozen=True)
class Step:
    """A distance from now; all but hours count whole days of the calendar from today's start."""

    count: int
    unit: str

    def instant_from(self, now: dt.datetime, tzinfo: dt.tzinfo) -> int:
        """Return the instant this far from `now` (aware), on the clock of `tzinfo`."""
        from dateutil.relativedelta import relativedelta  # for rolling windows only

        local = now.astimezone(tzinfo)
        if self.unit == "h":
            return int(now.timestamp()) + self.count * 3600
        try:
            day = local.date() + relativedelta(**{_NAMES[self.unit]: self.count})  # type: ignore[arg-type]
        except (ValueError, OverflowError):  # -9999y: all there ever was
            day = dt.date.min if self.count < 0 else dt.date.max
        return midnight(day, tzinfo)


@dataclass(frozen=True)
class RollingWindow:
    """`-1d..+7d`: from the start of yesterday to the start of the seventh day from today."""

    start: Step
    end: Step

    def instants(self, now: dt.datetime, tzinfo: dt.tzinfo) -> tuple[int, int]:
        """Return [start, end) as instants."""
        return self.start.instant_from(now, tzinfo), self.end.instant_from(now, tzinfo)


def parse_rolling_window(text: str) -> RollingWindow:
    """Read `-1d..+7d`; units h, d, w, mo, y; `0d` is today."""
    start, dots, end = text.replace(" ", "").partition("..")
    if not dots:
        raise Unreadable(f"{text!r} is no window such as -1d..+7d")
    window = RollingWindow(_step(start, text), _step(end, text))
    now = dt.datetime(2000, 1, 15, 12, tzinfo=dt.UTC)
    first, last = window.instants(now, dt.UTC)
    if first >= last:
        raise Unreadable(f"the window {text!r} ends before it begins")
    return window


def _step(text: str, whole: str) -> Step:
    match = _STEP.match(text)
    if match is None:
        raise Unreadable(f"{whole!r} is no window such as -1d..+7d")
    return Step(int(match[1] + match[2]), match[3])


def parse_day_or_time(text: str) -> dt.date | dt.datetime:
    """Read `2024-05-01` or a date-time, with or without an offset."""
    try:
        if len(text) == 10:
            return dt.date.fromisoformat(text)
        return dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise Unreadable(f"{text!r} is no date such as 2024-05-01") from error


def instant_of_day_or_time(value: dt.date | dt.datetime, tzinfo: dt.tzinfo) -> int:
    """Return the instant a date begins, or a date-time means, in a zone."""
    if not isinstance(value, dt.datetime):
        return midnight(value, tzinfo)
    if value.tzinfo is not None:
        return int(value.timestamp())
    return instant_of(value, tzinfo)


def parse_horizon(text: str) -> dt.date | dt.timedelta:
    """Read a horizon: a date (`2027-12-31`) or a time from now (`2y`)."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return parse_duration(text)


def day_after(now: dt.datetime, distance: dt.timedelta, tzinfo: dt.tzinfo) -> dt.date:
    """Return the day so long from now, in a zone; the last one there is when that is farther."""
    try:
        return (now + distance).astimezone(tzinfo).date()
    except OverflowError:
        return dt.date.max


def default_horizon(now: dt.datetime, tzinfo: dt.tzinfo) -> int:
    """Return the end of the next calendar year in a zone, so that it moves once a year."""
    return midnight(dt.date(now.astimezone(tzinfo).year + 2, 1, 1), tzinfo)
