"""A VTIMEZONE for a zone, right in readers that know no zone database (RFC 5545 section 3.6.5).

Three shapes. A zone without daylight saving is one STANDARD. A zone whose yearly rule holds over the
whole calendar is two observances anchored in 1970, as Google and vzic write it. Any other is told
change by change until its rule settles. What readers get wrong decides the details:

* one RDATE a line, and DTSTART repeated as an RDATE: ical.js keeps only the first value of a list and
  does not count DTSTART (libical issue 156);
* onsets on the clock *before* the change (TZOFFSETFROM), as the RFC asks;
* the rule has no end, so that an event of 2045 is right too;
* DAYLIGHT is what moves the clock forward, also in Dublin and Casablanca, whose database entries say
  the opposite.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterable
from functools import lru_cache

from calendar_sync.ics.text import escape
from calendar_sync.ics.tzif import (
    ALWAYS,
    DAY,
    Footer,
    Onset,
    YearlyRule,
    Zone,
    days_since_epoch,
    read_zone,
)
from calendar_sync.times import find_zone, is_fixed_offset, is_utc

ANCHOR_YEAR = 1970
WEEKDAYS = ("SU", "MO", "TU", "WE", "TH", "FR", "SA")
# A given date falls on a given weekday at least once in 12 years, 1900 and 2100 included.
YEARS_FOR_ANY_WEEKDAY = 13


@lru_cache(maxsize=1024)
def vtimezone(tzid: str, first_year: int) -> list[str]:
    """Return the lines of the VTIMEZONE `tzid`, right from the start of `first_year` on, for ever.

    The name is written as it is: an IANA name or alias, UTC, or a fixed offset such as `GMT+03:00`.
    Raises UnknownZone.
    """
    if is_utc(tzid):
        observances = _constant(0, "UTC", first_year)
    elif is_fixed_offset(tzid):
        offset = dt.datetime(2000, 1, 1, tzinfo=find_zone(tzid)).utcoffset() or dt.timedelta()
        observances = _constant(int(offset.total_seconds()), tzid, first_year)
    else:
        observances = _observances(read_zone(tzid), first_year)
    # No X-LIC-LOCATION: nobody needs it today, and dateutil refuses a VTIMEZONE that has one.
    return ["BEGIN:VTIMEZONE", f"TZID:{escape(tzid)}", *observances, "END:VTIMEZONE"]


def _observances(zone: Zone, first_year: int) -> list[str]:
    # A day more than the year: "in the year" is meant on any clock of the world.
    begin = days_since_epoch(first_year, 1, 1) * DAY - DAY
    offset, name = _state(zone, begin, first_year)
    settled = _last_surprise(zone)
    follows_rule = settled <= begin and offset == _state_by_rule(zone.footer, first_year)
    if follows_rule and zone.footer.daylight is None:
        return _constant(offset, zone.footer.name, first_year)
    if follows_rule:
        return _yearly(zone.footer, min(ANCHOR_YEAR, first_year - 1), None)
    first = _observance("STANDARD", offset, offset, name, [begin + offset], ())
    listed = [onset for onset in zone.onsets if begin < onset.instant <= settled]
    since = max(begin, settled)
    return [*first, *_listed(listed), *_yearly(zone.footer, _year(since), since)]


def _last_surprise(zone: Zone) -> int:
    """Return the last instant at which the zone did not do what its final rule says.

    That is a change the rule does not know, or one of the rule's that did not happen: Havana skips
    November 2026, and applying the rule across it would be an hour off for that winter. System files
    list changes until 2037 that the rule predicts as well; these are no surprise.
    """
    if not zone.onsets:
        return zone.listed_until if zone.footer.daylight else ALWAYS
    first = zone.onsets[0].instant
    years = range(_year(first), _year(zone.listed_until) + 2)
    by_rule = {onset for year in years for onset in zone.footer.onsets(year)}
    expected = {onset for onset in by_rule if first <= onset.instant <= zone.listed_until}
    surprises = (onset.instant for onset in expected ^ set(zone.onsets))
    return max(surprises, default=first - 1)  # before the first change there was no rule


def _state(zone: Zone, instant: int, year: int) -> tuple[int, str]:
    """Return offset and name in force at an instant at the start of `year`."""
    recent = [*zone.footer.onsets(year - 2), *zone.footer.onsets(year - 1)]
    by_rule = [onset for onset in recent if onset.instant > zone.listed_until]
    past = [onset for onset in (*zone.onsets, *by_rule) if onset.instant <= instant]
    return (past[-1].after, past[-1].name) if past else (zone.offset, zone.name)


def _state_by_rule(footer: Footer, year: int) -> int:
    """Return the offset that the rule gives for the turn of the year."""
    onsets = footer.onsets(year - 1)
    return onsets[-1].after if onsets else footer.offset


def _constant(offset: int, name: str, first_year: int) -> list[str]:
    start = days_since_epoch(min(ANCHOR_YEAR, first_year - 1), 1, 1) * DAY
    return _observance("STANDARD", offset, offset, name, [start], ())


def _listed(onsets: Iterable[Onset]) -> list[str]:
    """Write changes one by one, those of a kind together in the order of their first."""
    kinds: dict[tuple[int, int, str], list[int]] = {}
    for onset in onsets:
        kind = (onset.before, onset.after, onset.name)
        kinds.setdefault(kind, []).append(onset.instant + onset.before)
    lines: list[str] = []
    for (before, after, name), walls in kinds.items():
        dates = [f"RDATE:{_wall_text(wall)}" for wall in walls]
        lines += _observance(_label(before, after), before, after, name, walls, dates)
    return lines


def _yearly(footer: Footer, year: int, since: int | None) -> list[str]:
    """Write the two sides of the yearly rule, from their first onset in `year`, or after `since`."""
    other = footer.daylight
    if other is None:
        return []
    to_other = (other.start, footer.offset, other.offset, other.name)
    back = (other.end, other.offset, footer.offset, footer.name)
    lines: list[str] = []
    for rule, before, after, name in (to_other, back):
        for month, selection in _selections(rule):
            start = _first_onset(rule, month, year, ALWAYS if since is None else since + before)
            recurrence = [f"RRULE:FREQ=YEARLY;BYMONTH={month};{selection}"]
            lines += _observance(_label(before, after), before, after, name, [start], recurrence)
    return lines


def _selections(rule: YearlyRule) -> list[tuple[int, str]]:
    """Return the rule's days as (month, RRULE parts).

    A time before 0:00 or after 24:00 moves the day, so the n-th weekday becomes a range of days.
    Where that crosses the end of the month (Cairo: the midnight after the last Thursday in October
    may be 1 November) there are two: any single RRULE for it would be beyond most readers.
    """
    shift = rule.seconds // DAY
    weekday = WEEKDAYS[(rule.weekday + shift) % 7]
    if shift == 0:
        return [(rule.month, f"BYDAY={-1 if rule.week == 5 else rule.week}{weekday}")]
    months: dict[int, list[str]] = {}
    length = calendar.monthrange(2023, rule.month)[
        1
    ]  # no zone changes in the last week of February
    first = length - 6 if rule.week == 5 else 7 * rule.week - 6
    start = dt.date(2023, rule.month, 1) + dt.timedelta(first - 1 + shift)
    for day in (start + dt.timedelta(count) for count in range(7)):
        months.setdefault(day.month, []).append(str(day.day))
    return [
        (month, f"BYMONTHDAY={','.join(days)};BYDAY={weekday}") for month, days in months.items()
    ]


def _first_onset(rule: YearlyRule, month: int, year: int, after: int) -> int:
    """Return the wall time of the first onset in `month` from `year` on that is later than `after`."""
    walls = (rule.wall(each) for each in range(year, year + YEARS_FOR_ANY_WEEKDAY))
    return next(wall for wall in walls if wall > after and _date(wall).month == month)


def _observance(
    label: str, before: int, after: int, name: str, walls: list[int], dates: Iterable[str]
) -> list[str]:
    return [
        f"BEGIN:{label}",
        f"TZOFFSETFROM:{_offset_text(before)}",
        f"TZOFFSETTO:{_offset_text(after)}",
        f"TZNAME:{escape(name)}",
        f"DTSTART:{_wall_text(walls[0])}",
        *dates,
        f"END:{label}",
    ]


def _label(before: int, after: int) -> str:
    return "DAYLIGHT" if after > before else "STANDARD"


def _offset_text(offset: int) -> str:
    """Write an offset; local mean times before about 1900 have seconds, which the RFC allows."""
    hours, rest = divmod(abs(offset), 3600)
    text = f"{'-' if offset < 0 else '+'}{hours:02}{rest // 60:02}"
    return f"{text}{rest % 60:02}" if rest % 60 else text


def _wall_text(wall: int) -> str:
    seconds = wall % DAY
    date = _date(wall).isoformat().replace("-", "")
    return f"{date}T{seconds // 3600:02}{seconds // 60 % 60:02}{seconds % 60:02}"


def _date(wall: int) -> dt.date:
    return dt.date.fromordinal(max(wall // DAY + 719_163, 1))


def _year(instant: int) -> int:
    return _date(max(instant, -719_162 * DAY)).year
