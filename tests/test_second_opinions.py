"""Programs of others read our ICS files and see what Google has; CSV rows are the same dates.

What is known of a reader's own mistakes is named here, by event.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from home_folder import HomeFolder
from opinions import (
    READERS,
    Dates,
    Reader,
    Time,
    VEvent,
    dates_of,
    is_within,
    khal_dates,
    renamed,
)

from calendar_sync.emulator.local_google import LocalGoogle

CAPTURED = Path(__file__).parent / "data" / "events.jsonl"
CONFIGURATION = """
[[export]]
per_uid = true
csv_guard = false
formats = ["ics", "csv", "jsonl"]
"""
# Two changes of the clock within the window in each, or none; half an hour's in Lord Howe.
ZONES = (
    "Europe/Berlin", "Europe/Dublin", "America/New_York", "America/Sao_Paulo", "America/Havana",
    "America/Scoresbysund", "Africa/Casablanca", "Africa/Cairo", "Asia/Gaza", "Asia/Kolkata",
    "Australia/Lord_Howe", "Pacific/Chatham",
)  # fmt: skip
HOURS = (5, 9, 16, 22)  # never skipped and never repeated by any of these zones
DAYS = 450

BREAKS = re.compile("\r\n|[\r\x85\u2028\u2029]")
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")

# Readers' own mistakes and habits, by event id.
EXRULE = {"fuzzexrule"}  # not in RFC 5545 any more: the CSV honours it, the ICS cannot
UNMATCHED_START = {"fuzzrdateonly", "fuzzrdateperiod", "fuzzstartbesiderule"}  # RFC 5545 3.8.5.3
KNOWN = {
    # It shows no DTSTART that no rule gives, 29 February on 1 March, and 2:30 in a gap as 1:30.
    "ical.js": EXRULE | UNMATCHED_START | {"fuzzleapday", "fuzzyear1604", "fuzzspringgap"},
    "libical": EXRULE | {"fuzzspringgap"},  # after a gap, it stays an hour late
    "khal": EXRULE | UNMATCHED_START | {"fuzzspringgap", "fuzzyear1604"},
}


class Published:
    """What one export published, by slug."""

    def __init__(self, home: HomeFolder, scratch: Path) -> None:
        self.folder, self._scratch = home.exports, scratch
        entries = json.loads((home.exports / "manifest.json").read_bytes())["calendars"]
        self.slugs = [entry["slug"] for entry in entries]

    def ics(self, slug: str) -> Path:
        """The ICS file, its zones renamed."""
        path = self._scratch / f"{slug}.ics"
        path.write_bytes(renamed((self.folder / f"{slug}.ics").read_bytes()))
        return path

    def uids(self, slug: str) -> dict[str, str]:
        """UIDs by event id."""
        lines = (self.folder / f"{slug}.ics").read_bytes().replace(b"\r\n ", b"").decode()
        return {
            _value(event, "X-GOOGLE-EVENT-ID"): _value(event, "UID")
            for event in lines.split("BEGIN:VEVENT\r\n")[1:]
        }

    def resources(self, slug: str) -> dict[str, Any]:
        lines = (self.folder / f"{slug}.jsonl").read_bytes().splitlines()
        return {resource["id"]: resource for resource in map(json.loads, lines)}

    def dates(self, slug: str) -> tuple[Dates, dict[str, set[str]]]:
        """UID and start of the CSV's rows, and which event ids a UID stands for."""
        uids, found = self.uids(slug), Counter[tuple[str, Time]]()
        ids: dict[str, set[str]] = {}
        text = (self.folder / f"{slug}.csv").read_bytes().decode()
        for row in csv.DictReader(io.StringIO(text, newline="")):
            name = row["event_id"] if row["event_id"] in uids else row["recurring_event_id"]
            start: Time = row["start"]
            if row["all_day"] == "false":
                start = int(dt.datetime.fromisoformat(row["start_utc"]).timestamp())
            if name in uids and is_within(start):
                found[uids[name], start] += 1
        for name, uid in uids.items():
            ids.setdefault(uid, set()).add(name)
        return found, ids


def _value(event: str, name: str) -> str:
    text = event.split(f"\r\n{name}:" if name != "UID" else "UID:", 1)[1].split("\r\n", 1)[0]
    return re.sub(r"\\(.)", lambda match: {"n": "\n"}.get(match[1], match[1]), text)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    with LocalGoogle() as google:
        for name, zone in (
            ("Captured", "Europe/Rome"),
            ("Fuzz", "Europe/Berlin"),
            ("Gaps", "America/New_York"),
            ("Zones", "UTC"),
        ):
            calendar = f"{name.lower()}@group.calendar.google.com"
            google.control("add_calendar", calendar=calendar, summary=name, time_zone=zone)
        google.control(
            "load_jsonl", path=str(CAPTURED), calendar="captured@group.calendar.google.com"
        )
        google.control("load_fuzz", calendar="fuzz@group.calendar.google.com")
        google.control("add_events", calendar="gaps@group.calendar.google.com", events=_gaps())
        google.control("add_events", calendar=calendar, events=[*_daily_events()])
        home = HomeFolder(tmp_path_factory.mktemp("opinions") / "home", google)
        google.write_client_secrets(home.client_secrets)
        google.write_token(home.token)
        home.configure(CONFIGURATION)
        home.run("export")
        yield Published(home, tmp_path_factory.mktemp("renamed"))


def _daily_events() -> Iterator[dict[str, Any]]:
    """Series that meet every change of the clock within the window."""
    for zone in ZONES:
        for hour in HOURS:
            start = dt.datetime(2025, 10, 1, hour, 30, tzinfo=ZoneInfo(zone))
            yield {
                "id": _daily_id(zone, hour),
                "summary": zone,
                "start": {"dateTime": start.isoformat(), "timeZone": zone},
                "end": {
                    "dateTime": (start + dt.timedelta(minutes=45)).isoformat(),
                    "timeZone": zone,
                },
                "recurrence": [f"RRULE:FREQ=DAILY;COUNT={DAYS}"],
            }


def _gaps() -> list[dict[str, Any]]:
    """Daily at 2:30, a time that 8 March 2026 has not in New York: cancelled there, or moved."""
    skipped = {"dateTime": "2026-03-08T03:30:00-04:00", "timeZone": "America/New_York"}
    events: list[dict[str, Any]] = []
    for name in ("gapcancelled", "gapmoved"):
        times = {
            key: {"dateTime": f"2026-03-07T0{clock}:00-05:00", "timeZone": "America/New_York"}
            for key, clock in (("start", "2:30"), ("end", "3:00"))
        }
        rule = ["RRULE:FREQ=DAILY;COUNT=3"]
        events.append({"id": name, "summary": name, **times, "recurrence": rule})
        exception = {"id": f"{name}_20260308T073000Z", "recurringEventId": name}
        exception["originalStartTime"] = skipped
        if name == "gapcancelled":
            events.append({**exception, "status": "cancelled"})
        else:
            moved = {"dateTime": "2026-03-08T18:00:00-04:00", "timeZone": "America/New_York"}
            events.append({**exception, "summary": name, "start": moved, "end": moved})
    return events


def _daily_id(zone: str, hour: int) -> str:
    return f"daily{ZONES.index(zone):02}{hour:02}"


@pytest.fixture(params=READERS)
def reader(request: pytest.FixtureRequest) -> tuple[str, Reader]:
    return request.param, READERS[request.param](request.config)


def test_every_zone_keeps_its_clock(published: Published, reader: tuple[str, Reader]) -> None:
    """9:30 stays 9:30 on each of 450 days in each zone, by the file's VTIMEZONE alone."""
    uids = published.uids("zones")
    found = dates_of(reader[1](published.ics("zones")))
    expected: Dates = Counter()
    for zone in ZONES:
        for hour in HOURS:
            first = dt.datetime(2025, 10, 1, hour, 30, tzinfo=ZoneInfo(zone))
            days = (first + dt.timedelta(days=number) for number in range(DAYS))
            uid = uids[_daily_id(zone, hour)]
            expected.update((uid, int(day.timestamp())) for day in days)
    expected = Counter({key: count for key, count in expected.items() if is_within(key[1])})
    assert expected.total() > DAYS * len(ZONES) * len(HOURS) - 50
    assert not _few(found - expected) and not _few(expected - found)


def _few(dates: Dates) -> list[tuple[str, Time]]:
    """Return the first ones: thousands would take pytest minutes to print."""
    return sorted(dates, key=str)[:20]


def test_dates_are_the_rows_of_the_csv(published: Published, reader: tuple[str, Reader]) -> None:
    name, read = reader
    seen = 0
    for slug in published.slugs:
        found = dates_of(read(published.ics(slug)))
        expected, ids = published.dates(slug)
        assert _differing(found, expected, ids) <= KNOWN[name]
        seen += (found & expected).total()
    assert seen > 20_000


@pytest.mark.slow
def test_khal_shows_the_rows_of_the_csv(published: Published, tmp_path: Path) -> None:
    """From the folder of one file for each UID, which is how khal and CalDAV servers keep events.

    Three weeks of the spring in which the clocks change; of the zones' series those at 9:30.
    """
    first, last = dt.datetime(2026, 3, 20, tzinfo=dt.UTC), dt.datetime(2026, 4, 10, tzinfo=dt.UTC)
    seen = 0
    for slug in published.slugs:
        folder = tmp_path / slug
        shutil.copytree(published.folder / slug, folder)
        for path in folder.glob("daily*"):
            if not path.name[7:].startswith("09"):
                path.unlink()
        found = khal_dates(folder, first, last)
        rows, ids = published.dates(slug)
        expected = Counter(
            {
                (uid, start): count
                for (uid, start), count in rows.items()
                if is_within(start, first, last) and ("daily" not in uid or uid.startswith("09", 7))
            }
        )
        assert _differing(found, expected, ids) <= KNOWN["khal"]
        seen += (found & expected).total()
    assert seen > 300


def _differing(found: Dates, expected: Dates, ids: dict[str, set[str]]) -> set[str]:
    differing = {uid for uid, _ in (found - expected) + (expected - found)}
    return {each for uid in differing for each in ids[uid]}


def test_times_and_texts_are_googles(published: Published, reader: tuple[str, Reader]) -> None:
    """Start, end, title, description and place of every VEVENT, hostile ones too."""
    name, read = reader
    seen = 0
    for slug in published.slugs:
        resources = published.resources(slug)
        for told in read(published.ics(slug)):
            resource = resources[told["id"]]
            if (name, told["id"]) != ("ical.js", "fuzzyear0001timed"):  # JavaScript's 1 is 1901
                assert _shown(told, name) == _expected(resource, name), told["id"]
                seen += 1
    assert seen > 130


def _shown(told: VEvent, reader: str) -> tuple[object, ...]:
    texts = (told[name] for name in ("summary", "description", "location"))
    return told["start"], told["end"], *(_as_read(text, reader) for text in texts)


def _expected(resource: Any, reader: str) -> tuple[object, ...]:
    start, end = _time(resource["start"]), _time(resource["end"])
    is_later = end > start  # type: ignore[operator]  # both are dates or both are instants
    if not is_later or resource.get("endTimeUnspecified"):
        end = None
    texts = (_text(resource, name) for name in ("summary", "description", "location"))
    return start, end, *(_as_read(text, reader) for text in texts)


def _as_read(text: str, reader: str) -> str:
    return text.strip(" \t") if reader == "libical" else text  # it trims every value


def _time(time: dict[str, str]) -> Time:
    if "date" in time:
        return time["date"]
    moment = dt.datetime.fromisoformat(time["dateTime"])
    return int(
        (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(time["timeZone"]))).timestamp()
    )


def _text(resource: Any, name: str) -> str:
    text = CONTROLS.sub("", BREAKS.sub("\n", resource.get(name, "")))
    is_busy = name == "summary" and not text and "created" not in resource
    return "Busy" if is_busy else text if text.strip() else ""
