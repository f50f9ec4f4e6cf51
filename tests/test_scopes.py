"""Google's scopes imply each other; compared as strings they do not."""

from __future__ import annotations

import pytest

from calendar_sync.grants.scopes import READ_WRITE, READONLY, in_words, is_broader, is_sufficient

AUTH = "https://www.googleapis.com/auth/"


@pytest.mark.parametrize(
    "scopes",
    [
        [READONLY],
        [READ_WRITE],
        [AUTH + "calendar.calendarlist.readonly", AUTH + "calendar.events.readonly"],
        [AUTH + "calendar.calendarlist", AUTH + "calendar.events", "openid"],
    ],
)
def test_enough(scopes: list[str]) -> None:
    assert is_sufficient(scopes)


@pytest.mark.parametrize(
    "scopes",
    [
        [],
        [AUTH + "calendar.events"],
        [AUTH + "calendar.events.readonly"],
        [AUTH + "calendar.calendarlist.readonly"],
        [AUTH + "calendar.calendarlist.readonly", AUTH + "calendar.events.owned.readonly"],
        [AUTH + "drive"],
        ["calendar.readonly"],
    ],
)
def test_not_enough(scopes: list[str]) -> None:
    assert not is_sufficient(scopes)


def test_broader_is_whatever_an_export_does_not_need() -> None:
    assert is_broader([READ_WRITE])
    assert is_broader([READONLY, AUTH + "drive"])
    assert not is_broader([READONLY, "openid", AUTH + "userinfo.email"])
    assert not is_broader(
        [AUTH + "calendar.calendarlist.readonly", AUTH + "calendar.events.readonly"]
    )


def test_words_for_a_message_repeat_nothing_strange() -> None:
    assert in_words([READONLY, "openid"]) == "calendar.readonly, openid"
    assert in_words(["GOCSPX-secret", AUTH + "\x1b[2J", READONLY]) == (
        "calendar.readonly, something else"
    )
    assert in_words([]) == "nothing"
