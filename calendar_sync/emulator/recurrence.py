"""Recurrence lines and the dates they mean, on the wall clock of the series.

Lines that contradict the start (facts 3.2: UNTIL of the other type, EXDATE with a zone on an
all-day series) are read by what they must have meant; a recurrence nobody can read is one date,
the start.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice

from dateutil import rrule

from .times import find_zone

_BASIC = "%Y%m%dT%H%M%S"


class Recurrence:
    """The dates of one series. All are naive: wall times in `zone`, midnights when all-day."""

    def __init__(self, lines: list[str], first: datetime, zone: tzinfo, *, all_day: bool) -> None:
        self.first = first
        self.zone = zone
        self.all_day = all_day
        self.open_ended = False
        self._ends = [first]  # the last dates of what has an end, or beyond them
        self._counted: list[rrule.rrule] = []
        self._lines = lines
        self.dates = self._read(None)

    def near(self, early: datetime) -> rrule.rruleset:
        """Return the dates again; those before `early` may be missing, which is quicker."""
        return self._read(early)

    def last(self) -> datetime:
        """Return the last date, or one beyond it; of no use if the recurrence has no end."""
        counted = [wall for rule in self._counted for wall in islice(rule, 10_000)]
        return max(self._ends + counted)

    def _read(self, near: datetime | None) -> rrule.rruleset:
        rules = rrule.rruleset()
        try:
            for line in self._lines:
                self._add(rules, line, near)
        except (ValueError, TypeError, KeyError, OverflowError):
            rules = rrule.rruleset()
            rules.rdate(self.first)
            self.open_ended = False
        return rules

    def _add(self, rules: rrule.rruleset, line: str, near: datetime | None) -> None:
        head, _, body = line.partition(":")
        name, *attributes = head.split(";")
        name = name.upper()
        if name == "RRULE":
            rule, until = self._rule(body, near)
            rules.rrule(rule)
            if until is None or until >= self.first:
                rules.rdate(self.first)  # a start beside its own rule is an occurrence (3.2)
            if near is None:
                self._note_end(rule, until, "COUNT=" in body.upper())
        elif name == "EXRULE":
            rules.exrule(self._rule(body, None)[0])
        elif name in ("RDATE", "EXDATE"):
            walls = [self.read_date(text, attributes) for text in body.split(",")]
            if name == "RDATE":
                self._ends += walls if near is None else []
                walls.append(self.first)
            for wall in walls:
                (rules.rdate if name == "RDATE" else rules.exdate)(wall)

    def _note_end(self, rule: rrule.rrule, until: datetime | None, counted: bool) -> None:
        if until:
            self._ends.append(until)
        elif counted:
            self._counted.append(rule)
        else:
            self.open_ended = True

    def _rule(self, body: str, near: datetime | None) -> tuple[rrule.rrule, datetime | None]:
        parts = dict(part.upper().split("=", 1) for part in body.strip().split(";") if part)
        until = self._until(parts.pop("UNTIL")) if "UNTIL" in parts else None
        if until:
            parts["UNTIL"] = until.strftime(_BASIC)
        text = ";".join(f"{key}={value}" for key, value in parts.items())
        if parts.get("INTERVAL", "1") == "0":
            raise ValueError(body)  # it would never end
        rule = rrule.rrulestr(text, dtstart=self._jump(parts, near))
        if not isinstance(rule, rrule.rrule):
            raise TypeError(body)
        return rule, until

    def _jump(self, parts: dict[str, str], near: datetime | None) -> datetime:
        """Return a start nearer to `near` from which the rule has the same later dates."""
        days = {"DAILY": 1, "WEEKLY": 7}.get(parts.get("FREQ", ""))
        if near is None or days is None or "COUNT" in parts:
            return self.first
        step = timedelta(days=days * int(parts.get("INTERVAL", "1")))
        return self.first + max(0, (near - self.first) // step - 1) * step

    def _until(self, text: str) -> datetime:
        if "T" not in text:
            last = time(0) if self.all_day else time(23, 59, 59)
            return datetime.combine(_basic_date(text), last)
        moment = datetime.strptime(text.rstrip("Z"), _BASIC)
        if self.all_day:
            return datetime.combine(moment.date(), time(0))
        return self._wall_of(moment.replace(tzinfo=UTC)) if text.endswith("Z") else moment

    def read_date(self, text: str, attributes: list[str]) -> datetime:
        """Read one value of RDATE or EXDATE, or the end of an instance id, as a wall time."""
        text = text.strip().upper().split("/")[0]  # of a PERIOD only the start: lengths are alike
        if "T" not in text:
            return datetime.combine(_basic_date(text), self.first.time())
        moment = datetime.strptime(text.rstrip("Z"), _BASIC)
        if self.all_day:
            return datetime.combine(moment.date(), time(0))
        if text.endswith("Z"):
            return self._wall_of(moment.replace(tzinfo=UTC))
        return self._wall_of(moment.replace(tzinfo=self._zone_of(attributes)))

    def _zone_of(self, attributes: list[str]) -> tzinfo:
        for attribute in attributes:
            key, _, value = attribute.partition("=")
            if key.upper() == "TZID":
                return find_zone(value) or self.zone
        return self.zone

    def _wall_of(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone).replace(tzinfo=None, fold=0)


def _basic_date(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
