"""The loopback receiver of a consent: waits for one redirect among whatever else knocks.

RFC 8252 section 7.3. Browsers ask for icons, open idle connections and try TLS first; a person may
come back twice or paste the address instead. Only an answer with our state ends the waiting.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from calendar_sync.grants.consent_pages import Page, render

_CONNECTION_TIMEOUT = 10.0  # seconds; an idle connection of a browser must not keep anybody waiting
_SEND_TIMEOUT = 5.0  # seconds for the browser to take its page
_OUTCOME_TIMEOUT = 120.0  # seconds; the code is exchanged while the browser waits for its page


@dataclass(frozen=True)
class Redirect:
    """Google's answer: a code, or an error such as `access_denied`. Never shown, never logged."""

    state: str
    code: str = field(default="", repr=False)
    error: str = ""


class NotOurs(ValueError):
    """An address that is no answer to this consent; the text says why."""


def parse_redirect(address: str, state: str) -> Redirect:
    """Read a redirect, pasted or received. Raises NotOurs, also for another consent's answer."""
    try:
        query = parse_qs(urlsplit(address.strip()).query)
    except ValueError:
        raise NotOurs("it is not an address") from None
    found = {key: query.get(key, [""])[0] for key in ("state", "code", "error")}
    if not found["code"] and not found["error"]:
        raise NotOurs("there is no code in it; paste the whole address the browser ended on")
    if found["state"] != state:
        raise NotOurs("it belongs to another consent than the one that is waiting")
    return Redirect(**found)


class _Answered:
    """A redirect on its way to the main thread, and the page on its way back."""

    def __init__(self, redirect: Redirect) -> None:
        self.redirect = redirect
        self.sent = threading.Event()
        self._page: queue.Queue[Page] = queue.Queue(1)

    def show(self, page: Page) -> None:
        """Tell the waiting browser how it ended, before the program does."""
        self._page.put(page)
        self.sent.wait(_SEND_TIMEOUT)

    def wait(self) -> Page:
        """Wait, in the browser's connection, for the page to show."""
        try:
            return self._page.get(timeout=_OUTCOME_TIMEOUT)
        except queue.Empty:
            return Page.UNKNOWN


class Receiver:
    """Listens on a loopback port until `close`; hands over the answers that carry our state."""

    def __init__(self, state: str, bind: str, port: int) -> None:
        self._answers: queue.Queue[_Answered] = queue.Queue()
        self._server = _Server((bind, port), _Handler)
        self._server.receiver = self
        self.state = state
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()

    @property
    def redirect_uri(self) -> str:
        """The literal loopback address; `localhost` may be IPv6 or forced to TLS (RFC 8252 8.3)."""
        return f"http://127.0.0.1:{self.port}/"

    def offer(self, redirect: Redirect, *, to_browser: bool = False) -> _Answered:
        """Take an answer, pasted or from a browser that waits for its page."""
        answered = _Answered(redirect)
        if not to_browser:
            answered.sent.set()
        self._answers.put(answered)
        return answered

    def wait(self, seconds: float) -> _Answered | None:
        """Return the first answer, None when none came in time."""
        try:
            return self._answers.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None

    def close(self) -> None:
        """Stop listening; pages being sent are finished."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # an idle connection keeps nobody waiting at the end
    allow_reuse_address = True  # a fixed port is free again at once, not after a minute
    receiver: Receiver

    def server_bind(self) -> None:
        """Bind only: HTTPServer would ask the DNS for a name, and wait where there is none."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a browser that hangs up, or speaks TLS, is no event."""


class _Handler(BaseHTTPRequestHandler):
    timeout = _CONNECTION_TIMEOUT
    server: _Server

    def do_GET(self) -> None:
        receiver = self.server.receiver
        if self.path.partition("?")[0] != "/":
            self._send(404, Page.NOT_FOUND)
            return
        try:
            redirect = parse_redirect(self.path, receiver.state)
        except NotOurs:
            self._send(404, Page.NOT_FOUND)
            return
        answered = receiver.offer(redirect, to_browser=True)
        try:
            self._send(200, answered.wait())
        finally:
            answered.sent.set()

    def _send(self, status: int, page: Page) -> None:
        body = render(page)
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def version_string(self) -> str:
        return "calendar-sync"

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the request line holds the code."""
