"""Every fault by name: refusals, edits of true answers, breakages.

The bodies are those of the facts (google-oauth 4.4, google-calendar-api 4.2). `NAMES` lists all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from calendar_sync.emulator import gate
from calendar_sync.emulator.api import ApiError, legacy_error
from calendar_sync.emulator.faults import Fault
from calendar_sync.emulator.pages import plain_error_page
from calendar_sync.emulator.scopes import METHODS
from calendar_sync.emulator.wire import (
    HTML_TYPE,
    JSON_TYPE,
    HttpAnswer,
    compact_json,
    compressed,
    json_answer,
)

_RAPT_HELP = "https://support.google.com/a/answer/9368756"


def _refusal(error: str, description: str | None = None, **more: str) -> dict[str, str]:
    described = {} if description is None else {"error_description": description}
    return {"error": error, **described, **more}


_TOKEN: dict[str, tuple[int, Any]] = {
    "invalid_grant": (400, _refusal("invalid_grant", "Token has been expired or revoked.")),
    "invalid_grant_bad_request": (400, _refusal("invalid_grant", "Bad Request")),
    "invalid_rapt": (
        400,
        _refusal(
            "invalid_grant",
            "reauth related error (invalid_rapt)",
            error_subtype="invalid_rapt",
            error_uri=_RAPT_HELP,
        ),
    ),
    "rapt_required": (
        400,
        _refusal(
            "invalid_grant",
            "reauth related error (rapt_required)",
            error_subtype="rapt_required",
            error_uri=_RAPT_HELP,
        ),
    ),
    "invalid_client": (401, _refusal("invalid_client", "The OAuth client was not found.")),
    "invalid_client_unauthorized": (401, _refusal("invalid_client", "Unauthorized")),
    "deleted_client": (401, _refusal("deleted_client", "The OAuth client was deleted.")),
    "unauthorized_client": (401, _refusal("unauthorized_client", "Unauthorized")),
    "org_internal": (
        403,
        _refusal("org_internal", "This client is restricted to users within its organization."),
    ),
    "admin_policy_enforced": (
        400,
        _refusal(
            "admin_policy_enforced",
            "Access to your account data is restricted by policies within your organization.",
        ),
    ),
    "access_denied": (403, _refusal("access_denied", "Account restricted")),
    "invalid_scope": (400, _refusal("invalid_scope", "Bad Request")),
    "rate_limit_429": (429, _refusal("rate_limit_exceeded", "Rate Limit Exceeded")),
    "rate_limit_403": (403, _refusal("rate_limit_exceeded", "Rate Limit Exceeded")),
    "internal_failure": (500, _refusal("internal_failure")),
    "server_error": (500, _refusal("server_error", "Internal error encountered.")),
    "temporarily_unavailable": (503, _refusal("temporarily_unavailable")),
    "error_object": (400, {"error": {"code": 400, "message": "Bad", "status": "INVALID_ARGUMENT"}}),
    "no_error_key": (400, {"message": "Something went wrong."}),
    "list_200": (200, []),
    "list_400": (400, []),
    "invalid_jwt_signature": (400, _refusal("invalid_grant", "Invalid JWT Signature.")),
    "invalid_email": (400, _refusal("invalid_grant", "Invalid email or User ID")),
    "not_delegated": (
        401,
        _refusal(
            "unauthorized_client",
            "Client is unauthorized to retrieve access tokens using this method, or client not "
            "authorized for any of the scopes requested.",
        ),
    ),
    "invalid_token": (400, _refusal("invalid_token", "Token expired or revoked")),
}

_API: dict[str, ApiError] = {
    "api_400": legacy_error(400, "badRequest", "Bad Request"),
    "api_401": gate.invalid_credentials(),
    "api_403_scope": gate.insufficient_scope(METHODS[3]),
    "api_403_disabled": gate.api_disabled(),
    "api_403_rate_limit": gate.quota_exhausted("Queries per minute per user", {}),
    "api_403_rate_limit_legacy": gate.usage_limits(403, "rateLimitExceeded", "Rate Limit Exceeded"),
    "api_403_user_rate_limit": gate.usage_limits(
        403, "userRateLimitExceeded", "User Rate Limit Exceeded"
    ),
    "api_403_quota": gate.usage_limits(403, "quotaExceeded", "Calendar usage limits exceeded."),
    "api_403_daily": gate.usage_limits(403, "dailyLimitExceeded", "Daily Limit Exceeded"),
    "api_403_forbidden": legacy_error(403, "forbidden", "Forbidden"),
    "api_403_no_calendar": gate.not_a_calendar_user(),
    "api_403_without_errors": ApiError(
        403,
        {"error": {"code": 403, "message": "Quota exceeded.", "status": "RESOURCE_EXHAUSTED"}},
    ),
    "api_404": legacy_error(404, "notFound", "Not Found"),
    "api_408": legacy_error(408, "requestTimeout", "Request Timeout"),
    "api_410": legacy_error(
        410,
        "fullSyncRequired",
        "Sync token is no longer valid, a full sync is required.",
        domain="calendar",
        location="syncToken",
        location_type="parameter",
    ),
    "api_429": gate.usage_limits(429, "rateLimitExceeded", "Rate Limit Exceeded"),
    "api_500": legacy_error(500, "backendError", "Backend Error"),
    "api_503": legacy_error(503, "backendError", "Backend Error"),
}
_PAGES = {200: "Sign in to the network", 400: "Bad Request"} | dict.fromkeys(
    (500, 502, 503, 504), "Server Error"
)
_PLAIN: dict[str, HttpAnswer] = {
    f"html_{status}": HttpAnswer(
        status,
        plain_error_page(status, title, "The server encountered a temporary error.").encode(),
        {"Content-Type": HTML_TYPE},
    )
    for status, title in _PAGES.items()
} | {
    "empty_200": HttpAnswer(200, b"", {"Content-Type": JSON_TYPE}),
    "empty_400": HttpAnswer(400, b"", {"Content-Type": JSON_TYPE}),
    "non_utf8": HttpAnswer(200, b'{"kind": "\xff\xfe\xe9"}', {"Content-Type": JSON_TYPE}),
    "non_utf8_400": HttpAnswer(400, b'{"error": "\xff\xfe\xe9"}', {"Content-Type": JSON_TYPE}),
}
BREAKAGES = (
    "reset",  # RST, nothing done for the request
    "close",  # closed without a byte, nothing done
    "lost_reply",  # all done for the request, then closed without a byte
    "hang",  # nothing until released or the client goes
    "trickle",  # the true answer at five bytes a second
    "truncated_chunk",  # half the true answer in chunks, then closed
    "short_body",  # Content-Length says more than comes
    "short_content_length",  # Content-Length says less than the true answer
    "truncated_gzip",  # a gzip stream cut short in correct frames
    "corrupt_gzip",  # a gzip stream that cannot be read
)


def make_fault(
    name: str, *, retry_after: int | str | None = None, delay: float = 0.0, **options: Any
) -> Fault:
    """Build a fault by name; raise ValueError with all the names if there is none such."""
    fault = replace(_make(name, options), delay=delay)
    if retry_after is None or fault.answer is None:
        return fault
    return replace(fault, answer=fault.answer.with_headers({"Retry-After": str(retry_after)}))


def _make(name: str, options: Mapping[str, Any]) -> Fault:
    if name in _TOKEN:
        status, body = _TOKEN[name]
        return Fault(name, answer=json_answer(status, body))
    if name in _API:
        error = _API[name]
        return Fault(name, answer=json_answer(error.status, error.body, error.headers))
    if name in _PLAIN:
        return Fault(name, answer=_PLAIN[name])
    if name in BREAKAGES:
        return Fault(name, breakage=name)
    if name in _SPECIAL:
        return _SPECIAL[name](**options)
    raise ValueError(f"no fault {name!r}; there are: {', '.join(NAMES)}")


def _status(
    *, status: int, body: Any = "", headers: Mapping[str, str] | None = None, reason: str = ""
) -> Fault:
    """Any status with any body; text goes as it is, the rest as JSON, `reason` in legacy shape."""
    if reason:
        body = legacy_error(status, reason, reason).body
    if isinstance(body, str):
        answer = HttpAnswer(status, body.encode(), {"Content-Type": HTML_TYPE})
    else:
        answer = json_answer(status, body)
    return Fault(f"status {status}", answer=answer.with_headers(headers or {}))


def _redirect(*, to: str = "/_elsewhere", status: int = 302) -> Fault:
    return Fault("redirect", answer=HttpAnswer(status, b"", {"Location": to}))


def _slow(*, seconds: float = 1.0) -> Fault:
    return Fault("slow", change=lambda answer: answer, delay=seconds)


def _gzip_bomb(*, mebibytes: int = 16) -> Fault:
    page = {"kind": "calendar#events", "summary": "a" * (mebibytes << 20), "items": []}
    bomb = compressed(HttpAnswer(200, compact_json(page), {"Content-Type": JSON_TYPE}))
    return Fault("gzip_bomb", answer=bomb)


def _truncated_json(*, length: int | None = None) -> Fault:
    def cut(answer: HttpAnswer) -> HttpAnswer:
        return replace(answer, body=answer.body[: length or len(answer.body) // 2])

    return Fault("truncated_json", change=cut)


def _set_keys(*, keys: Mapping[str, Any]) -> Fault:
    """Put keys into the true JSON answer."""
    return _edit("set_keys", lambda value: value.update(keys))


def _remove_keys(*, keys: Sequence[str]) -> Fault:
    """Take keys out of the true JSON answer."""

    def remove(value: dict[str, Any]) -> None:
        for key in keys:
            value.pop(key, None)

    return _edit("remove_keys", remove)


def _edit(name: str, edit: Callable[[dict[str, Any]], None]) -> Fault:
    def change(answer: HttpAnswer) -> HttpAnswer:
        try:
            value = json.loads(answer.body)
        except ValueError:
            return answer
        if isinstance(value, dict):
            edit(value)
        return replace(answer, body=compact_json(value))

    return Fault(name, change=change)


_SPECIAL: dict[str, Callable[..., Fault]] = {
    "status": _status,
    "redirect": _redirect,
    "slow": _slow,
    "gzip_bomb": _gzip_bomb,
    "truncated_json": _truncated_json,
    "set_keys": _set_keys,
    "remove_keys": _remove_keys,
    "no_access_token": lambda: _remove_keys(keys=["access_token"]),
    "no_expires_in": lambda: _remove_keys(keys=["expires_in"]),
    "expires_in_text": lambda: _set_keys(keys={"expires_in": "soon"}),
    "drop_refresh_token": lambda value=None: _set_keys(keys={"refresh_token": value}),
    "drop_refresh_token_empty": lambda: _set_keys(keys={"refresh_token": ""}),
}
NAMES = tuple(sorted({*_TOKEN, *_API, *_PLAIN, *BREAKAGES, *_SPECIAL}))
