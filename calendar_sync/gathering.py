"""Members of series as a listing names them, in any order, to be given as the mirror would."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from calendar_sync.listing import Member, Resource
from calendar_sync.records import KEY_END, encoded, id_text
from calendar_sync.sorting import RowSorter

_AT_ONCE = 100
_END = KEY_END.encode()
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[str, int, bytes]).decode


class Gathered:
    """Takes a master and its exceptions one by one; what memory does not hold waits in `folder`.

    `close` takes it away. Raises CannotWrite.
    """

    def __init__(self, folder: Path) -> None:
        self._sorter = RowSorter(folder)

    def add(self, members: Iterable[Member]) -> None:
        """Take some (id, series, kind, resource) rows."""
        records = []
        for id_, series, kind, resource in members:
            key = encoded(f"{id_text(series)}\0{kind}{id_text(id_)}")
            records.append(key + _END + _encode((series, kind, bytes(resource))))
        self._sorter.extend(records)

    def rows(self) -> Iterator[Resource]:
        """Yield (series, kind, resource) by series, kind and id; nothing can be added after that."""
        for records in self._sorter.sorted_blocks(_AT_ONCE):
            for record in records:
                yield _decode(record.partition(_END)[2])

    def close(self) -> None:
        """Give memory and disk back; may be called twice."""
        self._sorter.close()
