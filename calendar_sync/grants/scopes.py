"""What a grant's scopes allow: whether they are enough to export calendars, and whether too much.

google-auth compares scopes as strings, so that there `calendar` does not imply
`calendar.readonly`; here is the table of what implies what.
"""

from __future__ import annotations

from collections.abc import Iterable

PREFIX = "https://www.googleapis.com/auth/"
READONLY = PREFIX + "calendar.readonly"
READ_WRITE = PREFIX + "calendar"

# An export calls calendarList.list and events.list; the sets are from Google's discovery document.
# `calendar.events.owned` and its like are left out: they hide other people's calendars silently.
_LISTS_AND_READS = {READONLY, READ_WRITE}
_LISTS = {PREFIX + "calendar.calendarlist", PREFIX + "calendar.calendarlist.readonly"}
_READS = {PREFIX + "calendar.events", PREFIX + "calendar.events.readonly"}

_ONLY_READS = {READONLY} | {scope for scope in _LISTS | _READS if scope.endswith(".readonly")}
_WHO = {"openid", "email", "profile", PREFIX + "userinfo.email", PREFIX + "userinfo.profile"}


def is_sufficient(scopes: Iterable[str]) -> bool:
    """Say whether `scopes` let us list the calendars and read their events."""
    given = set(scopes)
    return bool(given & _LISTS_AND_READS) or bool(given & _LISTS and given & _READS)


def is_broader(scopes: Iterable[str]) -> bool:
    """Say whether `scopes` allow more than reading calendars and knowing who the user is."""
    return bool(set(scopes) - _ONLY_READS - _WHO)


def in_words(scopes: Iterable[str]) -> str:
    """Name `scopes` for a message: Google's by their short names, all others as one.

    Scopes come from files that may hold anything, so a word we cannot place is not repeated.
    """
    short = sorted({_short(scope) for scope in scopes}, key=lambda word: (" " in word, word))
    return ", ".join(short) or "nothing"


def _short(scope: str) -> str:
    name = scope.removeprefix(PREFIX)
    is_known = scope in _WHO or name != scope
    is_plain = len(name) <= 60 and name.replace(".", "").replace("_", "").isalnum()
    return name if is_known and is_plain and name.isascii() else "something else"
