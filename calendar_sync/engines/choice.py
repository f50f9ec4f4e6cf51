"""Which engine: its module is loaded only when it is the one."""

from __future__ import annotations

from calendar_sync.engines.engine import Engine
from calendar_sync.stop import Stop


def open_engine(name: str, workers: int, stop: Stop) -> Engine:
    """Return the engine that the configuration names, to be used by `with`."""
    if name == "threads":
        from calendar_sync.engines.threads import Threads

        return Threads(workers, stop)
    if name == "processes":
        from calendar_sync.engines.processes import Processes

        return Processes(workers, stop)
    from calendar_sync.engines.dask_cluster import DaskCluster

    return DaskCluster(name.removeprefix("dask:"), workers, stop)
