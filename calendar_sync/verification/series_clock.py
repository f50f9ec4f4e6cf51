"""The clock of a series' DTSTART: what its dates and rules say on it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

from calendar_sync.times import EPOCH, Moment, at_instant, find_zone, instant_of, is_utc
from calendar_sync.verification.ics_reader import on_clock, rule_facts

_DATE = re.compile(r"\d{8}(T\d{6}Z?)?", re.ASCII)
_UNWRITTEN = re.compile(r"X-|RSCALE=|SKIP=")  # readers of RFC 5545 would refuse the rule for it


class SeriesClock:
    """The clock of a series' DTSTART, on which all its dates are written."""

    def __init__(self, begin: dt.date | Moment) -> None:
        self._name, self._time = "DATE", dt.time()
        self._tzinfo: dt.tzinfo = dt.UTC
        if isinstance(begin, Moment):
            is_local = begin.is_zone_known and not is_utc(begin.zone)
            self._name = begin.zone if is_local else "UTC"
            self._tzinfo = begin.tzinfo if is_local else dt.UTC
            self._time = self._shown(begin).time()

    def facts(self, time: dt.date | Moment) -> tuple[str, dt.datetime]:
        """Return a time as this clock shows it; a date is at DTSTART's time of day."""
        if not isinstance(time, Moment):
            return self._name, dt.datetime.combine(time, self._time)
        if self._name == "DATE":
            return on_clock(time.wall.date(), None)
        return self._name, self._by_rule(self._shown(time))

    def _shown(self, time: Moment) -> dt.datetime:
        return time.wall if time.zone == self._name else self._at(time.instant)

    def _at(self, instant: int) -> dt.datetime:
        return at_instant(instant, self._tzinfo).replace(tzinfo=None, fold=0)

    def _by_rule(self, wall: dt.datetime) -> dt.datetime:
        """Return the skipped time that the rule gives and a clock shows as `wall`, if there is one."""
        skipped = dt.datetime.combine(wall.date(), self._time)
        is_same = instant_of(skipped, self._tzinfo) == instant_of(wall, self._tzinfo)
        return min(skipped, wall) if is_same else wall

    def dates(self, lines: list[re.Match[str]], name: str) -> Iterator[tuple[str, dt.datetime]]:
        """Yield the dates of all RDATE or EXDATE lines; periods count by their starts."""
        for line in lines:
            if line[1].upper() != name:
                continue
            tzid = re.search(r';TZID="?([^";]*)', line[2], re.IGNORECASE)
            for value in re.sub(r"\s", "", line[3]).upper().split(","):
                try:
                    yield self._date(value.partition("/")[0], tzid[1] if tzid else None)
                except (ValueError, OverflowError):
                    continue  # the writer left it out, with a warning

    def _date(self, text: str, tzid: str | None) -> tuple[str, dt.datetime]:
        if not _DATE.fullmatch(text):
            raise ValueError(text)
        time = dt.datetime.fromisoformat(text)
        if len(text) == 8:
            return self.facts(time.date())
        zone = dt.UTC if text.endswith("Z") else find_zone(tzid or "")
        wall = time.replace(tzinfo=None)
        if self._name == "DATE":
            return self.facts(wall.date())
        if zone is not None:
            wall = self._at(instant_of(wall, zone))
        return self._name, self._by_rule(wall)

    def rule(self, text: str) -> frozenset[tuple[str, frozenset[str]]]:
        """Return a rule's parts, UNTIL in the type that DTSTART asks for."""
        parts = re.sub(r"\s", "", text).upper().split(";")
        pairs = [part.partition("=") for part in parts if part and not _UNWRITTEN.match(part)]
        return rule_facts(
            (name, [self._until(value)] if name == "UNTIL" else value.split(","))
            for name, _, value in pairs
        )

    def _until(self, text: str) -> str:
        if self._name == "DATE":
            return text[:8]
        text = re.sub(r"60(?=Z?\Z)", "59", text) if len(text) > 8 else text
        if text.endswith("Z"):
            return text
        wall = dt.datetime.fromisoformat(text)
        if len(text) == 8:
            wall = wall.replace(hour=23, minute=59, second=59)
        until = EPOCH + dt.timedelta(seconds=instant_of(wall, self._tzinfo))
        return until.isoformat().replace("-", "").replace(":", "") + "Z"
