"""The users whom an organisation's `[[account]]` reads for: a list, or a file of addresses.

An address becomes the name of folders, so it must be fit for one on every system; and it means one
person however it is written, as it does at Google.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from calendar_sync.durations import Unreadable
from calendar_sync.errors import WrongConfiguration

DIRECTORY = "directory"  # the users are those that Google's directory lists
FILE = "file:"
_LONGEST = 200  # characters; a folder's name may have 255
_ADDRESS = r"[a-z0-9_](?:[a-z0-9._'+-]*[a-z0-9_'+-])?@[a-z0-9-]+(?:\.[a-z0-9-]+)*"


def read_address(text: str) -> str:
    """Return an address as folders are named after it. Raises Unreadable for what is none."""
    address = text.strip()
    is_short = address.isascii() and len(address) <= _LONGEST
    if not is_short or not re.fullmatch(_ADDRESS, address.lower()):
        raise Unreadable(f"{text[:_LONGEST]!r} is no address of a user")
    return address.lower()


def distinct(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return the users behind addresses, each once, in their order. Raises Unreadable."""
    return tuple(dict.fromkeys(read_address(address) for address in addresses))


def read_users_file(path: Path) -> tuple[str, ...]:
    """Read one address a line; `#` begins a remark. Raises WrongConfiguration, naming the line."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "no text"
        raise WrongConfiguration(f"Cannot read {path}: {why.lower()}.", f"ls -l {path}") from error
    users: dict[str, None] = {}
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        try:
            users |= {read_address(text): None} if text else {}
        except Unreadable as error:
            raise WrongConfiguration(f"{path}, line {number}: {error}.") from error
    return tuple(users)
