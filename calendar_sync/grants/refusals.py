"""What a refusal by the token server means: try later, consent anew, or mend the configuration.

RFC 6749 section 5.2 names some of the errors, Google's pages others; `retryable` in google-auth is
not trusted, because it is wrong for proxies and portals. Only a JSON object with a known `error`
may end a grant: everything else, HTML above all, is a passing disturbance.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from calendar_sync.errors import CalendarSyncError, ConsentNeeded, TryLater, WrongConfiguration
from calendar_sync.grants.grant import Grant

_LATER = frozenset(
    ["internal_failure", "server_error", "temporarily_unavailable", "rate_limit_exceeded",
     "slow_down", "quota_exceeded"]
)  # fmt: skip
_CONFIGURATION: Mapping[str, tuple[str, str]] = {
    "invalid_client": (
        "Google does not accept the OAuth client: its id or secret is wrong or was reset.",
        "Download client_secrets.json again (credentials/README.md), then: calendar-sync consent",
    ),
    "deleted_client": (
        "The OAuth client was deleted in Google Cloud (Google deletes clients unused for months).",
        "Create a new one as credentials/README.md shows, then: calendar-sync consent",
    ),
    "unauthorized_client": (
        "The grant was given to another OAuth client than the one that asks.",
        "Bring back the client_secrets.json it was made with, or run: calendar-sync consent",
    ),
    "org_internal": (
        "The OAuth app is for members of its own organisation only.",
        "Set its user type to External in Google Cloud, or consent with an account of that domain.",
    ),
    "admin_policy_enforced": (
        "The Workspace administrator does not allow this app to read calendars.",
        "Ask the administrator to trust the app's client id; a new consent will not help.",
    ),
    "access_denied": (
        "The account is restricted by its administrator.",
        "Ask the administrator to trust the app's client id; a new consent will not help.",
    ),
}
REAUTHENTICATION = (
    "The Workspace administrator demands a new sign-in every few hours (session control), which no"
    " unattended job can give.",
    "A new consent will not hold: ask the administrator to mark the app as trusted, or use a"
    " service account.",
)


def explain_refusal(
    text: str, details: object, grant: Grant, now: dt.datetime
) -> CalendarSyncError:
    """Turn google-auth's RefreshError (its text and, where there was JSON, the reply) into ours."""
    if "Reauthentication is needed" in text:
        return ConsentNeeded(*REAUTHENTICATION)
    if not isinstance(details, dict) or not isinstance(details.get("error"), str):
        return TryLater(
            "The token server's answer makes no sense; perhaps a proxy or a login page answered.",
            "If it stays: calendar-sync doctor",
        )
    code = details["error"]
    if str(details.get("error_subtype")) in ("invalid_rapt", "rapt_required"):
        return ConsentNeeded(*REAUTHENTICATION)
    if code == "invalid_grant":
        whose = f" of {grant.account}" if grant.account else ""
        return ConsentNeeded(
            f"Google no longer accepts the grant{whose}. {grant.why_it_may_have_died(now)}"
        )
    if code == "invalid_scope":
        return ConsentNeeded("The grant does not hold the scope it was stored with.")
    if code in _CONFIGURATION:
        return WrongConfiguration(*_CONFIGURATION[code])
    if code in _LATER:
        return TryLater(f"The token server is not able to answer now ({code}).")
    known = code if code.replace("_", "").isalnum() and len(code) < 40 else "an unknown error"
    return TryLater(f"The token server refused: {known}.", "If it stays: calendar-sync doctor")
