"""Text as RFC 5545 wants it: escaped values, quoted parameters, addresses, folded lines.

An invitation is written by a stranger. No value may end its line and begin another one, so every way
from text to a line is here: `lines`, `block` and `to_bytes`; `octets` and `folded` for a line of ours
around a value. What they return has one character for each octet of its UTF-8: so a length is what
folding counts, most lines are never looked at again, and one emoji does not make a megabyte of ASCII
four times as wide.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from string import ascii_letters, digits
from urllib.parse import quote

from calendar_sync.ics.folding import ascii_columns, folded, folded_after
from calendar_sync.octets import has_any

_CONTROLS = bytes([*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F])
_REMOVED_WITHIN = _CONTROLS.replace(b"\0", b"")  # of texts that are joined by it
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


_PLAIN = re.compile(r"[\w .'()&/-]+")
_PLAIN_OCTETS = f"{ascii_letters}{digits}_ .'()&/-\n".encode()


def parameters(values: Sequence[str]) -> list[str]:
    """Return parameter values, as `parameter` does, as octets; most need nothing, asked at once."""
    whole = "\n".join(["", *values, ""])
    content = whole.encode("utf-8", "replace")
    others = content.translate(None, _PLAIN_OCTETS)
    if (
        (not others or others.decode().isalnum())
        and whole.count("\n") == len(values) + 1
        and " \n" not in whole
        and "\n " not in whole
    ):
        return content.decode("latin-1").split("\n")[1:-1]
    return octets([parameter(value) for value in values])


@lru_cache(maxsize=2048)
def parameter(value: str) -> str:
    """Return a parameter value, quoted where it must be (RFC 5545 section 3.2); "" for a blank one.

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


_URI_OCTETS = ascii_letters + digits + "._~:/?#[]@!$&'()*+,;=%-"
_URI = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]*:[{re.escape(_URI_OCTETS)}]+")
_NO_URI_OCTETS = bytes({*range(0x80)}.difference(_URI_OCTETS.encode()))
is_plain_uri = _URI.fullmatch


def are_https(texts: Sequence[str]) -> bool:
    """Whether all are such URIs, of https; asked at once for an eighth of the price."""
    whole = "".join(texts)
    if not whole.isascii() or has_any(whole.encode(), _NO_URI_OCTETS):
        return False
    return " ".join(["", *texts]).count(" https://") == len(texts)


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


def uris(texts: Sequence[str]) -> Sequence[str | None]:
    """Return URI values, as `uri` does."""
    return texts if are_https(texts) else [uri(text) for text in texts]


_ADDRESS_OCTETS = ascii_letters + digits + "@!$'*+._~-"
_PLAIN_ADDRESS = re.compile(f"[{re.escape(_ADDRESS_OCTETS)}]+")


def quoted_addresses(addresses: Sequence[str]) -> Sequence[str]:
    """Return addresses as mailto: URIs have them (RFC 6068 section 2)."""
    whole = "".join(addresses)
    if whole.isascii() and not whole.encode().translate(None, _ADDRESS_OCTETS.encode()):
        return addresses
    return [_quoted_address(address) for address in addresses]


@lru_cache(maxsize=2048)
def _quoted_address(address: str) -> str:
    if _PLAIN_ADDRESS.fullmatch(address):
        return address
    return quote(address.strip(), safe="@!$'*+-._~", errors="replace")


def mailto(address: str) -> str:
    """Return the mailto: URI of an address."""
    return f"mailto:{_quoted_address(address)}"


def duration(seconds: int) -> str:
    """Write a duration in exact units: a day (`P1D`) would follow the clock over a DST change."""
    sign = "-" if seconds < 0 else ""
    hours, rest = divmod(abs(seconds), 3600)
    parts = ((hours, "H"), (rest // 60, "M"), (rest % 60, "S"))
    return f"{sign}PT" + ("".join(f"{count}{unit}" for count, unit in parts if count) or "0S")


# -- lines -----------------------------------------------------------------------------------------


def lines(name: str, texts: Sequence[str]) -> list[str]:
    """Write a TEXT property of many events: CR LF and the line, nothing where there is no text."""
    values = octets(texts, escape)
    return folded(
        [f"\r\n{name}:{value}" if text else "" for text, value in zip(texts, values, strict=True)]
    )


def line_columns(name: str, texts: Sequence[str]) -> list[Sequence[str]]:
    """Do as `lines` does, as columns to be joined; for less where there is a short text everywhere."""
    if not all(texts):
        return [lines(name, texts)]
    begin = f"\r\n{name}:"
    return [[begin] * len(texts), folded_after(begin, octets(texts, escape))]


_WORD_OCTETS = (ascii_letters + digits + "@._-").encode()


def word_columns(name: str, words: Sequence[str]) -> list[Sequence[str]]:
    """Do as `lines` does, as columns to be joined; for less where all are words of ASCII, as ids."""
    whole = "".join(words)
    if whole.isascii() and all(words) and not whole.encode().translate(None, _WORD_OCTETS):
        return ascii_columns(name, words)
    return [lines(name, words)]


def written(some: Sequence[str]) -> list[str]:
    """Write lines of escaped text, CR LF before each."""
    return folded([f"\r\n{value}" for value in octets(some)])


def block(some: Sequence[str]) -> str:
    """Write a few lines as one text."""
    return "".join(written(some))


def to_bytes(lines: Sequence[str]) -> bytes:
    """Write a few lines of escaped text as bytes of the file."""
    return f"{block(lines)[2:]}\r\n".encode("latin-1")


def octets(texts: Sequence[str], prepared: Callable[[str], str] = str) -> list[str]:
    """Return many texts as `_octets` does, all at once for the price of a few: most need nothing."""
    values = _octets(prepared("\0".join(texts)), _REMOVED_WITHIN).split("\0")
    if len(values) == len(texts):
        return values
    return [_octets(prepared(text)) for text in texts]


def _octets(text: str, removed: bytes = _CONTROLS) -> str:
    """Return the UTF-8 of a text, a character for each octet; half surrogates become `?`.

    Without control characters, nor a line break, whatever let it in.
    """
    if "\n" in text or "\r" in text:
        text = _LINE_BREAKS.sub("", text)
    octets = text.encode("utf-8", "replace")
    if has_any(octets, removed):
        octets = octets.translate(None, removed)
    return octets.decode("latin-1")
