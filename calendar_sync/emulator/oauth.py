"""What the OAuth side remembers: clients, grants, codes and tokens, and the switches on them.

No HTTP here; `token_endpoint` and `authorization` speak it. Source of the rules: RFC 6749, 7009,
7636 and 9700, and Google's own ways (identity/protocols/oauth2): a refresh token only on the first
consent or with prompt=consent, 100 of them per account and client, no rotation unless switched on.
"""

from __future__ import annotations

import base64
import secrets
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from calendar_sync.emulator.clock import Clock
from calendar_sync.emulator.grants import (
    AccessToken,
    Click,
    Client,
    Code,
    Grant,
    OAuthError,
    OAuthSwitches,
    expired_or_revoked,
)

GRANTS_PER_ACCOUNT = 100  # live refresh tokens per account and client; the oldest dies silently
CODE_LIFETIME = timedelta(minutes=10)


@dataclass
class OAuth:
    """All grants of this Google. Every public method is safe to call from any thread."""

    clock: Clock
    client: Client
    on_secret: Callable[[str], None] = lambda _: None
    switches: OAuthSwitches = field(default_factory=OAuthSwitches)
    clicks: deque[Click] = field(default_factory=deque)  # answers the page before a person can

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._clients: dict[str, Client] = {}
        self._grants: list[Grant] = []
        self._codes: dict[str, Code] = {}
        self._access: dict[str, AccessToken] = {}
        self._refresh: dict[str, Grant] = {}  # retired ones too, to know a replay
        self.add_client(self.client)

    # -- clients

    def add_client(self, client: Client) -> None:
        """Register a client, or replace the one of the same id."""
        self._clients[client.id] = client
        basic = base64.b64encode(f"{client.id}:{client.secret}".encode()).decode()
        self.on_secret(client.secret)
        self.on_secret(basic)

    def find_client(self, client_id: str) -> Client | None:
        """Look a client up."""
        return self._clients.get(client_id)

    def remove_client(self, client_id: str) -> None:
        """Delete a client, as its owner could."""
        self._clients.pop(client_id, None)

    # -- consent

    def has_consented(self, account: str, client_id: str) -> bool:
        """Tell whether a live grant of this account exists."""
        with self._lock:
            return any(self._live(account, client_id))

    def issue_code(
        self,
        *,
        client_id: str,
        redirect_uri: str,
        account: str,
        scopes: Iterable[str],
        challenge: str | None,
        wants_refresh_token: bool,
    ) -> str:
        """Issue an authorization code for a consent that was given."""
        text = self._secret("4/0A")
        code = Code(
            client_id=client_id,
            redirect_uri=redirect_uri,
            account=account,
            scopes=self._granted(scopes),
            challenge=challenge,
            wants_refresh_token=wants_refresh_token,
            expires=self.clock.now() + CODE_LIFETIME,
        )
        with self._lock:
            self._codes[text] = code
        return text

    def redeem_code(
        self, text: str, client_id: str, redirect_uri: str | None, check: Callable[[Code], None]
    ) -> tuple[AccessToken, str | None]:
        """Exchange a code once; a second try kills what the first one got (RFC 6749, 4.1.2)."""
        with self._lock:
            code = self._codes.get(text)
            if code is None or code.client_id != client_id:
                raise OAuthError(400, "invalid_grant", "Malformed auth code.")
            if code.grant is not None:
                code.grant.revoked = True
                raise OAuthError(400, "invalid_grant", "Bad Request")
            if self.clock.now() >= code.expires:
                raise OAuthError(400, "invalid_grant", "Bad Request")
            if redirect_uri != code.redirect_uri:
                raise OAuthError(400, "redirect_uri_mismatch", "Bad Request")
            check(code)
            code.grant = self.new_grant(
                code.account, code.scopes, client_id, offline=code.wants_refresh_token
            )
            return self.issue_access(code.grant), code.grant.refresh_token

    def new_grant(
        self, account: str, scopes: Iterable[str], client_id: str, *, offline: bool = True
    ) -> Grant:
        """Record a grant, with a refresh token if `offline` and nothing switched it off."""
        with self._lock:
            wants_token = offline and not self.switches.omit_refresh_token
            grant = Grant(account, client_id, tuple(scopes), None)
            lifetime = self.switches.refresh_token_lifetime
            if lifetime is not None:
                grant.dies = self.clock.now() + timedelta(seconds=lifetime)
            self._grants.append(grant)
            if wants_token:
                self._give_refresh_token(grant)
                self._drop_oldest(account, client_id)
            return grant

    # -- tokens

    def issue_access(self, grant: Grant, scopes: Iterable[str] | None = None) -> AccessToken:
        """Issue an access token for a grant; without expires_in it lives the usual hour."""
        lifetime = self.switches.access_token_lifetime
        token = AccessToken(
            text=self._secret("ya29.a0"),
            grant=grant,
            scopes=grant.scopes if scopes is None else tuple(scopes),
            expires=self.clock.now() + timedelta(seconds=3599 if lifetime is None else lifetime),
        )
        with self._lock:
            self._access[token.text] = token
        return token

    def refresh(
        self, text: str, client_id: str, scopes: Collection[str] | None
    ) -> tuple[AccessToken, str | None]:
        """Trade a refresh token for an access token, and for its successor when rotating."""
        with self._lock:
            grant = self._refresh.get(text)
            if grant is None:
                raise OAuthError(400, "invalid_grant", "Bad Request")
            if grant.client_id != client_id:
                raise OAuthError(401, "unauthorized_client", "Unauthorized")
            self._refuse_replay(grant, text)
            if not grant.is_alive(self.clock.now()):
                raise expired_or_revoked()
            if scopes is not None and not set(scopes) <= set(grant.scopes):
                raise OAuthError(400, "invalid_scope", "Bad Request")
            successor = None
            if self.switches.rotate_refresh_tokens:
                successor = self._give_refresh_token(grant)
            return self.issue_access(grant, scopes), successor

    def find_access(self, text: str) -> AccessToken | None:
        """Look an access token up; None unless it and its grant are alive."""
        token = self._access.get(text)
        now = self.clock.now()
        if token is None or now >= token.expires or not token.grant.is_alive(now):
            return None
        return token

    def revoke(self, text: str) -> bool:
        """End the consent that a refresh or access token came from; False if it is dead already.

        Google ends all the account gave to the client, other copies included.
        """
        with self._lock:
            access = self.find_access(text)
            grant = access.grant if access else self._refresh.get(text)
            if grant is None or not grant.is_alive(self.clock.now()):
                return False
            for other in list(self._live(grant.account, grant.client_id)):
                other.revoked = True
            return True

    # -- what a test or the account's owner does

    def revoke_grants(self, account: str | None = None) -> int:
        """Revoke as at myaccount.google.com; every account's when None. Says how many."""
        with self._lock:
            alive = [g for g in self._grants if not g.revoked and account in (None, g.account)]
            for grant in alive:
                grant.revoked = True
            return len(alive)

    def expire_access_tokens(self, account: str | None = None) -> int:
        """Forget access tokens before their time; grants stay. Says how many."""
        with self._lock:
            doomed = [t for t, a in self._access.items() if account in (None, a.grant.account)]
            for text in doomed:
                del self._access[text]
            return len(doomed)

    def grants(self, account: str | None = None) -> list[Grant]:
        """List live grants, oldest first."""
        with self._lock:
            now = self.clock.now()
            return [g for g in self._grants if g.is_alive(now) and account in (None, g.account)]

    # -- inside

    def _live(self, account: str, client_id: str) -> Iterable[Grant]:
        return (g for g in self.grants(account) if g.client_id == client_id)

    def _granted(self, asked: Iterable[str]) -> tuple[str, ...]:
        narrow = self.switches.narrow_scopes
        kept = [scope for scope in asked if narrow is None or scope in narrow]
        return tuple(dict.fromkeys([*kept, *self.switches.widen_scopes]))

    def _give_refresh_token(self, grant: Grant) -> str:
        grant.refresh_token = self._secret("1//0")
        self._refresh[grant.refresh_token] = grant
        return grant.refresh_token

    def _refuse_replay(self, grant: Grant, text: str) -> None:
        if text == grant.refresh_token:
            return
        if self.switches.reuse_detection:
            grant.revoked = True  # RFC 9700, 4.14.2: somebody else holds a copy
        raise expired_or_revoked()

    def _drop_oldest(self, account: str, client_id: str) -> None:
        live = [grant for grant in self._live(account, client_id) if grant.refresh_token]
        for grant in live[:-GRANTS_PER_ACCOUNT]:
            grant.revoked = True

    def _secret(self, prefix: str) -> str:
        text = prefix + secrets.token_urlsafe(48)
        self.on_secret(text)
        return text
