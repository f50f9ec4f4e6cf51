"""The `fields` parameter: Google's partial responses.

Grammar (performance guide): a comma list of paths; `a/b` goes down, `a(b,c)` selects below `a`,
`*` is any name. A name that no Calendar resource has is refused, as Google refuses it.
"""

from __future__ import annotations

import re
from typing import Any

from calendar_sync.emulator.api import ApiError, legacy_error

Tree = dict[str, "Tree"]  # an empty tree selects everything below

_WORD = re.compile(r"[A-Za-z0-9_*@.-]+|[(),/]")
# Below these a person's own keys follow.
_FREE_KEYS = {"private", "shared", "preferences", "calendar", "event", "calendars", "groups"}
# Every property of the discovery document's read side (revision 20261030).
_NAMES = """
accessRole additionalGuests address allowedConferenceSolutionTypes anyoneCanAddSelf attachments
attendees attendeesOmitted autoAcceptInvitations autoDeclineMode background backgroundColor
birthdayProperties buildingId calendar chatStatus colorId comment conferenceData conferenceId
conferenceProperties conferenceSolution conferenceSolutionKey contact created createRequest
creator customLocation customTypeName dataOwner date dateTime declineMessage defaultReminders
deleted description deskId display displayName email end endTimeUnspecified entryPointFeatures
entryPoints entryPointType etag event eventLabelId eventLabels eventType extendedProperties
fileId fileUrl floorId floorSectionId focusTimeProperties foreground foregroundColor gadget
guestsCanInviteOthers guestsCanModify guestsCanSeeOtherGuests hangoutLink height hidden
homeOffice htmlLink iCalUID iconLink iconUri id items key kind label labelProperties link
location locked meetingCode method mimeType minutes name nextPageToken nextSyncToken notes
notifications notificationSettings officeLocation optional organizer originalStartTime
outOfOfficeProperties overrides parameters params passcode password pin preferences primary
private privateCopy recurrence recurringEventId regionCode reminders requestId resource
responseStatus role scope selected self sequence shared signature source start status statusCode
summary summaryOverride timeZone title transparency type updated uri url useDefault value
visibility width workingLocationProperties
"""
# And those of the directory's users that are shown here.
_USERS = """
archived customerId familyName fullName givenName isAdmin isDelegatedAdmin isMailboxSetup orgUnitPath
primaryEmail suspended suspensionReason users
"""
_KNOWN = frozenset((_NAMES + _USERS).split())


def parse_fields(text: str) -> Tree:
    """Parse a selector; raise the ApiError 400 invalidParameter if it is bad."""
    words = _WORD.findall(text)
    if "".join(words) != re.sub(r"\s", "", text):
        raise _bad(text)
    words.reverse()
    tree = _parse_list(words, text, free=False)
    if words:
        raise _bad(text)
    return tree


def select(value: Any, tree: Tree) -> Any:
    """Keep what the tree names; lists are looked through, absent names stay absent."""
    if not tree:
        return value
    if isinstance(value, list):
        return [select(item, tree) for item in value]
    if not isinstance(value, dict):
        return value
    chosen: dict[str, Any] = {}
    for key, inner in value.items():
        below = tree.get(key, tree.get("*"))
        if below is not None:
            chosen[key] = select(inner, below)
    return chosen


def _parse_list(words: list[str], text: str, *, free: bool) -> Tree:
    tree: Tree = {}
    while True:
        _parse_path(words, text, tree, free=free)
        if not words or words[-1] != ",":
            return tree
        words.pop()


def _parse_path(words: list[str], text: str, tree: Tree, *, free: bool) -> None:
    """Read one path and merge it into `tree`; a whole object stays whole."""
    name = _name(words, text, free=free)
    free = free or name in _FREE_KEYS
    whole = name in tree and not tree[name]
    below: Tree = {} if whole else tree.setdefault(name, {})
    follower = words[-1] if words else ""
    if follower not in ("/", "("):
        tree[name] = {}
        return
    words.pop()
    if follower == "/":
        _parse_path(words, text, below, free=free)
    else:
        _merge(below, _parse_list(words, text, free=free))
        if not words or words.pop() != ")":
            raise _bad(text)
    tree[name] = {} if whole else below


def _name(words: list[str], text: str, *, free: bool) -> str:
    name = words.pop() if words else ""
    if not name or name in "(),/":
        raise _bad(text)
    if not free and name != "*" and name not in _KNOWN:
        raise _bad(name)
    return name


def _merge(tree: Tree, more: Tree) -> None:
    for name, below in more.items():
        if name in tree and tree[name] and below:
            _merge(tree[name], below)
        else:
            tree[name] = {} if name in tree else below


def _bad(selection: str) -> ApiError:
    return legacy_error(
        400,
        "invalidParameter",
        f"Invalid field selection {selection}",
        location="fields",
        location_type="parameter",
    )
