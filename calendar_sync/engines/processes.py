"""Processes of this machine: for more than one core's worth of reading and writing.

They are started anew (spawn), not forked: a fork copies locks that other threads hold.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Self

from calendar_sync.engines.engine import R, Work
from calendar_sync.errors import ExitCode
from calendar_sync.logs import Logging, logging_in_use
from calendar_sync.stop import Stop

_context = multiprocessing.get_context("spawn")


class Processes:
    """A pool of processes; when one of them dies, `renew` starts another pool."""

    deaths: tuple[type[Exception], ...] = (BrokenExecutor,)

    def __init__(self, workers: int, stop: Stop) -> None:
        self.workers = self.processes = workers
        self._stop = stop
        # Its end is the stop: whoever reads finds it closed, also when we are killed.
        self._reader, self._writer = _context.Pipe(duplex=False)
        self._executor = self._start()

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self.workers,
            _context,
            initializer=_begin,
            initargs=(self._reader, logging_in_use()),
        )

    def submit(self, work: Work[R], task: object) -> Future[R]:
        """Have a process do the work. Raises BrokenExecutor when the pool is dead already."""
        return self._executor.submit(_do, work, task, self._stop.seconds_left)

    def renew(self) -> None:
        """Start another pool; the dead one has ended its processes itself."""
        self._executor.shutdown(cancel_futures=True)
        self._executor = self._start()

    def __enter__(self) -> Self:
        self._stop.cuts(self._writer.close)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._writer.close()
        self._executor.shutdown(cancel_futures=True)
        self._reader.close()
        self._writer.close()


# -- in the worker ---------------------------------------------------------------------------------

_stop = Stop()
_at_work = threading.Lock()


def _begin(reader: Connection, logging: Logging) -> None:
    """Prepare a worker: Ctrl-C is its owner's matter; a stop, or its owner's death, ends it."""
    logging.set_up()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, args=(reader,), daemon=True).start()


def _watch(reader: Connection) -> None:
    wait([reader])
    _stop.request(ExitCode.TERMINATED)
    owner = multiprocessing.parent_process()
    if owner is not None:
        owner.join()
    with _at_work:  # nobody is left to take the result
        os._exit(int(ExitCode.TERMINATED))


def _do(work: Work[R], task: object, seconds: float | None) -> R:
    with _at_work, _stop.lent(seconds) as stop:
        return work(task, stop)
