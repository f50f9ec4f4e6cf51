"""Requests and answers as HTTP sees them, and the bytes of an answer."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

Query = dict[str, tuple[str, ...]]

# What Google's front end sends with every API answer (facts 1.1), and with a token.
GOOGLE_HEADERS = {
    "Vary": "Origin, X-Origin, Referer",
    "Cache-Control": "no-cache, no-store, max-age=0, must-revalidate",
    "Pragma": "no-cache",
    "Expires": "Mon, 01 Jan 1990 00:00:00 GMT",
    "Server": "ESF",
    "X-XSS-Protection": "0",
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Alt-Svc": 'h3=":443"; ma=2592000,h3-29=":443"; ma=2592000',
}
JSON_TYPE = "application/json; charset=UTF-8"
HTML_TYPE = "text/html; charset=UTF-8"
_CHUNK = 65536
_INDENT_LIMIT = 65536  # bytes of JSON beyond which true indentation takes too long


@dataclass(frozen=True)
class HttpRequest:
    """One request, its body read; header names are lower case."""

    method: str
    path: str  # still percent-encoded
    query: Query
    headers: Mapping[str, str]
    body: bytes

    def form(self) -> Query:
        """Read an urlencoded body; {} if it is of another type."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            return {}
        return parse_query(self.body.decode("utf-8", "replace"))


@dataclass(frozen=True)
class HttpAnswer:
    """One answer before framing; `gzip` says whether it may be compressed."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    gzip: bool = False

    def with_headers(self, more: Mapping[str, str]) -> HttpAnswer:
        """Add headers; those of the same name are replaced."""
        return replace(self, headers={**self.headers, **more})


def parse_query(text: str) -> Query:
    """Decode a query or form; repeated keys are kept in order, empty values too."""
    return {key: tuple(values) for key, values in parse_qs(text, keep_blank_values=True).items()}


def first(query: Mapping[str, tuple[str, ...]], key: str) -> str | None:
    """Take a parameter's first value."""
    values = query.get(key)
    return values[0] if values else None


def compact_json(value: Any) -> bytes:
    """Render JSON without any space."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def pretty_json(value: Any) -> bytes:
    """Render JSON as Google does by default: on many lines.

    Python indents in slow code only (half a second for a page of 2,500 events), so a big body
    gets its line ends without the indentation.
    """
    broken = json.dumps(value, ensure_ascii=False, separators=(",\n", ": "))
    if len(broken) > _INDENT_LIMIT:
        return broken.encode()
    return json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n"


def json_answer(
    status: int, value: Any, headers: Mapping[str, str] | None = None, *, pretty: bool = True
) -> HttpAnswer:
    """Answer with JSON and Google's usual headers."""
    body = pretty_json(value) if pretty else compact_json(value)
    return HttpAnswer(
        status, body, {"Content-Type": JSON_TYPE, **GOOGLE_HEADERS, **(headers or {})}, gzip=True
    )


def html_answer(status: int, text: str) -> HttpAnswer:
    """Answer with a page that no cache keeps and that loads nothing from anywhere."""
    headers = {
        "Content-Type": HTML_TYPE,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        # No form-action: browsers apply it to the redirect after the form too, and that leads
        # to the loopback port of whoever asked.
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
        "Server": "ESF",
    }
    return HttpAnswer(status, text.encode(), headers)


def wants_gzip(headers: Mapping[str, str]) -> bool:
    """Tell whether Google would compress: both headers must say so (performance guide)."""
    return (
        "gzip" in headers.get("accept-encoding", "").lower()
        and "gzip" in headers.get("user-agent", "").lower()
    )


def compressed(answer: HttpAnswer) -> HttpAnswer:
    """Compress the body, fast rather than small."""
    body = gzip.compress(answer.body, compresslevel=1, mtime=0)
    return replace(answer, body=body).with_headers({"Content-Encoding": "gzip"})


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """Render the status line and the headers."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [
        f"HTTP/1.1 {status} {phrase}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def sized(answer: HttpAnswer, *, without_body: bool = False) -> bytes:
    """Frame an answer with Content-Length."""
    length = {} if answer.status in (204, 304) else {"Content-Length": str(len(answer.body))}
    body = b"" if without_body or not length else answer.body
    return head(answer.status, {**answer.headers, **length}) + body


def chunked(answer: HttpAnswer, *, end: bytes = b"0\r\n\r\n") -> bytes:
    """Frame an answer in chunks, without Content-Length; `end` closes it."""
    parts = [head(answer.status, {**answer.headers, "Transfer-Encoding": "chunked"})]
    for start in range(0, len(answer.body), _CHUNK):
        piece = answer.body[start : start + _CHUNK]
        parts += [f"{len(piece):x}\r\n".encode(), piece, b"\r\n"]
    return b"".join([*parts, end])
