"""File names for calendars: readable, never shared, never leaving the folder."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterator

_LONGEST = 80  # bytes: with a suffix it fits every filesystem, also an encrypted one (143)
_RESERVED = frozenset(
    ["con", "prn", "aux", "nul", "manifest", "backfill", "report"]
    + [f"{name}{digit}" for name in ("com", "lpt") for digit in "0123456789¹²³"]
)


def make_slug(name: str, calendar_id: str, taken: Collection[str]) -> str:
    """Make a slug from a calendar's name: lower case letters and digits of any script, and `-`.

    A taken or unusable one gets eight hex digits of the id's SHA-256, so that it is the same in
    every home. `taken` must hold slugs made here.
    """
    base = _readable(name)
    if base and base not in _RESERVED and base not in taken:
        return base
    mark = hashlib.sha256(calendar_id.encode("utf-8", "surrogatepass")).hexdigest()
    for length in (8, 16, 64):
        slug = f"{_cut(base, _LONGEST - length - 1) or 'calendar'}-{mark[:length]}"
        if slug not in taken:
            return slug
    raise AssertionError("two calendars with one id")


def is_slug(text: str) -> bool:
    """Whether a text can be a file's name here; a manifest may have been edited by hand."""
    letters = "".join(_letters(text))
    return letters == text != "" and text not in _RESERVED and len(text.encode()) <= _LONGEST


def _readable(name: str) -> str:
    plain = unicodedata.normalize("NFKC", name.encode("utf-8", "replace").decode()).casefold()
    return _cut(re.sub("-+", "-", "".join(_letters(plain))), _LONGEST)


def _letters(text: str) -> Iterator[str]:
    """Yield letters and digits with the marks that follow them; `-` for all else."""
    kept = False
    for character in text:
        is_mark = unicodedata.category(character).startswith("M")
        kept = character.isalnum() or (kept and is_mark)
        yield character if kept else "-"


def _cut(text: str, length: int) -> str:
    return text.encode()[: max(0, length)].decode("utf-8", "ignore").strip("-")
