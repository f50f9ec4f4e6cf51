"""Lines of at most 75 octets (RFC 5545 section 3.1), of texts that have a character for each octet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import itemgetter

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


def folded_ascii(name: str, values: Iterable[str]) -> list[str]:
    """Write `NAME:value` of values that may be cut anywhere, of ASCII without a backslash."""
    room = LINE_LENGTH - len(name) - 1
    return [
        f"\r\n{name}:{value}"
        if len(value) <= room
        else f"\r\n{name}:{value[:room]}\r\n {value[room:]}"
        if len(value) <= room + _NEXT
        else _fold(f"\r\n{name}:{value}")
        for value in values
    ]


def _fold(line: str) -> str:
    """Fold one line, never inside a character nor between a backslash and what it escapes."""
    if line[_LONGEST::_NEXT].isascii() and "\\" not in line[_LONGEST - 1 :: _NEXT]:
        return "\r\n ".join(_cutter((len(line) - _LONGEST - 1) // _NEXT + 1)(line))
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


@lru_cache(maxsize=128)
def _cutter(cuts: int) -> Callable[[str], Sequence[str]]:
    """Return what cuts a line so many times, by slices that need not be made for each line."""
    begins = range(_LONGEST, _LONGEST + cuts * _NEXT, _NEXT)
    return itemgetter(slice(_LONGEST), *[slice(begin, begin + _NEXT) for begin in begins])
