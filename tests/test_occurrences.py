"""A series and a window -> dates. Case numbers are those of the project's list of edge cases."""

from __future__ import annotations

import datetime as dt
import itertools
import time
import warnings
from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
from dateutil import rrule
from hypothesis import example, given, settings
from hypothesis import strategies as st

from calendar_sync.model import Event, EventTime, Series, Single
from calendar_sync.recurrence.clocks import clock_of
from calendar_sync.recurrence.elapsed_rules import instants_by_steps
from calendar_sync.recurrence.lines import read_recurrence, read_rule
from calendar_sync.recurrence.occurrences import Occurrence, Window, expand, overlaps, plan
from calendar_sync.recurrence.rules import (
    TooMuchWork,
    _by_dateutil,
    in_batches,
    limited,
    wall_times,
)
from calendar_sync.times import EPOCH, Moment, seconds_since_epoch

NEW_YORK, PARIS = "America/New_York", "Europe/Paris"
ZONES = {name: ZoneInfo(name) for name in (NEW_YORK, PARIS, "UTC", "Australia/Lord_Howe")}


def at(text: str, zone: str = NEW_YORK) -> EventTime:
    """A time on the wall clock of a zone, `2024-03-08T09:00`, or a date."""
    if len(text) == 10:
        return EventTime(date=text)
    aware = dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return EventTime(date_time=aware.isoformat(), time_zone=zone)


def series(start: str, end: str, *lines: str, zone: str = NEW_YORK, **more: Any) -> Series:
    master = Event(id="s", start=at(start, zone), end=at(end, zone), recurrence=lines)
    return Series(master, **more)


def exception(original: EventTime | None, start: str, end: str, **more: Any) -> Event:
    times = {} if more.get("status") == "cancelled" else {"start": at(start), "end": at(end)}
    more.setdefault("id", "s_exception")
    return Event(recurring_event_id="s", original_start_time=original, **times, **more)


def cancelled(original: EventTime | None, name: str = "s_cancelled") -> Event:
    return Event(id=name, status="cancelled", recurring_event_id="s", original_start_time=original)


def text_of(time: dt.date | Moment | None) -> str:
    if time is None:
        return ""
    return f"{time.wall:%m-%dT%H:%M}" if isinstance(time, Moment) else f"{time:%m-%d}"


def starts(item: Series, zone: str = NEW_YORK, **bounds: Any) -> str:
    found, _ = expand(item, zone, **bounds)
    return " ".join(text_of(o.start) for o in found)


def instant(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp())


NINE = ("2024-03-08T09:00", "2024-03-08T09:30")  # a Friday, two days before the gap in New York
DAY = ("2024-03-08", "2024-03-09")

CASES = [
    pytest.param(
        series(*NINE, "RRULE:FREQ=WEEKLY;COUNT=3"), "03-08T09:00 03-15T09:00 03-22T09:00",
        id="case-30-wall-time-stays-over-the-change",
    ),
    pytest.param(
        series(*NINE, "RRULE:FREQ=DAILY;UNTIL=20240310"), "03-08T09:00 03-09T09:00 03-10T09:00",
        id="case-31-until-a-date-is-the-end-of-that-day",
    ),
    pytest.param(
        series("2024-03-08T23:30", "2024-03-08T23:45", "RRULE:FREQ=DAILY;UNTIL=20240310"),
        "03-08T23:30 03-09T23:30 03-10T23:30",
        id="case-31-until-a-date-late-in-the-evening",
    ),
    pytest.param(
        series(*DAY, "RRULE:FREQ=DAILY;UNTIL=20240310T000000Z"), "03-08 03-09 03-10",
        id="case-32-until-in-utc-on-an-all-day-series",
    ),
    pytest.param(
        series(*NINE, "RRULE:FREQ=DAILY;UNTIL=20240310T130000Z"),
        "03-08T09:00 03-09T09:00 03-10T09:00",
        id="case-33-until-is-inclusive",
    ),
    pytest.param(
        series(*NINE, "RRULE:FREQ=DAILY;UNTIL=20240310T125959Z"), "03-08T09:00 03-09T09:00",
        id="case-33-until-a-second-early",
    ),
    pytest.param(
        series(*NINE, "RRULE:FREQ=DAILY;UNTIL=20240310T090000"),
        "03-08T09:00 03-09T09:00 03-10T09:00",
        id="case-33-floating-until-is-on-the-series-clock",
    ),
    pytest.param(
        series(*NINE, "RRULE:FREQ=DAILY;COUNT=3", cancelled=(cancelled(at("2024-03-09T09:00")),)),
        "03-08T09:00 03-10T09:00",
        id="case-34-cancelled-instance",
    ),
    pytest.param(
        series(*NINE, "RRULE:FREQ=DAILY;COUNT=3", cancelled=(cancelled(None, "s_20240309T140000Z"),)),
        "03-08T09:00 03-10T09:00",
        id="case-34-cancelled-instance-known-by-its-id-only",
    ),
    pytest.param(
        series(*DAY, "RRULE:FREQ=DAILY;COUNT=3", cancelled=(cancelled(at("2024-03-09")),)),
        "03-08 03-10",
        id="case-35-cancelled-all-day-instance",
    ),
    pytest.param(
        series(
            *NINE, "RRULE:FREQ=DAILY;COUNT=3",
            cancelled=(cancelled(EventTime(date_time="2024-03-09T14:00:00Z")),
                       cancelled(at("2024-03-10T14:00", PARIS))),
        ),
        "03-08T09:00",
        id="case-36-37-cancelled-in-utc-and-in-another-zone",
    ),
    pytest.param(
        series(
            *NINE, "EXDATE;TZID=America/New_York:20240309T090000", "RRULE:FREQ=DAILY;COUNT=3",
            cancelled=(cancelled(at("2024-03-09T09:00")),),
        ),
        "03-08T09:00 03-10T09:00",
        id="case-38-excluded-twice",
    ),
    pytest.param(
        series(
            *NINE, "RRULE:FREQ=DAILY;COUNT=3",
            edited=(exception(at("2024-03-09T09:00"), "2024-03-12T11:00", "2024-03-12T12:00"),),
        ),
        "03-08T09:00 03-10T09:00 03-12T11:00",
        id="case-39-moved-instance",
    ),
    pytest.param(
        series(
            *NINE, "RRULE:FREQ=DAILY;COUNT=3",
            edited=(exception(at("2024-03-09T09:00"), "2024-03-09", "2024-03-10"),),
        ),
        "03-08T09:00 03-09 03-10T09:00",
        id="case-40-instance-made-all-day",
    ),
    pytest.param(
        series(
            *DAY, "RRULE:FREQ=DAILY;COUNT=3",
            edited=(exception(at("2024-03-09"), "2024-03-09T18:00", "2024-03-09T19:00"),),
        ),
        "03-08 03-09T18:00 03-10",
        id="case-41-timed-instance-of-an-all-day-series",
    ),
    pytest.param(
        series(
            *DAY, "RRULE:FREQ=DAILY;COUNT=3",
            edited=(exception(at("2024-03-09T00:00"), "2024-03-09T18:00", "2024-03-09T19:00"),),
        ),
        "03-08 03-09T18:00 03-10",
        id="case-41-with-an-original-start-at-midnight",
    ),
    pytest.param(
        series(
            *NINE, "RRULE:FREQ=DAILY;COUNT=3",
            edited=(exception(at("2024-03-09"), "2024-03-09T18:00", "2024-03-09T19:00"),),
        ),
        "03-08T09:00 03-09T18:00 03-10T09:00",
        id="case-41-the-series-got-times-later",
    ),
    pytest.param(
        series(
            *NINE, "RRULE:FREQ=DAILY;COUNT=2",
            edited=(exception(at("2024-03-20T09:00"), "2024-03-20T11:00", "2024-03-20T12:00"),),
        ),
        "03-08T09:00 03-09T09:00 03-20T11:00",
        id="case-39-where-the-rule-gives-nothing",
    ),
    pytest.param(
        series(*NINE, "RRULE:FREQ=DAILY;COUNT=2",
               cancelled=(cancelled(at("2024-03-08T09:00")), cancelled(at("2024-03-09T09:00")))),
        "",
        id="case-50-nothing-left",
    ),
    pytest.param(
        series(*NINE, "RRULE:FREQ=DAILY;UNTIL=20240308T135959Z"), "",
        id="case-50-until-a-second-before-the-start",
    ),
    pytest.param(
        series(*NINE, "RDATE;TZID=America/New_York:20240401T100000,20240402T100000",
               "RDATE;TZID=Europe/Paris:20240403T160000", "RDATE:20240404T140000Z",
               "RDATE;VALUE=PERIOD:20240405T140000Z/PT2H", "RDATE;VALUE=DATE:20240406",
               "RDATE:20240407T100000"),
        "03-08T09:00 04-01T10:00 04-02T10:00 04-03T10:00 04-04T10:00 04-05T10:00 04-06T09:00 "
        "04-07T10:00",
        id="case-51-dates-only-of-every-kind",
    ),
    pytest.param(
        series(*DAY, "RDATE;TZID=Europe/Helsinki:20240310T000000",
               "EXDATE;TZID=Europe/Helsinki:20240309T000000", "RRULE:FREQ=DAILY;COUNT=2"),
        "03-08 03-10",
        id="case-51-times-on-an-all-day-series",
    ),
    pytest.param(
        series(*NINE, "EXDATE;VALUE=DATE:20240309", "RRULE:FREQ=DAILY;COUNT=3",
               "EXDATE:20240310T130000Z"),
        "03-08T09:00",
        id="case-38-excluded-by-day-and-in-utc",
    ),
    pytest.param(
        series(*NINE, "EXDATE;TZID=Europe/Paris:20240309T150000", "RRULE:FREQ=DAILY;COUNT=3"),
        "03-08T09:00 03-10T09:00",
        id="case-38-excluded-in-another-zone",
    ),
    pytest.param(
        series(*NINE, "RRULE:FREQ=DAILY;COUNT=2", "RDATE:20240401T130000Z",
               "RRULE:FREQ=WEEKLY;COUNT=2"),
        "03-08T09:00 03-09T09:00 03-15T09:00 04-01T09:00",
        id="case-52-two-rules-are-a-union",
    ),
    pytest.param(
        series(*NINE, "RRULE:FREQ=DAILY;COUNT=5", "EXRULE:FREQ=WEEKLY;BYDAY=SA,SU"),
        "03-08T09:00 03-11T09:00 03-12T09:00",
        id="case-53-exrule",
    ),
    pytest.param(
        series(*NINE, "rrule: freq=daily; count=2 ;"), "03-08T09:00 03-09T09:00",
        id="case-54-lower-case-and-spaces",
    ),
    pytest.param(
        series("1997-08-05T09:00", "1997-08-05T10:00",
               "RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU"),
        "08-05T09:00 08-17T09:00 08-19T09:00 08-31T09:00",
        id="case-55-week-starts-on-sunday",
    ),
    pytest.param(
        series("1997-08-05T09:00", "1997-08-05T10:00",
               "RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO"),
        "08-05T09:00 08-10T09:00 08-19T09:00 08-24T09:00",
        id="case-55-week-starts-on-monday",
    ),
    pytest.param(
        series("2024-01-31T09:00", "2024-01-31T10:00",
               "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3"),
        "01-31T09:00 02-29T09:00 03-29T09:00",
        id="case-56-last-weekday",
    ),
    pytest.param(
        series("2024-03-06T09:00", "2024-03-06T10:00",
               "RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=1;COUNT=2"),
        "03-06T09:00 03-11T09:00 03-18T09:00",
        id="case-56-positions-count-in-whole-weeks",
    ),
    pytest.param(
        series("2024-01-31T09:00", "2024-01-31T10:00", "RRULE:FREQ=MONTHLY;COUNT=3"),
        "01-31T09:00 03-31T09:00 05-31T09:00",
        id="case-57-monthly-on-the-31st",
    ),
    pytest.param(
        series("2024-02-29", "2024-03-01", "RRULE:FREQ=YEARLY;COUNT=3"), "02-29 02-29 02-29",
        id="case-57-leap-days",
    ),
    pytest.param(
        series("2024-03-08T02:30", "2024-03-08T03:00", "RRULE:FREQ=DAILY;COUNT=4"),
        "03-08T02:30 03-09T02:30 03-10T03:30 03-11T02:30",
        id="case-58-in-the-gap",
    ),
    pytest.param(
        series("2024-03-09T23:00", "2024-03-09T23:10", "RRULE:FREQ=HOURLY;COUNT=6"),
        "03-09T23:00 03-10T00:00 03-10T01:00 03-10T03:00 03-10T04:00 03-10T05:00",
        id="case-59-hourly-over-the-gap",
    ),
    pytest.param(
        series("2024-11-03T00:00", "2024-11-03T00:10", "RRULE:FREQ=HOURLY;COUNT=4"),
        "11-03T00:00 11-03T01:00 11-03T01:00 11-03T02:00",
        id="case-59-hourly-over-the-fold",
    ),
    pytest.param(
        series("2024-03-08T09:00", "2024-03-08T09:10",
               "RRULE:FREQ=HOURLY;BYHOUR=9,10;BYDAY=FR,MO;COUNT=4"),
        "03-08T09:00 03-08T10:00 03-11T09:00 03-11T10:00",
        id="case-59-hours-are-the-wall-clock's",
    ),
    pytest.param(
        series("2024-03-12T09:00", "2024-03-12T10:00", "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=2"),
        "03-12T09:00 03-18T09:00 03-25T09:00",
        id="case-60-start-does-not-match",
    ),
    pytest.param(
        series("2024-03-08T09:00", "2024-03-08T10:00", "RRULE:FREQ=MONTHLY;BYDAY=FR,1MO;COUNT=5"),
        "03-08T09:00 03-15T09:00 03-22T09:00 03-29T09:00 04-01T09:00",
        id="any-friday-and-the-first-monday",
    ),
    pytest.param(
        series("2024-05-13T09:00", "2024-05-13T10:00", "RRULE:FREQ=YEARLY;BYWEEKNO=20;COUNT=2"),
        "05-13T09:00 05-12T09:00",
        id="week-20-means-the-start's-weekday",
    ),
    pytest.param(
        series(*NINE, "RRULE:FREQ=DAILY;BYSECOND=60;COUNT=1"), "03-08T09:00 03-08T09:00",
        id="leap-second-is-second-59",
    ),
    pytest.param(
        series(*DAY, "RRULE:FREQ=DAILY;BYHOUR=9,10;COUNT=2"), "03-08 03-09",
        id="hours-mean-nothing-to-whole-days",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("item", "expected"), CASES)
def test_a_series_has_these_dates(item: Series, expected: str) -> None:
    assert starts(item) == expected


def test_two_rules_of_different_zones_never_give_one_instant_twice() -> None:
    item = series(*NINE, "RRULE:FREQ=DAILY;COUNT=2", "RDATE:20240308T140000Z,20240309T140000Z")
    assert starts(item) == "03-08T09:00 03-09T09:00"


def test_ids_are_googles() -> None:
    """Named by the UTC start of where the rule put it, or by the date."""
    gap = series("2024-03-08T02:30", "2024-03-08T03:00", "RRULE:FREQ=DAILY;COUNT=4")
    ids = [o.instance_id for o in expand(gap, NEW_YORK)[0]]
    assert ids == [
        "s_20240308T073000Z", "s_20240309T073000Z", "s_20240310T073000Z", "s_20240311T063000Z"
    ]  # fmt: skip
    days = expand(series(*DAY, "RRULE:FREQ=DAILY;COUNT=2"), NEW_YORK)[0]
    assert [o.instance_id for o in days] == ["s_20240308", "s_20240309"]


def test_an_exception_keeps_its_id_and_itself() -> None:
    moved = exception(at("2024-03-09T09:00"), "2024-03-12T11:00", "2024-03-12T12:00", id="own")
    item = series(*NINE, "RRULE:FREQ=DAILY;COUNT=2", edited=(moved,))
    last = expand(item, NEW_YORK)[0][-1]
    assert (last.instance_id, last.event) == ("own", moved)
    assert text_of(last.original) == "03-09T09:00"


def test_occurrences_last_as_long_as_their_series_elapsed() -> None:
    """23:00 to 04:00 is five hours, also in the night that has 23."""
    item = series("2024-03-08T23:00", "2024-03-09T04:00", "RRULE:FREQ=DAILY;COUNT=3")
    ends = [text_of(o.end) for o in expand(item, NEW_YORK)[0]]
    assert ends == ["03-09T04:00", "03-10T05:00", "03-11T04:00"]


def test_an_end_in_another_zone_stays_in_it() -> None:
    master = Event(
        id="s", start=at("2024-03-08T20:00"), end=at("2024-03-09T09:00", PARIS),
        recurrence=("RRULE:FREQ=WEEKLY;COUNT=2",),
    )  # fmt: skip
    second = expand(Series(master), NEW_YORK)[0][1]
    assert isinstance(second.end, Moment)
    assert second.end.zone == PARIS
    assert text_of(second.end) == "03-16T08:00"


def test_a_start_in_the_second_pass_is_not_doubled() -> None:
    """01:30 EST exists once as DTSTART; the rule's wall time alone would be 01:30 EDT."""
    start = EventTime(date_time="2024-11-03T01:30:00-05:00", time_zone=NEW_YORK)
    end = EventTime(date_time="2024-11-03T02:00:00-05:00", time_zone=NEW_YORK)
    item = Series(Event(id="s", start=start, end=end, recurrence=("RRULE:FREQ=DAILY;COUNT=2",)))
    ids = [o.instance_id for o in expand(item, NEW_YORK)[0]]
    assert ids == ["s_20241103T063000Z", "s_20241104T063000Z"]


@pytest.mark.parametrize(
    "line",
    [
        "RRULE:FREQ=FORTNIGHTLY", "RRULE:", "RRULE:FREQ=DAILY;INTERVAL=0", "RRULE:COUNT=3",
        "RRULE:FREQ=DAILY;BYMONTH=13", "RRULE:FREQ=DAILY\r\nATTACH:x", "garbage", "",
        "RRULE:FREQ=DAILY;UNTIL=someday", "RRULE:FREQ=MONTHLY;BYDAY=0MO", "EXDATE:never",
        "RRULE:FREQ=YEARLY;RSCALE=CHINESE", "RRULE:FREQ=DAILY;COUNT=-1", "RRULE:FREQ=DAILY;BYX=1",
        "RRULE:FREQ=DAILY;BYMONTHDAY=\u0661\u0662\u0663",
    ],
)  # fmt: skip
def test_garbage_costs_one_warning_and_the_series_is_its_start(line: str) -> None:
    """Case 54: never the run's death, never silence."""
    found, warned = expand(series(*NINE, line), NEW_YORK)
    assert [text_of(o.start) for o in found] == ["03-08T09:00"]
    assert [w.code for w in warned] == ["odd-recurrence"]


def test_an_unreadable_start_leaves_the_exceptions() -> None:
    moved = exception(at("2024-03-09T09:00"), "2024-03-12T11:00", "2024-03-12T12:00")
    item = Series(Event(id="s", recurrence=("RRULE:FREQ=DAILY",)), edited=(moved,))
    assert starts(item) == "03-12T11:00"


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=SECONDLY;BYSETPOS=2",
        "FREQ=MINUTELY;INTERVAL=1440;BYHOUR=3", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=WEEKLY;BYMONTHDAY=31;BYMONTH=4", "FREQ=MONTHLY;BYMONTHDAY=30;BYMONTH=2",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=SECONDLY;BYHOUR=3;INTERVAL=86400",
        "FREQ=YEARLY;INTERVAL=999999999", "FREQ=SECONDLY;COUNT=999999999",
        "FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=1,2,3;BYSECOND=1,2,3;COUNT=999999999",
    ],
)  # fmt: skip
@pytest.mark.parametrize("window", [None, Window(2_000_000_000, 2_000_086_400)])
def test_the_work_is_bounded(rule: str, window: Window | None) -> None:
    """Nothing a calendar can say makes a run hang."""
    item = series("2015-08-05T09:00", "2015-08-05T10:00", "RRULE:" + rule)
    begin = time.process_time()
    found, _ = expand(item, NEW_YORK, window=window)
    assert time.process_time() - begin < 20
    assert len(found) <= 10_000


def test_a_cap_with_a_warning() -> None:
    item = series(*NINE, "RRULE:FREQ=MINUTELY")
    found, warned = expand(item, NEW_YORK)
    assert len(found) == 10_000
    assert [w.code for w in warned] == ["too-many-occurrences"]
    in_window = Window(instant("2024-03-09T00:00:00Z"), instant("2024-03-10T00:00:00Z"))
    found, warned = expand(item, NEW_YORK, window=in_window)
    assert (len(found), warned) == (24 * 60 + 29, [])  # 29 began before and still last


def test_the_age_of_a_series_costs_nothing() -> None:
    window = Window(instant("2024-03-01T00:00:00Z"), instant("2024-04-01T00:00:00Z"))
    for rule in ("DAILY", "WEEKLY;BYDAY=MO,WE", "MONTHLY", "YEARLY", "DAILY;BYHOUR=9", "HOURLY"):
        item = series("1604-01-01T09:00", "1604-01-01T10:00", f"RRULE:FREQ={rule}", zone="UTC")
        begin = time.process_time()
        expand(item, NEW_YORK, window=window)
        assert time.process_time() - begin < 1


def test_the_ends_of_the_calendar_do_not_crash() -> None:
    """Cases 17 and 18."""
    for start, end in (("0001-01-01", "0001-01-02"), ("9999-12-30", "9999-12-31")):
        for rule in ("DAILY", "WEEKLY;BYDAY=SU", "MONTHLY;BYMONTHDAY=-1", "YEARLY;BYWEEKNO=1"):
            assert expand(series(start, end, f"RRULE:FREQ={rule}"), PARIS)[0][0].start


# -- bounds ----------------------------------------------------------------------------------------


def test_the_horizon_cuts_by_start_and_moved_ones_by_their_new_start() -> None:
    horizon = instant("2024-03-11T00:00:00-04:00")
    gone = exception(at("2024-03-09T09:00"), "2024-03-20T09:00", "2024-03-20T10:00", id="gone")
    here = exception(at("2024-03-12T09:00"), "2024-03-10T18:00", "2024-03-10T19:00", id="here")
    item = series(*NINE, "RRULE:FREQ=DAILY", edited=(gone, here))
    assert starts(item, horizon=horizon) == "03-08T09:00 03-10T09:00 03-10T18:00"


@pytest.mark.parametrize("rule", ["YEARLY", "YEARLY;BYMONTH=5;BYMONTHDAY=5", "MONTHLY;INTERVAL=12"])
def test_a_series_as_old_as_birthdays_without_a_year_reaches_the_horizon(rule: str) -> None:
    """Google dates a contact's birthday of unknown year 1604."""
    item = series("1604-05-05", "1604-05-06", f"RRULE:FREQ={rule}")
    found, warned = expand(item, NEW_YORK, horizon=instant("2028-01-01T00:00:00Z"))
    assert (len(found), found[-1].start, warned) == (424, dt.date(2027, 5, 5), [])


def test_all_day_occurrences_are_cut_at_midnight_of_the_calendars_zone() -> None:
    item = series(*DAY, "RRULE:FREQ=DAILY;COUNT=5")
    horizon = instant("2024-03-10T00:00:00+09:00")
    assert starts(item, "Asia/Tokyo", horizon=horizon) == "03-08 03-09"
    assert starts(item, "UTC", horizon=horizon) == "03-08 03-09"
    assert starts(item, "UTC", horizon=horizon + 9 * 3600 + 1) == "03-08 03-09 03-10"


def test_a_window_takes_what_overlaps_it() -> None:
    """Case 121."""
    item = series("2024-12-29T23:30", "2024-12-30T00:30", "RRULE:FREQ=DAILY;COUNT=5", zone="UTC")
    window = Window(instant("2025-01-01T00:00:00Z"), instant("2025-01-02T00:00:00Z"))
    assert starts(item, "UTC", window=window) == "12-31T23:30 01-01T23:30"


def test_no_length_is_within_at_its_start_only() -> None:
    item = series("2024-12-31T00:00", "2024-12-31T00:00", "RRULE:FREQ=DAILY;COUNT=4", zone="UTC")
    window = Window(instant("2025-01-01T00:00:00Z"), instant("2025-01-02T00:00:00Z"))
    assert starts(item, "UTC", window=window) == "01-01T00:00"


def test_moved_out_of_the_window_and_into_it() -> None:
    """Case 122."""
    window = Window(instant("2024-03-09T00:00:00-05:00"), instant("2024-03-10T00:00:00-05:00"))
    out = exception(at("2024-03-09T09:00"), "2024-03-20T09:00", "2024-03-20T10:00", id="out")
    into = exception(at("2024-03-15T09:00"), "2024-03-09T18:00", "2024-03-09T19:00", id="into")
    item = series(*NINE, "RRULE:FREQ=DAILY", edited=(out, into))
    assert starts(item, window=window) == "03-09T18:00"
    assert overlaps(item, NEW_YORK, window)
    assert not overlaps(Single(out), NEW_YORK, window)


rules_of_days = st.sampled_from(
    [
        "FREQ=DAILY", "FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY;BYDAY=MO,WE,SU", "FREQ=MONTHLY",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU", "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=YEARLY",
        "FREQ=DAILY;COUNT=40", "FREQ=WEEKLY;COUNT=9;BYDAY=FR,SA", "FREQ=HOURLY;INTERVAL=7",
        "FREQ=DAILY;UNTIL=20240501T000000Z", "FREQ=DAILY;BYHOUR=2,3;BYMINUTE=0,30",
    ]
)  # fmt: skip
lengths = st.sampled_from([0, 30, 60, 25 * 60, 10 * 1440])


@given(
    rules_of_days, st.datetimes(dt.datetime(2024, 2, 20), dt.datetime(2024, 4, 5)), lengths,
    st.lists(st.integers(0, 90 * 24), min_size=1, max_size=4),
)  # fmt: skip
@settings(deadline=None)
def test_each_occurrence_begins_in_exactly_one_of_adjacent_windows(
    rule: str, start: dt.datetime, minutes: int, cuts: list[int]
) -> None:
    """Case 122; and a window gives what the whole gives, cut by the rule for overlaps."""
    begin = start.replace(second=0, microsecond=0)
    end = begin + dt.timedelta(minutes=minutes)
    zone = "UTC" if rule.startswith("FREQ=HOURLY") else NEW_YORK
    item = series(begin.isoformat(), end.isoformat(), "RRULE:" + rule, zone=zone)
    first = instant("2024-02-20T00:00:00Z")
    edges = sorted({first, first + 120 * 86400, *(first + cut * 3600 for cut in cuts)})
    whole = expand(item, NEW_YORK, window=Window(edges[0], edges[-1]))[0]
    found: list[str] = []
    for lower, upper in itertools.pairwise(edges):
        window = Window(lower, upper)
        inside = expand(item, NEW_YORK, window=window)[0]
        assert ids(inside) == ids(o for o in whole if window.overlaps(*span(o)))
        found += ids(o for o in inside if span(o)[0] >= lower)
    assert found == ids(o for o in whole if span(o)[0] >= edges[0])


def ids(occurrences: Any) -> list[str]:
    return [o.instance_id for o in occurrences]


def span(occurrence: Occurrence) -> tuple[int, int]:
    assert isinstance(occurrence.start, Moment)
    assert isinstance(occurrence.end, Moment)
    return occurrence.start.instant, occurrence.end.instant


# -- rules against dateutil and recurring-ical-events ----------------------------------------------

weekday_codes = st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"])
numbers = st.integers(1, 6)
starts_of_series = st.datetimes(dt.datetime(1950, 1, 1), dt.datetime(2060, 1, 1)).map(
    lambda value: value.replace(microsecond=0)
)


def some(part: str, values: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[str]:
    listed = st.lists(values, min_size=1, max_size=most, unique=True)
    return listed.map(lambda chosen: f"{part}={','.join(map(str, chosen))}")


@st.composite
def plain_rules(draw: st.DrawFn) -> str:
    parts = [draw(st.sampled_from(["FREQ=DAILY", "FREQ=WEEKLY", "FREQ=MONTHLY", "FREQ=YEARLY"]))]
    if draw(st.booleans()):
        parts.append(f"INTERVAL={draw(numbers)}")
    if draw(st.booleans()):
        parts.append(f"COUNT={draw(st.integers(1, 60))}")
    if parts[0] in ("FREQ=WEEKLY", "FREQ=DAILY") and draw(st.booleans()):
        parts.append(draw(some("BYDAY", weekday_codes, 7)))
    if draw(st.booleans()):
        parts.append(f"WKST={draw(weekday_codes)}")
    return ";".join(parts)


@given(plain_rules(), starts_of_series, st.integers(-500, 3000), st.integers(0, 2000))
@example("FREQ=MONTHLY;INTERVAL=6", dt.datetime(2024, 8, 31), 300, 2000)
@settings(max_examples=80, deadline=None)
def test_the_fast_path_equals_dateutil(
    text: str, start: dt.datetime, offset: int, days: int
) -> None:
    rule, first = read_rule(text), seconds_since_epoch(start)
    lower = first + offset * 86400
    upper = lower + days * 86400
    slow = limited(_by_dateutil(rule, first, lower, upper), rule.count, first, lower, upper)
    assert list(wall_times(rule, first, lower, upper)) == list(slow)


@st.composite
def rules_with_parts(draw: st.DrawFn) -> str:
    """Rules that RFC 5545 allows and dateutil reads as it does."""
    frequency = draw(st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY"]))
    parts = [f"FREQ={frequency}", f"INTERVAL={draw(numbers)}"]
    optional = [
        some("BYMONTH", st.integers(1, 12)),
        some("BYHOUR", st.integers(0, 23)),
        some("BYMINUTE", st.integers(0, 59)),
    ]
    days = [some("BYDAY", weekday_codes)]
    if frequency != "WEEKLY":
        days.append(some("BYMONTHDAY", st.integers(1, 31) | st.integers(-31, -1)))
    if frequency in ("YEARLY", "MONTHLY"):
        numbered = st.builds("{}{}".format, st.integers(1, 5) | st.integers(-5, -1), weekday_codes)
        days.append(some("BYDAY", numbered))
    if frequency == "YEARLY":
        days.append(some("BYYEARDAY", st.integers(1, 366) | st.integers(-366, -1)))
        days.append(
            some("BYWEEKNO", st.integers(1, 53) | st.integers(-53, -1)).flatmap(
                lambda weeks: some("BYDAY", weekday_codes).map(lambda d: f"{weeks};{d}")
            )
        )
    if draw(st.booleans()):
        optional.append(st.sampled_from(days).flatmap(lambda chosen: chosen))
    parts += [draw(part) for part in optional if draw(st.booleans())]
    if frequency != "WEEKLY" and len(parts) > 2 and draw(st.booleans()):
        parts.append(draw(some("BYSETPOS", st.integers(1, 4) | st.integers(-4, -1))))
    parts.append(f"WKST={draw(weekday_codes)}")
    if draw(st.booleans()):
        parts.append(f"COUNT={draw(st.integers(1, 30))}")
    return ";".join(parts)


def dateutils(text: str, start: dt.datetime, last: dt.datetime) -> list[int]:
    """What dateutil gives on naive time.

    It walks to the year 9999 when nothing matches, so it does its work 7600 years later, where the
    calendar is the same.
    """
    later = 7600
    ruled: Any
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found = []
        try:
            ruled = rrule.rrulestr(text, dtstart=start.replace(year=start.year + later))
            for value in ruled:
                if value.replace(year=value.year - later) > last:
                    break
                found.append(seconds_since_epoch(value.replace(year=value.year - later)))
        except ValueError:  # how dateutil says that nothing can match
            return found
    return found


@given(rules_with_parts(), starts_of_series, st.integers(0, 700))
@settings(max_examples=80, deadline=None)
def test_rules_equal_dateutils_on_naive_time(text: str, start: dt.datetime, skipped: int) -> None:
    first = seconds_since_epoch(start)
    lower = first + skipped * 86400
    upper = first + 3000 * 86400
    ours = wall_times(read_rule(text), first, lower, upper)
    theirs = dateutils(text, start, EPOCH + dt.timedelta(seconds=upper))
    assert list(ours) == [value for value in theirs if value >= lower]


@st.composite
def elapsed_rules(draw: st.DrawFn) -> str:
    frequency = draw(st.sampled_from(["HOURLY", "MINUTELY", "SECONDLY"]))
    least, most = {"HOURLY": (1, 30), "MINUTELY": (1, 900), "SECONDLY": (60, 50_000)}[frequency]
    parts = [f"FREQ={frequency}", f"INTERVAL={draw(st.integers(least, most))}"]
    optional = [
        some("BYMONTH", st.integers(1, 12), 6),
        some("BYDAY", weekday_codes),
        some("BYMONTHDAY", st.integers(1, 31) | st.integers(-31, -1)),
        some("BYYEARDAY", st.integers(1, 366) | st.integers(-366, -1)),
        some("BYHOUR", st.integers(0, 23)),
        some("BYMINUTE", st.integers(0, 59)),
    ]
    parts += [draw(part) for part in optional if draw(st.integers(0, 3)) == 0]
    if frequency == "HOURLY" and draw(st.booleans()):
        parts.append(draw(some("BYSETPOS", st.integers(1, 3) | st.integers(-3, -1))))
    if draw(st.booleans()):
        parts.append(f"COUNT={draw(st.integers(1, 30))}")
    return ";".join(parts)


# Late in a cycle of 400 years, so that dateutil's walk to the year 9999 is short (see `dateutils`).
late_starts = st.datetimes(dt.datetime(2390, 1, 1), dt.datetime(2398, 1, 1)).map(
    lambda value: value.replace(microsecond=0)
)


@given(elapsed_rules(), late_starts, st.integers(0, 20))
@settings(max_examples=40, deadline=None)
def test_rules_of_hours_equal_dateutils_in_utc(text: str, start: dt.datetime, skipped: int) -> None:
    first = seconds_since_epoch(start)
    lower, upper = first + skipped * 86400, first + 40 * 86400
    ours = list(instants_by_steps(read_rule(text), first, clock_of(dt.UTC), lower, upper))
    theirs = dateutils(text, start, EPOCH + dt.timedelta(seconds=upper))
    assert ours == [value for value in theirs if lower <= value]


@given(rules_of_days, st.datetimes(dt.datetime(2024, 2, 20), dt.datetime(2024, 4, 5)))
@settings(max_examples=30, deadline=None)
def test_recurring_ical_events_agrees(rule: str, start: dt.datetime) -> None:
    """An independent expansion of the same series, in a zone with a change in the window."""
    begin = start.replace(second=0, microsecond=0, hour=start.hour % 20 + 4)  # not in the gap
    if "HOURLY" in rule or "BYHOUR" in rule:
        return  # theirs repeat an hour at the change, or do not move a time out of the gap
    item = series(begin.isoformat(), (begin + dt.timedelta(hours=1)).isoformat(), "RRULE:" + rule)
    event = icalendar.Event()
    event.add("uid", "s")
    event.add("dtstart", begin.replace(tzinfo=ZONES[NEW_YORK]))
    event.add("dtend", begin.replace(tzinfo=ZONES[NEW_YORK]) + dt.timedelta(hours=1))
    event.add("rrule", icalendar.vRecur.from_ical(rule))
    calendar = icalendar.Calendar()
    calendar.add_component(event)
    last = dt.datetime(2024, 9, 1, tzinfo=dt.UTC)
    theirs = recurring_ical_events.of(calendar).between(
        dt.datetime(2024, 1, 1, tzinfo=dt.UTC), last
    )
    ours = plan(item, NEW_YORK, horizon=int(last.timestamp()), window=None).starts
    assert [*ours] == sorted(int(e["DTSTART"].dt.timestamp()) for e in theirs)


@given(st.text(max_size=60), st.sampled_from(["", "RRULE:FREQ=", "RRULE:FREQ=DAILY;", "EXDATE:"]))
def test_no_line_is_too_odd(text: str, prefix: str) -> None:
    read_recurrence([prefix + text])


@pytest.mark.parametrize("given_before", [[], [*range(100)]])
def test_what_came_before_a_rule_is_given_up_is_not_lost_and_nothing_is_no_batch(
    given_before: list[int],
) -> None:
    def endless() -> Iterator[int]:
        yield from given_before
        raise TooMuchWork

    found: list[Sequence[int]] = []
    with pytest.raises(TooMuchWork):
        found.extend(in_batches(endless(), 2))
    assert all(found)
    assert [*itertools.chain.from_iterable(found)] == given_before
