"""The seam between the two halves of the local Google: requests in, answers or errors out.

The server half turns HTTP into an ApiRequest; the calendar half answers it. Error bodies have the
shapes of the facts' section 4.1: the legacy one (server "GSE" days, and most errors still) and
the one of Google's front end (ESF), which adds `status` and `details`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True)
class ApiRequest:
    """One authorized call of the Calendar API, already freed of HTTP."""

    method: str  # always "GET": POST with x-http-method-override is already unfolded
    segments: tuple[str, ...]  # decoded path segments after /calendar/v3/
    query: Mapping[str, tuple[str, ...]]  # decoded, repeated keys kept, no alt/key/fields/…
    account: str  # the e-mail whose access token this is
    now: datetime  # aware UTC, from the emulator's clock


@dataclass(frozen=True)
class ApiAnswer:
    """What the calendar half says; bytes are already compact JSON of the answer."""

    status: int
    body: dict[str, Any] | bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class ApiError(Exception):
    """An error in Google's shape, raised by either half and sent as it is."""

    def __init__(
        self, status: int, body: dict[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {body.get('error', {}).get('message', '')}")
        self.status = status
        self.body = body
        self.headers: Mapping[str, str] = headers or {}


class CalendarApi(Protocol):
    """What the server asks of the calendar half."""

    def answer(self, request: ApiRequest) -> ApiAnswer:
        """Answer one call; raise ApiError for Google's errors."""
        ...


def legacy_error(
    status: int,
    reason: str,
    message: str,
    *,
    domain: str = "global",
    location: str | None = None,
    location_type: str | None = None,
    extended_help: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> ApiError:
    """Build the legacy body: {"error": {"errors": [{domain, reason, message, …}], code, message}}."""
    return ApiError(
        status,
        {
            "error": {
                "errors": [_entry(domain, reason, message, location, location_type, extended_help)],
                "code": status,
                "message": message,
            }
        },
        headers,
    )


def front_end_error(
    status: int,
    reason: str,
    message: str,
    *,
    rpc_status: str,
    domain: str = "global",
    details: Sequence[Mapping[str, Any]] = (),
    entry_message: str | None = None,
    location: str | None = None,
    location_type: str | None = None,
    extended_help: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> ApiError:
    """Build the front end's body: the legacy list beside `status` and, if any, `details`.

    `entry_message` is the one inside `errors` where it differs from the outer one (a 401's does).
    """
    entry = _entry(domain, reason, entry_message or message, location, location_type, extended_help)
    error: dict[str, Any] = {"code": status, "message": message, "errors": [entry]}
    error["status"] = rpc_status
    if details:
        error["details"] = [dict(detail) for detail in details]
    return ApiError(status, {"error": error}, headers)


def _entry(
    domain: str,
    reason: str,
    message: str,
    location: str | None,
    location_type: str | None,
    extended_help: str | None,
) -> dict[str, str]:
    optional = {
        "location": location,
        "locationType": location_type,
        "extendedHelp": extended_help,
    }
    entry = {"domain": domain, "reason": reason, "message": message}
    return entry | {key: value for key, value in optional.items() if value is not None}
