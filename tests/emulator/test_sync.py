"""Sync tokens and deltas, rules 45 to 60."""

from __future__ import annotations

import base64

import pytest
from google_steps import (
    ADA,
    BERLIN,
    TEAM,
    Diary,
    days,
    ids,
    listed,
    refusal,
    timed,
    weekly,
)

TOMBSTONE = ["kind", "etag", "id", "status"]
HOLE = [*TOMBSTONE, "recurringEventId", "originalStartTime"]
SECOND, THIRD = "2026-03-23T09:00:00+01:00", "2026-03-30T09:00:00+02:00"


@pytest.fixture
def api(google, service):
    return service(google)


@pytest.fixture
def diary(api, control):
    control("add_calendar", calendar="diary@x", time_zone=BERLIN)
    return Diary(control, api.events(), "diary@x")


def one_etag(items: list[dict]) -> bool:
    return len({item["etag"] for item in items}) == 1


def follow(copy: dict[str, dict], delta: list[dict]) -> None:
    """Apply a delta as facts 2.7 recommend."""
    for item in delta:
        if item["status"] == "cancelled" and "recurringEventId" not in item:
            gone = item["id"]
            for key in [key for key, one in copy.items() if one.get("recurringEventId") == gone]:
                del copy[key]
            copy.pop(gone, None)
        else:
            copy[item["id"]] = item


def test_rule_45_a_token_looks_like_a_real_one(diary):
    diary.add(**days("2026-03-01", "2026-03-02"))
    token = diary.token()
    assert len(token) in (36, 40, 44)
    assert len(token) % 4 == 0
    message = base64.urlsafe_b64decode(token)
    assert message[0] == 0x08, "field 1, an integer"
    microseconds = int(diary.list()[0]["etag"].strip('"')) // 2
    stamp = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(message[1:9]))
    assert stamp == microseconds
    assert message[18:20] == bytes([0x18, 5]), "field 3, the mode"


@pytest.mark.parametrize(
    "forbidden",
    [
        {"iCalUID": "x"},
        {"orderBy": "updated"},
        {"privateExtendedProperty": "a=b"},
        {"sharedExtendedProperty": "a=b"},
        {"q": "x"},
        {"timeMin": "2026-01-01T00:00:00Z"},
        {"timeMax": "2026-01-01T00:00:00Z"},
        {"updatedMin": "2026-01-01T00:00:00Z"},
    ],
    ids=lambda value: next(iter(value)),
)
def test_rule_46_a_token_forbids_restrictions(diary, forbidden):
    assert diary.refused(syncToken=diary.token(), **forbidden)[0] == 400


def test_rule_47_a_token_forbids_not_showing_deleted(diary):
    token = diary.token()
    assert diary.refused(syncToken=token, showDeleted=False)[0] == 400
    assert diary.page(syncToken=token, showDeleted=True)["items"] == []


def test_rule_48_other_parameters_than_at_first_are_refused_only_when_strict(diary):
    token = diary.token()
    assert diary.page(syncToken=token, singleEvents=True)
    diary.do("set_switch", name="strict_sync", value=True)
    for changed in ({"singleEvents": True}, {"eventTypes": ["default"]}, {"maxAttendees": 2}):
        assert diary.refused(syncToken=token, **changed)[0] == 400
    assert diary.page(syncToken=token)["items"] == []


def test_rule_49_a_token_carries_no_window(diary):
    token = diary.token(timeMin="2026-01-01T00:00:00Z", timeMax="2026-02-01T00:00:00Z")
    outside = diary.add(**days("2031-01-01", "2031-01-02"))
    assert ids(diary.list(syncToken=token)) == [outside]


def test_rule_50_shapes_of_deletions(diary):
    single, series = diary.add(**days("2026-03-01", "2026-03-02")), diary.add(**weekly())
    diary.do("cancel_instance", id=series, original_start=SECOND)
    token = diary.token()
    diary.do("delete_event", id=single)
    diary.do("delete_event", id=series)
    delta = diary.list(syncToken=token)
    assert ids(delta) == [single, series], "nothing about the exception"
    assert [list(item) for item in delta] == [TOMBSTONE, TOMBSTONE]
    detailed = diary.list(syncToken=token, showDeleted=True)
    assert detailed[1]["summary"] == "Weekly"


def test_rule_50_one_change_has_one_etag(diary):
    series = diary.add(**weekly())
    token = diary.token()
    created = diary.list(syncToken=token)
    assert created == []
    diary.do("edit_event", id=series, changes={"summary": "All"})
    diary.do("cancel_instance", id=series, original_start=SECOND)
    delta = diary.list(syncToken=token)
    assert ids(delta) == [series, f"{series}_20260323T080000Z"]
    assert one_etag(delta)
    assert list(delta[1]) == HOLE


def test_rule_51_touching_an_instance_sends_the_series_and_all_its_exceptions(diary):
    series = diary.add(**weekly())
    diary.do("edit_instance", id=series, original_start=SECOND, changes={"summary": "one"})
    diary.do("cancel_instance", id=series, original_start="2026-04-06T09:00:00+02:00")
    token = diary.token()
    moved = timed("2026-03-31T20:00:00+02:00", "2026-03-31T21:00:00+02:00")
    diary.do("move_instance", id=series, original_start=THIRD, **moved)
    delta = diary.list(syncToken=token)
    assert ids(delta) == [
        series,
        f"{series}_20260323T080000Z",
        f"{series}_20260406T070000Z",
        f"{series}_20260330T070000Z",
    ]
    assert one_etag(delta)
    assert delta[3]["start"]["dateTime"] == "2026-03-31T20:00:00+02:00"
    assert delta[3]["originalStartTime"]["dateTime"] == THIRD
    assert (delta[1]["sequence"], delta[3]["sequence"]) == (0, 1)


def test_rule_52_a_deleted_instance_adds_no_exdate(diary):
    series = diary.add(**weekly())
    diary.do("cancel_instance", id=series, original_start=SECOND)
    assert diary.list()[0]["recurrence"] == ["RRULE:FREQ=WEEKLY;COUNT=5"]


def test_rule_53_this_and_following_splits_a_series(diary):
    series = diary.add(**weekly())
    for start in (SECOND, "2026-04-06T09:00:00+02:00"):
        diary.do("edit_instance", id=series, original_start=start, changes={"summary": "x"})
    token = diary.token()
    diary.do("split_series", id=series, at=THIRD, changes={"summary": "New"})
    old, survivor, orphan, new = diary.list(syncToken=token)
    assert old["id"] == series
    assert old["recurrence"] == ["RRULE:FREQ=WEEKLY;UNTIL=20260329T215959Z"]
    assert survivor["id"] == f"{series}_20260323T080000Z"
    assert (orphan["id"], list(orphan)) == (f"{series}_20260406T070000Z", TOMBSTONE)
    assert new["id"] == f"{series}_R20260330T070000"
    assert new["iCalUID"] == f"{series}_R20260330T070000@google.com"
    assert new["start"]["dateTime"] == THIRD
    assert new["recurrence"] == ["RRULE:FREQ=WEEKLY;COUNT=3"]
    assert one_etag([old, survivor, orphan, new])


def test_rule_54_deltas_are_paged_and_end_with_a_token(diary):
    token = diary.token()
    diary.do("add_events", events=[days("2026-03-01", "2026-03-02")] * 25)
    first = diary.page(syncToken=token, maxResults=10)
    assert "nextSyncToken" not in first
    page = first["nextPageToken"]
    assert len(diary.page(syncToken=token, maxResults=10, pageToken=page)["items"]) == 10
    assert diary.refused(maxResults=10, pageToken=page)[0] == 400, "the sync token is missing"
    items, newer = listed(diary.events.list, calendarId="diary@x", syncToken=token, maxResults=10)
    assert len(items) == 25
    empty = diary.page(syncToken=newer)
    assert empty["items"] == []
    assert empty["nextSyncToken"]


FULL_SYNC = {
    "domain": "calendar",
    "reason": "fullSyncRequired",
    "message": "Sync token is no longer valid, a full sync is required.",
    "locationType": "parameter",
    "location": "syncToken",
}


@pytest.mark.parametrize(
    ("action", "arguments"),
    [
        ("expire_sync_tokens", {}),
        ("reset_calendar", {}),
        ("change_role", {"role": "writer"}),
    ],
)
def test_rule_55_tokens_end_with_410(diary, action, arguments):
    token = diary.token()
    diary.do(action, **arguments)
    assert diary.refused(syncToken=token) == (410, FULL_SYNC)
    assert diary.token() != token


def test_rule_55_one_calendars_tokens_end_alone(diary, control, api):
    token, other = diary.token(), listed(api.events().list, calendarId=TEAM)[1]
    diary.do("expire_sync_tokens")
    assert diary.refused(syncToken=token)[0] == 410
    assert api.events().list(calendarId=TEAM, syncToken=other).execute()["items"] == []
    control("expire_sync_tokens")
    assert refusal(api.events().list, calendarId=TEAM, syncToken=other)[0] == 410


def test_rule_55_tokens_can_grow_too_old_and_rights_can_change_without(google, diary):
    diary.do("set_switch", name="token_age_days", value=20)
    token = diary.token()
    google.clock.advance(19 * 86_400)
    assert diary.page(syncToken=token)["nextSyncToken"] == token, "given again, so fresh again"
    google.clock.advance(19 * 86_400)
    assert diary.page(syncToken=token)
    google.clock.advance(21 * 86_400)
    assert diary.refused(syncToken=token)[0] == 410
    diary.do("set_switch", name="acl_expires", value=False)
    token = diary.token()
    diary.do("change_role", role="writer")
    assert diary.page(syncToken=token)["items"] == []


def test_rule_55_garbage_is_400_when_short_and_410_when_long(diary):
    token = diary.token()
    status, error = diary.refused(syncToken="x")
    assert (status, error["message"]) == (400, "Invalid Value")
    for garbage in (f"1{token}", token[:-4], "n" * 20, token[:8] + "A" + token[9:]):
        assert diary.refused(syncToken=garbage)[0] == 410


def test_rule_56_tombstones_disappear_and_a_full_sync_stays_right(google, diary):
    event = diary.add(**days("2026-03-01", "2026-03-02"))
    token = diary.token()
    diary.do("set_switch", name="tombstone_days", value=30)
    diary.do("delete_event", id=event)
    assert ids(diary.list(syncToken=token)) == [event]
    google.clock.advance(31 * 86_400)
    assert diary.list(syncToken=token) == []
    assert diary.list() == []


def test_rule_57_expanded_deltas_have_no_window(diary):
    start = timed("2026-12-07T09:00:00Z", "2026-12-07T10:00:00Z", "UTC")
    window = {"timeMin": "2026-12-01T00:00:00Z", "timeMax": "2027-01-01T00:00:00Z"}
    series = diary.add(**start, recurrence=["RRULE:FREQ=WEEKLY"])
    token = diary.token(singleEvents=True, **window)
    diary.do("edit_event", id=series, changes={"summary": "touched"})
    delta = diary.list(singleEvents=True, syncToken=token)
    assert len(delta) > 700
    assert max(item["start"]["dateTime"] for item in delta) > "2040"
    assert series not in ids(delta)


def test_rule_57_a_deleted_series_names_only_half_a_year_of_instances(google, diary):
    today = google.clock.now().date().isoformat()
    start = timed(f"{today}T23:59:00Z", f"{today}T23:59:30Z", "UTC")
    series = diary.add(**start, recurrence=["RRULE:FREQ=WEEKLY"])
    token = diary.token(singleEvents=True)
    diary.do("delete_event", id=series)
    whole = diary.list(singleEvents=True, syncToken=token)
    assert len(whole) == 730
    assert all(list(item) == HOLE for item in whole)
    diary.do("set_switch", name="six_months", value=True)
    assert 26 <= len(diary.list(singleEvents=True, syncToken=token)) <= 27


def test_rule_57_expanded_deltas_cancel_what_a_series_lost(diary):
    series = diary.add(**weekly())
    token = diary.token(singleEvents=True)
    diary.do("split_series", id=series, at=THIRD, delete=True)
    delta = {item["id"]: item["status"] for item in diary.list(singleEvents=True, syncToken=token)}
    assert list(delta.values()) == ["confirmed"] * 2 + ["cancelled"] * 3
    copy = set(ids(diary.list(singleEvents=True)))
    assert copy == {key for key, status in delta.items() if status == "confirmed"}


def test_rule_58_an_event_may_change_while_it_is_listed(diary):
    diary.do("load_events", count=60)
    before = {item["id"]: item for item in diary.list()}
    diary.do("set_switch", name="mutate_listings", value=1)
    items, token = listed(diary.events.list, calendarId="diary@x", maxResults=5)
    assert any("edited while listed" in item.get("summary", "") for item in items)
    assert set(ids(items)) == set(before)
    assert len(items) > len(before), "some came again"
    diary.do("set_switch", name="mutate_listings", value=0)
    copy: dict[str, dict] = {}
    follow(copy, items)
    follow(copy, diary.list(syncToken=token))
    assert copy == {item["id"]: item for item in diary.list()}


def test_rule_59_a_token_is_not_used_up(diary):
    token = diary.token()
    diary.add(**weekly())
    assert diary.list(syncToken=token) == diary.list(syncToken=token) != []


def test_rule_60_tokens_belong_to_one_calendar_and_one_kind_of_list(api):
    mine, listing = (
        listed(api.events().list, calendarId=ADA)[1],
        listed(api.calendarList().list)[1],
    )
    assert refusal(api.events().list, calendarId=TEAM, syncToken=mine)[0] == 410
    assert refusal(api.calendarList().list, syncToken=mine)[0] == 410
    assert refusal(api.events().list, calendarId=ADA, syncToken=listing)[0] == 410


def test_listings_can_lie(diary):
    diary.do("load_events", count=80)
    complete = diary.list()
    diary.do("set_switch", name="duplicate_items", value=0.2)
    assert len(diary.list()) > len(complete)
    diary.do("set_switch", name="duplicate_items", value=0)
    diary.do("set_switch", name="no_sync_token", value=True)
    page = diary.page()
    assert not {"nextSyncToken", "nextPageToken"} & set(page)
    diary.do("set_switch", name="no_sync_token", value=False)
    diary.do("set_switch", name="shrink", value=True)
    assert 0 < len(diary.list()) < len(complete) * 0.75
    diary.do("set_switch", name="pretend_empty", value=True)
    assert diary.page()["items"] == []
    assert diary.token()


@pytest.mark.parametrize("seed", range(6))
def test_an_incremental_copy_equals_a_fresh_one_after_random_edits(diary, seed):
    """Rules 30, 50 to 54 and 59 together: 60 edits, synchronised now and then."""
    diary.do("load_events", count=40, seed=seed)
    if seed % 2:
        diary.do("load_fuzz")
    diary.do("set_switch", name="short_pages", value=0.3)
    diary.do("set_switch", name="empty_pages", value=0.3)
    items, token = listed(diary.events.list, calendarId="diary@x")
    copy = {item["id"]: item for item in items}
    for step in range(60):
        diary.do("random_edit", seed=f"{seed}-{step}")
        if step % 7 == seed:
            delta, token = listed(diary.events.list, calendarId="diary@x", syncToken=token)
            follow(copy, delta)
            assert copy == {item["id"]: item for item in diary.list()}
    delta, token = listed(diary.events.list, calendarId="diary@x", syncToken=token, maxResults=3)
    follow(copy, delta)
    assert copy == {item["id"]: item for item in diary.list()}
    assert diary.do("list_state")["items"] == diary.list()


@pytest.mark.parametrize("seed", range(3))
def test_an_expanded_copy_equals_a_fresh_one_after_random_edits(diary, seed):
    """The same with singleEvents=true; series end, as those without are cut at the present."""
    diary.do("set_switch", name="expansion_cap", value=20)
    items, token = listed(diary.events.list, calendarId="diary@x", singleEvents=True)
    copy = {item["id"]: item for item in items}
    for step in range(40):
        diary.do("random_edit", seed=f"{seed}-{step}")
    delta, _ = listed(diary.events.list, calendarId="diary@x", singleEvents=True, syncToken=token)
    for item in delta:
        if item["status"] == "cancelled":
            copy.pop(item["id"], None)
        else:
            copy[item["id"]] = item
    assert copy == {item["id"]: item for item in diary.list(singleEvents=True)}


def test_rule_57_an_expanded_copy_follows_a_series_that_moves_there_and_back(diary):
    """Orphaned exceptions, a series that becomes single, and a single that becomes a series."""
    series = diary.add(**weekly())
    diary.do("edit_instance", id=series, original_start=SECOND, changes={"summary": "x"})
    there = timed("2026-03-17T09:00:00+01:00", "2026-03-17T10:00:00+01:00")
    back = {key: weekly()[key] for key in ("start", "end")}
    rule = weekly()["recurrence"]
    changes = [there, back, {"recurrence": None}, {"recurrence": rule}, there | {"summary": "y"}]
    items, token = listed(diary.events.list, calendarId="diary@x", singleEvents=True)
    copy = {item["id"]: item for item in items}
    for change in changes:
        diary.do("edit_event", id=series, changes=change)
        delta, token = listed(
            diary.events.list, calendarId="diary@x", singleEvents=True, syncToken=token
        )
        assert len(set(ids(delta))) == len(delta)
        for item in delta:
            copy.pop(item["id"], None)
        copy |= {item["id"]: item for item in delta if item["status"] != "cancelled"}
        assert copy == {item["id"]: item for item in diary.list(singleEvents=True)}
