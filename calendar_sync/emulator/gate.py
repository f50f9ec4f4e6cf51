"""Who may call the Calendar API and how often; every refusal word for word as Google says it.

Facts 4.2 and 4.3; rules 8 to 16.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from calendar_sync.emulator.api import ApiError, front_end_error, legacy_error
from calendar_sync.emulator.grants import AccessToken
from calendar_sync.emulator.oauth import OAuth
from calendar_sync.emulator.scopes import Method
from calendar_sync.emulator.wire import HttpRequest, first

SERVICE = "calendar-json.googleapis.com"
PROJECT_NUMBER = "123456789012"
_REALM = 'Bearer realm="https://accounts.google.com/"'
_SIGN_IN = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. See "
    "https://developers.google.com/identity/sign-in/web/devconsole-project."
)
_ENABLE = (
    f"https://console.developers.google.com/apis/api/{SERVICE}/overview?project={PROJECT_NUMBER}"
)
_WINDOW = timedelta(seconds=60)


@dataclass
class ApiSwitches:
    """How the API behaves; every field may be changed while it runs."""

    disabled: bool = False  # the project never enabled the Calendar API
    quota_exceeded: bool = False  # "Calendar usage limits exceeded.", for hours
    per_user: int | None = None  # requests a sliding minute; Google's own: 600
    per_project: int | None = None  # Google's own: 10,000
    without_calendar: tuple[str, ...] = ()  # accounts whose licence has no Calendar
    retry_after: int | None = None  # seconds to say with a rate refusal; Google says nothing


@dataclass
class Gate:
    """Admit a request, or raise the ApiError that Google would send."""

    oauth: OAuth
    switches: ApiSwitches = field(default_factory=ApiSwitches)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._recent: deque[tuple[datetime, str]] = deque()
        self._refusals = 0

    def admit(self, request: HttpRequest, method: Method) -> str:
        """Say whose calendars the request may read."""
        token = self._identify(request, method)
        if self.switches.disabled:
            raise api_disabled()
        account = self._authorize(token, method)
        self._count(account)
        if self.switches.quota_exceeded:
            raise usage_limits(403, "quotaExceeded", "Calendar usage limits exceeded.")
        if account in self.switches.without_calendar:
            raise not_a_calendar_user()
        return account

    def authorize(self, request: HttpRequest, method: Method) -> str:
        """Say who asks for what is not the Calendar API's, by a token whose scopes suffice."""
        return self._authorize(self._identify(request, method), method)

    def _authorize(self, token: AccessToken, method: Method) -> str:
        if not method.scopes & set(token.scopes):
            raise insufficient_scope(method)
        return token.grant.account

    def _identify(self, request: HttpRequest, method: Method) -> AccessToken:
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            text = first(request.query, "access_token") or first(request.query, "oauth_token") or ""
        if not text:
            raise login_required(method)
        token = self.oauth.find_access(text.strip())
        if token is None:
            raise invalid_credentials()
        return token

    def _count(self, account: str) -> None:
        """Count a request; refuse it over the limit, by turns as 403 and as 429 (facts 4.4)."""
        if self.switches.per_user is None and self.switches.per_project is None:
            return
        now = self.oauth.clock.now()
        with self._lock:
            while self._recent and self._recent[0][0] <= now - _WINDOW:
                self._recent.popleft()
            limit = self._exceeded(account)
            if limit is None:
                self._recent.append((now, account))
                return
            self._refusals += 1
            raise self._rate_refusal(limit)

    def _exceeded(self, account: str) -> str | None:
        of_user = sum(1 for _, who in self._recent if who == account)
        if self.switches.per_user is not None and of_user >= self.switches.per_user:
            return "Queries per minute per user"
        if self.switches.per_project is not None and len(self._recent) >= self.switches.per_project:
            return "Queries per minute"
        return None

    def _rate_refusal(self, limit: str) -> ApiError:
        after = self.switches.retry_after
        headers = {} if after is None else {"Retry-After": str(after)}
        if self._refusals % 2:
            return quota_exhausted(limit, headers)
        return usage_limits(429, "rateLimitExceeded", "Rate Limit Exceeded", headers)


def login_required(method: Method) -> ApiError:
    """No credentials came at all."""
    return front_end_error(
        401,
        "required",
        "Request is missing required authentication credential. " + _SIGN_IN,
        entry_message="Login Required.",
        location="Authorization",
        location_type="header",
        rpc_status="UNAUTHENTICATED",
        details=[_error_info("CREDENTIALS_MISSING", {"method": method.name, "service": SERVICE})],
        headers={"WWW-Authenticate": _REALM},
    )


def invalid_credentials() -> ApiError:
    """The access token is unknown, expired or revoked."""
    return front_end_error(
        401,
        "authError",
        "Request had invalid authentication credentials. " + _SIGN_IN,
        entry_message="Invalid Credentials",
        location="Authorization",
        location_type="header",
        rpc_status="UNAUTHENTICATED",
        headers={"WWW-Authenticate": _REALM + ', error="invalid_token"'},
    )


def insufficient_scope(method: Method) -> ApiError:
    """The token is good, its scopes are not (captured: facts 4.3)."""
    scopes = " ".join(sorted(method.scopes))
    return front_end_error(
        403,
        "insufficientPermissions",
        "Request had insufficient authentication scopes.",
        entry_message="Insufficient Permission",
        rpc_status="PERMISSION_DENIED",
        details=[
            _error_info(
                "ACCESS_TOKEN_SCOPE_INSUFFICIENT", {"service": SERVICE, "method": method.name}
            )
        ],
        headers={"WWW-Authenticate": f'{_REALM}, error="insufficient_scope", scope="{scopes}"'},
    )


def api_disabled() -> ApiError:
    """The client's project has not enabled the API."""
    return front_end_error(
        403,
        "accessNotConfigured",
        f"Google Calendar API has not been used in project {PROJECT_NUMBER} before or it is "
        f"disabled. Enable it by visiting {_ENABLE} then retry. If you enabled this API recently, "
        "wait a few minutes for the action to propagate to our systems and retry.",
        domain="usageLimits",
        extended_help="https://console.developers.google.com",
        rpc_status="PERMISSION_DENIED",
        details=[_error_info("SERVICE_DISABLED", {"service": SERVICE, **_consumer()})],
    )


def quota_exhausted(limit: str, headers: dict[str, str]) -> ApiError:
    """The per-minute quota is used up, as the front end says it."""
    return front_end_error(
        403,
        "rateLimitExceeded",
        f"Quota exceeded for quota metric 'Queries' and limit '{limit}' of service "
        f"'{SERVICE}' for consumer 'project_number:{PROJECT_NUMBER}'.",
        domain="usageLimits",
        rpc_status="PERMISSION_DENIED",
        details=[_error_info("RATE_LIMIT_EXCEEDED", {"service": SERVICE, **_consumer()})],
        headers=headers,
    )


def usage_limits(
    status: int, reason: str, message: str, headers: dict[str, str] | None = None
) -> ApiError:
    """Make a refusal of the domain usageLimits in the legacy shape."""
    return legacy_error(status, reason, message, domain="usageLimits", headers=headers)


def not_a_calendar_user() -> ApiError:
    """The account's licence has no Calendar."""
    message = "The user must be signed up for Google Calendar."
    return legacy_error(403, "notACalendarUser", message)


def _consumer() -> dict[str, str]:
    return {"consumer": f"projects/{PROJECT_NUMBER}"}


def _error_info(reason: str, metadata: dict[str, str]) -> dict[str, Any]:
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": metadata,
    }
