"""Sort more rows than memory holds: sorted runs in one nameless temporary file, then a merge.

The file has no name, so a killed run leaves nothing behind; one file for all runs, so that no limit
on open files is met. A small calendar never touches the disk.
"""

from __future__ import annotations

import heapq
import os
import tempfile
from array import array
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import msgspec

from calendar_sync.errors import cannot_write

Row = tuple[int, str, bytes]  # instant, event id, the row's bytes: the order, and what comes out
RUN_BYTES = 8 << 20
_BLOCK_BYTES = 1 << 13  # of each run, in memory during the merge: a gigabyte has 130 runs
_ROW_OVERHEAD = 250  # what Python adds to a tuple of three
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Row]).decode


class RowSorter:
    """Rows in, rows out by instant and event id, in memory bounded by the size of a run.

    `close`, or leaving a `with` block, removes the temporary file. Raises CannotWrite.
    """

    def __init__(self, folder: Path, run_bytes: int = RUN_BYTES) -> None:
        self._folder, self._run_bytes = folder, run_bytes
        self._rows: list[Row] = []
        self._size = 0
        self._file: BinaryIO | None = None
        self._runs: list[array[int]] = []  # of each run, where its blocks begin, and its end

    def __enter__(self) -> RowSorter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def add(self, instant: int, event_id: str, row: bytes) -> None:
        """Take one row; write a run to the disk when enough have come together."""
        self._rows.append((instant, event_id, row))
        self._size += len(row) + _ROW_OVERHEAD
        if self._size >= self._run_bytes:
            self._spill()

    def extend(self, rows: list[Row]) -> None:
        """Take many rows, as `add` does."""
        self._rows += rows
        self._size += sum([len(row) for _, _, row in rows]) + _ROW_OVERHEAD * len(rows)
        if self._size >= self._run_bytes:
            self._spill()

    def sorted_rows(self) -> Iterator[Row]:
        """Yield all rows in order; nothing can be added after that."""
        self._rows.sort()
        if not self._runs:
            return iter(self._rows)
        return heapq.merge(*[self._read(bounds) for bounds in self._runs], self._rows)

    def close(self) -> None:
        """Give memory and disk back; may be called twice."""
        self._rows, self._runs = [], []
        if self._file is not None:
            self._file.close()
            self._file = None

    def _spill(self) -> None:
        self._rows.sort()
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115  # see close
            bounds = array("q", [self._file.tell()])
            for block in self._blocks():
                bounds.append(bounds[-1] + self._write(self._file, block))
            self._file.flush()
            self._runs.append(bounds)
        except OSError as error:
            raise cannot_write(self._folder / "a temporary file", error) from error
        self._rows, self._size = [], 0

    def _blocks(self) -> Iterator[list[Row]]:
        """Cut the run into pieces that are read back one at a time."""
        size = sum([len(row) for _, _, row in self._rows])
        count = max(1, _BLOCK_BYTES * len(self._rows) // max(1, size))
        for first in range(0, len(self._rows), count):
            yield self._rows[first : first + count]

    @staticmethod
    def _write(file: BinaryIO, block: list[Row]) -> int:
        return file.write(_encode(block))

    def _read(self, bounds: array[int]) -> Iterator[Row]:
        assert self._file is not None
        for begin, end in pairwise(bounds):
            yield from _decode(os.pread(self._file.fileno(), end - begin, begin))
