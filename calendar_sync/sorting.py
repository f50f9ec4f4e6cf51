"""Sort more records than memory holds: sorted runs in one nameless temporary file, then a merge.

The file has no name, so a killed run leaves nothing behind; one file for all runs, so that no limit
on open files is met. A small calendar never touches the disk.

The merge goes by rounds: what is not above the least of the runs' last known records cannot be
followed by anything smaller, and `list.sort` merges such stretches at the speed of C.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from calendar_sync.errors import cannot_write

RUN_BYTES = 4 << 20
# Two blocks of each run are in memory during the merge, and a gigabyte has 300 runs: the more there
# are, the smaller are the later ones' blocks.
_BLOCK_BYTES, _LEAST_BYTES, _FIRST_BYTES = 1 << 14, 1 << 12, 1 << 19
_WRITE_BYTES = 1 << 18
_OVERHEAD = 70  # what Python adds to bytes in a list
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[bytes]).decode


_Place = tuple[BinaryIO, "array[int]"]  # a run: its file, where its blocks begin, and its end


class RowSorter:
    """Records in, sorted blocks of them out, in memory bounded by the size of a run.

    `close`, or leaving a `with` block, removes the temporary file. Raises CannotWrite.
    """

    def __init__(
        self, folder: Path, run_bytes: int = RUN_BYTES, file: BinaryIO | None = None
    ) -> None:
        """`file` is written to where another sorter is to read the runs (`handed_over`)."""
        self._folder, self._run_bytes = folder, run_bytes
        self._records: list[bytes] = []
        self._size = 0
        self._file = file
        self._runs: list[_Place] = []

    def __enter__(self) -> RowSorter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, record: bytes) -> None:
        """Take one record; write a run to the disk when enough have come together."""
        self._records.append(record)
        self._size += len(record) + _OVERHEAD
        if self._size >= self._run_bytes:
            self._spill()

    def extend(self, records: list[bytes]) -> None:
        """Take many records, as `add` does."""
        self._records += records
        self._size += sum(map(len, records)) + _OVERHEAD * len(records)
        if self._size >= self._run_bytes:
            self._spill()

    def sorted_blocks(self, count: int) -> Iterator[list[bytes]]:
        """Yield all records in order, `count` at a time; nothing can be added after that."""
        self._records.sort()
        rounds = self._merged() if self._runs else [self._records]
        rest: list[bytes] = []
        for records in rounds:
            rest += records
            whole = len(rest) - len(rest) % count
            for at in range(0, whole, count):
                yield rest[at : at + count]
            del rest[:whole]
        if rest:
            yield rest

    def handed_over(self) -> list[list[int]]:
        """Write all to the file; return where in it the runs are, for `take_over`."""
        if self._records:
            self._spill()
        return [[*bounds] for _, bounds in self._runs]

    def take_over(self, file: BinaryIO, runs: list[list[int]]) -> None:
        """Take the records that another sorter has written; whoever opened the file closes it."""
        self._runs += [(file, array("q", bounds)) for bounds in runs]

    def close(self) -> None:
        """Give memory and disk back; may be called twice."""
        self._records, self._runs = [], []
        if self._file is not None:
            with suppress(OSError):  # it would write once more what a full disk has refused
                self._file.close()
            self._file = None

    def _spill(self) -> None:
        self._records.sort()
        try:
            if self._file is None:
                file = tempfile.TemporaryFile(buffering=_WRITE_BYTES, dir=self._folder)  # noqa: SIM115
                self._file = cast(BinaryIO, file)  # see close
            bounds = array("q", [self._file.tell()])
            size = min(_BLOCK_BYTES, max(_LEAST_BYTES, _FIRST_BYTES // (len(self._runs) + 1)))
            count = max(1, size * len(self._records) // self._size)
            for at in range(0, len(self._records), count):
                block = self._records[at : at + count]
                bounds.append(bounds[-1] + self._write(self._file, block))
            self._file.flush()
            self._runs.append((self._file, bounds))
        except OSError as error:
            raise cannot_write(self._folder / "a temporary file", error) from error
        self._records, self._size = [], 0

    @staticmethod
    def _write(file: BinaryIO, block: list[bytes]) -> int:
        return file.write(_encode(block))

    def _merged(self) -> Iterator[list[bytes]]:
        runs = [_Run(_blocks(*place)) for place in self._runs]
        runs.append(_Run([self._records]))
        while runs := [run for run in runs if run.fill()]:
            bound = min([run.records[-1] for run in runs])
            found: list[bytes] = []
            for run in runs:
                found += run.take(bound)
            found.sort()
            yield found


def _blocks(file: BinaryIO, bounds: array[int]) -> Iterator[list[bytes]]:
    for begin, end in pairwise(bounds):
        yield _decode(os.pread(file.fileno(), end - begin, begin))


class _Run:
    """One sorted run while it is read: more than a block of it, so that each round takes many."""

    def __init__(self, blocks: Iterable[list[bytes]]) -> None:
        self._blocks = iter(blocks)
        self._length = 0  # of the last block
        self.records: list[bytes] = []

    def fill(self) -> bool:
        """Read on until there is more than a block, or all; return whether there is anything."""
        while len(self.records) <= self._length and (block := next(self._blocks, None)):
            self._length = len(block)
            self.records += block
        return bool(self.records)

    def take(self, bound: bytes) -> list[bytes]:
        """Give away what is not above the bound."""
        at = bisect_right(self.records, bound)
        taken = self.records[:at]
        del self.records[:at]
        return taken
