"""The seam: an engine takes work on one thing at a time, as an executor of concurrent.futures does.

Work is a function of the module's level and its argument is plain data without a secret: both travel
to other processes, which open the home by themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from calendar_sync.stop import Stop

T = TypeVar("T")
R = TypeVar("R")
Work = Callable[[Any, Stop], R]


class Engine(Protocol):
    """Workers that live from `with` to its end. A stop of the run ends what they are doing."""

    workers: int  # how much is done at once
    processes: int  # in how many processes: each keeps its share of the quota for itself
    deaths: tuple[type[Exception], ...]  # what a future raises when its worker died

    def submit(self, work: Work[R], task: object) -> Future[R]:
        """Have `work(task, stop)` called by a worker, with a Stop that ends with ours.

        Raises BrokenExecutor when a worker has died and nobody has started another one.
        """
        ...

    def renew(self) -> None:
        """Start new workers where they died."""
        ...

    def __enter__(self) -> Self:
        """Start the workers, or find them."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the workers that are ours."""
        ...


class WorkerDied(Exception):
    """Workers die of one task; it is not tried again."""
