"""Lines of at most 75 octets (RFC 5545 section 3.1), of texts that have a character for each octet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from struct import Struct

LINE_LENGTH = 75  # octets without the line break
_LONGEST = 2 + LINE_LENGTH  # of a line with its CR LF
_NEXT = LINE_LENGTH - 1  # of what goes on after a blank


def folded(lines: Iterable[str]) -> list[str]:
    """Fold lines that have their CR LF before them."""
    return [
        line
        if len(line) <= _LONGEST
        else f"{line[:_LONGEST]}\r\n {line[_LONGEST:]}"
        if len(line) <= _LONGEST + _NEXT and line[_LONGEST] < "\x80" and line[_LONGEST - 1] != "\\"
        else _fold(line)
        for line in lines
    ]


def folded_after(begin: str, values: Iterable[str]) -> list[str]:
    """Fold what comes after the begin of a line, its CR LF included: most of it is short."""
    room = _LONGEST - len(begin)
    return [
        value if len(value) <= room else folded([f"{begin}{value}"])[0][len(begin) :]
        for value in values
    ]


def ascii_columns(name: str, values: Sequence[str]) -> list[Sequence[str]]:
    """Write `NAME:value` of values that may be cut anywhere, of ASCII without a backslash.

    As columns, that are yet to be joined with others: a line by itself would be a copy of its value.
    """
    room = LINE_LENGTH - len(name) - 1
    lengths = [*map(len, values)] or [0]
    begins = [f"\r\n{name}:"] * len(values)
    if max(lengths) <= room:
        return [begins, values]
    if min(lengths) > room and max(lengths) <= room + _NEXT:
        breaks = ["\r\n "] * len(values)
        return [begins, [value[:room] for value in values], breaks, [v[room:] for v in values]]
    return [folded([f"\r\n{name}:{value}" for value in values])]


def _fold(line: str) -> str:
    """Fold one line, never inside a character nor between a backslash and what it escapes."""
    if line[_LONGEST::_NEXT].isascii() and "\\" not in line[_LONGEST - 1 :: _NEXT]:
        return b"\r\n ".join(_cutter(len(line))(line.encode("latin-1"))).decode("latin-1")
    pieces = []
    start, end, last = 0, _LONGEST, len(line)
    while end < last:
        while "\x80" <= line[end] <= "\xbf":  # inside a UTF-8 sequence
            end -= 1
        if line[end - 1] == "\\":
            piece = line[start:end]
            end -= (len(piece) - len(piece.rstrip("\\"))) % 2
        pieces.append(line[start:end])
        start, end = end, end + _NEXT
    pieces.append(line[start:])
    return "\r\n ".join(pieces)


@lru_cache(maxsize=512)
def _cutter(length: int) -> Callable[[bytes], Sequence[bytes]]:
    """Return what cuts a line of such a length: many slices cost more than one format."""
    cuts, rest = divmod(length - _LONGEST - 1, _NEXT)
    return Struct(f"{_LONGEST}s{f'{_NEXT}s' * cuts}{rest + 1}s").unpack
