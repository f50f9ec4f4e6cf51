"""Sync and page tokens: URL-safe base64 of protocol-buffer integers, as the real ones decode.

A real sync token (facts 2.3) holds: 1 the stamp of the last change in microseconds, 2 the same
(0 for a free/busy reader), 3 a mode (5, or 10 for free/busy), 4 and 5 integers that stay the
same over many changes. Ours puts the calendar and its epoch into 4 and a fingerprint of
parameters into 5. Clients must not look inside.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass

from .api import ApiError, legacy_error

SHORTEST_TOKEN = 20
"""Shorter garbage is 400, longer is 410. Where the border lies is inferred (rule 55)."""


@dataclass(frozen=True)
class SyncToken:
    """A position in the change log of one calendar, or of one calendar list."""

    position: int
    key: int
    busy_only: bool = False
    parameters: int = 0

    def text(self) -> str:
        """Return what the client gets."""
        second = 0 if self.busy_only else self.position
        mode = 10 if self.busy_only else 5
        return pack(self.position, second, mode, self.key, self.parameters)


def read_sync_token(text: str, key: int, position: int) -> SyncToken:
    """Read a token of the collection `key`, now at `position`; else raise 400 or 410."""
    if len(text) < SHORTEST_TOKEN:
        raise legacy_error(400, "invalid", "Invalid Value")
    numbers = unpack(text)
    if len(numbers) != 5:
        raise full_sync_required()
    token = SyncToken(numbers[0], numbers[3], numbers[2] == 10, numbers[4])
    if token.text() != text or token.key != key or token.position > position:
        raise full_sync_required()
    return token


def full_sync_required() -> ApiError:
    """Return the 410 of a sync token that is no longer good (exact, facts 2.4)."""
    return legacy_error(
        410,
        "fullSyncRequired",
        "Sync token is no longer valid, a full sync is required.",
        domain="calendar",
        location="syncToken",
        location_type="parameter",
    )


def short_hash(text: str) -> int:
    """Return a small number for a text, for a token's fifth field."""
    return zlib.crc32(text.encode()) & 0x3FFF


def pack(*numbers: int) -> str:
    """Write integers as protocol-buffer fields 1, 2, …, in padded URL-safe base64."""
    message = b"".join(
        bytes([field << 3]) + _varint(number) for field, number in enumerate(numbers, start=1)
    )
    return base64.urlsafe_b64encode(message).decode()


def unpack(text: str) -> list[int]:
    """Undo `pack`; an empty list for anything else."""
    try:
        message = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return []
    numbers: list[int] = []
    place = 0
    while place < len(message):
        if message[place] != (len(numbers) + 1) << 3:
            return []
        number, place = _read_varint(message, place + 1)
        numbers.append(number)
    return numbers


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


def _read_varint(message: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while place < len(message):
        byte = message[place]
        number |= (byte & 0x7F) << shift
        shift += 7
        place += 1
        if byte < 0x80:
            break
    return number, place
