"""Answers spoiled on the wire: bytes that no honest server sends, and connections cut."""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
from dataclasses import replace

from calendar_sync.emulator.wire import HttpAnswer, chunked, compressed, head

_POLL = 0.02  # seconds between looks at a client that may have gone
_DRIP = 0.2  # seconds between two bytes of a trickle


def spoiled(breakage: str, answer: HttpAnswer) -> bytes:
    """Render a true answer spoiled in one of the ways that still send bytes."""
    half = answer.body[: len(answer.body) // 2]
    match breakage:
        case "truncated_chunk":
            return chunked(replace(answer, body=half), end=b"")
        case "short_body":
            return head(answer.status, _with_length(answer, len(answer.body))) + half
        case "short_content_length":
            return head(answer.status, _with_length(answer, len(half))) + answer.body
        case "truncated_gzip":
            packed = compressed(answer)
            return chunked(replace(packed, body=packed.body[: len(packed.body) * 2 // 3]))
        case "corrupt_gzip":
            packed = compressed(answer)
            # 0xff right after the ten bytes of header is a block type that does not exist.
            return chunked(replace(packed, body=packed.body[:10] + b"\xff" * 16 + packed.body[26:]))
    raise ValueError(breakage)


def reset(connection: socket.socket) -> None:
    """Send RST. The descriptor is closed by hand: socketserver would send FIN first."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())


def hang(connection: socket.socket, released: threading.Event) -> None:
    """Say nothing until released or the client has gone."""
    while not released.wait(_POLL):
        if _has_gone(connection):
            return


def trickle(connection: socket.socket, framed: bytes, released: threading.Event) -> None:
    """Send a true answer byte by byte: there is always news, and it never ends."""
    for byte in framed:
        if released.wait(_DRIP) or _has_gone(connection):
            return
        connection.sendall(bytes([byte]))


def _has_gone(connection: socket.socket) -> bool:
    readable, _, _ = select.select([connection], [], [], 0)
    try:
        return bool(readable) and not connection.recv(1, socket.MSG_PEEK)
    except OSError:
        return True


def _with_length(answer: HttpAnswer, length: int) -> dict[str, str]:
    return {**answer.headers, "Content-Length": str(length)}
