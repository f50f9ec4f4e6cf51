"""A file that knows its hash when it is written: it need not be read for that."""

from __future__ import annotations

import hashlib
import io
from typing import Any

_BUFFER = 1 << 16  # bytes; blocks of a sorted file are larger, and so are written without a copy


class HashedWriter(io.BufferedWriter):
    """A file that is written from its beginning to its end."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(io.FileIO(descriptor, "wb"), _BUFFER)
        self._hash, self._size = hashlib.sha256(), 0

    def write(self, content: Any) -> int:
        """Write bytes, or what has some."""
        self._hash.update(content)
        size = super().write(content)
        self._size += size
        return size

    def digest(self) -> tuple[str, int]:
        """Return the SHA-256 of all that was written, and how many bytes that is."""
        assert self._size == self.tell()
        return self._hash.hexdigest(), self._size
