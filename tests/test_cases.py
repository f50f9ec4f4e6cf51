"""The register of tests/README.md: every case has a test, every choice is decided.

And the cases that are about whole files rather than one line, as a table of their own.
"""

from __future__ import annotations

import ast
import datetime as dt
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import icalendar
import pytest
import recurring_ical_events
from ics_export import NY, PARIS, at, export, named, on, parsed, single, unfolded, weekly

from calendar_sync.model import CalendarView, Item

HERE = Path(__file__).parent
_ROW = re.compile(r"\| (\d+b?) \| (.*) \| (choice|golden|) \| (.*) \|")
_IN_ID = re.compile(r"case-(\d+b?)")
_AT_START = re.compile(r"(\d+b?)(?:-|$)")
_IN_WORDS = re.compile(r"\bCases? ((?:\d+b?(?:, | and | to )?)+)")


def numbers_of(node: ast.AST) -> Iterator[str]:
    """The cases a test function names: in its docstring, or in the ids of its parameters."""
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
        for found in _IN_WORDS.finditer(ast.get_docstring(node) or ""):
            numbers = re.findall(r"\d+b?", found[1])
            if " to " in found[1]:
                numbers = [str(n) for n in range(int(numbers[0]), int(numbers[-1]) + 1)]
            yield from numbers
    if isinstance(node, ast.keyword) and node.arg == "id" and isinstance(node.value, ast.Constant):
        yield from _IN_ID.findall(str(node.value.value))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        place = {"case": 0, "text": 0, "guest": 1}.get(node.func.id)  # tables of test_ics_cases
        for each in () if place is None else ast.walk(node.args[place]):
            if isinstance(each, ast.Constant) and (number := _AT_START.match(str(each.value))):
                yield number[1]


def all_named() -> set[str]:
    trees = [ast.parse(path.read_text()) for path in HERE.glob("test_*.py")]
    return {number for tree in trees for node in ast.walk(tree) for number in numbers_of(node)}


def test_every_case_has_a_test_and_every_choice_is_decided() -> None:
    rows = {
        m[1]: m for m in map(_ROW.fullmatch, (HERE / "README.md").read_text().splitlines()) if m
    }
    assert set(rows) == {*map(str, range(1, 125)), "29b"}
    assert sorted(set(rows) - all_named()) == []
    marks = [row[3] for row in rows.values()]
    assert (marks.count("choice"), marks.count("golden")) == (22, 1)
    assert [number for number, row in rows.items() if row[3] and not row[4].strip()] == []


# -- zones, through nothing but the file's own VTIMEZONE -------------------------------------------

ZONES = [
    pytest.param("America/New_York", {"2005-04-10T12:00": -4, "2005-10-28T12:00": -4,
                 "2005-10-31T12:00": -5, "2024-10-31T12:00": -4}, id="case-25"),
    pytest.param("Asia/Kolkata", {"2024-01-01T12:00": 5.5, "2050-07-01T12:00": 5.5}, id="case-26"),
    pytest.param("Europe/Dublin", {"2024-01-15T12:00": 0, "2024-07-15T12:00": 1}, id="case-27"),
    pytest.param("America/Scoresbysund", {"2026-03-28T22:00": -2, "2026-03-29T03:00": -1,
                 "2026-10-25T03:00": -2}, id="case-28"),
    pytest.param("Africa/Casablanca", {"2025-02-20T12:00": 1, "2025-03-15T12:00": 0,
                 "2025-07-01T12:00": 1}, id="case-29"),
    pytest.param("Asia/Gaza", {"2026-01-01T12:00": 2, "2026-07-01T12:00": 3}, id="case-29-Gaza"),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "hours"), ZONES)
def test_one_vtimezone_serves_all_years(zone: str, hours: dict[str, float]) -> None:
    """All events in one file, the zone under a name that no database has."""
    offsets = {wall: dt.timezone(dt.timedelta(hours=each)) for wall, each in hours.items()}
    starts = [dt.datetime.fromisoformat(wall).replace(tzinfo=o) for wall, o in offsets.items()]
    items = [
        single(id=str(n), start=at(start.isoformat(), zone), end=None)
        for n, start in enumerate(starts)
    ]
    content, warnings = export(*items)
    assert warnings == []
    assert content.count(b"BEGIN:VTIMEZONE") == 1
    hidden = content.replace(zone.encode(), f"Cases/{zone.replace('/', '~')}".encode())
    read = [each["DTSTART"].dt for each in parsed(hidden).walk("VEVENT")]
    assert [each.astimezone(dt.UTC) for each in read] == [s.astimezone(dt.UTC) for s in starts]


@pytest.mark.parametrize("zone", [pytest.param("Europe/Dublin", id="case-27")])
def test_summer_is_daylight_whatever_the_database_calls_it(zone: str) -> None:
    lines = unfolded(export(single(start=at("2024-07-01T09:00:00+01:00", zone), end=None))[0])
    assert lines[lines.index("BEGIN:DAYLIGHT") + 3] == "TZNAME:IST"
    assert lines[lines.index("BEGIN:STANDARD") + 3] == "TZNAME:GMT"


# -- rules, as the file says them and as another program expands them ------------------------------

NY_1997 = {"start": at("1997-08-05T09:00:00-04:00", NY), "end": at("1997-08-05T10:00:00-04:00", NY)}
FRIDAY = {"start": at("2024-01-31T09:00:00-05:00", NY), "end": at("2024-01-31T10:00:00-05:00", NY)}
GAP = {"start": at("2024-03-09T02:30:00-05:00", NY), "end": at("2024-03-09T03:00:00-05:00", NY)}
RULES = [
    pytest.param(NY_1997, "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
                 [f"1997-08-{day}T13:00Z" for day in ("05", "17", "19", "31")], id="case-55"),
    pytest.param(NY_1997, "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
                 [f"1997-08-{day}T13:00Z" for day in ("05", "10", "19", "24")], id="case-55-monday"),
    pytest.param(FRIDAY, "FREQ=MONTHLY;COUNT=3;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
                 ["2024-01-31T14:00Z", "2024-02-29T14:00Z", "2024-03-29T13:00Z"], id="case-56"),
    pytest.param(FRIDAY, "FREQ=MONTHLY;COUNT=3;BYMONTHDAY=31",
                 ["2024-01-31T14:00Z", "2024-03-31T13:00Z", "2024-05-31T13:00Z"], id="case-57"),
    pytest.param({"start": on("2024-02-29"), "end": on("2024-03-01")}, "FREQ=YEARLY;COUNT=2",
                 ["2024-02-29", "2028-02-29"], id="case-57-leap-day"),
    pytest.param(GAP, "FREQ=DAILY;COUNT=3",
                 ["2024-03-09T07:30Z", "2024-03-10T07:30Z", "2024-03-11T06:30Z"], id="case-58"),
    pytest.param({"start": at("2024-03-05T09:00:00-05:00", NY), "end": None},
                 "FREQ=WEEKLY;COUNT=3;BYDAY=MO", None, id="case-60-passed-on"),
    pytest.param({"start": at("2024-03-10T05:30:00Z", NY), "end": at("2024-03-10T05:45:00Z", NY)},
                 "FREQ=HOURLY;COUNT=4", None, id="case-59-passed-on"),
]  # fmt: skip


@pytest.mark.parametrize(("times", "rule", "expected"), RULES)
def test_a_rule_is_passed_on_and_means_the_same(
    times: dict[str, Any], rule: str, expected: list[str] | None
) -> None:
    content, warnings = export(weekly(**times, recurrence=[f"RRULE:{rule}"]))
    assert named(unfolded(content), "RRULE") == [f"RRULE:{rule}"]
    assert warnings == []
    if expected is None:  # readers do not agree; the CSV's own dates are in test_occurrences
        return
    found = recurring_ical_events.of(icalendar.Calendar.from_ical(content)).between(1997, 2030)
    assert sorted(utc(each["DTSTART"].dt) for each in found) == expected


def utc(start: dt.date) -> str:
    if isinstance(start, dt.datetime):
        return f"{start.astimezone(dt.UTC):%Y-%m-%dT%H:%MZ}"
    return start.isoformat()


# -- whole files -----------------------------------------------------------------------------------

EXTENDED = {"private": {"key": "secret"}, "shared": {"room": "blue"}}
FILES = [
    pytest.param([single(extendedProperties=EXTENDED)], PARIS, ["abc"], id="case-104"),
    pytest.param([], PARIS, [], id="case-112"),
    pytest.param([], "Nowhere/City", [], id="case-112-unknown-zone"),
]


@pytest.mark.parametrize(("items", "zone", "ids"), FILES)
def test_a_file_is_whole_and_holds_no_more_than_it_should(
    items: list[Item], zone: str, ids: list[str]
) -> None:
    content, warnings = export(*items, calendar=CalendarView("x@example.com", time_zone=zone))
    calendar = parsed(content)
    assert [str(each["X-GOOGLE-EVENT-ID"]) for each in calendar.walk("VEVENT")] == ids
    assert len(calendar.walk("VTIMEZONE")) == 1
    assert warnings == []
    assert not any(word in content.decode() for word in ("EXT", "secret", "blue"))


def test_the_register_sees_what_tests_name() -> None:
    """It reads the tests' source: should they change their shape, it must not go blind."""
    source = '''
def test_a():
    """Cases 1 to 3; and Case 7."""
TABLE = [pytest.param(0, id="case-29b-x"), case("14-all", 1, 2), text("66", "a")]
'''
    found = {number for node in ast.walk(ast.parse(source)) for number in numbers_of(node)}
    assert found == {"1", "2", "3", "7", "29b", "14", "66"}
    assert json.dumps(sorted(all_named())).count('"') > 240
