"""Text as RFC 5545 wants it: escaped values, quoted parameters, addresses, folded lines.

An invitation is written by a stranger. No value may end its line and begin another one, so every way
from text to a line is here, and `lines`, `block` and `to_bytes` check the sum.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import quote

LINE_LENGTH = 75  # octets without the line break, RFC 5545 section 3.1
_CONTROLS = bytes([*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F])
_CONTROL_CHARACTERS = dict.fromkeys(_CONTROLS)
_BLANK = _CONTROLS.decode() + "".join(filter(str.isspace, map(chr, range(0x3001))))
_LINE_BREAKS = re.compile("[\r\n\x85\u2028\u2029]+")


def is_blank(text: str | None) -> bool:
    """Whether a reader would see nothing."""
    return not text or (not text[0].isalnum() and not text.strip(_BLANK))


def escape(text: str) -> str:
    """Return a TEXT value (RFC 5545 section 3.3.11).

    U+0085, U+2028 and U+2029 become line breaks too: legal here, but readers in Python or
    JavaScript that split lines by Unicode's rules would end the line at them.
    """
    if "\\" in text:  # asking first is 10 times faster than str.translate on non-ASCII text
        text = text.replace("\\", "\\\\")
    if ";" in text:
        text = text.replace(";", "\\;")
    if "," in text:
        text = text.replace(",", "\\,")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii():
        for line_break in "\x85\u2028\u2029":
            if line_break in text:
                text = text.replace(line_break, "\n")
    return text.replace("\n", "\\n") if "\n" in text else text


def escape_all(texts: Sequence[str]) -> list[str]:
    """Escape many texts at once, for the price of a few: most need nothing."""
    whole = escape("\0".join(texts))
    escaped = whole.split("\0")
    return escaped if len(escaped) == len(texts) else [escape(text) for text in texts]


_PLAIN = re.compile(r"[\w .'()&/-]+")


@lru_cache(maxsize=2048)
def parameter(value: str) -> str:
    """Return a parameter value, quoted where it must be (RFC 5545 section 3.2).

    A quotation mark becomes an apostrophe: RFC 6868's `^'` is shown as it is by older readers. A
    caret is doubled only where such a reader of RFC 6868 would take it for more than a caret. A
    backslash is quoted too: some readers take one before the `;` for an escape. So is `=`: icalendar
    drops a blank beside it.
    """
    if _PLAIN.fullmatch(value) and not (value[0] == " " or value[-1] == " "):
        return value
    value = _LINE_BREAKS.sub(" ", value).translate(_CONTROL_CHARACTERS).replace('"', "'")
    value = re.sub(r"\^(?=[n'^])", "^^", value).strip()
    return f'"{value}"' if any(mark in value for mark in ",;:\\=") else value


_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
is_plain_uri = _URI.fullmatch
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.")


@lru_cache(maxsize=1024)
def uri(text: str) -> str | None:
    """Return a URI value, with what no URI may contain percent-encoded; None if it is no URI."""
    if _URI.fullmatch(text):
        return text
    text = text.strip()
    if not _SCHEME.match(text):
        return None
    return quote(text, safe="._~:/?#[]@!$&'()*+,;=%-", errors="replace")


_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9@!$'*+._~-]+")


@lru_cache(maxsize=2048)
def mailto(address: str) -> str:
    """Return the mailto: URI of an address (RFC 6068 section 2)."""
    if _PLAIN_ADDRESS.fullmatch(address):
        return f"mailto:{address}"
    return "mailto:" + quote(address.strip(), safe="@!$'*+-._~", errors="replace")


def duration(seconds: int) -> str:
    """Write a duration in exact units: a day (`P1D`) would follow the clock over a DST change."""
    sign = "-" if seconds < 0 else ""
    hours, rest = divmod(abs(seconds), 3600)
    parts = ((hours, "H"), (rest // 60, "M"), (rest % 60, "S"))
    return f"{sign}PT" + ("".join(f"{count}{unit}" for count, unit in parts if count) or "0S")


def to_bytes(lines: list[str]) -> bytes:
    """Join unfolded lines to UTF-8 with CR LF, without controls, folded.

    A line break inside a line is removed, whatever let it in; half surrogates become `?`.
    """
    text = "\n".join(lines)
    if "\r" in text or text.count("\n") != len(lines) - 1:
        text = "\n".join([without_breaks(line) for line in lines])
    return fold(f"{text}\n")


def without_breaks(text: str) -> str:
    """Take out what could end a line."""
    return _LINE_BREAKS.sub("", text)


def lines(name: str, values: Sequence[str | None]) -> list[str]:
    """Write a property of many events: LF and the line, nothing where there is no value.

    A line break inside a value is removed, whatever let it in.
    """
    written = [f"\n{name}:{value}" if value else "" for value in values]
    whole = "".join(written)
    if "\r" in whole or whole.count("\n") != len(written) - written.count(""):
        return lines(name, [without_breaks(value or "") for value in values])
    return written


def block(some: Sequence[str]) -> str:
    """Write a few lines, LF before each; a line break inside is removed."""
    if not some:
        return ""
    text = "\n" + "\n".join(some)
    if "\r" in text or text.count("\n") != len(some):
        return block([without_breaks(line) for line in some])
    return text


def fold(text: str) -> bytes:
    """Fold unfolded lines, each ended by LF, into UTF-8 with CR LF and without controls."""
    octets = text.encode("utf-8", "replace").translate(None, _CONTROLS)
    lines = [line if len(line) <= LINE_LENGTH else _fold(line) for line in octets.split(b"\n")]
    return b"\r\n".join(lines)


# Where a piece begins inside a character.
_BAD_FOLD = re.compile(rb"\r\n [\x80-\xbf]")


def _fold(line: bytes) -> bytes:
    """Fold one line, never inside a character nor between a backslash and what it escapes."""
    if len(line) < 2 * LINE_LENGTH:
        if line[LINE_LENGTH - 1] == 0x5C or line[LINE_LENGTH] & 0xC0 == 0x80:
            return _fold_with_care(line)
        return line[:LINE_LENGTH] + b"\r\n " + line[LINE_LENGTH:]
    rest = [line[at : at + 74] for at in range(LINE_LENGTH, len(line), 74)]
    folded = b"\r\n ".join([line[:LINE_LENGTH], *rest])
    if b"\\\r\n " in folded or not (line.isascii() or _BAD_FOLD.search(folded) is None):
        return _fold_with_care(line)
    return folded


def _fold_with_care(line: bytes) -> bytes:
    pieces = []
    start, end, last = 0, LINE_LENGTH, len(line)
    while end < last:
        while line[end] & 0xC0 == 0x80:  # inside a UTF-8 sequence
            end -= 1
        if line[end - 1] == 0x5C:
            piece = line[start:end]
            end -= (len(piece) - len(piece.rstrip(b"\\"))) % 2
        pieces.append(line[start:end])
        start, end = end, end + LINE_LENGTH - 1
    pieces.append(line[start:])
    return b"\r\n ".join(pieces)
