"""events.list without sync tokens, events.get and events.instances: rules 23 to 44."""

from __future__ import annotations

import json
import re
from datetime import datetime

import pytest
from google_steps import (
    ADA,
    BERLIN,
    BUSY,
    HOLIDAYS,
    Diary,
    days,
    ids,
    listed,
    pages,
    refusal,
    timed,
    weekly,
)

BUSY_KEYS = [
    *("kind", "etag", "id", "status", "htmlLink", "updated", "start", "end"),
    *("visibility", "iCalUID"),
]


@pytest.fixture
def api(google, service):
    return service(google)


@pytest.fixture
def diary(api, control):
    control("add_calendar", calendar="diary@x", time_zone=BERLIN)
    return Diary(control, api.events(), "diary@x")


def test_rule_23_a_page_holds_250_events_by_default_and_2500_at_most(diary):
    diary.do("load_events", count=2600)
    assert len(diary.page()["items"]) == 250
    assert len(diary.page(maxResults=10_000)["items"]) == 2500
    for wrong in (0, -5):
        assert diary.refused(maxResults=wrong)[0] == 400


def test_rule_24_pages_may_be_short_or_empty_and_still_complete(diary):
    diary.do("load_events", count=500)
    complete = diary.list(maxResults=2500)
    diary.do("set_switch", name="short_pages", value=0.5)
    diary.do("set_switch", name="empty_pages", value=0.5)
    sizes = [len(page["items"]) for page in pages(diary.events.list, calendarId="diary@x")]
    assert 0 in sizes
    assert any(0 < size < 250 for size in sizes[:-1])
    assert diary.list() == complete
    diary.do("set_switch", name="page_cap", value=50)
    assert max(len(page["items"]) for page in pages(diary.events.list, calendarId="diary@x")) <= 50


def test_rule_24_a_page_asked_twice_is_the_same_page(diary):
    diary.do("load_events", count=100)
    diary.do("set_switch", name="short_pages", value=1)
    token = diary.page(maxResults=40)["nextPageToken"]
    assert diary.page(maxResults=40, pageToken=token) == diary.page(maxResults=40, pageToken=token)


def test_rule_25_exactly_one_token_and_neither_after_a_search(diary):
    diary.do("load_events", count=30)
    for page in pages(diary.events.list, calendarId="diary@x", maxResults=7):
        assert ("nextPageToken" in page) != ("nextSyncToken" in page)
    for search in (
        {"orderBy": "updated"},
        {"q": "a"},
        {"iCalUID": "x"},
        {"updatedMin": datetime.now().astimezone().isoformat()},
        {"privateExtendedProperty": "a=b"},
        {"singleEvents": True, "orderBy": "startTime", "timeMax": "2030-01-01T00:00:00Z"},
    ):
        assert listed(diary.events.list, calendarId="diary@x", **search)[1] is None
    window = {"timeMin": "2020-01-01T00:00:00Z", "timeMax": "2021-01-01T00:00:00Z"}
    assert listed(diary.events.list, calendarId="diary@x", **window)[1], "windowed syncs get one"


def test_rule_26_a_page_token_belongs_to_its_parameters(diary):
    diary.do("load_events", count=30)
    token = diary.page(maxResults=7)["nextPageToken"]
    assert len(diary.page(maxResults=7, pageToken=token)["items"]) == 7
    assert diary.refused(maxResults=8, pageToken=token)[0] == 400
    assert diary.refused(maxResults=7, pageToken=token, singleEvents=True)[0] == 400
    assert diary.refused(maxResults=7, pageToken="garbage")[0] == 400
    diary.do("expire_page_tokens")
    assert diary.refused(maxResults=7, pageToken=token)[0] == 400


def test_rule_26_page_tokens_can_grow_too_old(google, diary):
    diary.do("load_events", count=30)
    diary.do("set_switch", name="page_token_minutes", value=10)
    token = diary.page(maxResults=7)["nextPageToken"]
    google.clock.advance(9 * 60)
    assert diary.page(maxResults=7, pageToken=token)
    google.clock.advance(2 * 60)
    assert diary.refused(maxResults=7, pageToken=token)[0] == 400


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        ("2026-03-10T09:00:00+01:00", "2026-03-10T10:00:00+01:00", ["hour"]),
        ("2026-03-10T10:00:00+01:00", "2026-03-10T11:00:00+01:00", []),  # ends at timeMin
        ("2026-03-10T08:00:00+01:00", "2026-03-10T09:00:00+01:00", []),  # starts at timeMax
        ("2026-03-10T09:59:59+01:00", "2026-03-10T11:00:00+01:00", ["hour"]),
        ("2026-03-11T22:59:59Z", "2026-03-11T23:00:01Z", ["day"]),  # midnight in Berlin
        ("2026-03-12T23:00:00Z", "2026-03-13T23:00:00Z", []),
        ("2026-03-14T06:00:00+01:00", "2026-03-14T07:00:00+01:00", []),  # a moment at timeMin
        ("2026-03-14T05:00:00+01:00", "2026-03-14T07:00:00+01:00", ["moment"]),
    ],
)
def test_rule_27_windows_are_exclusive_and_days_lie_in_the_calendars_zone(diary, low, high, found):
    diary.add(id="hour", **timed("2026-03-10T09:00:00+01:00", "2026-03-10T10:00:00+01:00"))
    diary.add(id="day", **days("2026-03-12", "2026-03-13"))
    diary.add(id="moment", **timed("2026-03-14T06:00:00+01:00", "2026-03-14T06:00:00+01:00"))
    assert ids(diary.list(timeMin=low, timeMax=high)) == found
    assert ids(diary.list(timeMin=low, timeMax=high, singleEvents=True)) == found


def test_rule_27_a_series_is_listed_if_one_of_its_dates_can_overlap(diary):
    series = diary.add(**weekly())
    inside = {"timeMin": "2026-04-01T00:00:00Z", "timeMax": "2026-05-01T00:00:00Z"}
    after = {"timeMin": "2026-06-01T00:00:00Z", "timeMax": "2026-07-01T00:00:00Z"}
    assert ids(diary.list(**inside)) == [series]
    assert diary.list(**after) == []


def test_rule_28_an_empty_range_is_refused(diary):
    for low in ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"):
        status, error = diary.refused(timeMin=low, timeMax="2026-01-01T00:00:00Z")
        assert (status, error) == (
            400,
            {
                "domain": "calendar",
                "reason": "timeRangeEmpty",
                "message": "The specified time range is empty.",
                "locationType": "parameter",
                "location": "timeMax",
            },
        )


@pytest.mark.parametrize(
    "text", ["2026-01-01", "2026-01-01T00:00:00", "yesterday", "2026-13-01T00:00:00Z"]
)
@pytest.mark.parametrize("name", ["timeMin", "timeMax", "updatedMin"])
def test_rule_29_an_instant_without_offset_is_refused(diary, name, text):
    assert diary.refused(**{name: text})[0] == 400


def test_rule_29_fractions_of_a_second_are_accepted(diary):
    assert diary.list(timeMin="2026-01-01T00:00:00.123Z") == []


def test_rule_30_series_and_exceptions_are_listed_deleted_series_are_not(diary):
    kept, lost = diary.add(**weekly()), diary.add(**weekly())
    single = diary.add(**days("2026-03-12", "2026-03-13"))
    for series in (kept, lost):
        diary.do("cancel_instance", id=series, original_start="2026-03-23T09:00:00+01:00")
        diary.do(
            "edit_instance",
            id=series,
            original_start="2026-03-30T09:00:00+02:00",
            changes={"summary": "x"},
        )
    diary.do("delete_event", id=lost)
    diary.do("delete_event", id=single)
    items = diary.list()
    assert ids(items) == [kept, f"{kept}_20260323T080000Z", f"{kept}_20260330T070000Z"]
    assert items[1] == {
        "kind": "calendar#event",
        "etag": items[0]["etag"],
        "id": f"{kept}_20260323T080000Z",
        "status": "cancelled",
        "recurringEventId": kept,
        "originalStartTime": {"dateTime": "2026-03-23T09:00:00+01:00", "timeZone": BERLIN},
    }
    with_deleted = {item["id"]: item for item in diary.list(showDeleted=True)}
    assert with_deleted[single]["status"] == "cancelled"
    assert with_deleted[lost]["summary"] == "Weekly", "details stay for who asks for deleted ones"


def test_rule_31_expanded_listings_have_instances_and_no_series(diary):
    series = diary.add(**weekly())
    diary.do("cancel_instance", id=series, original_start="2026-03-23T09:00:00+01:00")
    expected = [
        f"{series}_{stamp}Z"
        for stamp in ("20260316T080000", "20260330T070000", "20260406T070000", "20260413T070000")
    ]
    assert ids(diary.list(singleEvents=True)) == expected
    with_cancelled = diary.list(singleEvents=True, showDeleted=True)
    assert len(with_cancelled) == 5
    assert with_cancelled[1]["status"] == "cancelled"


def test_rule_32_order_by_start_needs_single_events(diary):
    status, error = diary.refused(orderBy="startTime")
    assert status == 400
    assert error["message"] == "The requested ordering is not available for the particular query."
    diary.add(id="later", **days("2026-05-02", "2026-05-03"))
    diary.add(id="sooner", **days("2026-05-01", "2026-05-02"))
    assert ids(diary.list(singleEvents=True, orderBy="startTime")) == ["sooner", "later"]
    assert ids(diary.list(orderBy="updated")) == ["later", "sooner"]


def test_rule_33_the_order_is_stable_and_a_series_precedes_its_exceptions(diary):
    diary.do("load_events", count=400)
    first, again = diary.list(), diary.list(maxResults=33)
    assert first == again
    place = {item["id"]: number for number, item in enumerate(first)}
    exceptions = [item for item in first if "recurringEventId" in item]
    assert exceptions
    assert all(place[item["recurringEventId"]] < place[item["id"]] for item in exceptions)


def test_rule_34_a_series_without_end_is_expanded_730_times(diary):
    start = {"dateTime": "2090-01-02T09:00:00Z", "timeZone": "UTC"}
    end = {"dateTime": "2090-01-02T10:00:00Z", "timeZone": "UTC"}
    diary.add(start=start, end=end, recurrence=["RRULE:FREQ=WEEKLY"])
    assert len(diary.list(singleEvents=True)) == 730
    diary.do("set_switch", name="expansion_cap", value=12)
    assert len(diary.list(singleEvents=True)) == 12
    window = {"timeMin": "2120-01-01T00:00:00Z", "timeMax": "2121-01-01T00:00:00Z"}
    assert len(diary.list(singleEvents=True, **window)) == 53, "a window has its own end"


def test_rule_35_instances_are_the_series_but_for_ids_and_times(diary):
    series = diary.add(**weekly(description="same"))
    birthday = diary.add(
        **days("2026-03-01", "2026-03-02"), recurrence=["RRULE:FREQ=YEARLY;COUNT=2"]
    )
    master = diary.events.get(calendarId="diary@x", eventId=series).execute()
    instances = {item["id"]: item for item in diary.list(singleEvents=True)}
    after = instances[f"{series}_20260330T070000Z"]  # nine o'clock stays nine o'clock
    assert after["start"] == {"dateTime": "2026-03-30T09:00:00+02:00", "timeZone": BERLIN}
    assert after["end"] == {"dateTime": "2026-03-30T10:00:00+02:00", "timeZone": BERLIN}
    assert after["originalStartTime"] == after["start"]
    assert after["recurringEventId"] == series
    assert "recurrence" not in after
    for key in ("etag", "updated", "iCalUID", "description", "sequence"):
        assert after[key] == master[key]
    yearly = instances[f"{birthday}_20270301"]
    assert yearly["originalStartTime"] == yearly["start"] == {"date": "2027-03-01"}
    assert yearly["end"] == {"date": "2027-03-02"}


def test_rule_35_instances_can_be_asked_for_by_series_and_by_id(diary):
    series = diary.add(**weekly())
    expanded = diary.list(singleEvents=True)
    assert listed(diary.events.instances, calendarId="diary@x", eventId=series)[0] == expanded
    for item in expanded:
        assert diary.events.get(calendarId="diary@x", eventId=item["id"]).execute() == item
    wrong = f"{series}_20260317T080000Z"
    assert refusal(diary.events.get, calendarId="diary@x", eventId=wrong)[0] == 404


def test_rule_36_the_time_zone_parameter_changes_offsets_only(diary):
    diary.add(**weekly(recurrence=None))
    here, there = diary.page(), diary.page(timeZone="Asia/Kolkata")
    assert (here["timeZone"], there["timeZone"]) == (BERLIN, "Asia/Kolkata")
    assert there["items"][0]["start"] == {
        "dateTime": "2026-03-16T13:30:00+05:30",
        "timeZone": BERLIN,
    }
    changed = {**there["items"][0], "start": 0, "end": 0}
    assert changed == {**here["items"][0], "start": 0, "end": 0}
    assert diary.refused(timeZone="Mars/Olympus_Mons")[0] == 400


def test_rule_36_offsets_are_those_of_the_calendars_zone(diary):
    diary.add(**timed("2026-07-01T12:00:00Z", "2026-07-01T13:00:00Z", "America/New_York"))
    assert diary.list()[0]["start"]["dateTime"] == "2026-07-01T14:00:00+02:00"
    diary.do("change_time_zone", time_zone="UTC")
    page = diary.page()
    assert (page["timeZone"], page["items"][0]["start"]["dateTime"]) == (
        "UTC",
        "2026-07-01T12:00:00Z",
    )


def test_rule_37_event_types_and_uids_filter(api, diary):
    everything = listed(api.events().list, calendarId=ADA)[0]
    for types in (["birthday"], ["workingLocation", "focusTime"]):
        found = listed(api.events().list, calendarId=ADA, eventTypes=types)[0]
        assert ids(found) == ids([item for item in everything if item.get("eventType") in types])
        assert found
    series = diary.add(**weekly())
    diary.add(**weekly())
    diary.do("cancel_instance", id=series, original_start="2026-03-23T09:00:00+01:00")
    diary.do(
        "edit_instance",
        id=series,
        original_start="2026-03-30T09:00:00+02:00",
        changes={"summary": "x"},
    )
    assert len(diary.list(iCalUID=f"{series}@google.com")) == 3


def test_rule_37_words_and_properties_filter(diary):
    diary.add(
        id="one", summary="Blue Moon", description="in June", **days("2026-03-01", "2026-03-02")
    )
    diary.add(
        id="two",
        summary="moon",
        extendedProperties={"private": {"a": "1", "b": "2"}, "shared": {"c": "3"}},
        **days("2026-03-01", "2026-03-02"),
    )
    assert ids(diary.list(q="MOON june")) == ["one"]
    assert ids(diary.list(q="moon")) == ["one", "two"]
    assert ids(diary.list(privateExtendedProperty=["a=1", "b=2"])) == ["two"]
    assert diary.list(privateExtendedProperty=["a=1", "b=3"]) == []
    assert ids(diary.list(sharedExtendedProperty="c=3")) == ["two"]


def test_rule_38_more_attendees_than_wanted_leave_only_oneself(api):
    events = listed(api.events().list, calendarId=ADA, maxAttendees=3)[0]
    many = next(item for item in events if item.get("attendeesOmitted"))
    assert [person["email"] for person in many["attendees"]] == [ADA]
    few = next(item for item in events if item.get("summary", "").startswith("Stand-up"))
    assert len(few["attendees"]) == 3
    assert "attendeesOmitted" not in few


def test_rule_39_changes_since_a_time_include_deletions_but_not_of_long_ago(google, diary):
    old = diary.add(id="old", **days("2026-03-01", "2026-03-02"))
    google.clock.advance(86_400)
    since = google.clock.now().isoformat()
    google.clock.advance(60)
    diary.add(id="new", **days("2026-03-01", "2026-03-02"))
    assert ids(diary.list(updatedMin=since)) == ["new"]
    diary.do("delete_event", id=old)
    assert ids(diary.list(updatedMin=since)) == ["old", "new"]
    google.clock.advance(29 * 86_400)
    status, error = diary.refused(updatedMin=since)
    assert (status, error["reason"], error["location"]) == (
        410,
        "updatedMinTooLongAgo",
        "updatedMin",
    )


def test_rule_40_a_busy_reader_sees_these_keys_and_no_others(api):
    page = api.events().list(calendarId=BUSY).execute()
    assert page["accessRole"] == "freeBusyReader"
    assert page["items"]
    for item in page["items"]:
        assert list(item) == BUSY_KEYS
        assert item["visibility"] == "private"


@pytest.mark.parametrize(
    ("role", "hidden"),
    [("reader", True), ("writerWithoutPrivateAccess", True), ("writer", False), ("owner", False)],
)
def test_rule_40_private_events_are_hidden_from_some(diary, role, hidden):
    diary.add(id="open", summary="open", **days("2026-03-01", "2026-03-02"))
    diary.add(id="shut", summary="shut", visibility="private", **days("2026-03-01", "2026-03-02"))
    diary.add(
        id="legacy", summary="x", visibility="confidential", **days("2026-03-01", "2026-03-02")
    )
    diary.do("change_role", role=role)
    items = {item["id"]: item for item in diary.list()}
    assert items["open"]["summary"] == "open"
    assert (list(items["shut"]) == BUSY_KEYS) is hidden
    assert (list(items["legacy"]) == BUSY_KEYS) is hidden


def test_rule_41_unknown_and_unreadable_are_404(api, control):
    control("add_account", account="eve@example.com")
    control("add_calendar", calendar="eve@example.com", account="eve@example.com")
    for calendar in ("nobody@example.com", "eve@example.com", "en.usa%23holiday"):
        assert refusal(api.events().list, calendarId=calendar) == (
            404,
            {"domain": "global", "reason": "notFound", "message": "Not Found"},
        )
        assert refusal(api.calendars().get, calendarId=calendar)[0] == 404
        assert refusal(api.calendarList().get, calendarId=calendar)[0] == 404
    assert refusal(api.events().get, calendarId=ADA, eventId="nothing")[0] == 404
    assert api.events().list(calendarId=HOLIDAYS).execute()["items"], "an id with # is found"


def test_rule_42_empty_values_are_left_out_and_never_null(diary):
    diary.add(summary="", location=None, attendees=[], **days("2026-03-01", "2026-03-02"))
    item = diary.list()[0]
    assert not {"summary", "location", "attendees"} & set(item)
    assert "null" not in json.dumps(diary.page())
    assert list(item) == [
        *("kind", "etag", "id", "status", "htmlLink", "created", "updated", "creator"),
        *("organizer", "start", "end", "iCalUID", "sequence", "reminders", "eventType"),
    ]


def test_rule_43_stamps_and_etags_fit(diary):
    diary.add(**days("2026-03-01", "2026-03-02"))
    item = diary.list()[0]
    microseconds = int(item["etag"].strip('"')) // 2
    updated = datetime.fromisoformat(item["updated"]).timestamp()
    assert round(updated * 1000) == microseconds // 1000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", item["updated"])
    assert item["created"].endswith(".000Z")


def test_rule_44_a_page_says_when_the_newest_change_was(diary):
    diary.do("load_events", count=50)
    newest = max(item["updated"] for item in diary.list() if "updated" in item)
    assert diary.page()["updated"] == newest
    diary.add(**days("2026-03-01", "2026-03-02"))
    page = diary.page()
    assert page["updated"] == max(item.get("updated", "") for item in page["items"])
    assert list(page) == [
        *("kind", "etag", "summary", "description", "updated", "timeZone", "accessRole"),
        *("defaultReminders", "nextSyncToken", "items"),
    ]
