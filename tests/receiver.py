"""A local HTTP receiver that remembers what it was sent, and can misbehave."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Message:
    """One request."""

    path: str
    body: str
    headers: dict[str, str]


@dataclass
class Receiver:
    """What arrived, and how it answers: a status, a redirect, or not at all."""

    url: str = ""
    status: int = 200
    location: str = ""
    hangs: bool = False
    messages: list[Message] = field(default_factory=list)

    def paths(self) -> list[str]:
        return [message.path for message in self.messages]

    def __enter__(self) -> Receiver:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                text = body.decode("utf-8")
                receiver.messages.append(Message(self.path, text, dict(self.headers)))
                if receiver.hangs:
                    for _ in range(600):  # a byte now and then: no socket timeout ends that
                        if receiver.is_closed:
                            return
                        self.wfile.write(b"H")
                        self.wfile.flush()
                        time.sleep(0.1)
                self.send_response(receiver.status)
                if receiver.location:
                    self.send_header("Location", receiver.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self.is_closed = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_closed = True
        self._server.shutdown()
        self._server.server_close()
