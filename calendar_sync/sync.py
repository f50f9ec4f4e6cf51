"""Full or incremental: which fetch a calendar needs, and what an answer means. Pure.

https://developers.google.com/workspace/calendar/api/guides/sync
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from calendar_sync.decoding import decoded

PAGE_SIZE = 2500  # the most Google gives; a page costs the same whatever its size
# What the sync token was made with must be asked again with it, else Google's answer is undefined.
PARAMETERS: tuple[tuple[str, str], ...] = (
    ("maxResults", str(PAGE_SIZE)),
    ("singleEvents", "false"),
)
FORMAT = 1  # raised when the mirror must be read anew because it is filled differently


@dataclass(frozen=True)
class FullFetch:
    """Read everything; what is not in the answer does not exist any more."""

    reason: str = "first read"


@dataclass(frozen=True)
class IncrementalFetch:
    """Read what changed since the sync token was given. A window cannot go with it."""

    sync_token: str


@dataclass(frozen=True)
class CheckFetch:
    """Read what changed, then everything, and compare: do sync tokens still tell us all?"""

    sync_token: str


@dataclass(frozen=True)
class WindowFetch:
    """Read the occurrences that overlap [start, end), expanded by Google; for backfills."""

    start: dt.datetime
    end: dt.datetime


Fetch = FullFetch | IncrementalFetch
Plan = Fetch | CheckFetch


@decoded
class EventsPage(msgspec.Struct, rename="camel"):
    """One page of `events.list`; the items stay raw."""

    kind: str
    items: list[msgspec.Raw] = []
    next_page_token: str | None = None
    next_sync_token: str | None = None
    time_zone: str = ""


class Stub(msgspec.Struct, rename="camel", gc=False):
    """The few fields of a resource that decide where it goes."""

    id: str
    status: str | None = None
    recurring_event_id: str | None = None
    recurrence: Any = None


_Json = TypeVar("_Json", bytes, msgspec.Raw)
_decode_stub = msgspec.json.Decoder(Stub).decode


def read_stub(item: _Json) -> tuple[_Json | bytes, Stub | None]:
    """Return the resource, on one line as its page is, and its stub; half surrogates are slower."""
    try:
        return item, _decode_stub(item)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        pass
    import json  # whoever only looks at the mirror needs none of it

    try:
        value = json.loads(bytes(item))
        return json.dumps(value, separators=(",", ":")).encode(), msgspec.convert(value, Stub)
    except (ValueError, TypeError, msgspec.MsgspecError):
        return b"", None


class Kind:
    """What a mirrored resource is; the numbers are stored."""

    SINGLE, SERIES, EDITED, CANCELLED = 0, 1, 2, 3


@dataclass(frozen=True)
class SyncState:
    """What the mirror knows of a calendar's last complete read."""

    sync_token: str | None
    fingerprint: str
    full_read_at: dt.datetime | None
    time_zone: str


def fingerprint() -> str:
    """Identify the parameters and the storage format a sync token was obtained with."""
    text = f"{FORMAT}:{PARAMETERS}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def choose_fetch(
    state: SyncState | None,
    *,
    time_zone: str,
    now: dt.datetime,
    full_every: dt.timedelta,
    full: bool = False,
) -> Plan:
    """Choose incremental wherever it is sound; the reason of a full read is for the log."""
    if state is None or state.full_read_at is None:
        return FullFetch()
    if full:
        return FullFetch("asked for")
    if state.sync_token is None or state.fingerprint != fingerprint():
        return FullFetch("made by another version")
    if time_zone and time_zone != state.time_zone:
        return FullFetch("the calendar's time zone changed")
    if now - state.full_read_at >= full_every or now < state.full_read_at:
        return CheckFetch(state.sync_token)
    return IncrementalFetch(state.sync_token)


def kind_of(stub: Stub) -> int | None:
    """Tell what a resource is; None for a deletion.

    A cancelled occurrence is kept: with `singleEvents=false` it is the only record of the hole, as
    Google adds no EXDATE to the series.
    """
    if stub.status == "cancelled":
        return Kind.CANCELLED if stub.recurring_event_id else None
    if stub.recurring_event_id:
        return Kind.EDITED
    return Kind.SERIES if stub.recurrence else Kind.SINGLE


def is_suspicious_loss(before: int, after: int) -> bool:
    """Whether a full read lost so much that it looks like Google's or a proxy's mistake."""
    return (before > 0 and after == 0) or (before >= 20 and after * 2 < before)
