"""The authorization page's conversation: check the request, show the page, take the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

from calendar_sync.emulator.grants import Click, Client
from calendar_sync.emulator.oauth import OAuth
from calendar_sync.emulator.pages import consent_page, error_page
from calendar_sync.emulator.scopes import WORDS
from calendar_sync.emulator.wire import HttpAnswer, HttpRequest, Query, first, html_answer

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class PageRefusal(Exception):
    """A request so wrong that the browser shows an error and nothing is sent to the redirect."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


@dataclass(frozen=True)
class Ask:
    """A checked authorization request."""

    client: Client
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None
    challenge: str | None
    offline: bool
    prompts: frozenset[str]
    login_hint: str | None


def answer_authorization(oauth: OAuth, accounts: Sequence[str], request: HttpRequest) -> HttpAnswer:
    """Answer the page (GET) or its form (POST); the query holds the request both times."""
    try:
        ask = read_ask(oauth, request.query)
    except PageRefusal as refusal:
        return html_answer(400, error_page(refusal.error, refusal.description))
    click = _click(oauth, ask, request)
    if click is None:
        return html_answer(200, consent_page(ask.client.name, ask.scopes, _offered(ask, accounts)))
    return _redirect(ask, _outcome(oauth, ask, click, _offered(ask, accounts)))


def read_ask(oauth: OAuth, query: Query) -> Ask:
    """Check a request; raise PageRefusal with the words of Google's error page."""
    if oauth.switches.page_error:
        raise PageRefusal(oauth.switches.page_error, "Access blocked by a switch of the emulator.")
    client = oauth.find_client(_required(query, "client_id"))
    if client is None:
        raise PageRefusal("invalid_client", "The OAuth client was not found.")
    redirect_uri = _required(query, "redirect_uri")
    _check_redirect(redirect_uri)
    if _required(query, "response_type") != "code":
        raise PageRefusal("unsupported_response_type", "Only response_type=code is served.")
    return Ask(
        client=client,
        redirect_uri=redirect_uri,
        scopes=_scopes(_required(query, "scope")),
        state=first(query, "state"),
        challenge=_challenge(query),
        offline=first(query, "access_type") == "offline",
        prompts=frozenset((first(query, "prompt") or "").split()),
        login_hint=first(query, "login_hint"),
    )


def _click(oauth: OAuth, ask: Ask, request: HttpRequest) -> Click | None:
    """Find the person's answer: posted, told in advance, or implied; None shows the page."""
    if oauth.clicks:
        return oauth.clicks.popleft()
    if request.method == "POST":
        return _posted(request.form())
    known = ask.login_hint is not None and oauth.has_consented(ask.login_hint, ask.client.id)
    if "none" in ask.prompts:
        return Click() if known else Click("interaction_required")
    if oauth.switches.skip_known_consent and known and "consent" not in ask.prompts:
        return Click()
    return None


def _posted(form: Query) -> Click:
    """Read the form. Boxes count only where the page had some: it says so in `boxes`."""
    ticked = form.get("granted", ()) if "boxes" in form else None
    return Click(first(form, "decision") or "deny", first(form, "account"), ticked)


def _outcome(oauth: OAuth, ask: Ask, click: Click, accounts: Sequence[str]) -> dict[str, str]:
    """Say what the redirect carries."""
    scopes = (
        ask.scopes if click.scopes is None else tuple(s for s in ask.scopes if s in click.scopes)
    )
    if click.decision != "allow" or not scopes:
        denied = click.decision in ("allow", "deny")
        return {"error": "access_denied" if denied else click.decision}
    account = click.account or accounts[0]
    is_new = not oauth.has_consented(account, ask.client.id)
    code = oauth.issue_code(
        client_id=ask.client.id,
        redirect_uri=ask.redirect_uri,
        account=account,
        scopes=scopes,
        challenge=ask.challenge,
        wants_refresh_token=ask.offline and (is_new or "consent" in ask.prompts),
    )
    return {"code": code, "scope": " ".join(scopes)}


def _redirect(ask: Ask, outcome: dict[str, str]) -> HttpAnswer:
    state = {} if ask.state is None else {"state": ask.state}
    parts = urlsplit(ask.redirect_uri)
    query = "&".join(filter(None, [parts.query, urlencode({**state, **outcome})]))
    location = urlunsplit(parts._replace(query=query))
    headers = {
        "Location": location,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "Content-Type": "text/html; charset=UTF-8",
    }
    return HttpAnswer(302, b"", headers)


def _offered(ask: Ask, accounts: Sequence[str]) -> list[str]:
    """List the accounts to choose from, the hinted one first even if unknown."""
    hint = [ask.login_hint] if ask.login_hint else []
    return list(dict.fromkeys([*hint, *accounts])) or ["ada@example.com"]


def _required(query: Query, name: str) -> str:
    value = first(query, name)
    if not value:
        raise PageRefusal("invalid_request", f"Missing required parameter: {name}")
    return value


def _check_redirect(redirect_uri: str) -> None:
    """Accept what a Desktop client may use: http to a literal loopback host, any port and path."""
    try:
        parts = urlsplit(redirect_uri)
        is_loopback = parts.scheme == "http" and parts.hostname in _LOOPBACK and parts.port != 0
    except ValueError:
        is_loopback = False
    if not is_loopback or parts.fragment:
        raise PageRefusal(
            "redirect_uri_mismatch",
            f"The redirect URI in the request, {redirect_uri}, does not match the ones authorized "
            "for the OAuth client.",
        )


def _scopes(text: str) -> tuple[str, ...]:
    scopes = tuple(dict.fromkeys(text.split()))
    unknown = [scope for scope in scopes if scope not in WORDS]
    if unknown or not scopes:
        raise PageRefusal(
            "invalid_scope", f"Some requested scopes were invalid. {{invalid={unknown}}}"
        )
    return scopes


def _challenge(query: Query) -> str | None:
    challenge = first(query, "code_challenge")
    if challenge is not None and first(query, "code_challenge_method") != "S256":
        raise PageRefusal("invalid_request", "Only code_challenge_method S256 is served.")
    return challenge
