"""What each edit leaves behind: the table of facts 2.5, and the corners of splitting a series."""

from __future__ import annotations

import threading

import pytest
from google_steps import ADA, BERLIN, TEAM, Diary, days, ids, listed, timed, weekly

from calendar_sync.emulator.actions import ACTIONS
from calendar_sync.emulator.api import ApiError
from calendar_sync.emulator.world import World

TOMBSTONE = ["kind", "etag", "id", "status"]
FIRST = "2026-03-16T09:00:00+01:00"
SECOND, THIRD = "2026-03-23T09:00:00+01:00", "2026-03-30T09:00:00+02:00"


@pytest.fixture
def diary(google, service, control):
    control("add_calendar", calendar="diary@x", time_zone=BERLIN)
    return Diary(control, service(google).events(), "diary@x")


def dates(diary: Diary) -> list[str]:
    """The days of all occurrences."""
    items = diary.list(singleEvents=True, orderBy="startTime", timeMax="2027-01-01T00:00:00Z")
    return [(item["start"].get("dateTime") or item["start"]["date"])[5:10] for item in items]


def test_a_new_event_is_one_item_of_a_delta_and_like_googles(diary):
    token = diary.token()
    event = diary.add(**weekly())
    (item,) = diary.list(syncToken=token)
    assert len(event) == 26
    assert item["iCalUID"] == f"{event}@google.com"
    assert item["organizer"] == {"email": "diary@x", "displayName": "diary@x", "self": True}
    assert item["htmlLink"].startswith("https://www.google.com/calendar/event?eid=")


def test_a_series_without_a_zone_gets_the_calendars(diary):
    diary.add(
        **timed("2026-03-16T08:00:00Z", "2026-03-16T09:00:00Z", None),
        recurrence=["RRULE:FREQ=DAILY;COUNT=2"],
    )
    (item,) = diary.list()
    assert item["start"] == {"dateTime": FIRST, "timeZone": BERLIN}


def test_an_edit_changes_removes_and_keeps(diary):
    event = diary.add(summary="a", location="b", **days("2026-03-01", "2026-03-02"))
    token = diary.token()
    diary.do("edit_event", id=event, changes={"summary": "c", "location": None, "colorId": "11"})
    (item,) = diary.list(syncToken=token)
    assert (item["summary"], item["colorId"], item["sequence"]) == ("c", "11", 0)
    assert "location" not in item
    diary.do("move_event", id=event, **days("2026-03-05", "2026-03-06"))
    assert diary.list(syncToken=token)[0]["sequence"] == 1


def test_stamps_grow_although_the_clock_stands_still():
    world = World()
    etags = []
    for number in range(5):
        event = world.control(
            "add_event",
            {
                "calendar": ADA,
                "event": days(f"2026-03-0{number + 1}", "2026-03-09"),
                "now": "2026-04-01T00:00:00Z",
            },
        )
        state = world.control("list_state", {"calendar": ADA})["items"]
        etags.append(
            next(int(item["etag"].strip('"')) for item in state if item["id"] == event["id"])
        )
    assert etags == sorted(set(etags))
    world.control(
        "touch_event", {"calendar": ADA, "id": event["id"], "now": "2026-01-01T00:00:00Z"}
    )
    state = world.control("list_state", {"calendar": ADA})["items"]
    assert max(int(item["etag"].strip('"')) for item in state) > etags[-1]


def test_a_cancelled_occurrence_comes_back_when_it_is_edited(diary):
    series = diary.add(**weekly())
    diary.do("cancel_instance", id=series, original_start=SECOND)
    assert dates(diary) == ["03-16", "03-30", "04-06", "04-13"]
    instance = diary.do("edit_instance", id=series, original_start=SECOND, changes={"summary": "x"})
    assert instance == {"id": f"{series}_20260323T080000Z"}
    assert dates(diary) == ["03-16", "03-23", "03-30", "04-06", "04-13"]


def test_an_exception_is_edited_further_by_its_own_id(diary):
    series = diary.add(**weekly())
    instance = diary.do(
        "edit_instance", id=series, original_start=SECOND, changes={"summary": "x"}
    )["id"]
    token = diary.token()
    diary.do("edit_event", id=instance, changes={"summary": "y"})
    delta = diary.list(syncToken=token)
    assert ids(delta) == [series, instance]
    assert delta[1]["summary"] == "y"
    diary.do("cancel_instance", id=series, original_start=instance)
    assert diary.list(syncToken=token)[1]["status"] == "cancelled"


def test_occurrences_that_are_none_cannot_be_edited(google, diary):
    series = diary.add(**weekly())
    diary.do("cancel_instance", id=series, original_start=SECOND)
    wrong = [
        ("cancel_instance", {"id": series, "original_start": "2026-03-24T09:00:00+01:00"}),
        ("cancel_instance", {"id": series, "original_start": SECOND}),
        ("cancel_instance", {"id": "nothing", "original_start": SECOND}),
        ("delete_event", {"id": f"{series}_20260323T080000Z"}),
    ]
    before = diary.token()
    for action, arguments in wrong:
        with pytest.raises(ApiError) as refused:
            google.world.control(action, {"calendar": "diary@x", **arguments})
        assert refused.value.status == 400
    assert diary.token() == before, "a refused edit changes nothing"


def test_a_series_that_moves_makes_its_exceptions_tombstones(diary):
    series = diary.add(**weekly())
    diary.do("cancel_instance", id=series, original_start=SECOND)
    token = diary.token()
    diary.do(
        "move_event", id=series, **timed("2026-03-17T09:00:00+01:00", "2026-03-17T10:00:00+01:00")
    )
    orphan, master = diary.list(syncToken=token)
    assert list(orphan) == TOMBSTONE
    assert (master["id"], master["sequence"]) == (series, 1)
    assert dates(diary) == ["03-17", "03-24", "03-31", "04-07", "04-14"]


def test_deleting_this_and_following_leaves_no_new_series(diary):
    series = diary.add(**weekly())
    diary.do("cancel_instance", id=series, original_start="2026-04-06T09:00:00+02:00")
    token = diary.token()
    assert diary.do("split_series", id=series, at=THIRD, delete=True) == {"id": None}
    old, orphan = diary.list(syncToken=token)
    assert old["recurrence"] == ["RRULE:FREQ=WEEKLY;UNTIL=20260329T215959Z"]
    assert list(orphan) == TOMBSTONE
    assert dates(diary) == ["03-16", "03-23"]


def test_deleting_this_and_following_at_the_first_leaves_a_series_without_dates(diary):
    """As Google does (facts 3.2, khal 398): UNTIL lies before the start."""
    series = diary.add(**weekly())
    diary.do("split_series", id=series, at=FIRST, delete=True)
    assert diary.list()[0]["recurrence"] == ["RRULE:FREQ=WEEKLY;UNTIL=20260315T225959Z"]
    assert dates(diary) == []


def test_changing_all_from_the_first_on_changes_the_series_itself(diary):
    series = diary.add(**weekly())
    assert diary.do("split_series", id=series, at=FIRST, changes={"summary": "x"}) == {"id": series}
    assert [item["summary"] for item in diary.list()] == ["x"]


def test_a_series_can_be_split_twice_and_then_edited_whole(diary):
    series = diary.add(**weekly())
    second = diary.do("split_series", id=series, at=SECOND, changes={"summary": "b"})["id"]
    third = diary.do("split_series", id=second, at=THIRD, changes={"summary": "c"})["id"]
    assert third == f"{series}_R20260330T070000", "not _R…_R…"
    assert dates(diary) == ["03-16", "03-23", "03-30", "04-06", "04-13"]
    assert diary.do("edit_series", id=second, changes={"summary": "all"}) == {
        "ids": [series, second, third]
    }
    assert {item["summary"] for item in diary.list()} == {"all"}


def test_splitting_an_all_day_series_uses_days(diary):
    series = diary.add(
        **days("2026-03-02", "2026-03-03"),
        recurrence=["RDATE;VALUE=DATE:20260303,20260320", "RRULE:FREQ=WEEKLY;UNTIL=20260323"],
    )
    assert dates(diary) == ["03-02", "03-03", "03-09", "03-16", "03-20", "03-23"]
    follower = diary.do("split_series", id=series, at="2026-03-16", changes={"summary": "b"})["id"]
    old, new = diary.list()
    assert follower == new["id"] == f"{series}_R20260316"
    assert old["recurrence"] == ["RDATE;VALUE=DATE:20260303", "RRULE:FREQ=WEEKLY;UNTIL=20260315"]
    assert new["recurrence"] == ["RDATE;VALUE=DATE:20260320", "RRULE:FREQ=WEEKLY;UNTIL=20260323"]
    assert dates(diary) == ["03-02", "03-03", "03-09", "03-16", "03-20", "03-23"]


def test_an_edit_of_a_series_sends_its_exceptions_again(diary):
    series = diary.add(**weekly())
    instance = diary.do("cancel_instance", id=series, original_start=SECOND)["id"]
    token = diary.token()
    diary.do("touch_event", id=series)
    delta = diary.list(syncToken=token)
    assert ids(delta) == [series, instance]
    assert delta[0]["etag"] == delta[1]["etag"]


def test_a_single_event_can_become_a_series_and_be_one_again(diary):
    event = diary.add(**timed("2026-03-16T09:00:00+01:00", "2026-03-16T10:00:00+01:00"))
    diary.do("edit_event", id=event, changes={"recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]})
    diary.do("cancel_instance", id=event, original_start="2026-03-17T09:00:00+01:00")
    assert dates(diary) == ["03-16", "03-18"]
    token = diary.token()
    diary.do("edit_event", id=event, changes={"recurrence": None})
    assert [list(item) == TOMBSTONE for item in diary.list(syncToken=token)] == [True, False]
    assert dates(diary) == ["03-16"]


def test_a_deleted_id_can_be_used_again(diary):
    diary.add(id="again", summary="old", **days("2026-03-01", "2026-03-02"))
    token = diary.token()
    diary.do("delete_event", id="again")
    diary.add(id="again", summary="new", **days("2026-03-01", "2026-03-02"))
    (item,) = diary.list(syncToken=token)
    assert item["summary"] == "new"


def test_a_renamed_calendar_says_so_everywhere(google, service, control):
    control("rename_calendar", calendar=TEAM, summary="Band & Friends")
    api = service(google)
    assert api.calendars().get(calendarId=TEAM).execute()["summary"] == "Band & Friends"
    assert api.calendarList().get(calendarId=TEAM).execute()["summary"] == "Band & Friends"
    assert api.events().list(calendarId=TEAM).execute()["summary"] == "Band & Friends"


def test_a_reset_calendar_is_empty_and_lives_on(diary):
    diary.add(**weekly())
    diary.do("reset_calendar")
    assert diary.list() == []
    token = diary.token()
    event = diary.add(**weekly())
    assert ids(diary.list(syncToken=token)) == [event]


def test_random_edits_are_the_same_for_a_seed_and_can_be_told_apart():
    worlds = World(), World()
    for seed in range(80):
        first, second = (world.control("random_edit", {"seed": seed}) for world in worlds)
        assert first == second
        assert first["action"] in ACTIONS
    states = [world.control("list_state", {"calendar": ADA}) for world in worlds]
    assert states[0] == states[1]


def test_every_action_is_in_the_table():
    from calendar_sync.emulator import actions

    rows = [line.split("|")[1].strip() for line in actions.__doc__.splitlines() if line[:2] == "| "]
    assert rows[1:] == list(ACTIONS)


def test_switches_can_be_set_for_one_calendar_alone(control, diary):
    answer = diary.do("set_switch", name="no_sync_token", value=True)
    assert answer["no_sync_token"] is True
    assert "nextSyncToken" not in diary.page()
    assert listed(diary.events.list, calendarId=ADA)[1]
    assert control("stats")["requests"] > 0


def test_edits_and_listings_from_many_threads_do_not_disturb_each_other(google, service, diary):
    """One writer, three readers: every listing is a state that there was, and complete."""
    diary.do("load_events", count=300)
    failures: list[object] = []

    def read() -> None:
        events = service(google).events()
        for _ in range(5):
            items, token = listed(events.list, calendarId="diary@x", maxResults=50)
            if len(items) < 300 or len(set(ids(items))) != len(items) or not token:
                failures.append(len(items))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(60):
        diary.add(summary=str(number), **days("2026-03-01", "2026-03-02"))
    for reader in readers:
        reader.join()
    assert failures == []
    assert len(diary.list()) == 360
