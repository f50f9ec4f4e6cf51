"""A sorted file in blocks, and the index that lets a change copy all blocks but the touched ones.

A published body is records in the order of their keys, without gaps. Its index, a file of its own,
has the keys of each block and where the block is. So a change of a hundred events costs a hundred
blocks and a copy; without an index, or with one that is not of that very file, all is made anew.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from calendar_sync.decoding import decoded
from calendar_sync.errors import cannot_write
from calendar_sync.files import make_folder

Key = tuple[Any, ...] | bytes  # compares with its like; the order of the file
Keyed = tuple[Key, bytes]
Split = Callable[[bytes, list[Key]], list[bytes]]  # a block and its keys -> their records

_VERSION = 2
_MOST = 512  # records in a block that a change has touched
_COPY = 1 << 20
_encode = msgspec.msgpack.Encoder().encode


class StaleIndex(Exception):
    """The index is missing, or does not fit the file or the change: make the file anew."""


class Block(msgspec.Struct, array_like=True, frozen=True):
    """`length` bytes of the body whose first record has the key `first`; `keys`: bytes of index."""

    first: Key
    length: int
    keys: int


@dataclass(frozen=True)
class Keys:
    """Keys of records that follow each other, each as an index has it."""

    first: Key
    count: int
    encoded: bytes

    @classmethod
    def of(cls, keys: Sequence[Key]) -> Keys:
        """Encode keys."""
        return cls(keys[0], len(keys), _encode(keys)[len(_head_of_array(len(keys))) :])

    @classmethod
    def of_joined(cls, joined: bytes, mark: bytes, count: int) -> Keys:
        """Encode so many keys of one length, which have a mark between them."""
        first = joined.partition(mark)[0]
        head = _encode(first)[: -len(first)]
        return cls(first, count, head + joined.replace(mark, head))


@decoded
class _Top(msgspec.Struct, array_like=True):
    version: int
    sha256: str  # of the whole file
    head: int  # bytes before the body
    facts: dict[str, Any]  # what else the writer wants to know again
    blocks: list[Block]


class IndexWriter:
    """Takes the blocks of a body as they are written; `finish` puts the index in its place.

    To be used in a `with` block, which takes an unfinished one away. Raises CannotWrite.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._new = path, path.with_name(f"{path.name}.new")
        self._blocks: list[Block] = []

    def __enter__(self) -> IndexWriter:
        make_folder(self._path.parent, secret=True)
        try:
            self._file = self._new.open("wb")
        except OSError as error:
            raise cannot_write(self._new, error) from error
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._file.close()
            self._new.unlink(missing_ok=True)

    def add(self, keys: Sequence[Key], length: int) -> None:
        """Note that a block of `length` bytes with these keys comes next."""
        encoded = _encode(keys)
        self.add_encoded(Block(keys[0], length, len(encoded)), encoded)

    def add_parts(self, parts: Sequence[Keys], length: int) -> None:
        """Note that a block of `length` bytes with the keys of all these parts comes next."""
        head = _head_of_array(sum(part.count for part in parts))
        encoded = b"".join([head, *(part.encoded for part in parts)])
        self.add_encoded(Block(parts[0].first, length, len(encoded)), encoded)

    def add_encoded(self, block: Block, encoded: bytes) -> None:
        """Take over a block of another index."""
        self._file.write(encoded)
        self._blocks.append(block)

    def finish(self, sha256: str, head: int, facts: dict[str, Any]) -> None:
        """Complete the index. It needs no care for the disk: it proves by the hash that it fits."""
        top = _encode(_Top(_VERSION, sha256, head, facts, self._blocks))
        try:
            self._file.write(top + len(top).to_bytes(8, "big"))
            self._file.close()
            self._new.replace(self._path)
        except OSError as error:
            raise cannot_write(self._path, error) from error


@dataclass
class Index:
    """The index of a published file, open for reading."""

    file: BinaryIO
    sha256: str
    head: int
    facts: dict[str, Any]
    blocks: list[Block]

    @classmethod
    def read(cls, file: BinaryIO) -> Index:
        """Read an index. Raises StaleIndex."""
        try:
            end = file.seek(-8, 2)
            length = int.from_bytes(file.read(8), "big")
            file.seek(end - length)
            top = msgspec.msgpack.decode(file.read(length), type=_Top)
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            raise StaleIndex(str(error)) from error
        if top.version != _VERSION or not top.blocks:
            raise StaleIndex("of another version, or empty")
        file.seek(0)
        return cls(file, top.sha256, top.head, top.facts, top.blocks)

    def patch(
        self,
        old: BinaryIO,
        new: BinaryIO,
        writer: IndexWriter,
        removed: Iterable[Key],
        added: Iterable[Keyed],
        split: Split,
    ) -> None:
        """Copy the body of `old`, without the removed records and with the added ones.

        The new head is written already. Raises StaleIndex when `old` is not the file this is the
        index of, or lacks what is to be removed; `new` is then good for nothing.
        """
        changes = _by_block(self.blocks, removed, added)
        source = _Hashed(old)
        source.read(self.head)
        for number, block in enumerate(self.blocks):
            keys, body = self.file.read(block.keys), source.read(block.length)
            if number not in changes:
                new.write(body)
                writer.add_encoded(block, keys)
                continue
            gone, come = changes[number]
            known = msgspec.msgpack.decode(keys, type=list[Key])
            records = _without(known, split(body, known), gone)
            merged = sorted([*records, *come], key=itemgetter(0))
            if len({key for key, _ in merged}) < len(merged):
                raise StaleIndex("two records have one key")
            for at in range(0, len(merged), _MOST):
                part = merged[at : at + _MOST]
                content = b"".join([record for _, record in part])
                new.write(content)
                writer.add([key for key, _ in part], len(content))
        source.read_rest()
        if source.sha256 != self.sha256:
            raise StaleIndex("the file is not what was published")


class _Hashed:
    """Reads a file from its beginning and knows the hash of all of it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._hash = file, hashlib.sha256()

    def read(self, length: int) -> bytes:
        content = self._file.read(length)
        if len(content) != length:
            raise StaleIndex("the file is shorter than its index")
        self._hash.update(content)
        return content

    def read_rest(self) -> None:
        while content := self._file.read(_COPY):
            self._hash.update(content)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


def _by_block(
    blocks: list[Block], removed: Iterable[Key], added: Iterable[Keyed]
) -> dict[int, tuple[set[Key], list[Keyed]]]:
    """Give each change to the block whose keys surround it."""
    firsts = [block.first for block in blocks]
    changes: dict[int, tuple[set[Key], list[Keyed]]] = {}

    def of(key: Key) -> tuple[set[Key], list[Keyed]]:
        return changes.setdefault(max(0, bisect_right(firsts, key) - 1), (set(), []))

    for key in removed:
        of(key)[0].add(key)
    for record in added:
        of(record[0])[1].append(record)
    return changes


def _head_of_array(count: int) -> bytes:
    return _encode([None] * count)[:-count]  # each None is one byte


def _without(keys: list[Key], records: list[bytes], gone: set[Key]) -> list[Keyed]:
    if len(records) != len(keys) or gone - {*keys}:
        raise StaleIndex("what has changed is not where it was")
    return [pair for pair in zip(keys, records, strict=True) if pair[0] not in gone]
