"""Threads of this process: the imports are paid once, and what waits for Google waits together."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from calendar_sync.engines.engine import R, Work
from calendar_sync.stop import Stop


class Threads:
    """The engine unless another one is named."""

    deaths: tuple[type[Exception], ...] = ()
    processes = 1

    def __init__(self, workers: int, stop: Stop) -> None:
        self.workers, self._stop = workers, stop
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="user")

    def submit(self, work: Work[R], task: object) -> Future[R]:
        """Have a thread do the work."""
        return self._executor.submit(self._do, work, task)

    def _do(self, work: Work[R], task: object) -> R:
        with self._stop.lent() as stop:
            return work(task, stop)

    def renew(self) -> None:
        """Threads do not die alone."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._executor.shutdown(cancel_futures=True)
