"""What one of Google's answers is: a good page, a passing disturbance, or a message for a person.

Status, reason and shape decide, never the text:
https://developers.google.com/workspace/calendar/api/guides/errors
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import msgspec

from calendar_sync.errors import (
    CalendarSyncError,
    ConsentNeeded,
    SomeFailed,
    TryLater,
    WrongConfiguration,
)
from calendar_sync.resources import without_half_surrogates

_P = TypeVar("_P", bound=msgspec.Struct)

_SLOW_DOWN = frozenset(["rateLimitExceeded", "userRateLimitExceeded", "RESOURCE_EXHAUSTED"])
_GONE_FOR_TODAY = frozenset(["quotaExceeded", "dailyLimitExceeded"])
_SCOPE = frozenset(["insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"])
NOT_ENABLED = frozenset(["accessNotConfigured", "SERVICE_DISABLED"])


class BadAnswer(Exception):
    """No answer, or one that is not Google's; worth another try. `retry_after` is in seconds."""

    def __init__(self, why: str, retry_after: float | None = None) -> None:
        super().__init__(why)
        self.retry_after = retry_after


class SyncTokenRefused(Exception):
    """The sync token is no longer valid; a full read is needed."""


class PageTokenRefused(Exception):
    """The page token died in the middle; the listing must be begun anew."""


class CalendarGone(Exception):
    """The calendar does not exist any more, or is no longer shared with this account."""


def check_page(body: object, page: type[_P], kind: str) -> _P:
    """Read one page; anything but a whole JSON object of the expected kind raises BadAnswer."""
    if not isinstance(body, bytes):
        raise BadAnswer("the answer is not a page")
    try:
        _refuse_other_than_utf8(body)  # the decoder does not look at what it keeps raw
        result = msgspec.json.decode(_on_one_line(body), type=page)
    except (msgspec.DecodeError, UnicodeDecodeError):
        result = _check_odd_page(body, page)
    if getattr(result, "kind", None) != kind:
        raise BadAnswer(f"the answer is not a {kind} page")
    return result


_PIECE = 4 << 10  # bytes; larger ones leave holes in the heap, a page as a whole costs the most


def _refuse_other_than_utf8(body: bytes) -> None:
    """Raise UnicodeDecodeError where the bytes are no text."""
    view, at = memoryview(body), 0
    while at < len(body):
        is_last = at + _PIECE >= len(body)
        at += codecs.utf_8_decode(view[at : at + _PIECE], "strict", is_last)[1]


def _on_one_line(body: bytes) -> bytes:
    """Return the page as it is asked for (`prettyPrint=false`); one printer prints all of it alike."""
    is_compact = b"\n" not in body and b'": ' not in body[:200]
    return body if is_compact else msgspec.json.format(body, indent=-1)


def _check_odd_page(body: bytes, page: type[_P]) -> _P:
    """Read a page with half surrogates in it, which JSON allows; the items keep them, escaped."""
    import json

    try:
        value: Any = json.loads(body)
        if not isinstance(value, dict):
            raise BadAnswer("the answer is not a JSON object")
        if page.__name__ == "EventsPage":
            value["items"] = [
                msgspec.Raw(json.dumps(item, separators=(",", ":")).encode())
                for item in value.get("items", [])
            ]
        else:
            value = without_half_surrogates(value)
        return msgspec.convert(value, page)
    except (ValueError, TypeError, msgspec.MsgspecError) as error:
        raise BadAnswer("the answer is not whole JSON") from error


def explain_http_error(
    status: int,
    content: bytes,
    headers: Mapping[str, str],
    *,
    calendar_id: str,
    has_sync_token: bool,
    has_page_token: bool,
) -> Exception:
    """Turn an HTTP error of a data request into what it means here."""
    reasons = reasons_in(content)
    if status == 401:
        return TryLater(
            "Google refuses an access token that its own token server just gave.",
            "If it stays: calendar-sync doctor",
        )
    if status == 410 and has_sync_token:
        return SyncTokenRefused("410")
    if status in (410, 400) and has_page_token:
        return PageTokenRefused(str(status))
    if status == 400 and has_sync_token:
        return SyncTokenRefused("400")
    if status == 404 and calendar_id:
        return CalendarGone(calendar_id)
    if status == 403 or status == 429:
        return _explain_403(status, reasons, headers, calendar_id)
    if status >= 500 or status == 408:
        return BadAnswer(f"Google answers {status}", retry_after(headers))
    if 300 <= status < 400:
        return BadAnswer(f"the answer is a redirect ({status}), which is not followed")
    if status == 400:
        return CalendarSyncError(
            f"Google calls the request wrong (400 {'/'.join(sorted(reasons)) or 'no reason'}).",
            "Please report this with the output of: calendar-sync doctor",
        )
    return TryLater(f"Google answers {status}, which is not expected here.")


def _explain_403(
    status: int, reasons: frozenset[str], headers: Mapping[str, str], calendar_id: str
) -> Exception:
    if reasons & NOT_ENABLED:
        return WrongConfiguration(
            "The Google Calendar API is not enabled in the Google Cloud project of the client.",
            "Enable it (credentials/README.md, step 2), wait some minutes, then run again.",
        )
    if reasons & _SCOPE:
        return ConsentNeeded("The grant does not allow reading calendars (insufficient scope).")
    if reasons & _GONE_FOR_TODAY:
        return TryLater("The quota of the Google Cloud project is used up for now.", "Run later.")
    if status == 429 or reasons & _SLOW_DOWN:
        return BadAnswer("Google asks to slow down", retry_after(headers))
    if not reasons:  # no JSON of Google's: a proxy
        return BadAnswer("something between here and Google refused the request")
    if "notACalendarUser" in reasons:
        return WrongConfiguration(
            "The account has no Google Calendar.",
            "Open https://calendar.google.com once as that account, or: calendar-sync consent",
        )
    kind = SomeFailed if calendar_id else WrongConfiguration  # the other calendars may be readable
    return kind(
        f"Google forbids it ({'/'.join(sorted(reasons))}); probably a Workspace policy.",
        "Ask the administrator to allow the app to read calendars.",
    )


def reasons_in(content: bytes) -> frozenset[str]:
    """Collect every reason word of both of Google's error shapes; empty when it is not Google's."""
    try:
        error = msgspec.json.decode(content)["error"]
        items = [*error.get("errors", []), *error.get("details", [])]
        found = {item.get("reason") for item in items if isinstance(item, dict)}
        found.add(error.get("status"))
    except (msgspec.MsgspecError, UnicodeDecodeError, TypeError, KeyError, AttributeError):
        return frozenset()
    return frozenset(word for word in found if isinstance(word, str) and word.isidentifier())


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After in seconds; a date counts from the answer's own one, whatever our clock says.

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    text = headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return max(0.0, wait.total_seconds())
