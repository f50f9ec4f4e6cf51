"""What is sorted: a row, or an item's VEVENTs, with its key before it in one string of bytes.

The key is a number, mostly the start's instant, and an id: such strings sort as (number, id, content)
would. The first KEY_END ends the key, whatever the content is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from calendar_sync.points import TextTable
from calendar_sync.recurrence.clocks import DAY

Record = bytes
KEY_END = "\1"  # like \0 before a calendar's id below all that an id has
_END = KEY_END.encode()
_LOW = re.compile("[\0-\x1f]")  # no id of Google's has one
_LOW_ONES = [chr(code) for code in range(32)]
_FIRST_DAY, _LAST_DAY = -1_000_000, 8_999_999  # beyond all years; what is outside is kept together
DAY_KEYS = TextTable(lambda day: b"%07d" % (min(max(day, _FIRST_DAY), _LAST_DAY) - _FIRST_DAY))
_DAY_TEXTS = TextTable(lambda day: DAY_KEYS[day].decode())
_SECOND_TEXTS = TextTable(lambda second: f"{second:05}")


def record_of(number: int, id_: str, content: bytes) -> Record:
    """Put the key before the content."""
    id_key = id_.encode() if id_.isprintable() else encoded(id_text(id_))
    number_key = f"{_DAY_TEXTS[number // DAY]}{_SECOND_TEXTS[number % DAY]}".encode()
    return b"".join((number_key, id_key, _END, content))


def heads_of(numbers: Iterable[int], ids: Sequence[str]) -> list[bytes]:
    """Return what is before the contents of many records: their keys, each with its end."""
    days, seconds = _DAY_TEXTS, _SECOND_TEXTS
    return [
        f"{days[number // DAY]}{seconds[number % DAY]}{octets}{KEY_END}".encode("latin-1")
        for number, octets in zip(numbers, _octets(ids), strict=True)
    ]


def _octets(ids: Sequence[str]) -> Sequence[str]:
    whole = "".join(ids)
    if whole.isascii() and not any(map(whole.__contains__, _LOW_ONES)):  # as all of Google's are
        return ids
    return [encoded(id_text(id_)).decode("latin-1") for id_ in ids]


def head_columns(number: int, ids: Sequence[str]) -> list[Sequence[str]]:
    """Return what is before the contents of records, as columns: a character for each octet."""
    begin = f"{_DAY_TEXTS[number // DAY]}{_SECOND_TEXTS[number % DAY]}"
    return [[begin] * len(ids), _octets(ids), [KEY_END] * len(ids)]


def record_key(number: int, id_: str) -> bytes:
    """Return the key alone."""
    return record_of(number, id_, b"")[: -len(_END)]


def id_text(id_: str) -> str:
    """Return an id as keys have it: above all marks of ours, without any control character else."""
    if id_.isprintable():
        return id_
    return _LOW.sub(lambda found: f"\2{ord(found[0]):02}", id_)


def encoded(text: str) -> bytes:
    """Encode a part of a key in the order of its characters, half surrogates too."""
    return text.encode("utf-8", "surrogatepass")


def with_calendar(record: Record, calendar: str) -> Record:
    """Let a calendar's id decide between records of several that have the same key else."""
    key, end, content = record.partition(_END)
    return b"%b\0%b%b%b" % (key, encoded(id_text(calendar)), end, content)


def join_record(key: bytes, content: bytes) -> Record:
    """Put a key, as `split_records` gives them, before the content."""
    return b"%b\1%b" % (key, content)


def split_records(records: list[Record]) -> tuple[list[bytes], list[bytes]]:
    """Return the keys and the contents."""
    keys, contents = [], []
    for record in records:
        key, _, content = record.partition(_END)
        keys.append(key)
        contents.append(content)
    return keys, contents
