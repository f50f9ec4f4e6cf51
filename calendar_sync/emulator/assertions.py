"""Service accounts' signed assertions (RFC 7523), read as Google's token endpoint reads them.

The signature is not checked: the local Google knows no service account's public key. Whoever tests
a wrong key uses the fault `invalid_jwt_signature`.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from calendar_sync.emulator.grants import OAuthError

# google-auth writes this audience whatever the token_uri (facts 7).
AUDIENCE = "https://oauth2.googleapis.com/token"
_HOUR = 3600
_SKEW = 300


@dataclass(frozen=True)
class Assertion:
    """Who asks, for whom, and for what."""

    issuer: str
    subject: str
    scopes: tuple[str, ...]


def read_assertion(text: str, now: datetime) -> Assertion:
    """Read a JWT; raise OAuthError in Google's words if a claim is missing or out of time."""
    claims = _claims(text)
    issued, expires = claims.get("iat"), claims.get("exp")
    if (
        not isinstance(issued, int)
        or not isinstance(expires, int)
        or not _is_timely(issued, expires, now.timestamp())
    ):
        raise OAuthError(
            400,
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
            "timeframe. Check your iat and exp values in the JWT claim.",
        )
    if claims.get("aud") != AUDIENCE:
        raise OAuthError(400, "invalid_grant", "Invalid JWT: Failed audience check.")
    if not claims.get("iss") or not claims.get("sub"):
        raise OAuthError(400, "invalid_grant", "Invalid email or User ID")
    if not claims.get("scope"):
        raise OAuthError(400, "invalid_scope", "Empty or missing scope not allowed.")
    return Assertion(str(claims["iss"]), str(claims["sub"]), tuple(str(claims["scope"]).split()))


def _is_timely(issued: int, expires: int, now: float) -> bool:
    return expires - issued <= _HOUR and issued - _SKEW <= now < expires + _SKEW


def _claims(text: str) -> dict[str, Any]:
    parts = text.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=="))
    except (IndexError, binascii.Error, ValueError) as error:
        raise OAuthError(400, "invalid_grant", "Bad Request") from error
    if len(parts) != 3 or not isinstance(claims, dict):
        raise OAuthError(400, "invalid_grant", "Bad Request")
    return claims
