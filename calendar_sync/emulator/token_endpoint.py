"""`/token`, `/revoke` and `/tokeninfo`: forms in, JSON out."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any
from urllib.parse import unquote

from calendar_sync.emulator.assertions import read_assertion
from calendar_sync.emulator.grants import AccessToken, Client, Code, OAuthError
from calendar_sync.emulator.oauth import OAuth
from calendar_sync.emulator.wire import HttpAnswer, HttpRequest, Query, first, json_answer

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def answer_token(oauth: OAuth, request: HttpRequest) -> HttpAnswer:
    """Answer `/token`: a code, a refresh token or a signed assertion for an access token."""
    if request.method != "POST":
        return json_answer(405, {"error": "invalid_request", "error_description": "POST only."})
    try:
        return json_answer(200, _trade(oauth, request))
    except OAuthError as refusal:
        return json_answer(refusal.status, refusal.body())


def answer_revoke(oauth: OAuth, request: HttpRequest) -> HttpAnswer:
    """Answer `/revoke` (RFC 7009, but as Google does: an unknown token is an error)."""
    if request.method != "POST":  # oauth2client tried GET first and knew 405
        return json_answer(405, {"error": "invalid_request", "error_description": "POST only."})
    text = first(request.form(), "token") or first(request.query, "token")
    if text is None:
        return json_answer(400, {"error": "invalid_request"})
    if oauth.revoke(text):
        return json_answer(200, {})
    return json_answer(
        400, {"error": "invalid_token", "error_description": "Token expired or revoked"}
    )


def answer_tokeninfo(oauth: OAuth, request: HttpRequest) -> HttpAnswer:
    """Answer `/tokeninfo` about an access token in the form or, alas, the query."""
    given = {**request.query, **request.form()}
    token = oauth.find_access(first(given, "access_token") or "")
    if token is None:
        return json_answer(400, {"error": "invalid_token", "error_description": "Invalid Value"})
    left = int((token.expires - oauth.clock.now()).total_seconds())
    described: dict[str, Any] = {
        "azp": token.grant.client_id,
        "aud": token.grant.client_id,
        "scope": " ".join(token.scopes),
        "exp": str(int(token.expires.timestamp())),
        "expires_in": str(left),
        "access_type": "offline" if token.grant.refresh_token else "online",
    }
    return json_answer(200, described)


def _trade(oauth: OAuth, request: HttpRequest) -> dict[str, Any]:
    form = request.form()
    kind = first(form, "grant_type")
    if kind is None:
        raise OAuthError(400, "invalid_request", "Required parameter is missing: grant_type")
    if kind == JWT_BEARER:
        return _trade_assertion(oauth, _required(form, "assertion"))
    if kind not in ("authorization_code", "refresh_token"):
        raise OAuthError(400, "unsupported_grant_type", f"Invalid grant_type: {kind}")
    client = _authenticate(oauth, request, form)
    return (_trade_code if kind == "authorization_code" else _refresh)(oauth, client, form)


def _trade_code(oauth: OAuth, client: Client, form: Query) -> dict[str, Any]:
    access, refresh_token = oauth.redeem_code(
        _required(form, "code"),
        client.id,
        first(form, "redirect_uri"),
        lambda code: _check_verifier(code, first(form, "code_verifier")),
    )
    return token_reply(oauth, access, refresh_token)


def _refresh(oauth: OAuth, client: Client, form: Query) -> dict[str, Any]:
    asked = first(form, "scope")
    scopes = asked.split() if asked else None
    access, successor = oauth.refresh(_required(form, "refresh_token"), client.id, scopes)
    return token_reply(oauth, access, successor)


def _trade_assertion(oauth: OAuth, assertion: str) -> dict[str, Any]:
    claims = read_assertion(assertion, oauth.clock.now())
    if claims.subject in oauth.switches.suspended:
        raise OAuthError(400, "invalid_grant", "Invalid email or User ID")
    grant = oauth.new_grant(claims.subject, claims.scopes, claims.issuer, offline=False)
    access = oauth.issue_access(grant)
    return {"access_token": access.text, "expires_in": 3599, "token_type": "Bearer"}


def token_reply(
    oauth: OAuth, access: AccessToken, refresh_token: str | None = None
) -> dict[str, Any]:
    """Write the reply of a successful trade."""
    reply: dict[str, Any] = {"access_token": access.text}
    if oauth.switches.access_token_lifetime is not None:
        reply["expires_in"] = oauth.switches.access_token_lifetime
    if refresh_token is not None:
        reply["refresh_token"] = refresh_token
    reply |= {"scope": " ".join(access.scopes), "token_type": "Bearer"}
    dies = access.grant.dies
    if dies is not None and access.grant.refresh_token is not None:
        reply["refresh_token_expires_in"] = round((dies - oauth.clock.now()).total_seconds())
    return reply


def _authenticate(oauth: OAuth, request: HttpRequest, form: Query) -> Client:
    """Know the client by HTTP Basic or by the form.

    Basic wins when both are there: a stray ~/.netrc entry that adds one is then refused, as it
    should be (RFC 6749, 2.3: one method per request).
    """
    client_id, secret = _basic(request) or (first(form, "client_id"), first(form, "client_secret"))
    if not client_id:
        raise OAuthError(400, "invalid_request", "Could not determine client ID from request.")
    client = oauth.find_client(client_id)
    if client is None:
        raise OAuthError(401, "invalid_client", "The OAuth client was not found.")
    if secret is None:
        raise OAuthError(400, "invalid_request", "client_secret is missing.")
    if not hmac.compare_digest(secret.encode(), client.secret.encode()):
        raise OAuthError(401, "invalid_client", "Unauthorized")
    return client


def _basic(request: HttpRequest) -> tuple[str, str] | None:
    kind, _, credentials = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise OAuthError(401, "invalid_client", "Unauthorized") from error
    return unquote(user), unquote(password)


def _check_verifier(code: Code, verifier: str | None) -> None:
    """Check PKCE, method S256 (RFC 7636, 4.6)."""
    if code.challenge is None:
        return
    if verifier is None:
        raise OAuthError(400, "invalid_grant", "Missing code verifier.")
    digest = hashlib.sha256(verifier.encode()).digest()
    if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != code.challenge:
        raise OAuthError(400, "invalid_grant", "Invalid code verifier.")


def _required(form: Query, name: str) -> str:
    value = first(form, name)
    if not value:
        raise OAuthError(400, "invalid_request", f"Missing required parameter: {name}")
    return value
