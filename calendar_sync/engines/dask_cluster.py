"""A Dask cluster: workers on other machines, which see the same home at the same path.

Dask itself tries the work of a dead worker elsewhere, so there is nothing to renew; it blames whatever
that worker held, and gives up what was held by several dead ones. Each worker needs the same version
of calendar-sync. How many users are read at once is the cluster's matter; `workers` bounds what is
out at it.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self

from msgspec.structs import replace

from calendar_sync.engines.engine import R, Work
from calendar_sync.errors import ExitCode, TryLater, WrongConfiguration
from calendar_sync.logs import Logging, logging_in_use
from calendar_sync.stop import Stop

_PATIENCE = 20  # seconds for the scheduler to answer
_NAP = 0.2  # seconds; a signal handler may not speak to the cluster itself


class DaskCluster:
    """The workers of a scheduler that somebody else runs."""

    def __init__(self, address: str, workers: int, stop: Stop) -> None:
        try:
            import distributed
        except ImportError:
            raise WrongConfiguration(
                "The engine is a Dask cluster, but Dask is not installed.",
                "Install it: pip install 'calendar-sync[dask]'",
            ) from None
        self.workers, self._stop, self._address = workers, stop, address
        self.processes = 1
        self.deaths: tuple[type[Exception], ...] = (distributed.KilledWorker,)
        self._ended = threading.Event()
        self._logging = replace(logging_in_use(), file=None)  # a path of this machine

    def __enter__(self) -> Self:
        from distributed import Client, Event

        try:
            self._client: Any = Client(self._address, timeout=_PATIENCE, set_as_default=False)
        except (OSError, TimeoutError) as error:
            raise TryLater(f"No Dask scheduler answers at {self._address}.") from error
        self.processes = max(1, len(self._client.nthreads()))
        self._executor = self._client.get_executor(pure=False)
        self._end = Event(f"calendar-sync-{uuid.uuid4().hex}", client=self._client)
        self._watcher = threading.Thread(target=self._pass_on_the_stop, daemon=True)
        self._watcher.start()
        return self

    def _pass_on_the_stop(self) -> None:
        while not self._ended.wait(_NAP) and not self._stop.is_requested:
            pass
        with contextlib.suppress(Exception):  # a cluster that went away has stopped, too
            self._end.set()

    def submit(self, work: Work[R], task: object) -> Future[R]:
        """Have some worker of the cluster do the work. Raises TryLater when the cluster is gone."""
        if self._client.status != "running":
            raise TryLater(f"The Dask scheduler at {self._address} went away.")
        done: Future[R] = self._executor.submit(
            _do, work, task, self._stop.seconds_left, self._end.name, self._logging
        )
        return done

    def renew(self) -> None:
        """Dask has found another worker already."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._watcher.join()
        with contextlib.suppress(Exception):
            self._executor.shutdown(wait=False)
            self._client.close()


# -- in the worker ---------------------------------------------------------------------------------

_stops: dict[str, Stop] = {}  # one for each run at work here
_lock = threading.Lock()


def _do(work: Work[R], task: object, seconds: float | None, end: str, logging: Logging) -> R:
    with _lock:
        if logging_in_use() != logging:
            logging.set_up()
    with _stop_of(end).lent(seconds) as stop:
        return work(task, stop)


def _stop_of(end: str) -> Stop:
    from distributed import Event, get_client

    client = get_client()
    with _lock:
        stop = _stops.get(end)
        if stop is None:
            stop = _stops[end] = Stop()
            waiting = (Event(end, client=client), stop)
            threading.Thread(target=_watch, args=waiting, daemon=True).start()
    return stop


def _watch(end: Any, stop: Stop) -> None:
    with contextlib.suppress(Exception):  # the scheduler went away; so has who wanted the result
        end.wait()
    stop.request(ExitCode.TERMINATED)
    _stops.pop(end.name, None)
