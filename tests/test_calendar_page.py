"""What a person sees: an exported calendar in FullCalendar in a real browser, beside Google's data.

The page is looked at by eye, too: `pytest -k calendar_page --basetemp=/tmp/look` leaves the pictures in
/tmp/look.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from export_steps import table
from home_folder import HomeFolder
from opinions import npm_folder

from calendar_sync.emulator.local_google import LocalGoogle

CHROMIUM = shutil.which("chromium")
PACKAGES = ("fullcalendar@6.1.21", "@fullcalendar/icalendar@6.1.21", "ical.js@1.5.0")
SCRIPTS = (
    "fullcalendar/index.global.min.js",
    "ical.js/build/ical.min.js",
    "@fullcalendar/icalendar/index.global.min.js",
)
HERE = Path(__file__).parent
PARIS = "Europe/Paris"
CALENDAR = "look@group.calendar.google.com"

pytestmark = [
    pytest.mark.needs_browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here (apt install chromium)"),
]


def at(start: str, minutes: int, zone: str = PARIS) -> dict[str, Any]:
    begin = dt.datetime.fromisoformat(start)
    end = begin + dt.timedelta(minutes=minutes)
    return {
        key: {"dateTime": time.isoformat(), "timeZone": zone}
        for key, time in (("start", begin), ("end", end))
    }


def days(first: str, end: str) -> dict[str, Any]:
    return {"start": {"date": first}, "end": {"date": end}}


def instance(series: str, day: str, hour: str, **fields: Any) -> dict[str, Any]:
    original = {"dateTime": f"{day}T{hour}", "timeZone": PARIS}
    stamp = dt.datetime.fromisoformat(original["dateTime"]).astimezone(dt.UTC)
    identity = {"id": f"{series}_{stamp:%Y%m%dT%H%M%SZ}", "recurringEventId": series}
    return {**identity, "originalStartTime": original, **fields}


EVENTS = [
    {"id": "weekly", "summary": "Weekly, 9:30 also after the change",
     **at("2026-03-04T09:30:00+01:00", 45), "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=5"]},
    instance("weekly", "2026-03-11", "09:30:00+01:00", status="cancelled"),
    instance("weekly", "2026-03-18", "09:30:00+01:00", summary="Moved to Thursday",
             **at("2026-03-19T16:00:00+01:00", 30)),
    {"id": "until", "summary": "Until the 13th", **at("2026-03-09T08:00:00+01:00", 15),
     "recurrence": ["RRULE:FREQ=DAILY;UNTIL=20260313"]},
    {"id": "lastfriday", "summary": "Last weekday", **at("2026-02-27T17:00:00+01:00", 60),
     "recurrence": ["RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3"]},
    {"id": "weekend", "summary": "Three days", **days("2026-03-20", "2026-03-23")},
    {"id": "daily", "summary": "Day by day", **days("2026-03-02", "2026-03-03"),
     "recurrence": ["RRULE:FREQ=DAILY;COUNT=3", "EXDATE;VALUE=DATE:20260303"]},
    {"id": "evil", "summary": '<img src=x onerror="document.title=1"> a\\nb; c, d\r\nEND:VEVENT',
     **at("2026-03-06T12:00:00+01:00", 30)},
    {"id": "family", "summary": "👩‍👩‍👧 Zoë – שלום", **at("2026-03-07T23:30:00+01:00", 90)},
    {"id": "zero", "summary": "A moment", **at("2026-03-10T18:00:00+01:00", 0)},
    {"id": "inzone", "summary": "Second pass, in UTC", **at("2026-10-25T02:30:00+01:00", 15)},
    {"id": "long", "summary": "x" * 300, **days("2026-03-25", "2026-03-26")},
]  # fmt: skip


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> HomeFolder:
    with LocalGoogle() as google:
        google.control("add_calendar", calendar=CALENDAR, summary="Look", time_zone=PARIS)
        google.control("add_events", calendar=CALENDAR, events=EVENTS)
        home = HomeFolder(tmp_path_factory.mktemp("look") / "home", google)
        google.write_client_secrets(home.client_secrets)
        google.write_token(home.token)
        home.configure("[[export]]\ncsv_guard = false\n")
        home.run("export", "--calendar", "Look")
    return home


@pytest.fixture(scope="module")
def page(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page of somebody in Paris, with FullCalendar loaded."""
    modules = npm_folder(request.config, "fullcalendar", *PACKAGES) / "node_modules"
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright here")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(
            timezone_id=PARIS, locale="en-GB", viewport={"width": 1200, "height": 900}
        )
        opened = context.new_page()
        for script in SCRIPTS:
            opened.add_script_tag(path=str(modules / script))
        opened.add_script_tag(path=str(HERE / "readers/show_in_fullcalendar.js"))
        yield opened
        browser.close()


def expected(home: HomeFolder, month: str) -> list[tuple[str, str, str]]:
    """What a list of the month must say: the CSV's rows, long ones day by day."""
    found = []
    for row in table((home.exports / "look.csv").read_bytes()):
        first = dt.date.fromisoformat(row["start_date"])
        last = dt.date.fromisoformat(row["end_date_inclusive"])
        for number in range((last - first).days + 1):
            day = first + dt.timedelta(number)
            time = "all-day"
            if row["all_day"] == "false":
                begin = row["start"][11:16] if day == first else "00:00"
                end = row["end"][11:16] if day == last else "00:00"
                time = f"{begin} - {end}" if row["start"] != row["end"] else begin
            if day.isoformat().startswith(month):
                found.append((day.isoformat(), time, " ".join(row["summary"].split())))
    return sorted(found)


@pytest.mark.parametrize("month", ["2026-03", "2026-10"])
def test_a_page_shows_what_google_has(
    exported: HomeFolder, page: Any, month: str, tmp_path: Path
) -> None:
    """Every date, time and title of the month; hostile titles stay titles."""
    ics = (exported.exports / "look.ics").read_bytes().decode()
    page.evaluate("([ics, day]) => show(ics, 'listMonth', day)", [ics, f"{month}-01"])
    page.screenshot(path=str(tmp_path / "list.png"), full_page=True)
    told = [(date, time, " ".join(title.split())) for date, time, title in page.evaluate("told()")]
    assert sorted(told) == expected(exported, month)
    assert page.title() == "" and page.locator("#calendar img").count() == 0
    page.evaluate("([ics, day]) => show(ics, 'dayGridMonth', day)", [ics, f"{month}-01"])
    page.screenshot(path=str(tmp_path / "month.png"), full_page=True)
