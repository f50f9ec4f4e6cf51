"""A Google that only replays: pages made and compressed before the first request, for stopwatches.

It is a process of its own, so that its work is not counted with the client's, and it answers from
memory: beside a client it costs one or two per cent. It knows as much of the Calendar API as a full
read, a read without changes and one with some need.
"""

from __future__ import annotations

import gzip
import json
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
from pages import World, calendar_list, changed, packed, page_of, pages_of


@dataclass(frozen=True)
class Address:
    """Where a replay listens, and how it is told what to bring."""

    url: str
    control: Connection

    def change(self, on: bool) -> int:
        """From now on sync tokens of the first read bring the changes, or nothing.

        Returns the number of requests since the last call.
        """
        self.control.send(on)
        return int(self.control.recv())

    def write_home(self, home: Path) -> None:
        """Write the client and a fresh grant, as a consent leaves them."""
        folder = home / "credentials"
        folder.mkdir(mode=0o700, parents=True)
        client = {
            "client_id": "bench.apps.googleusercontent.com",
            "client_secret": "bench-secret",
            "auth_uri": f"{self.url}/o/oauth2/auth",
            "token_uri": f"{self.url}/token",
            "redirect_uris": ["http://localhost"],
            "api_endpoint": f"{self.url}/calendar/v3/",
        }
        expiry = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1)
        token = {
            "token": "bench-access-token",
            "refresh_token": "bench-refresh-token",
            "token_uri": client["token_uri"],
            "client_id": client["client_id"],
            "client_secret": client["client_secret"],
            "scopes": ["https://www.googleapis.com/auth/calendar.readonly"],
            "expiry": f"{expiry.isoformat(timespec='seconds')}Z",
        }
        for name, value in (("client_secrets", {"installed": client}), ("token", token)):
            path = folder / f"{name}.json"
            path.touch(mode=0o600)
            path.write_text(json.dumps(value))


@contextmanager
def replay(world: World) -> Iterator[Address]:
    """Run a replay in a process of its own."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(world, theirs), daemon=True
    )
    process.start()
    try:
        yield Address(f"http://127.0.0.1:{ours.recv()}", ours)
    finally:
        process.terminate()
        process.join()


# -- in the replay's process -----------------------------------------------------------------------


def _serve(world: World, control: Connection) -> None:
    answers = _Answers(world)
    server = ThreadingHTTPServer(("127.0.0.1", 0), answers.handler())
    server.daemon_threads = True
    import threading

    threading.Thread(target=server.serve_forever, daemon=True).start()
    control.send(server.server_port)
    while True:
        answers.is_changed = control.recv()
        control.send(answers.requests)
        answers.requests = 0


class _Answers:
    """Every answer, ready to be sent."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.is_changed = False
        self.requests = 0
        self.pages = {}
        for number in range(world.calendars):
            name = f"bench{number}@group.calendar.google.com"
            self.pages[name] = [packed(page) for page in pages_of(world, name)]
        # As Google prints for whoever does not ask for `prettyPrint=false`.
        self.pretty = [
            packed(msgspec.json.format(gzip.decompress(page), indent=1))
            for page in next(iter(self.pages.values()))
        ]
        self.calendar_list = packed(calendar_list([*self.pages]))
        self.nothing = packed(page_of([], "", "s0"))
        self.changes = {
            name: packed(page_of(changed(gzip.decompress(pages[0]), world.changes), "", "s1"))
            for name, pages in self.pages.items()
        }

    def answer(self, path: str, query: dict[str, list[str]]) -> bytes:
        if path.endswith("/token"):
            reply = {"access_token": "bench-access-token", "expires_in": 3599}
            return packed(json.dumps({**reply, "token_type": "Bearer"}).encode())
        if path.endswith("/calendarList"):
            return self.calendar_list
        name = unquote(path.rsplit("/", 2)[1])
        token = query.get("syncToken", [""])[0]
        if token:
            return self.changes[name] if self.is_changed and token == "s0" else self.nothing
        is_pretty = query.get("prettyPrint") != ["false"] and name == next(iter(self.pages))
        pages = self.pretty if is_pretty else self.pages[name]
        return pages[int(query.get("pageToken", ["0"])[0])]

    def handler(self) -> type[BaseHTTPRequestHandler]:
        answers = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = 1 << 16

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                answers.requests += 1
                if answers.world.latency:
                    time.sleep(answers.world.latency)  # the wire, which this machine does not have
                body = answers.answer(parts.path, parse_qs(parts.query))
                self.send_response(200)
                self.send_header("Content-Type", "application/json; charset=UTF-8")
                self.send_header("Content-Encoding", "gzip")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.do_GET()

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
