"""HTTP for Google's client: httplib2, but for what it would do by itself."""

from __future__ import annotations

import http.client
import zlib
from contextlib import suppress
from typing import Any

from calendar_sync.deferring import deferred
from calendar_sync.grants.client_secrets import Google

with deferred("httplib2.auth"):  # a parser of passwords' challenges
    import httplib2

TIMEOUT = 60.0  # seconds without a byte
_MOST_UNPACKED = 10 << 20  # bytes


class Http(httplib2.Http):  # type: ignore[misc]  # httplib2 is untyped
    """Knows no passwords, so a 401 is the caller's at once."""

    def _auth_from_challenge(self, *_: object) -> tuple[()]:
        return ()

    def _conn_request(self, conn: Any, *request: Any) -> Any:
        conn.response_class = _Response
        return super()._conn_request(conn, *request)


class _Response(http.client.HTTPResponse):
    """Unpacks its body in one go, where httplib2 would copy it several times.

    What is broken or large it leaves to httplib2, which refuses bodies that grow suspiciously.
    """

    def read(self, amt: int | None = None) -> bytes:
        body = super().read(amt)
        if amt is None and self.headers.get("content-encoding") == "gzip":
            decoder = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            with suppress(zlib.error):
                unpacked = decoder.decompress(body, _MOST_UNPACKED)
                if decoder.eof:
                    del self.headers["content-encoding"]
                    return unpacked
        return body


def http_to(google: Google) -> Any:
    """Return a connection to this Google, which is made when it is first used."""
    made = Http(timeout=TIMEOUT, proxy_info=None if google.is_local else _proxy)
    made.follow_redirects = False  # a data endpoint has no business elsewhere
    return made


def _proxy(scheme: str) -> Any:
    return httplib2.proxy_info_from_environment(scheme)
