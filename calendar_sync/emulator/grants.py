"""The things the OAuth side knows: clients, grants, codes, tokens, clicks, and its switches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

TESTING_LIFETIME = 604799  # seconds a refresh token lives while the app is in Testing


class OAuthError(Exception):
    """A refusal in OAuth's words; the token endpoint sends it as JSON."""

    def __init__(self, status: int, error: str, description: str | None = None) -> None:
        super().__init__(f"{error}: {description}")
        self.status = status
        self.error = error
        self.description = description

    def body(self) -> dict[str, str]:
        """Render the JSON body of RFC 6749, section 5.2."""
        described = {} if self.description is None else {"error_description": self.description}
        return {"error": self.error} | described


def expired_or_revoked() -> OAuthError:
    """Make the answer to a refresh token that was good once (compass, captured)."""
    return OAuthError(400, "invalid_grant", "Token has been expired or revoked.")


@dataclass(frozen=True)
class Client:
    """An OAuth client of type Desktop app."""

    id: str
    secret: str
    name: str = "calendar-sync"
    project: str = "local-google"


@dataclass
class Grant:
    """One consent: who let which client see what, and until when."""

    account: str
    client_id: str
    scopes: tuple[str, ...]
    refresh_token: str | None
    dies: datetime | None = None
    revoked: bool = False

    def is_alive(self, now: datetime) -> bool:
        """Tell whether tokens of this grant still work."""
        return not self.revoked and (self.dies is None or now < self.dies)


@dataclass(frozen=True)
class AccessToken:
    """A bearer token; `scopes` may be fewer than its grant's."""

    text: str
    grant: Grant
    scopes: tuple[str, ...]
    expires: datetime


@dataclass
class Code:
    """An authorization code; single use, bound to client, redirect and PKCE challenge."""

    client_id: str
    redirect_uri: str
    account: str
    scopes: tuple[str, ...]
    challenge: str | None
    wants_refresh_token: bool
    expires: datetime
    grant: Grant | None = None  # set once exchanged


@dataclass(frozen=True)
class Click:
    """What a person does on the consent page; None keeps what the page offers."""

    decision: str = "allow"  # or "deny", or any error code to send to the redirect
    account: str | None = None
    scopes: tuple[str, ...] | None = None


@dataclass
class OAuthSwitches:
    """How this Google behaves; every field may be changed while it runs."""

    access_token_lifetime: int | None = 3599  # None: the reply has no expires_in
    refresh_token_lifetime: int | None = None  # TESTING_LIFETIME is Google's Testing mode
    rotate_refresh_tokens: bool = False
    reuse_detection: bool = True  # a retired token's replay revokes its grant; needs rotation
    omit_refresh_token: bool = False
    narrow_scopes: tuple[str, ...] | None = None  # at most these are granted
    widen_scopes: tuple[str, ...] = ()  # granted though nobody asked
    page_error: str | None = None  # the authorization page shows this instead, e.g. org_internal
    suspended: tuple[str, ...] = ()  # whom no assertion may speak for
    skip_known_consent: bool = False  # answer at once when the account has consented before
