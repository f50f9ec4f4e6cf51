"""A first listing's events rendered in two processes: in this one, and in another one beside it.

A first read of a large calendar is nearly all rendering, and Python renders on one core. The other
process (rendering.py) gets events whenever it waits for some; this one renders the rest. What it has
rendered lies in files that both have open, so that only events go from one to the other. When it fails,
the files begun are given up, and made from the mirror.

The end is shared, too: threads finish the files while the mirror commits.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import BinaryIO, cast

import msgspec

from calendar_sync import rendering
from calendar_sync.export import CalendarExport
from calendar_sync.gathering import Gathered
from calendar_sync.listing import Taken
from calendar_sync.rendering import EMPTY, Result, frame, frame_of_lines, read_frame

WORTH_A_PROCESS = 2000  # events, when more are to come
_THEIRS, _OURS = 700, 100  # events at once; between ours we look whether the other one waits


def is_core_free() -> bool:
    """Whether there is a second core, and no other user that is worked for beside us."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    is_alone = threading.current_thread() is threading.main_thread()
    return is_alone and (cores or 1) > 1 and os.name == "posix"  # elsewhere no file can be lent


class Beside:
    """Takes a first listing and renders it into `export`, with help where it can."""

    def __init__(self, export: CalendarExport, *, may_help: bool) -> None:
        self.export = export
        self._may_help = may_help
        self._process: subprocess.Popen[bytes] | None = None
        self._members = Gathered(next(iter(export.views)).folder)
        self._taken = 0  # resources
        self._has_sent = False
        self._settled: Future[None] | None = None

    def add(self, taken: Taken, *, is_last: bool) -> None:
        """Take a page. Raises CannotWrite."""
        if not self.export.is_open:
            return
        rows = taken.singles
        self._taken += len(rows) + len(taken.members)
        if self._may_help and not is_last and self._taken >= WORTH_A_PROCESS:
            self._may_help = False
            self._start()
        self._members.add(taken.members)
        at = 0
        while at < len(rows) and self.export.is_open:
            if self._is_waited_for():
                with self._given_up_when_broken():
                    self._send(frame_of_lines([row[2] for row in rows[at : at + _THEIRS]]))
                self._has_sent = True
                at += _THEIRS
            else:
                self.export.add(rows[at : at + _OURS])
                at += _OURS

    def settle(self) -> None:
        """Finish the files, from now on in a thread if that can be; `finished` waits for it."""
        if self.export.can_move:
            thread = ThreadPoolExecutor(1)
            self._settled = thread.submit(self._finish)
            thread.shutdown(wait=False)

    def finished(self) -> CalendarExport | None:
        """Return the export, all of it finished; None when some is lost, or was given up.

        Raises CannotWrite, and what ends a run.
        """
        if self._settled is not None:
            self._settled.result()
        else:
            self._finish()
        return self.export if self.export.is_open else None

    def _finish(self) -> None:
        self._join()
        if not self.export.is_open:
            return
        self.export.add(self._members.rows())
        if self.export.can_move:
            with ThreadPoolExecutor() as threads:
                self.export.finish(self._taken, threads.map)
        else:
            self.export.finish(self._taken)

    def _join(self) -> None:
        """Have the other process's events in the export, or give it up."""
        if self._process is not None and self._has_sent and self.export.is_open:
            with self._given_up_when_broken():
                self._send(EMPTY)
                while not (content := read_frame(self._stdout)):
                    pass
                result = msgspec.msgpack.decode(content, type=Result)
                self.export.take_over(result)

    def close(self) -> None:
        """Give up what is not published; may be called twice."""
        if self._settled is not None:
            wait([self._settled])
        self._give_up()

    def _give_up(self) -> None:
        self._members.close()
        self.export.close()
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    # -- the other process

    def _start(self) -> None:
        order = self.export.order()
        if order is None:
            return
        ours = os.pathsep.join(filter(None, sys.path))
        with suppress(OSError):  # then there is no help
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", rendering.__name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": ours},
                pass_fds=[output.descriptor for output in order.outputs],
                process_group=0,  # Ctrl-C is for us to handle
            )
        if self._process is not None:
            with self._given_up_when_broken():
                self._send(frame(order))

    def _is_waited_for(self) -> bool:
        """Whether the other process wants events; it says so once for each list."""
        if self._process is None:
            return False
        poll = select.poll()  # unlike select it knows descriptors of any number
        poll.register(self._stdout, select.POLLIN)
        if not poll.poll(0):
            return False
        with self._given_up_when_broken():
            read_frame(self._stdout)
        return self._process is not None

    def _send(self, message: bytes) -> None:
        self._stdin.write(message)
        self._stdin.flush()

    @property
    def _stdin(self) -> BinaryIO:
        assert self._process is not None
        return cast(BinaryIO, self._process.stdin)

    @property
    def _stdout(self) -> BinaryIO:
        assert self._process is not None
        return cast(BinaryIO, self._process.stdout)

    @contextmanager
    def _given_up_when_broken(self) -> Iterator[None]:
        """What the other process had is lost with it."""
        try:
            yield
        except (OSError, EOFError, msgspec.MsgspecError):
            self._give_up()
