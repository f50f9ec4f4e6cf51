"""The stored grant as google-auth credentials: refreshed by one process at a time, saved before use.

google-auth refreshes in memory only and takes no lock; on a server that rotates refresh tokens that
loses the grant. Lock, read again, adopt what is newer, refresh, save, use (RFC 9700 section 4.14).

google-auth itself is loaded for a refresh only, by token_server: it brings cryptography and asyncio,
and most runs find a living access token.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable
from typing import Any

import msgspec

from calendar_sync.errors import ConsentNeeded, TryLater, WrongConfiguration
from calendar_sync.grants.client_secrets import (
    HOW_TO_GET_ONE,
    ClientSecrets,
    Google,
    google_of_token_uri,
)
from calendar_sync.grants.grant import FRESH_FOR, Grant, read_instant
from calendar_sync.grants.scopes import is_sufficient
from calendar_sync.grants.token_file import LockIsHeld, TokenFile
from calendar_sync.home import Home
from calendar_sync.stop import Stop, signals_held

Clock = Callable[[], dt.datetime]

log = logging.getLogger("calendar_sync")


class StoredCredentials:
    """Credentials that live in token.json. Safe for many threads and many processes.

    What an AuthorizedHttp of google-auth's asks of credentials: `before_request` and `refresh`.
    """

    token: str | None

    def __init__(
        self,
        file: TokenFile,
        grant: Grant,
        google: Google,
        clock: Clock,
        stop: Stop | None = None,
    ) -> None:
        self._file, self._google, self._clock = file, google, clock
        self._stop = stop or Stop()
        self._thread_lock = threading.Lock()
        self._sent = threading.local()  # the access token that each thread used last
        self.grant = grant
        self._adopt(grant)

    @property
    def google(self) -> Google:
        """The Google these credentials belong to, and are sent to."""
        return self._google

    @property
    def valid(self) -> bool:
        """Whether there is an access token that can still be used."""
        return self.token is not None and not self.expired

    @property
    def expired(self) -> bool:
        """Whether the access token should not be used any more."""
        return not self.grant.access_token_lives(self._clock())

    def before_request(self, request: object, method: str, url: str, headers: Any) -> None:  # noqa: ARG002  # google-auth's signature
        """Put a living access token into `headers`. Unlike google-auth's, it asks nobody else.

        Google's own looks up "regional access boundaries" from a thread of its own at times.
        """
        if not self.valid:
            self._renew(None)
        token = self.token
        headers["authorization"] = f"Bearer {token}"
        self._sent.token = token

    def refresh(self, request: object) -> None:  # noqa: ARG002  # ours: see token_transport for why
        """Replace the access token that Google just refused, or the one at hand if none was sent.

        Once for all threads and processes that find it unusable: whoever comes later takes what the
        first one got. Raises ConsentNeeded, TryLater, WrongConfiguration or CannotWrite; never
        google-auth's own.
        """
        self._renew(getattr(self._sent, "token", self.token))

    def _renew(self, rejected: str | None) -> None:
        with self._thread_lock:
            if self.token != rejected and self.valid:
                return
            try:
                with self._file.locked(self._stop):
                    self._refresh_locked(rejected)
            except LockIsHeld as error:
                self._stop.check()
                self._make_do_without_lock(rejected, error)
            except TryLater:  # perhaps only because it was time to end
                self._stop.check()
                raise

    def _make_do_without_lock(self, rejected: str | None, error: LockIsHeld) -> None:
        """Go on with an access token that nobody refused and that has a moment left."""
        stored = self._file.read()
        ends = read_instant(stored.expiry)
        if stored.token and stored.token != rejected and ends and ends > self._clock():
            self._adopt(stored)
            self.token = stored.token  # although it is inside the margin
            return
        message = f"Another process keeps hold of {error}; it may be refreshing the grant."
        raise TryLater(message, f"See who: fuser -v {error}") from error

    def _refresh_locked(self, rejected: str | None) -> None:
        stored = complete(self._file.read(), self.grant)
        if stored.token != rejected and stored.access_token_lives(self._clock()):
            self._adopt(stored)
            return
        fresh = renew(self._file, stored, self._google, self._clock)
        if fresh.expires_in is not None and fresh.expires_in <= FRESH_FOR:
            log.warning("Access tokens live %d seconds only; an hour is usual.", fresh.expires_in)
        self._adopt(fresh)
        self.token = fresh.token  # used at least once, however short it is said to live

    def _adopt(self, grant: Grant) -> None:
        self.grant = grant
        self.token = grant.token if grant.access_token_lives(self._clock()) else None


def load_credentials(
    home: Home,
    secrets: ClientSecrets | None,
    clock: Clock,
    file: TokenFile | None = None,
    stop: Stop | None = None,
) -> StoredCredentials:
    """Load the home's grant and check that it can serve: right Google, right scope, whole client.

    `stop` ends the wait for another process that refreshes. Raises ConsentNeeded, DamagedInput or
    WrongConfiguration.
    """
    file = file or TokenFile(home.token)
    if secrets is None and not file.exists():
        raise WrongConfiguration(
            f"Neither {home.client_secrets} nor {home.token} exists; {home.describe()}.",
            f"{HOW_TO_GET_ONE}. Then: calendar-sync consent",
        )
    if not file.exists():
        raise ConsentNeeded(f"There is no grant yet: no {home.token}; {home.describe()}.")
    grant = file.read()
    google = check_google(grant, secrets, home)
    if secrets is not None and not (grant.client_id and grant.client_secret):
        grant = msgspec.structs.replace(
            grant, client_id=secrets.client_id, client_secret=secrets.client_secret
        )
    if not (grant.client_id and grant.client_secret):
        raise WrongConfiguration(
            f"{home.token} does not name its OAuth client, and there is no {home.client_secrets};"
            f" {home.describe()}.",
            "Put the client_secrets.json it was made with there; see credentials/README.md",
        )
    if grant.universe_domain not in ("", "googleapis.com"):
        raise WrongConfiguration(
            f"{home.token} belongs to the universe {grant.universe_domain!r}, not to googleapis.com."
        )
    known = grant.granted_scopes or grant.scopes
    if known and not is_sufficient(known):
        raise ConsentNeeded(f"{home.token} does not allow reading calendars: {' '.join(known)}.")
    return StoredCredentials(file, grant, google, clock, stop)


def check_google(grant: Grant, secrets: ClientSecrets | None, home: Home) -> Google:
    """Return the Google to talk to; the client file decides, the grant must agree."""
    try:
        issued_by = google_of_token_uri(grant.token_uri, str(home.token))
    except WrongConfiguration as error:
        if secrets is None:
            raise
        message = f"{error.message} {home.client_secrets} is of {secrets.google}."
        raise WrongConfiguration(message, error.hint) from error
    if secrets is None:
        return issued_by
    if not secrets.google.is_same_as(issued_by):
        raise WrongConfiguration(
            f"{home.token} belongs to {issued_by}, but {home.client_secrets} to {secrets.google}.",
            "Bring the two files of one Google together, or run: calendar-sync consent",
        )
    return secrets.google


def complete(stored: Grant, loaded: Grant) -> Grant:
    """Fill in the client that the stored grant lacks and the loaded one got at the start."""
    if stored.client_id and stored.client_secret:
        return stored
    return msgspec.structs.replace(
        stored, client_id=loaded.client_id, client_secret=loaded.client_secret
    )


def renew(
    file: TokenFile,
    grant: Grant,
    google: Google,
    clock: Clock,
    check: Callable[[Grant], None] = lambda _: None,
) -> Grant:
    """Refresh and save in one step, which no signal tears apart; the caller holds the file's lock.

    Room is reserved before the token server is asked. Raises CannotWrite, what a refresh raises,
    and what `check` raises about a new grant that should not be saved.
    """
    from calendar_sync.grants.token_server import Rotated, refresh_grant

    with signals_held(), file.reserve() as reserved:
        try:
            fresh = refresh_grant(grant, google, clock)
        except Rotated as error:
            file.replace(error.grant, reserved)
            raise
        check(fresh)
        file.replace(fresh, reserved)
    return fresh
