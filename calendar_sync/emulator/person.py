"""The person at the browser, played over plain HTTP: open the page, tick, click, be redirected."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Collection
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.client import HTTPMessage
from typing import IO
from urllib.parse import urlencode


class PageError(Exception):
    """The authorization page was an error page; the text is the page's."""


@dataclass
class _Form(HTMLParser):
    """The fields that a browser would send: hidden ones, ticked boxes, the chosen radio."""

    fields: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an input along unless it is an unticked one."""
        given = dict(attrs)
        choosable = given.get("type") in ("checkbox", "radio")
        if tag == "input" and given.get("name") and ("checked" in given or not choosable):
            self.fields.append((str(given["name"]), given.get("value") or ""))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        """Let the caller see the redirect."""


def click(
    authorization_url: str,
    decision: str = "allow",
    *,
    account: str | None = None,
    untick: Collection[str] = (),
    timeout: float = 20.0,
) -> str:
    """Open the page, answer its form, and return the address the browser is sent to.

    Raises PageError when the page shows an error instead of a form. If the page answers by itself
    (a click told in advance, prompt=none), its redirect is returned.
    """
    page, location = _open(authorization_url, None, timeout)
    if location is not None:
        return location
    form = _Form()
    form.feed(page)
    fields = [
        (name, account if name == "account" and account else value)
        for name, value in form.fields
        if not (name == "granted" and value in untick)
    ]
    data = urlencode([*fields, ("decision", decision)]).encode()
    page, location = _open(authorization_url, data, timeout)
    if location is None:
        raise PageError(page)
    return location


def click_through(
    authorization_url: str,
    decision: str = "allow",
    *,
    account: str | None = None,
    untick: Collection[str] = (),
) -> str:
    """Click, then follow the redirect to the receiver that waits there; return its page."""
    location = click(authorization_url, decision, account=account, untick=untick)
    page, _ = _open(location, None, 20.0)
    return page


def _open(url: str, data: bytes | None, timeout: float) -> tuple[str, str | None]:
    """Return the page and, if it is a redirect, where to."""
    # No proxy from the environment: everything here is on this machine.
    opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, data, timeout) as answer:
            return answer.read().decode(), None
    except urllib.error.HTTPError as error:
        with error:
            page = error.read().decode("utf-8", "replace")
            if error.code in (301, 302, 303, 307):
                return page, error.headers["Location"]
            raise PageError(page) from error
