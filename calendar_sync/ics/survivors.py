"""Is anything left of a series? Some readers refuse a file with a series that has no occurrence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from dateutil.rrule import rrulestr

from calendar_sync.ics.clock import Clock
from calendar_sync.ics.recurrence import Recurrence
from calendar_sync.ics.rule import rule_parts

SUB_DAILY = ("SECONDLY", "MINUTELY", "HOURLY")
PLAIN_PARTS = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY"}


def has_occurrence(recurrence: Recurrence, clock: Clock) -> bool:
    """Whether an occurrence survives the exclusions; stops at the first one.

    A rule that ends before DTSTART has none (Google leaves such series behind when a series is cut
    at its first occurrence). Else DTSTART is one, whatever the rule says.
    """
    removed, untils = recurrence.removed, recurrence.untils
    ends_early = bool(untils) and all(until and until < clock.start for until in untils)
    if not ends_early and clock.start not in removed:
        return True
    if recurrence.added - removed:
        return True
    return any(_has_survivor(rule, clock, removed, until) for rule, until in
               zip(recurrence.rules, untils, strict=True))  # fmt: skip


def _has_survivor(
    rule: str, clock: Clock, removed: set[dt.datetime], until: dt.datetime | None
) -> bool:
    parts = rule_parts(rule.removeprefix("RRULE:")) or {}
    if until is None and "COUNT" not in parts:
        return True  # without an end there are more occurrences than exclusions
    is_plain = parts.keys() <= PLAIN_PARTS
    if parts["FREQ"] in SUB_DAILY or (parts["FREQ"] in ("DAILY", "WEEKLY") and not is_plain):
        return True  # one that never fits takes dateutil seconds to find out; Google makes none
    try:
        return any(wall not in removed for wall in _walk(parts, clock.start, until))
    except (ValueError, OverflowError, TypeError, IndexError):
        return True  # a rule that dateutil cannot follow is for the reader of the file to judge


def _walk(
    parts: dict[str, str], start: dt.datetime, until: dt.datetime | None
) -> Iterator[dt.datetime]:
    """Yield a rule's occurrences up to UNTIL, which dateutil would want in its own type."""
    rest = ";".join(f"{name}={value}" for name, value in parts.items() if name != "UNTIL")
    for wall in rrulestr(rest, dtstart=start):
        if until is not None and wall > until:
            return
        yield wall
