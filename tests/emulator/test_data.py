"""What the local Google can be filled with, rules 61 to 63; and that it is quick enough."""

from __future__ import annotations

import gzip
import json
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from google_steps import ADA, BERLIN, Diary, ids, listed, timed

from calendar_sync.emulator.api import ApiRequest
from calendar_sync.emulator.fuzz import fuzz_events
from calendar_sync.emulator.world import World

SAMPLES = Path(__file__).parents[1] / "data" / "events.jsonl"


@pytest.fixture
def api(google, service):
    return service(google)


@pytest.fixture
def diary(api, control):
    control("add_calendar", calendar="diary@x", time_zone=BERLIN)
    return Diary(control, api.events(), "diary@x")


def as_text(items: list[dict]) -> list[str]:
    """JSON with its order of keys."""
    return [json.dumps(item) for item in items]


def test_rule_61_loaded_resources_are_served_verbatim(api, control):
    loaded = [json.loads(line)["resource"] for line in SAMPLES.read_text().splitlines()]
    calendars = control("load_jsonl", path=str(SAMPLES), calendar="samples@x")
    assert calendars == {"samples@x": 26, "samples@x.2": 1}, "one id comes twice"
    served = [
        item
        for calendar in calendars
        for item in listed(api.events().list, calendarId=calendar, showDeleted=True)[0]
    ]
    assert sorted(as_text(served)) == sorted(as_text(loaded))
    shown = [item for name in calendars for item in listed(api.events().list, calendarId=name)[0]]
    deleted = [item for item in loaded if list(item) == ["kind", "etag", "id", "status"]]
    assert sorted(as_text(shown + deleted)) == sorted(as_text(loaded)), "rule 30 hides only those"


def test_rule_61_an_edit_or_a_time_zone_ends_it(diary, control):
    control("load_jsonl", path=str(SAMPLES), calendar="diary@x")
    india = next(item for item in diary.list() if item["id"] == "1ijlk0becchro9vkak5kf7gfrg")
    assert india["start"] == {"dateTime": "2019-04-02T19:30:00+05:30"}
    shown = next(item for item in diary.list(timeZone="UTC") if item["id"] == india["id"])
    assert shown["start"] == {"dateTime": "2019-04-02T14:00:00Z"}
    diary.do("edit_event", id=india["id"], changes={"summary": "Brain"})
    edited = next(item for item in diary.list() if item["id"] == india["id"])
    assert edited["start"] == {"dateTime": "2019-04-02T16:00:00+02:00"}
    assert edited["etag"] != india["etag"]


def test_rule_61_loading_is_a_change_that_deltas_bring(diary, control):
    token = diary.token()
    control("load_jsonl", path=str(SAMPLES), calendar="diary@x")
    assert len(diary.list(syncToken=token)) == 26


def test_rule_62_strange_resources_are_served_unchanged_and_survive_every_question(diary):
    diary.do("load_fuzz")
    assert as_text(diary.list()) == as_text(fuzz_events())
    expanded = Counter(
        item["id"].split("_")[0]
        for item in diary.list(
            singleEvents=True, timeMin="2026-01-01T00:00:00Z", timeMax="2028-01-01T00:00:00Z"
        )
    )
    assert expanded["fuzzuntildateontimed"] == 4, "the day of UNTIL belongs to it"
    assert expanded["fuzzuntiltimeonallday"] == 4
    assert expanded["fuzzuntilbeforestart"] == 0
    assert expanded["fuzzrdateonly"] == 5
    assert expanded["fuzzrdateafteruntil"] == 6
    assert expanded["fuzzrdateperiod"] == 3
    assert expanded["fuzzexdatetzidallday"] == 4
    assert expanded["fuzzexrule"] == 15
    assert expanded["fuzzspringgap"] == 3
    assert expanded["fuzzruleunreadable"] == 1
    assert expanded["fuzzzoneunknownseries"] == 3
    assert expanded["fuzzyear1604"] == 0, "29 February"
    for question in (
        {"timeZone": "Asia/Tokyo"},
        {"timeMin": "2026-01-01T00:00:00Z", "timeMax": "2028-01-01T00:00:00Z"},
        {"singleEvents": True},
        {"singleEvents": True, "orderBy": "startTime", "timeZone": "America/New_York"},
        {"singleEvents": True, "timeMin": "9990-01-01T00:00:00Z"},
        {"timeMax": "0002-01-01T00:00:00Z"},
        {"q": "a"},
    ):
        diary.list(maxResults=2500, **question)


def test_rule_62_strange_resources_can_be_edited(diary):
    diary.do("load_fuzz")
    token = diary.token()
    for resource in fuzz_events():
        diary.do("edit_event", id=resource["id"], changes={"location": "edited"})
    assert len(diary.list(syncToken=token)) == len(fuzz_events())
    assert {item["location"] for item in diary.list()} == {"edited"}


def test_rule_63_load_mode_is_varied_text_and_the_same_for_a_seed(google, diary):
    diary.do("load_events", count=2500, seed=7)
    items = diary.list(maxResults=2500)
    body = json.dumps({"items": items}, ensure_ascii=False).encode()
    assert len(body) / len(gzip.compress(body)) < 20
    assert len(items) == 2500
    assert len(set(ids(items))) == 2500
    series = [item for item in items if "recurrence" in item]
    exceptions = [item for item in items if "recurringEventId" in item]
    assert 120 < len(series) < 400
    assert {item["status"] for item in exceptions} >= {"confirmed", "cancelled"}
    assert any("date" in item.get("start", {}) for item in items)
    assert any("conferenceData" in item for item in items)
    assert any("attendees" in item for item in items)
    assert any("<p>" in item.get("description", "") for item in items)
    google.world.calendar("diary@x").clear()
    diary.do("load_events", count=2500, seed=7)
    assert diary.list(maxResults=2500) == items


def test_rule_63_generated_exceptions_are_dates_of_their_series(diary):
    diary.do("load_events", count=600)
    live = [item for item in diary.list() if item["status"] != "cancelled"]
    series = {item["id"]: item for item in live if "recurrence" in item}
    for item in live:
        if "recurringEventId" in item:
            found = diary.events.instances(
                calendarId="diary@x",
                eventId=item["recurringEventId"],
                timeMax="2100-01-01T00:00:00Z",
            ).execute()
            matching = [one for one in found["items"] if one["id"] == item["id"]]
            assert matching == [item]
            assert item["recurringEventId"] in series


def test_a_full_listing_of_a_large_calendar_is_quick():
    """100,000 at 2,500 a page takes a fifth of a second; the bound is for slow machines."""
    world = World()
    world.control("add_calendar", {"calendar": "big@x"})
    assert world.control("load_events", {"calendar": "big@x", "count": 20_000}) == {"count": 20_000}
    began = time.perf_counter()
    seen, token = 0, None
    while True:
        page = _page(world, token)
        seen += page.count(b'"kind":"calendar#event"')
        head = page[: page.index(b'"items"')].decode().rstrip(",") + "}"
        token = json.loads(head).get("nextPageToken")
        if token is None:
            break
    assert seen == 20_000
    assert time.perf_counter() - began < 2


def _page(world: World, token: str | None) -> bytes:
    query = {"maxResults": ("2500",), **({"pageToken": (token,)} if token else {})}
    path = ("calendars", "big@x", "events")
    body = world.answer(ApiRequest("GET", path, query, ADA, datetime.now(UTC))).body
    assert isinstance(body, bytes)
    return body


def test_the_sample_world_is_the_same_every_time():
    bodies = [_sample_bodies(World()) for _ in range(2)]
    assert bodies[0] == bodies[1]


def _sample_bodies(world: World) -> list[dict]:
    calendars = world.control("list_calendars", {})["items"]
    return [calendars] + [world.control("list_state", {"calendar": one["id"]}) for one in calendars]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=3;UNTIL=20270101T000000Z",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH,SU",
        "FREQ=WEEKLY;INTERVAL=3;WKST=SU;BYDAY=SU,SA",
        "FREQ=WEEKLY;COUNT=60",
        "FREQ=MONTHLY;BYDAY=-1FR",
        "FREQ=YEARLY;BYMONTH=3;BYDAY=2TU",
    ],
)
def test_a_window_finds_the_same_occurrences_as_the_whole_series(diary, rule):
    """Expansion begins near the window where it can (rule 34's cap is out of the way here)."""
    series = diary.add(
        **timed("2021-02-18T23:30:00-05:00", "2021-02-19T01:00:00-05:00", "America/New_York"),
        recurrence=[f"RRULE:{rule}", "EXDATE;TZID=America/New_York:20260305T233000"],
    )
    whole = diary.list(singleEvents=True, timeMax="2028-01-01T00:00:00Z", maxResults=2500)
    for low, high in (
        ("2021-01-01T00:00:00Z", "2021-04-01T00:00:00Z"),
        ("2025-12-31T05:15:00Z", "2026-04-15T04:30:00Z"),
        ("2027-11-01T00:00:00Z", "2027-12-31T00:00:00Z"),
    ):
        begin, end = datetime.fromisoformat(low), datetime.fromisoformat(high)
        expected = [
            item
            for item in whole
            if datetime.fromisoformat(item["end"]["dateTime"]) > begin
            and datetime.fromisoformat(item["start"]["dateTime"]) < end
        ]
        window = {"timeMin": low, "timeMax": high}
        assert diary.list(singleEvents=True, **window) == expected
        assert bool(expected) <= (ids(diary.list(**window)) == [series])
