"""Which part of this Google answers which path."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from calendar_sync.emulator import directory
from calendar_sync.emulator.api import ApiAnswer, ApiError, ApiRequest, CalendarApi, legacy_error
from calendar_sync.emulator.authorization import answer_authorization
from calendar_sync.emulator.fields import parse_fields, select
from calendar_sync.emulator.gate import Gate
from calendar_sync.emulator.oauth import OAuth
from calendar_sync.emulator.pages import plain_error_page
from calendar_sync.emulator.scopes import Method, method_of
from calendar_sync.emulator.token_endpoint import answer_revoke, answer_token, answer_tokeninfo
from calendar_sync.emulator.wire import (
    GOOGLE_HEADERS,
    JSON_TYPE,
    HttpAnswer,
    HttpRequest,
    Query,
    first,
    html_answer,
    json_answer,
)

API = "/calendar/v3/"
CONTROL = "/_control/"
# Parameters of every method (discovery document); the frame handles or ignores them.
_GLOBAL = {
    *("alt", "fields", "key", "prettyPrint", "quotaUser", "userIp", "access_token", "oauth_token"),
    *("$.xgafv", "callback", "uploadType", "upload_protocol"),
}
_AUTH_PATHS = {"/o/oauth2/auth", "/o/oauth2/v2/auth", "/auth"}
_TOKEN_PATHS = {"/token", "/o/oauth2/token", "/oauth2/v4/token"}
_REVOKE_PATHS = {"/revoke", "/o/oauth2/revoke"}
_TOKENINFO_PATHS = {"/tokeninfo", "/oauth2/v2/tokeninfo", "/oauth2/v3/tokeninfo"}


@dataclass
class Routes:
    """Answer any request; a bug in here or below becomes a 500 and a line in `crashes`."""

    oauth: OAuth
    gate: Gate
    world: CalendarApi
    directory: directory.Directory
    accounts: Callable[[], Sequence[str]]
    control: Callable[[HttpRequest], HttpAnswer]
    crashes: list[str] = field(default_factory=list)

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """Answer one request, whatever it is."""
        try:
            return self._route(request)
        except Exception:  # a server answers; the traceback goes to whoever runs it
            self.crashes.append(traceback.format_exc())
            sys.stderr.write(self.crashes[-1])
            return json_answer(500, legacy_error(500, "backendError", "Backend Error").body)

    def account_of(self, request: HttpRequest) -> str | None:
        """Say whose live access token a request carries."""
        text = request.headers.get("authorization", "").partition(" ")[2]
        token = self.oauth.find_access(text.strip())
        return token.grant.account if token else None

    def _route(self, request: HttpRequest) -> HttpAnswer:
        path = request.path
        if path.startswith(API):
            return self._answer_calendar(request)
        if path == directory.PATH:
            return self._answered(request, lambda: self._ask_directory(request))
        if path in _AUTH_PATHS:
            return answer_authorization(self.oauth, self.accounts(), request)
        if path in _TOKEN_PATHS:
            return answer_token(self.oauth, request)
        if path in _REVOKE_PATHS:
            return answer_revoke(self.oauth, request)
        if path in _TOKENINFO_PATHS:
            return answer_tokeninfo(self.oauth, request)
        if path.startswith(CONTROL):
            return self.control(request)
        if path == "/_elsewhere":  # where the fault `redirect` leads: a portal's page
            return html_answer(200, plain_error_page(200, "Portal", "Please sign in."))
        return _not_found(path)

    def _answer_calendar(self, request: HttpRequest) -> HttpAnswer:
        segments = tuple(unquote(part) for part in request.path[len(API) :].split("/"))
        method = method_of(segments)
        if method is None:
            return _not_found(request.path)
        return self._answered(request, lambda: self._ask_world(request, segments, method))

    def _answered(self, request: HttpRequest, ask: Callable[[], ApiAnswer]) -> HttpAnswer:
        pretty = first(request.query, "prettyPrint") != "false"
        try:
            return _render(ask(), request.query, pretty)
        except ApiError as error:
            return json_answer(error.status, error.body, error.headers, pretty=pretty)

    def _ask_directory(self, request: HttpRequest) -> ApiAnswer:
        account = self.gate.authorize(request, directory.LIST_USERS)
        return self.directory.answer(account, request.query)

    def _ask_world(
        self, request: HttpRequest, segments: tuple[str, ...], method: Method
    ) -> ApiAnswer:
        account = self.gate.admit(request, method)
        if request.method not in ("GET", "HEAD"):
            raise legacy_error(501, "notImplemented", "This local Google only serves reads.")
        query = {key: values for key, values in request.query.items() if key not in _GLOBAL}
        now = self.oauth.clock.now()
        return self.world.answer(ApiRequest("GET", segments, query, account, now))


def _render(answer: ApiAnswer, query: Query, pretty: bool) -> HttpAnswer:
    """Apply `fields` and write JSON; bytes that need neither pass as they are."""
    selector = first(query, "fields")
    tree = parse_fields(selector) if selector else {}
    if isinstance(answer.body, bytes) and not tree and not pretty:
        headers = {"Content-Type": JSON_TYPE, **GOOGLE_HEADERS, **answer.headers}
        return HttpAnswer(answer.status, answer.body, headers, gzip=True)
    body: Any = json.loads(answer.body) if isinstance(answer.body, bytes) else answer.body
    return json_answer(answer.status, select(body, tree), answer.headers, pretty=pretty)


def _not_found(path: str) -> HttpAnswer:
    text = f"The requested URL {path} was not found on this server."
    return html_answer(404, plain_error_page(404, "Not Found", text))
