"""Bodies as they are unpacked: whole, however large, or refused."""

from __future__ import annotations

import gzip
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httplib2
import pytest

from calendar_sync.transport import Http

SMALL = b'{"kind": "calendar#events"}' * 9
LARGE = random.Random(1).randbytes(6 << 20).hex().encode()  # 12 MB, more than is unpacked in one go


@contextmanager
def serving(body: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.parametrize("content", [SMALL, LARGE, b""], ids=["small", "large", "empty"])
def test_a_body_is_unpacked_whole(content: bytes) -> None:
    with serving(gzip.compress(content, 1)) as url:
        assert Http(timeout=10).request(url)[1] == content


def test_a_body_that_is_no_gzip_is_refused() -> None:
    """One cut short is not: what comes of it is no JSON, and refused as such (test_answers)."""
    with serving(b"no" + gzip.compress(SMALL)[2:]) as url, pytest.raises(httplib2.HttpLib2Error):
        Http(timeout=10).request(url)
