"""HTTP/1.1 around the routes: connections kept alive, compression, faults, and the log."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from calendar_sync.emulator import breakage
from calendar_sync.emulator.faults import Fault, Faults
from calendar_sync.emulator.request_log import LoggedRequest, RequestLog, safe_form, safe_query
from calendar_sync.emulator.routes import CONTROL, Routes
from calendar_sync.emulator.wire import (
    HttpAnswer,
    HttpRequest,
    chunked,
    compressed,
    parse_query,
    sized,
    wants_gzip,
)

_NO_ANSWER = HttpAnswer(0, b"")
_SILENT = ("reset", "close", "hang")  # breakages that do nothing for the request
_BODY_LIMIT = 16 << 20


class Server(ThreadingHTTPServer):
    """The listening socket and its threads, one per connection."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, routes: Routes, faults: Faults, log: RequestLog) -> None:
        self.routes = routes
        self.faults = faults
        self.log = log
        self.latency = 0.0  # seconds before each answer but the control's
        self._open: set[socket.socket] = set()
        self._greeted = 0
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), Conversation)

    def server_bind(self) -> None:
        """Bind without HTTPServer's reverse lookup of the host name, which may take seconds."""
        # Not the parent's: it is the one that looks up.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_port = self.socket.getsockname()[1]

    def greet(self, connection: socket.socket) -> int:
        """Note a new connection and number it."""
        with self._lock:
            self._open.add(connection)
            self._greeted += 1
            return self._greeted

    def part(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._lock:
            self._open.discard(connection)

    def hang_up(self) -> None:
        """Cut every connection: kept-alive ones would be served on by their threads."""
        self.faults.clear()
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:  # gone already
                    continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away; show everything else."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Conversation(BaseHTTPRequestHandler):
    """One connection: request after request until somebody closes."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def setup(self) -> None:
        """Number the connection."""
        super().setup()
        self.number = self.server.greet(self.connection)

    def finish(self) -> None:
        """Forget the connection."""
        self.server.part(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing; the request log has it."""

    def converse(self) -> None:
        """Read a request, answer it, honour the fault that is due."""
        request = self._read()
        if request is None:
            return
        is_control = request.path.startswith(CONTROL)
        fault = None if is_control else self.server.faults.take(request)
        if not is_control:
            time.sleep(self.server.latency)
        released = self.server.faults.released()
        if fault is not None and fault.delay:
            released.wait(fault.delay)
        answer = self._answer(request, fault)
        if not is_control:
            self._log(request, answer, fault)
        if fault is not None and fault.breakage:
            self._break(fault.breakage, answer, released)
        else:
            self.wfile.write(self._framed(answer))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = converse  # noqa: N815

    def _read(self) -> HttpRequest | None:
        """Read a request; None if its body has no usable length, which is answered here."""
        path, _, query = self.path.partition("?")
        stated = self.headers.get("Content-Length") or "0"
        if (
            not stated.isdecimal()
            or int(stated) > _BODY_LIMIT
            or "Transfer-Encoding" in self.headers
        ):
            self.close_connection = True
            self.send_error(411)
            return None
        length = int(stated)
        request = HttpRequest(
            method=self.command,
            path=path,
            query=parse_query(query),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
        )
        return _unfolded(request)

    def _answer(self, request: HttpRequest, fault: Fault | None) -> HttpAnswer:
        if fault is None:
            return self.server.routes.answer(request)
        if fault.answer is not None:
            return fault.answer
        if fault.breakage in _SILENT:
            return _NO_ANSWER
        answer = self.server.routes.answer(request)
        return fault.change(answer) if fault.change else answer

    def _framed(self, answer: HttpAnswer) -> bytes:
        # The emulator's clock, so that a client can find its own one wrong.
        now = self.server.routes.oauth.clock.now()
        answer = answer.with_headers({"Date": format_datetime(now, usegmt=True)})
        if self.close_connection:
            answer = answer.with_headers({"Connection": "close"})
        is_head = self.command == "HEAD"
        if answer.gzip and not is_head and self._may_compress():
            return chunked(compressed(answer))
        return sized(answer, without_body=is_head)

    def _may_compress(self) -> bool:
        headers = {name.lower(): value for name, value in self.headers.items()}
        return self.request_version == "HTTP/1.1" and wants_gzip(headers)

    def _break(self, kind: str, answer: HttpAnswer, released: threading.Event) -> None:
        self.close_connection = True
        if kind == "reset":
            self.server.part(self.connection)
            breakage.reset(self.connection)
        elif kind == "hang":
            breakage.hang(self.connection, released)
        elif kind == "trickle":
            breakage.trickle(self.connection, self._framed(answer), released)
        elif kind not in ("close", "lost_reply"):
            self.wfile.write(breakage.spoiled(kind, answer))

    def _log(self, request: HttpRequest, answer: HttpAnswer, fault: Fault | None) -> None:
        routes = self.server.routes
        entry = LoggedRequest(
            method=request.method,
            path=request.path,
            query=safe_query(request.query),
            form=safe_form(request),
            status=answer.status,
            when=routes.oauth.clock.now(),
            account=routes.account_of(request),
            connection=self.number,
            authorized="authorization" in request.headers,
            fault=fault.name if fault else None,
            user_agent=request.headers.get("user-agent", ""),
        )
        self.server.log.add(entry)


def _unfolded(request: HttpRequest) -> HttpRequest:
    """Turn a POST that says it is a GET into one: Google's client does so beyond 2,048 characters."""
    override = request.headers.get("x-http-method-override", "").upper()
    if request.method != "POST" or override != "GET":
        return request
    return replace(request, method="GET", query={**request.query, **request.form()}, body=b"")


def run(server: Server) -> Callable[[], None]:
    """Serve in a thread; the function returned stops it and waits for it."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.hang_up()
        server.server_close()
        thread.join()

    return stop
