"""HTTP for Google's client: httplib2, but for what it would do by itself."""

from __future__ import annotations

import http.client
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from calendar_sync.deferring import deferred
from calendar_sync.grants.client_secrets import Google

with deferred("httplib2.auth"):  # a parser of passwords' challenges
    import httplib2

TIMEOUT = 60.0  # seconds without a byte
_MOST_UNPACKED = 10 << 20  # bytes
_PIECE = 16 << 10  # bytes to unpack at once: what they become is no new memory each time


class Http(httplib2.Http):  # type: ignore[misc]  # httplib2 is untyped
    """Knows no passwords, so a 401 is the caller's at once.

    `check` is called when a request is out, before its answer is waited for; it may raise.
    """

    def __init__(self, *, check: Callable[[], None] = lambda: None, **options: Any) -> None:
        super().__init__(**options)
        self._check = check

    def _auth_from_challenge(self, *_: object) -> tuple[()]:
        return ()

    def _conn_request(self, conn: Any, *request: Any) -> Any:
        conn.response_class = partial(_Response, self._check)
        return super()._conn_request(conn, *request)


class _Response(http.client.HTTPResponse):
    """Unpacks its body in one go, where httplib2 would copy it several times.

    What is broken or large it leaves to httplib2, which refuses bodies that grow suspiciously.
    """

    def __init__(self, check: Callable[[], None], *details: Any, **options: Any) -> None:
        super().__init__(*details, **options)
        self._check = check

    def begin(self) -> None:
        self._check()
        super().begin()

    def read(self, amt: int | None = None) -> bytes:
        body = super().read(amt)
        if amt is None and self.headers.get("content-encoding") == "gzip":
            with suppress(zlib.error):
                unpacked = _unpacked(body)
                if unpacked is not None:
                    del self.headers["content-encoding"]
                    return unpacked
        return body


def _unpacked(body: bytes) -> bytes | None:
    """Unpack all of a body; None when it is cut, or grows too much. Raises zlib.error."""
    decoder = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    pieces: list[bytes] = []
    size = 0
    for at in range(0, len(body), _PIECE):
        pieces.append(decoder.decompress(body[at : at + _PIECE]))
        size += len(pieces[-1])
        if size > _MOST_UNPACKED:
            return None
    return b"".join(pieces) if decoder.eof else None


def http_to(google: Google, check: Callable[[], None] = lambda: None) -> Any:
    """Return a connection to this Google, which is made when it is first used; `check` as Http's."""
    proxy = None if google.is_local else _proxy
    made = Http(check=check, timeout=TIMEOUT, proxy_info=proxy)
    made.follow_redirects = False  # a data endpoint has no business elsewhere
    return made


def _proxy(scheme: str) -> Any:
    return httplib2.proxy_info_from_environment(scheme)
