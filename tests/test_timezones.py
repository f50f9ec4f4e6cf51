"""VTIMEZONEs: an independent evaluator finds in ours the offsets that zoneinfo has."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import random
import zoneinfo
from collections.abc import Iterator

import icalendar
import pytest
from dateutil import tz

from calendar_sync.ics import tzif
from calendar_sync.ics.timezones import vtimezone
from calendar_sync.ics.tzif import UnknownZone, parse_footer, parse_zone, read_zone

UNTIL = 2061
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
DIFFICULT = [
    "Africa/Cairo", "Africa/Casablanca", "Africa/El_Aaiun", "America/Grand_Turk", "America/Havana",
    "America/Indiana/Knox", "America/Nuuk", "America/Resolute", "America/Santiago",
    "America/Scoresbysund", "America/St_Johns", "Antarctica/Macquarie", "Antarctica/Troll",
    "Asia/Beirut", "Asia/Gaza", "Asia/Jerusalem", "Asia/Kolkata", "Asia/Pyongyang", "Asia/Tehran",
    "Australia/Lord_Howe", "Etc/GMT+5", "Europe/Dublin", "Europe/Istanbul", "Europe/Kiev",
    "Europe/London", "Europe/Moscow", "Europe/Paris", "Pacific/Apia", "Pacific/Chatham",
    "Pacific/Easter", "Pacific/Fiji", "America/New_York", "Africa/Monrovia",
]  # fmt: skip
# `localtime` and the like are files that systems keep beside the zones.
NAMES = sorted(
    name
    for name in zoneinfo.available_timezones()
    if not name.startswith(("posix", "right")) and name not in ("localtime", "Factory")
)
CHOSEN = sorted({*DIFFICULT, *NAMES[::12]})
AREAS = sorted({name.partition("/")[0] for name in NAMES})


def read_by_dateutil(name: str, first_year: int) -> dt.tzinfo:
    """Our VTIMEZONE under another name, as a reader without any database sees it."""
    lines = [line.replace(name, "X/Test") for line in vtimezone(name, first_year)]
    text = "\r\n".join(["BEGIN:VCALENDAR", *lines, "END:VCALENDAR", ""])
    zone = tz.tzical(io.StringIO(text)).get("X/Test")
    assert zone is not None
    return zone


def walls_to_compare(name: str, first_year: int) -> Iterator[dt.datetime]:
    """Random wall times, and those around each change."""
    start, end = dt.datetime(first_year, 1, 1), dt.datetime(UNTIL, 1, 1)
    chance = random.Random(name)
    seconds = int((end - start).total_seconds())
    for _ in range(30):
        yield start + dt.timedelta(seconds=chance.randrange(seconds))
    real, zone = zoneinfo.ZoneInfo(name), read_zone(name)
    by_rule = (zone.footer.onsets(year) for year in range(1900, UNTIL))
    instants = {onset.instant for onset in (*zone.onsets, *itertools.chain(*by_rule))}
    for instant, minutes in itertools.product(sorted(instants), (-61, -1, 0, 1, 61)):
        moment = EPOCH + dt.timedelta(seconds=instant, minutes=minutes)
        if start < moment.replace(tzinfo=None) < end:
            yield moment.astimezone(real).replace(tzinfo=None, fold=0)


@pytest.mark.parametrize("first_year", [1970, 2027])
@pytest.mark.parametrize("area", AREAS)
def test_offsets_of_every_zone_are_those_of_the_database(area: str, first_year: int) -> None:
    """At and around every change until 2060, and at random; aliases of one zone are one text."""
    looked_at: set[tuple[str, ...]] = set()
    for name in NAMES if first_year == 1970 else CHOSEN:
        lines = tuple(vtimezone(name, first_year)[2:])
        if name.partition("/")[0] != area or (*lines, str(read_zone(name))) in looked_at:
            continue
        looked_at.add((*lines, str(read_zone(name))))
        ours, real = read_by_dateutil(name, first_year), zoneinfo.ZoneInfo(name)
        for wall in walls_to_compare(name, first_year):
            expected = wall.replace(tzinfo=real)
            # At a time that occurs twice, or never, readers may differ.
            if expected.utcoffset() == expected.replace(fold=1).utcoffset():
                found = wall.replace(tzinfo=ours).utcoffset()
                assert found == expected.utcoffset(), (name, wall)
    assert looked_at or first_year != 1970


@pytest.mark.parametrize("first_year", [1, 1600, 1885, 1918, 1941, 2006, 2100, 9998])
@pytest.mark.parametrize("name", ["America/New_York", "Europe/Paris", "Asia/Kolkata"])
def test_any_year_has_a_vtimezone(name: str, first_year: int) -> None:
    """Case 17: events of 1900 and of 1601, and mistakes, exist."""
    ours, real = read_by_dateutil(name, first_year), zoneinfo.ZoneInfo(name)
    for month in range(1, 13):
        wall = dt.datetime(first_year + 1, month, 20, 12)
        assert wall.replace(tzinfo=ours).utcoffset() == wall.replace(tzinfo=real).utcoffset(), wall


def test_a_rule_that_holds_is_two_observances_of_1970() -> None:
    lines = vtimezone("America/New_York", 2008)
    assert lines == [
        "BEGIN:VTIMEZONE", "TZID:America/New_York",
        "BEGIN:DAYLIGHT", "TZOFFSETFROM:-0500", "TZOFFSETTO:-0400", "TZNAME:EDT",
        "DTSTART:19700308T020000", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU", "END:DAYLIGHT",
        "BEGIN:STANDARD", "TZOFFSETFROM:-0400", "TZOFFSETTO:-0500", "TZNAME:EST",
        "DTSTART:19701101T020000", "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU", "END:STANDARD",
        "END:VTIMEZONE",
    ]  # fmt: skip


def test_a_zone_without_daylight_saving_is_one_standard() -> None:
    """Case 26."""
    assert vtimezone("Asia/Kolkata", 2024)[2:-1] == [
        "BEGIN:STANDARD", "TZOFFSETFROM:+0530", "TZOFFSETTO:+0530", "TZNAME:IST",
        "DTSTART:19700101T000000", "END:STANDARD",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "offset"), [("GMT+03:00", "+0300"), ("GMT-4:30", "-0430"), ("UTC", "+0000")]
)
def test_fixed_offsets_and_utc_have_one_of_their_name(name: str, offset: str) -> None:
    lines = vtimezone(name, 2024)
    assert lines[1] == f"TZID:{name}"
    assert lines[3:5] == [f"TZOFFSETFROM:{offset}", f"TZOFFSETTO:{offset}"]


@pytest.mark.parametrize("name", CHOSEN)
def test_lists_are_written_for_readers_that_take_one_date(name: str) -> None:
    """Case 29: one RDATE a line, DTSTART among them; DAYLIGHT is what moves the clock forward."""
    for year in (1900, 1970, 2024):
        lines = vtimezone(name, year)
        assert not [line for line in lines if line.startswith("RDATE") and "," in line]
        for at, line in enumerate(lines):
            if line.startswith("DTSTART") and lines[at + 1].startswith("RDATE"):
                assert lines[at + 1] == line.replace("DTSTART", "RDATE")
            if line in ("BEGIN:DAYLIGHT", "BEGIN:STANDARD"):
                before, after = (
                    icalendar.vUTCOffset.from_ical(lines[at + n].split(":")[1]) for n in (1, 2)
                )
                assert (line == "BEGIN:DAYLIGHT") == (after > before)  # fmt: skip


def test_a_rule_across_the_end_of_a_month_is_two_observances() -> None:
    """Cairo changes at the midnight after the last Thursday in October: that may be 1 November."""
    rules = [line for line in vtimezone("Africa/Cairo", 2024) if line.startswith("RRULE")]
    assert rules == [
        "RRULE:FREQ=YEARLY;BYMONTH=4;BYDAY=-1FR",
        "RRULE:FREQ=YEARLY;BYMONTH=10;BYMONTHDAY=26,27,28,29,30,31;BYDAY=FR",
        "RRULE:FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=1;BYDAY=FR",
    ]


def test_a_time_before_midnight_is_the_day_before() -> None:
    """Case 28: `M3.5.0/-1` is Saturday 23:00 before the last Sunday."""
    rules = [line for line in vtimezone("America/Scoresbysund", 2025) if line.startswith("RRULE")]
    assert rules[0] == "RRULE:FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=24,25,26,27,28,29,30;BYDAY=SA"


def test_a_rule_is_not_applied_across_a_change_that_does_not_happen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Case 29b: a database that skips November 2026 in Havana, as the 2026 releases do."""
    table = read_zone("America/Havana")
    skipped = 1793509200  # 2026-11-01T05:00Z
    back = tzif.Onset(1805000400, -14400, -18000, "CST")  # a made-up return on 2027-03-14
    onsets = tuple(onset for onset in table.onsets if onset.instant < skipped)
    forward = next(o for o in table.footer.onsets(2026) if o.after == -14400)
    listed = tuple({onset.instant: onset for onset in (*onsets, forward, back)}.values())
    zone = tzif.Zone(table.offset, table.name, listed, back.instant, table.footer)
    monkeypatch.setattr("calendar_sync.ics.timezones.read_zone", lambda key: zone)
    vtimezone.cache_clear()
    ours = read_by_dateutil("America/Havana", 2026)
    vtimezone.cache_clear()
    offsets = [
        dt.datetime(*day, tzinfo=ours).utcoffset()
        for day in ((2026, 7, 1), (2027, 1, 1), (2027, 4, 1), (2028, 1, 1), (2028, 7, 1))
    ]
    assert offsets == [dt.timedelta(hours=hours) for hours in (-4, -4, -5, -5, -4)]


# -- reading TZif ----------------------------------------------------------------------------------


def test_the_footer_of_a_zone_is_read() -> None:
    footer = parse_footer("<-02>2<-01>,M3.5.0/-1,M10.5.0/0")
    assert footer is not None
    assert footer.daylight is not None
    assert (footer.offset, footer.daylight.offset) == (-7200, -3600)
    assert footer.daylight.start == tzif.YearlyRule(3, 5, 0, -3600)
    assert parse_footer("IST-5:30") == tzif.Footer(19800, "IST")
    assert parse_footer("XXX3EDT4,0/0,J365/23") is None


@pytest.mark.parametrize("name", ["No/Where", "", "../passwd", "Europe"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(UnknownZone):
        read_zone(name)


def test_the_package_is_read_where_the_system_has_no_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    """PEP 615's order: the system's files, then the package tzdata; both say the same of Paris."""
    of_system = read_zone("Europe/Paris")
    monkeypatch.setattr(zoneinfo, "TZPATH", ())
    of_package = parse_zone(tzif._find_file("Europe/Paris"))
    assert of_package.footer == of_system.footer
    settled = of_package.listed_until
    assert of_package.onsets == tuple(o for o in of_system.onsets if o.instant <= settled)


def test_a_file_of_version_one_is_read() -> None:
    """Files without 64-bit times and without a rule: the last offset goes on."""
    content = tzif._find_file("Asia/Kolkata")
    old = content[:4] + b"\0" + content[5 : tzif._block_length(content, 0, 4)]
    zone = parse_zone(old)
    assert zone.footer.daylight is None
