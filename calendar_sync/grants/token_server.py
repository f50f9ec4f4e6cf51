"""What the token server is asked, and what its answers mean: a refresh, by google-auth over requests.

google-auth's own errors are not let out: some replies make it raise builtin ones, and none of its
messages is for the person who reads cron's mail.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from google.auth.exceptions import RefreshError, TransportError
from google.oauth2.credentials import Credentials

from calendar_sync.errors import CalendarSyncError, TryLater
from calendar_sync.grants.client_secrets import Google
from calendar_sync.grants.grant import Grant, write_instant
from calendar_sync.grants.refusals import explain_refusal

TOKEN_TIMEOUT = 20.0  # seconds for one answer of the token server; google-auth would wait 120
SHORTEST_LIFE = 60  # seconds
LARGEST_REPLY = 1 << 20  # bytes; Google's have two thousand
_WHOLE_TOKEN = re.compile(rb'[{,]\s*"refresh_token"\s*:\s*("(?:[^"\\]|\\.)+")(?=\s*[,}])')
Clock = Callable[[], dt.datetime]


class Rotated(TryLater):
    """The answer cannot be used, but it names the refresh token that alone will be accepted next.

    `grant` is what must be saved all the same: on a server that rotates, the old one is dead.
    """

    def __init__(self, grant: Grant) -> None:
        super().__init__(
            "The token server's answer makes no sense; the new refresh token in it was kept.",
            "It is tried again at the next run. If it stays: calendar-sync doctor",
        )
        self.grant = grant


def refresh_grant(grant: Grant, google: Google, clock: Clock) -> Grant:
    """Ask the token server for a new access token; return the grant as it must be saved now.

    The stored scopes are posted verbatim (a scope never granted is refused), and not at all on a
    second try. A reply without a refresh token keeps the old one. Raises our errors, Rotated when
    something must be saved in spite of it.
    """
    try:
        try:
            return _ask(grant, google, clock, scopes=grant.scopes)
        except RefreshError as error:
            if not grant.scopes or not str(error.args[0]).startswith("invalid_scope"):
                raise
        return _ask(grant, google, clock, scopes=None)
    except Exception as error:
        raise _in_our_words(error, grant, clock()) from error


def _ask(grant: Grant, google: Google, clock: Clock, *, scopes: tuple[str, ...] | None) -> Grant:
    asked = Credentials(
        token=None,
        refresh_token=grant.refresh_token,
        token_uri=google.token_uri,
        client_id=grant.client_id,
        client_secret=grant.client_secret,
        scopes=list(scopes) if scopes else None,
    )
    now, transport = clock(), token_transport(google)
    try:
        asked.refresh(transport)
        if not isinstance(asked.token, str) or not asked.token:
            raise TypeError("an access token that is no text")
    except Exception as error:
        rotated = _rotated(transport.refresh_token_in_reply())
        if rotated is None or rotated == grant.refresh_token:
            raise
        kept = msgspec.structs.replace(grant, refresh_token=rotated, token_uri=google.token_uri)
        raise Rotated(kept) from error
    lifetime = _lifetime(asked.expiry, dt.datetime.now(dt.UTC))
    granted = asked.granted_scopes
    return msgspec.structs.replace(
        grant,
        token=asked.token,
        refresh_token=_rotated(asked.refresh_token) or grant.refresh_token,
        token_uri=google.token_uri,
        expiry=write_instant(now + dt.timedelta(seconds=lifetime)),
        issued_at=write_instant(now),
        expires_in=lifetime,
        token_type="Bearer",  # noqa: S106  # a kind, no secret
        granted_scopes=tuple(granted) if granted else grant.granted_scopes,
    )


def _rotated(value: object) -> str | None:
    """Return the reply's refresh token where it is one; null, "" and numbers are none."""
    return value.strip() or None if isinstance(value, str) else None


def _lifetime(expiry: dt.datetime | None, now: dt.datetime) -> int:
    """Seconds the server gave; google-auth keeps only the moment. None said: one hour, as Google.

    A token that is said to live shorter than a minute is used for one, or until Google refuses it:
    else there would be a refresh before every request.
    """
    if expiry is None:
        return 3600
    return max(SHORTEST_LIFE, round((expiry.replace(tzinfo=dt.UTC) - now).total_seconds()))


def token_transport(google: Google) -> Any:
    """Make google-auth's requests transport, without what requests adds on its own.

    Not httplib2: it re-sends a POST when the server drops the connection, and a server that detects
    reuse takes that for theft.
    """
    import requests
    from google.auth.transport.requests import Request

    class Session(requests.Session):
        """No redirect is followed; no ~/.netrc adds an Authorization header of its own."""

        reply = b""  # what came of the last one that was a success

        def request(self, *arguments: Any, **options: Any) -> requests.Response:
            options |= {"allow_redirects": False, "timeout": TOKEN_TIMEOUT}
            return super().request(*arguments, **options)

        def listen(self, response: requests.Response, **_: Any) -> None:
            """Keep what comes, piece by piece: a reply that breaks off is lost in requests.

            A reply without an end would cost memory and time without one, whatever its status is.
            """
            self.reply = b""
            is_success, size = response.status_code == 200, 0
            raw: Any = response.raw
            pieces = raw.stream
            if is_success:
                raw.enforce_content_length = False  # half an object is no JSON anyway

            def kept(*arguments: Any, **options: Any) -> Iterator[bytes]:
                nonlocal size
                for piece in pieces(*arguments, **options):
                    size += len(piece)
                    if size > LARGEST_REPLY:
                        raise ValueError("a reply that is no token server's")
                    self.reply += piece if is_success else b""
                    yield piece
                del (
                    raw.stream
                )  # or it would hold itself, and its connection, until garbage is searched

            raw.stream = kept

    class Transport(Request):
        def refresh_token_in_reply(self) -> object:
            """Look for a refresh token where google-auth could read nothing."""
            return find_refresh_token(session.reply)

    session = Session()
    session.hooks["response"] = [session.listen]
    session.auth = lambda prepared: prepared
    session.trust_env = not google.is_local  # no proxy between us and this machine
    return Transport(session)


def find_refresh_token(reply: bytes) -> object:
    """Return the refresh token in a reply, also in one that broke off after it; else None.

    What looks like one inside another string has its quotes escaped, and is not found.
    """
    try:
        return msgspec.json.decode(reply, type=dict[str, Any]).get("refresh_token")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    found = _WHOLE_TOKEN.findall(reply) if reply.lstrip().startswith(b"{") else []
    try:
        return msgspec.json.decode(found[0]) if len(found) == 1 else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _in_our_words(error: Exception, grant: Grant, now: dt.datetime) -> CalendarSyncError:
    """Translate whatever a refresh raised; some replies raise plain builtin errors."""
    if isinstance(error, CalendarSyncError):
        return error
    if isinstance(error, TransportError):
        return TryLater("The token server could not be reached.")
    if isinstance(error, RefreshError):
        details = error.args[1] if len(error.args) > 1 else None
        return explain_refusal(str(error.args[0]), details, grant, now)
    return TryLater(
        "The token server's answer makes no sense; perhaps a proxy or a login page answered.",
        "If it stays: calendar-sync doctor",
    )
