"""The text rules of every CSV: RFC 4180 with the least quoting, clean characters, the guard.

The bytes are those of csv.writer (a test compares them), at a third of its time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress

from calendar_sync.octets import has_any
from calendar_sync.resources import without_half_surrogates

LINE_END = "\r\n"
_TRIGGERS = frozenset("=+-@\t\n")
_SUSPECTS = _TRIGGERS | {chr(code) for code in range(32)}
_REMOVED = bytes(code for code in range(32) if code not in (9, 10))  # C0 but TAB and LF
_NOT_PLAIN = _REMOVED + b'\n"'
_REMOVED_TEXT = re.compile("[\x00-\x08\x0b-\x1f]")


def cell(text: str) -> str:
    """Quote a cell where it must be."""
    if '"' in text:
        return '"' + text.replace('"', '""') + '"'
    if "," in text or "\n" in text or "\r" in text:
        return f'"{text}"'
    return text


def quoted(texts: Sequence[str]) -> Sequence[str]:
    """Quote the cells that need it; of most columns none does."""
    whole = "".join(texts)
    if '"' in whole or "," in whole or "\n" in whole or "\r" in whole:
        return [cell(text) if text else text for text in texts]
    return texts


def line(cells: Sequence[str]) -> str:
    """Join cells that are quoted already."""
    return ",".join(cells)


def visible(line: str) -> str:
    """Quote a clean line of nothing but blanks: many readers skip blank lines."""
    return line if line.strip(" \t") else f'"{line}"'


def encode(text: str) -> bytes:
    """Turn a line into clean bytes with their line end, whatever is in its cells.

    CR LF and CR become LF, other C0 controls but TAB go, half surrogates become U+FFFD. A line of
    nothing but blanks is quoted: many readers skip blank lines.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        content = text.encode()
    except UnicodeEncodeError:
        content = without_half_surrogates(text).encode()
    content = content.translate(None, _REMOVED)
    if content[:1] in b" \t" and not content.strip(b" \t"):
        content = b'"' + content + b'"'
    return content + b"\r\n"


def encoded(cells: Sequence[str]) -> list[bytes]:
    """Turn many cells that are quoted already into clean bytes."""
    if not any(cells):  # as in some columns
        return [b""] * len(cells)
    with suppress(UnicodeEncodeError):
        contents = [text.encode() for text in cells]
        if not has_any(b"".join(contents), _REMOVED):
            return contents
    return [clean(text).encode() for text in cells]


def encoded_plain(lines: Sequence[str], commas: int) -> list[bytes] | None:
    """Encode lines of so many commas between plain cells; None when one must be quoted or cleaned."""
    with suppress(UnicodeEncodeError):
        contents = [line.encode() for line in lines]
        whole = b"".join(contents)
        if whole.count(b",") == commas * len(lines) and not has_any(whole, _NOT_PLAIN):
            return contents
    return None


def written(cells: Sequence[str]) -> bytes:
    """Write neighbouring cells of one row, whatever is in them, quoted where they must be."""
    return clean(line([cell(text) for text in cells])).encode()


def clean(text: str) -> str:
    """Apply the rules of `encode` to one cell."""
    if text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return without_half_surrogates(_REMOVED_TEXT.sub("", text))  # type: ignore[no-any-return]


def guarded(text: str) -> str:
    """Put `'` before what a spreadsheet would take for a formula (OWASP ASVS 1.2.10).

    Looks at the text as it will be written: a control character cannot hide the trigger.
    """
    if text and text[0] in _SUSPECTS:
        text = clean(text)
        if text and text[0] in _TRIGGERS:
            return "'" + text
    return text


def is_utf8(content: bytes) -> bool:
    """Whether bytes are a text."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
