"""The one-time browser conversation: ask a person for exactly `calendar.readonly`, store the yes.

Google's installed-app flow with PKCE (RFC 8252, RFC 7636). No unattended path imports this module:
a cron job cannot open a browser. What google-auth-oauthlib's own receiver gets wrong (one request
only, "success" shown on a denial, no real deadline) is why there is one of ours.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import requests
from google_auth_oauthlib.flow import Flow
from oauthlib.oauth2 import OAuth2Error

from calendar_sync.errors import (
    CalendarSyncError,
    ConsentNeeded,
    TryLater,
    WrongConfiguration,
)
from calendar_sync.grants.client_secrets import ClientSecrets, Google
from calendar_sync.grants.consent_pages import Page
from calendar_sync.grants.grant import Grant, write_instant
from calendar_sync.grants.receiver import NotOurs, Receiver, Redirect, parse_redirect
from calendar_sync.grants.refusals import explain_refusal
from calendar_sync.grants.scopes import READONLY, is_sufficient

TOKEN_TIMEOUT = 20.0
_environment_lock = threading.Lock()


class Conversation(Protocol):
    """The person's side: what is shown, and where a paste comes from."""

    def show_address(self, url: str, redirect_port: int) -> None:
        """Show the address before anything else happens."""
        ...

    def open_browser(self, url: str) -> None:
        """Try to open a browser; failing is fine."""
        ...

    def pasted_lines(self) -> Iterator[str]:
        """Yield what the person pastes, until there is no more."""
        ...

    def say(self, text: str) -> None:
        """Tell the person something."""
        ...


@dataclass(frozen=True)
class ConsentOptions:
    """Where the receiver listens (port 0: any free one) and for how many seconds."""

    port: int = 0
    bind: str = "127.0.0.1"
    timeout: float = 600.0
    login_hint: str | None = None


def ask_for_consent(
    secrets: ClientSecrets,
    options: ConsentOptions,
    conversation: Conversation,
    clock: Callable[[], dt.datetime],
    save: Callable[[Grant], None],
) -> Grant:
    """Talk to the person until there is a whole grant; `save` it; return it.

    Nothing is saved, and an older grant stays, on a denial, a timeout, too few scopes or a reply
    without a refresh token: those raise ConsentNeeded. A new grant that does not suffice is not
    revoked: that would end all that the account gave to the client, the good old one among them.
    """
    for name in ("requests_oauthlib", "oauthlib"):  # at DEBUG they print codes and tokens
        logging.getLogger(name).setLevel(logging.WARNING)
    flow = _flow(secrets)
    state = os.urandom(24).hex()
    receiver = _open_receiver(state, options)
    try:
        flow.redirect_uri = receiver.redirect_uri
        with _plain_http_allowed(secrets.google):
            url, _ = flow.authorization_url(
                state=state, access_type="offline", prompt="consent", login_hint=options.login_hint
            )
        conversation.show_address(url, receiver.port)
        threading.Thread(target=_take_pastes, args=(receiver, conversation), daemon=True).start()
        conversation.open_browser(url)
        answered = receiver.wait(options.timeout)
        if answered is None:
            raise ConsentNeeded(
                f"Nobody answered within {options.timeout:.0f} seconds; nothing was changed."
            )
        try:
            if answered.redirect.error:
                raise _explain_error(answered.redirect.error)
            grant = _complete(flow, secrets, answered.redirect.code, clock)
            save(grant)
        except CalendarSyncError as error:
            answered.show(_page_for(error, answered.redirect))
            raise
        except BaseException:
            answered.show(Page.FAILED)
            raise
        answered.show(Page.GRANTED)
        return grant
    finally:
        receiver.close()


class TooFewScopes(ConsentNeeded):
    """The person said yes, but not to what is needed."""


def _flow(secrets: ClientSecrets) -> Any:
    config = {
        "client_id": secrets.client_id,
        "client_secret": secrets.client_secret,
        "auth_uri": secrets.google.auth_uri,
        "token_uri": secrets.google.token_uri,
    }
    flow = Flow.from_client_config(
        {"installed": config}, scopes=[READONLY], autogenerate_code_verifier=True
    )
    flow.oauth2session.max_redirects = 0  # a token endpoint that redirects is not Google's
    flow.oauth2session.trust_env = not secrets.google.is_local
    return flow


def _open_receiver(state: str, options: ConsentOptions) -> Receiver:
    try:
        return Receiver(state, options.bind, options.port)
    except OSError as error:
        where = f"{options.bind}:{options.port}"
        raise WrongConfiguration(
            f"Cannot listen on {where}: {(error.strerror or 'unknown reason').lower()}.",
            "Choose another port with --port, or leave it out to take any free one.",
        ) from error


def _take_pastes(receiver: Receiver, conversation: Conversation) -> None:
    for line in conversation.pasted_lines():
        if not line.strip():
            continue
        try:
            receiver.offer(parse_redirect(line, receiver.state))
            return
        except NotOurs as error:
            conversation.say(f"That address cannot be used: {error}.")


def _page_for(error: CalendarSyncError, redirect: Redirect) -> Page:
    if redirect.error:
        return Page.DENIED
    return Page.WRONG_SCOPE if isinstance(error, TooFewScopes) else Page.FAILED


def _complete(
    flow: Any, secrets: ClientSecrets, code: str, clock: Callable[[], dt.datetime]
) -> Grant:
    now = clock()
    token = _exchange(flow, secrets.google, code, now)
    granted = _scopes_in(token)
    if not is_sufficient(granted):
        raise TooFewScopes(
            "The consent does not include seeing the calendars; nothing was changed.",
            "Run: calendar-sync consent, and leave the box for the calendars ticked",
        )
    refresh_token = token.get("refresh_token")
    if not isinstance(refresh_token, str) or not refresh_token:
        raise ConsentNeeded(
            "Google's reply holds no refresh token; nothing was changed.",
            "Remove the app at https://myaccount.google.com/permissions, then run:"
            " calendar-sync consent",
        )
    lifetime = _seconds(token.get("expires_in")) or 3600
    ends_in = _seconds(token.get("refresh_token_expires_in"))
    return Grant(
        token=str(token["access_token"]),
        refresh_token=refresh_token,
        token_uri=secrets.google.token_uri,
        client_id=secrets.client_id,
        client_secret=secrets.client_secret,
        scopes=(READONLY,),
        granted_scopes=granted,
        expiry=write_instant(now + dt.timedelta(seconds=lifetime)),
        issued_at=write_instant(now),
        expires_in=lifetime,
        token_type="Bearer",  # noqa: S106  # a kind, no secret
        consented_at=write_instant(now),
        refresh_token_expires_at=(
            write_instant(now + dt.timedelta(seconds=ends_in)) if ends_in else None
        ),
    )


def _explain_error(error: str) -> CalendarSyncError:
    """Explain an error that came back in the redirect (RFC 6749 section 4.1.2.1)."""
    if error == "access_denied":
        return ConsentNeeded("The consent was declined; nothing was changed.")
    known = explain_refusal(error, {"error": error}, Grant(""), dt.datetime.now(dt.UTC))
    if isinstance(known, WrongConfiguration) or error in (
        "server_error",
        "temporarily_unavailable",
    ):
        return known
    return ConsentNeeded("Google ended the consent with an error; nothing was changed.")


_NO_SENSE = "The token server's answer makes no sense; perhaps a proxy or a login page answered."
_ONCE_MORE = "Nothing was changed. Run: calendar-sync consent. If it stays: calendar-sync doctor"


def _exchange(flow: Any, google: Google, code: str, now: dt.datetime) -> dict[str, Any]:
    """Exchange the code for tokens; every foreign error becomes ours, without its details."""
    try:
        with _plain_http_allowed(google):
            flow.fetch_token(code=code, timeout=TOKEN_TIMEOUT)
        return dict(flow.oauth2session.token)
    except Warning as warning:
        # oauthlib raises this builtin when granted and asked scopes differ, although the tokens
        # were issued; whether what was granted suffices is ours to say.
        return dict(getattr(warning, "token", None) or {"access_token": "", "scope": ""})
    except OAuth2Error as error:
        name = str(error.error or "")
        known = explain_refusal(name, {"error": name}, Grant(""), now)
        if name == "invalid_grant":
            raise ConsentNeeded("Google does not accept the code; it lives minutes only.") from None
        if name == "missing_token":  # oauthlib's own word for whatever has none in it
            raise TryLater(_NO_SENSE, _ONCE_MORE) from None
        if isinstance(known, TryLater):
            raise TryLater(known.message, _ONCE_MORE) from None
        raise known from None  # the original's text may repeat what was sent
    except requests.RequestException as error:
        raise TryLater("The token server could not be reached.", _ONCE_MORE) from error
    except Exception:
        raise TryLater(_NO_SENSE, _ONCE_MORE) from None


@contextlib.contextmanager
def _plain_http_allowed(google: Google) -> Iterator[None]:
    """Let oauthlib talk http to a Google on this machine, for two calls only.

    Its only switch is an environment variable that covers every host, so it is never left on; which
    hosts may be asked at all was decided when client_secrets.json was read.
    """
    if not google.is_local:
        yield
        return
    name = "OAUTHLIB_INSECURE_TRANSPORT"
    with _environment_lock:
        before = os.environ.get(name)
        os.environ[name] = "1"
        try:
            yield
        finally:
            if before is None:
                del os.environ[name]
            else:
                os.environ[name] = before


def _scopes_in(token: dict[str, Any]) -> tuple[str, ...]:
    """Return what was granted; a reply without `scope` granted what was asked (RFC 6749 5.1)."""
    scope = token.get("scope")
    if scope is None:
        return (READONLY,)
    return tuple(scope.split() if isinstance(scope, str) else map(str, scope))


def _seconds(value: object) -> int | None:
    try:
        return max(0, int(value)) or None  # type: ignore[call-overload]
    except (TypeError, ValueError):
        return None
