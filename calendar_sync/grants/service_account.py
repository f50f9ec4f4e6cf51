"""A service account with domain-wide delegation: reads for one user, without that user's consent.

For Workspace administrators: Admin console, Security, API controls, domain-wide delegation. There
is no refresh token: the key signs an assertion for each access token (RFC 7523), which lives in
memory only. https://developers.google.com/identity/protocols/oauth2/service-account
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from google.auth.exceptions import RefreshError, TransportError
from google.oauth2 import service_account

from calendar_sync.errors import CalendarSyncError, TryLater, WrongConfiguration
from calendar_sync.grants.client_secrets import Google, google_of_token_uri
from calendar_sync.grants.grant import FRESH_FOR, Grant
from calendar_sync.grants.refusals import explain_refusal
from calendar_sync.grants.scopes import READONLY
from calendar_sync.grants.token_server import token_transport

_LARGEST = 64 * 1024
_NEW_KEY = "Create a new JSON key in Google Cloud: IAM > Service accounts > Keys."
_ADMIN = (
    "The administrator must list the key's client id with exactly this scope under Admin console >"
    " Security > API controls > Domain-wide delegation: "
)


class ServiceCredentials(service_account.Credentials):
    """Credentials for one user of the domain. Safe for many threads: one of them refreshes."""

    google: Google
    subject: str
    scope: str
    clock: Callable[[], dt.datetime]
    thread_lock: threading.Lock

    @property
    def expired(self) -> bool:
        """Whether the access token should not be used any more."""
        if self.expiry is None:
            return False
        left = (self.expiry.replace(tzinfo=dt.UTC) - self.clock()).total_seconds()
        return bool(left <= FRESH_FOR)

    def refresh(self, request: object) -> None:  # noqa: ARG002  # ours, as for stored grants
        """Get an access token for the subject. Raises WrongConfiguration or TryLater."""
        rejected = self.token
        with self.thread_lock:
            if self.token is not None and self.token != rejected:
                return
            try:
                super().refresh(token_transport(self.google))  # type: ignore[no-untyped-call]
            except Exception as error:
                raise _in_our_words(error, self) from None


def load_service_account(
    key: Path,
    subject: str,
    google: Google | None,
    clock: Callable[[], dt.datetime],
    scope: str = READONLY,
) -> ServiceCredentials:
    """Load a key file for `subject`. Raises WrongConfiguration, whatever is wrong with the file.

    `google` is what client_secrets.json names, if there is one; the key must belong to it.
    """
    info = _read(key)
    try:
        issued_by = google_of_token_uri(info.get("token_uri"), str(key))
    except WrongConfiguration as error:
        raise WrongConfiguration(error.message, _NEW_KEY) from None
    if google is not None and not google.is_same_as(issued_by):
        raise WrongConfiguration(
            f"{key} belongs to {issued_by}, but client_secrets.json to {google}.",
            "Bring the two files of one Google together.",
        )
    chosen = google or issued_by
    try:
        with _parsing:
            key_alone = _parse(msgspec.json.encode({**info, "token_uri": chosen.token_uri}), scope)
        credentials = key_alone.with_subject(subject)
    except ValueError:  # its text may repeat the key
        raise WrongConfiguration(
            f"{key} is not a usable service-account key.",
            _NEW_KEY,
        ) from None
    credentials.google, credentials.clock = chosen, clock
    credentials.subject, credentials.scope = subject, scope
    credentials.thread_lock = threading.Lock()
    loaded: ServiceCredentials = credentials
    return loaded


_parsing = threading.Lock()  # or many users' threads would begin by parsing the same key


@lru_cache(maxsize=4)
def _parse(info: bytes, scope: str) -> Any:
    """Make credentials of nobody's yet: checking an RSA key takes longer than a small calendar."""
    make: Any = ServiceCredentials.from_service_account_info
    return make(msgspec.json.decode(info), scopes=[scope])


def _read(key: Path) -> dict[str, Any]:
    try:
        content = key.read_bytes()[: _LARGEST + 1]
        info = msgspec.json.decode(content)
    except OSError as error:
        why = (error.strerror or "unknown reason").lower()
        raise WrongConfiguration(f"Cannot read {key}: {why}.", f"ls -l {key}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise WrongConfiguration(f"{key} is not JSON.") from None
    if not isinstance(info, dict) or info.get("type") != "service_account":
        raise WrongConfiguration(f"{key} is not a service-account key (its type says so).")
    return info


def _in_our_words(error: Exception, credentials: ServiceCredentials) -> CalendarSyncError:
    """Explain the four errors of delegation; none of them is cured by a consent."""
    subject, admin = credentials.subject, _ADMIN + credentials.scope
    if isinstance(error, CalendarSyncError):
        return error
    if isinstance(error, TransportError):
        return TryLater("The token server could not be reached.")
    if not isinstance(error, RefreshError):
        return TryLater("The token server's answer makes no sense.", "calendar-sync doctor")
    text = str(error.args[0])
    if text.startswith("unauthorized_client"):
        return WrongConfiguration(f"The key may not read for {subject}: no delegation.", admin)
    if "Invalid email or User ID" in text:
        return WrongConfiguration(
            f"The domain knows no user {subject}, or has suspended that account.",
            "Correct the address in calendar-sync.toml, or leave it out.",
        )
    if "Invalid JWT Signature" in text:
        return WrongConfiguration(
            "Google does not accept the key: it was deleted or replaced.",
            _NEW_KEY,
        )
    if "Invalid JWT" in text:
        return WrongConfiguration(
            "Google finds the assertion out of time: this machine's clock is wrong.",
            "Set the clock (timedatectl), then run again.",
        )
    details = error.args[1] if len(error.args) > 1 else None
    if isinstance(details, dict) and details.get("error") == "invalid_grant":
        return WrongConfiguration(f"Google refuses the key for {subject} (invalid_grant).", admin)
    return explain_refusal(text, details, Grant(""), credentials.clock())
