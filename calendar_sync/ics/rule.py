"""What an RRULE may be made of: no other text reaches a file, and the CSV judges by it as well."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache

from calendar_sync.recurrence import lines
from calendar_sync.recurrence.clocks import clock_of
from calendar_sync.recurrence.elapsed_rules import instants_by_steps
from calendar_sync.recurrence.rules import TooMuchWork, wall_times
from calendar_sync.times import instant_of, seconds_since_epoch

DATE = re.compile(r"\d{8}(?:T\d{6}Z?)?", re.ASCII)
# RFC 7529's names in the only form that changes nothing; readers of RFC 5545 would refuse the rule.
_UNWRITTEN = ("RSCALE", "SKIP")


@lru_cache(maxsize=1024)
def rule_parts(text: str) -> dict[str, str] | None:
    """Return an RRULE's parts as they are to be written; None if any of it is not RFC 5545's."""
    try:
        lines.read_rule(text)
        parts = lines.rule_parts(text)
    except ValueError:
        return None
    return {name: value for name, value in parts.items() if name not in _UNWRITTEN}


def ends_by_count(text: str, start: dt.datetime, until: dt.datetime, tzinfo: dt.tzinfo) -> bool:
    """Whether COUNT ends a rule that has UNTIL as well; `start` and `until` are wall times."""
    rule = lines.read_rule(text)
    if rule.is_sub_daily:
        first, last = (instant_of(wall, tzinfo) for wall in (start, until))
        given = instants_by_steps(rule, first, clock_of(tzinfo), first, last)
    else:
        first, last = seconds_since_epoch(start), seconds_since_epoch(until)
        given = iter(wall_times(rule, first, first, last))
    try:
        return sum(1 for _ in given) == rule.count
    except TooMuchWork:
        return False
