"""What an RRULE may be made of: no other text reaches a file, and the CSV judges by it as well."""

from __future__ import annotations

import datetime as dt
import re
from contextlib import suppress
from functools import lru_cache

from calendar_sync.recurrence import lines
from calendar_sync.recurrence.clocks import clock_of
from calendar_sync.recurrence.elapsed_rules import instants_by_steps
from calendar_sync.recurrence.rules import TooMuchWork, wall_times
from calendar_sync.times import EPOCH, at_instant, instant_of, seconds_since_epoch

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
    return len(_walls(rule, start, start, until, tzinfo)) == rule.count


def times_on(text: str, start: dt.datetime, day: dt.date, tzinfo: dt.tzinfo) -> list[dt.datetime]:
    """Return the wall times a rule gives on one day; most rules give one a day, that of DTSTART."""
    rule = lines.read_rule(text)
    if not (rule.is_sub_daily or rule.by_hour or rule.by_minute or rule.by_second):
        return []
    first, last = (dt.datetime.combine(day, time) for time in (dt.time(), dt.time(23, 59, 59)))
    return _walls(rule, start, first, last, tzinfo)


def _walls(
    rule: lines.Rule,
    start: dt.datetime,
    first: dt.datetime,
    last: dt.datetime,
    tzinfo: dt.tzinfo,
) -> list[dt.datetime]:
    """Return the wall times a rule gives in [first, last]; as far as that is no endless work."""
    found: list[dt.datetime] = []
    with suppress(TooMuchWork):
        if rule.is_sub_daily:
            at = [instant_of(wall, tzinfo) for wall in (start, first, last)]
            for instant in instants_by_steps(rule, at[0], clock_of(tzinfo), at[1], at[2]):
                found.append(at_instant(instant, tzinfo).replace(tzinfo=None, fold=0))
        else:
            at = [seconds_since_epoch(wall) for wall in (start, first, last)]
            for wall in wall_times(rule, *at):
                found.append(EPOCH + dt.timedelta(seconds=wall))
    return found
