"""A configured export made concrete for one run: which calendars, which time, which folder."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from calendar_sync import __version__
from calendar_sync.calendars import KnownCalendar, is_chosen
from calendar_sync.config import Export
from calendar_sync.times import find_zone
from calendar_sync.windows import (
    day_after,
    default_horizon,
    instant_of_day_or_time,
    parse_horizon,
    parse_rolling_window,
)
from calendar_sync.zone_rules import version_of_zone_rules

if TYPE_CHECKING:
    from calendar_sync.recurrence.event_times import Window


@dataclass(frozen=True)
class Period:
    """`--from` and `--to` of one run; either may be open."""

    start: dt.date | dt.datetime | None = None
    end: dt.date | dt.datetime | None = None


ALWAYS = Period()


@dataclass(frozen=True)
class View:
    """One configured export made concrete for one run: its folder, and what time it is."""

    export: Export
    folder: Path
    now: dt.datetime
    zone: str | None  # of windows and presets; None: each calendar's own
    period: Period = ALWAYS
    remote: str = ""  # the address of an output elsewhere; `folder` is its outbox then

    def shows(self, calendar: KnownCalendar) -> bool:
        """Whether this export's patterns choose the calendar."""
        return is_chosen(calendar.id, calendar.view.name, self.export.calendars)

    def tzinfo(self, calendar: KnownCalendar) -> dt.tzinfo:
        """Return the zone in which this export counts days of the calendar."""
        return find_zone(self.zone or calendar.view.time_zone) or dt.UTC

    def horizon(self, calendar: KnownCalendar) -> int:
        """Return the instant before which occurrences must start."""
        own_zone = find_zone(calendar.view.time_zone) or dt.UTC
        if self.export.horizon is None:
            return default_horizon(self.now, own_zone)
        horizon = parse_horizon(self.export.horizon)
        if isinstance(horizon, dt.timedelta):
            horizon = day_after(self.now, horizon, own_zone)
        return instant_of_day_or_time(horizon, own_zone)

    def window(self, calendar: KnownCalendar) -> Window | None:
        """Return the instants that bound the rows, None when nothing does."""
        if self.period == ALWAYS and self.export.window is None:
            return None
        from calendar_sync.recurrence.event_times import Window  # brings the rules

        tzinfo = self.tzinfo(calendar)
        if self.period.start is not None or self.period.end is not None:
            bounds = [
                None if value is None else instant_of_day_or_time(value, tzinfo)
                for value in (self.period.start, self.period.end)
            ]
            return Window(*bounds)
        assert self.export.window is not None
        return Window(*parse_rolling_window(self.export.window).instants(self.now, tzinfo))

    def fingerprint(self, calendar: KnownCalendar) -> str:
        """Identify everything the calendar's files are made from, but the mirror's own content."""
        window = self.window(calendar)
        parts = [
            __version__,
            version_of_zone_rules(),
            calendar.slug,
            calendar.revision,
            msgspec.to_builtins(self.export),
            self.zone,
            self.horizon(calendar),
            None if window is None else [window.start, window.end],
        ]
        return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()
