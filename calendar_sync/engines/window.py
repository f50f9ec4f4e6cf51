"""A bounded window of work that is out at workers, and a second try for what a dead one held."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from typing import Generic

from calendar_sync.engines.engine import Engine, R, T, Work, WorkerDied
from calendar_sync.stop import Stop

_AHEAD = 2  # tasks out for each worker: one at work, one waiting, so that none idles
_NAP = 1.0  # seconds between looks at the deadline; a signal's stop ends the work itself


def work_through(
    engine: Engine, work: Work[R], tasks: Iterable[T], stop: Stop
) -> Iterator[tuple[T, R | Exception]]:
    """Yield each task with what its work returned or raised, in the order of their ends.

    Tasks are taken from `tasks` as there is room. After a stop, or past the deadline, no more are
    taken, and what is out is waited for.

    When a worker dies, its pool may die with it, and nobody knows which task it was: each one that was
    lost is tried again, alone. One that is lost again then is given up with WorkerDied.
    """
    window = _Window(engine, work, iter(tasks), stop)
    while window.fill():
        yield from window.finished()


class _Window(Generic[T, R]):
    def __init__(self, engine: Engine, work: Work[R], tasks: Iterator[T], stop: Stop) -> None:
        self._engine, self._work, self._tasks, self._stop = engine, work, tasks, stop
        self._out: dict[Future[R], T] = {}
        self._suspects: deque[T] = deque()
        self._alone = False  # the one that is out is a suspect

    def fill(self) -> bool:
        """Send out as much as there is room for; return whether anything is out."""
        while not self._is_ending() and (task := self._next()) is not None:
            self._out[self._submit(task)] = task
        return bool(self._out)

    def _submit(self, task: T) -> Future[R]:
        try:
            return self._engine.submit(self._work, task)
        except BrokenExecutor:
            self._engine.renew()
            return self._engine.submit(self._work, task)

    def _is_ending(self) -> bool:
        return self._stop.is_requested or self._stop.remaining <= 0

    def _next(self) -> T | None:
        if self._suspects or self._alone:
            if self._out:
                return None
            self._alone = bool(self._suspects)
            if self._suspects:
                return self._suspects.popleft()
        if len(self._out) >= self._engine.workers * _AHEAD:
            return None
        return next(self._tasks, None)

    def finished(self) -> Iterator[tuple[T, R | Exception]]:
        """Wait for the next ends, and yield them."""
        done, _ = wait(self._out, timeout=_NAP, return_when=FIRST_COMPLETED)
        for future in done:
            task = self._out.pop(future)
            try:
                outcome: R | Exception = future.result()
            except self._engine.deaths:
                if not self._alone:
                    self._suspects.append(task)
                    continue
                outcome = WorkerDied()
            except Exception as error:
                outcome = error
            yield task, outcome
