"""The calendar list and single calendars, rules 17 to 22."""

from __future__ import annotations

import re

import pytest
from google_steps import ADA, BUSY, HIDDEN, HOLIDAYS, TEAM, ids, listed, refusal


@pytest.fixture
def api(google, service):
    return service(google)


@pytest.fixture
def lists(api):
    return api.calendarList()


def test_rule_17_a_page_holds_100_calendars_by_default_and_250_at_most(control, lists):
    for number in range(260):
        control("add_calendar", calendar=f"c{number}@group.calendar.google.com")
    assert len(lists.list().execute()["items"]) == 100
    assert len(lists.list(maxResults=1000).execute()["items"]) == 250
    assert len(listed(lists.list, maxResults=7)[0]) == 264
    for wrong in (0, -1):
        assert refusal(lists.list, maxResults=wrong)[0] == 400


def test_rule_18_hidden_and_deleted_calendars_are_shown_only_on_request(control, lists):
    control("unshare_calendar", calendar=TEAM)
    assert ids(listed(lists.list)[0]) == [ADA, HOLIDAYS, BUSY]
    hidden = {entry["id"]: entry for entry in listed(lists.list, showHidden=True)[0]}
    assert hidden[HIDDEN]["hidden"] is True
    deleted = {entry["id"]: entry for entry in listed(lists.list, showDeleted=True)[0]}
    assert deleted[TEAM]["deleted"] is True
    for entry in hidden.values():
        assert all(entry.get(key, True) is True for key in ("hidden", "deleted", "primary"))


def test_rule_19_roles_have_an_order(control, lists):
    control("change_role", calendar=TEAM, role="writerWithoutPrivateAccess")
    expected = {
        "freeBusyReader": [ADA, TEAM, HOLIDAYS, BUSY],
        "reader": [ADA, TEAM, HOLIDAYS],
        "writer": [ADA],
        "owner": [ADA],
    }
    for role, calendars in expected.items():
        assert ids(listed(lists.list, minAccessRole=role)[0]) == calendars


def test_rule_20_a_list_token_is_on_the_last_page_only_and_forbids_restrictions(control, lists):
    first = lists.list(maxResults=2).execute()
    assert "nextSyncToken" not in first
    _, token = listed(lists.list, maxResults=2)
    assert listed(lists.list, syncToken=token)[0] == []
    control("hide_calendar", calendar=HOLIDAYS)
    control("unshare_calendar", calendar=TEAM)
    control("rename_calendar", calendar=ADA, summary="a read-only field does not surface")
    changed, newer = listed(lists.list, syncToken=token)
    assert sorted(ids(changed)) == sorted([HOLIDAYS, TEAM])
    assert listed(lists.list, syncToken=newer)[0] == []
    for restriction in (
        {"minAccessRole": "owner"},
        {"showOwnOrganizationOnly": True},
        {"showDeleted": False},
        {"showHidden": False},
    ):
        assert refusal(lists.list, syncToken=token, **restriction)[0] == 400


def test_rule_20_an_expired_list_token_is_410(control, lists):
    _, token = listed(lists.list)
    control("expire_sync_tokens")
    status, error = refusal(lists.list, syncToken=token)
    assert (status, error["reason"]) == (410, "fullSyncRequired")


def test_rule_21_an_entrys_etag_is_microseconds_and_the_lists_is_opaque(lists):
    answer = lists.list().execute()
    assert re.fullmatch(r'"p3[0-9a-v]{11}o0o"', answer["etag"])
    assert all(re.fullmatch(r'"\d{16}"', entry["etag"]) for entry in answer["items"])


def test_rule_22_primary_works_in_every_path(api):
    assert api.calendars().get(calendarId="primary").execute()["id"] == ADA
    assert api.calendarList().get(calendarId="primary").execute()["primary"] is True
    plain = api.events().list(calendarId=ADA).execute()
    assert api.events().list(calendarId="primary").execute() == plain
    one = plain["items"][0]
    assert api.events().get(calendarId="primary", eventId=one["id"]).execute() == one
    assert api.events().instances(calendarId="primary", eventId=one["id"]).execute()["items"]


def test_a_shared_calendar_left_and_given_back_is_readable_again(control, api):
    control("unshare_calendar", calendar=TEAM)
    assert refusal(api.events().list, calendarId=TEAM)[0] == 404
    control("share_calendar", calendar=TEAM, account=ADA)
    assert api.events().list(calendarId=TEAM).execute()["accessRole"] == "reader"


def test_an_unknown_action_or_argument_says_what_there_is(google):
    for action, arguments, clue in (
        ("fly", {}, "add_event"),
        ("add_event", {"calendar": ADA}, "'event'"),
        ("set_switch", {"name": "magic", "value": 1}, "short_pages"),
        ("delete_event", {"calendar": ADA, "id": "nobody"}, "nobody"),
    ):
        with pytest.raises(Exception, match=clue):
            google.world.control(action, arguments)
