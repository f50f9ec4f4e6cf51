"""A process that renders single events for another one; see beside.py.

`python -m calendar_sync.rendering`: it reads frames (four bytes of length, then content) from its
input: an Order in msgpack first, then lists of resources as lines of JSON. It asks for more by an
empty frame: while there is still one list to render, where the pipe has room for the next one. An
empty frame asks for the Result. When its input ends, so does it: it outlives nobody who started it.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from calendar_sync.decoding import decoded
from calendar_sync.errors import CalendarSyncError
from calendar_sync.ics.exporter import IcsExporter
from calendar_sync.ics.sheet import IcsOptions
from calendar_sync.items import is_of, read_lines
from calendar_sync.model import CalendarView, EventWarning
from calendar_sync.part import Part
from calendar_sync.recurrence.event_times import Window
from calendar_sync.recurrence.occurrences import overlaps
from calendar_sync.resources import Json
from calendar_sync.sorting import RowSorter
from calendar_sync.table.exporter import CsvExporter, CsvOptions

_HEAD = 4  # bytes of a frame's length
_ROOM = 1 << 20  # bytes of a list on its way; what Linux lets anybody have
EMPTY = bytes(_HEAD)  # frame


class Output(msgspec.Struct):
    """One file to render for: the options of one format, and where rendered records go."""

    descriptor: int  # of an open file
    ics: IcsOptions | None = None
    csv: CsvOptions | None = None
    window: Window | None = None  # of an ICS; a CSV's is in its options
    left_out: tuple[str, ...] = ()  # types of events


@decoded
class Order(msgspec.Struct):
    """What is to be rendered."""

    calendar: CalendarView
    outputs: list[Output]


@decoded
class Result(msgspec.Struct):
    """What has become of it: a part for each output."""

    parts: list[Part]
    unreadable: list[EventWarning]


def frame(value: object) -> bytes:
    """Encode one message."""
    return _framed(msgspec.msgpack.encode(value))


def frame_of_lines(resources: Iterable[Json]) -> bytes:
    """Write resources of single events, each on one line, as one message."""
    return _framed(b"\n".join(resources))


def _framed(content: bytes) -> bytes:
    return len(content).to_bytes(_HEAD, "big") + content


def read_frame(file: BinaryIO) -> bytes:
    """Read one message, empty for EMPTY. Raises EOFError when the other process has gone."""
    head = file.read(_HEAD)
    length = int.from_bytes(head, "big")
    content = file.read(length)
    if len(head) < _HEAD or len(content) < length:
        raise EOFError
    return content


def _exporter(calendar: CalendarView, output: Output) -> IcsExporter | CsvExporter:
    file = os.fdopen(output.descriptor, "w+b", buffering=1 << 18)
    sorter = RowSorter(Path(), file=file)
    if output.csv is not None:
        return CsvExporter(calendar, output.csv, Path(), sorter=sorter)
    return IcsExporter(calendar, output.ics or IcsOptions(), Path(), sorter=sorter)


def _make_room(pipe: BinaryIO) -> bool:
    """Let a list wait in the pipe, so that neither process waits for the other; Linux can."""
    try:
        import fcntl

        return fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _ROOM) >= _ROOM
    except (ImportError, AttributeError, OSError):
        return False


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Render what comes, until an empty frame comes. Raises EOFError, CannotWrite."""
    order = msgspec.msgpack.decode(read_frame(source), type=Order)
    zone = order.calendar.time_zone
    outputs = [(output, _exporter(order.calendar, output)) for output in order.outputs]
    unreadable: list[EventWarning] = []

    def send(message: bytes) -> None:
        target.write(message)
        target.flush()

    has_room = _make_room(source)
    send(EMPTY)
    while content := read_frame(source):
        if has_room:
            send(EMPTY)
        for item in read_lines(content, unreadable):
            for output, exporter in outputs:
                if output.left_out and is_of(item, output.left_out):
                    continue
                if output.window is None or overlaps(item, zone, output.window):
                    exporter.add(item)
        if not has_room:
            send(EMPTY)
    parts = [exporter.handed_over() for _, exporter in outputs]
    send(frame(Result(parts, unreadable)))


def main() -> None:
    """Serve whoever has started this; what goes wrong is for them to notice."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is theirs, too
    gc.set_threshold(50_000, 20, 20)
    with suppress(EOFError, CalendarSyncError, OSError):
        serve(sys.stdin.buffer, sys.stdout.buffer)
    gc.freeze()


if __name__ == "__main__":
    main()
