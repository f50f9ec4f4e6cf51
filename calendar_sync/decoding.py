"""Types that JSON is decoded into, made ready before any thread needs them.

msgspec (0.22 and before) looks into a type when it is first used, and crashes the process where two
threads do that at once. Whoever imports a module holds its lock, so it is done there.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

_T = TypeVar("_T", bound=msgspec.Struct)


def decoded(type_: type[_T]) -> type[_T]:
    """Make a type ready to be decoded by any thread; decorates it."""
    msgspec.json.Decoder(type_)
    return type_
