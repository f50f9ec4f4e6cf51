"""Whole processes, timed in turn: wall, CPU and peak memory of each, and ratios within a round."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
# Compiled modules are kept, as pip keeps them for an installed program.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
PROGRAM = [sys.executable, "-m", "calendar_sync", "--quiet"]


@dataclass(frozen=True)
class Cost:
    """What one process cost: seconds and MiB."""

    wall: float
    cpu: float
    peak: float


def run(command: Sequence[str]) -> Cost:
    """Run a command to its end; it has to succeed. The peak is never less than our own."""
    started = time.perf_counter()
    pid = os.posix_spawn(command[0], command, ENVIRONMENT)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - started
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"failed: {' '.join(command)}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def floor(*arguments: str) -> list[str]:
    """Return the command of one of the floors."""
    return [sys.executable, str(HERE / "floors.py"), *arguments]


Candidate = Callable[[], Cost]


def in_turn(candidates: Mapping[str, Candidate], rounds: int) -> dict[str, list[Cost]]:
    """Run all candidates one after the other, so many rounds: the machine's moods hit all alike."""
    found: dict[str, list[Cost]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, candidate in candidates.items():
            found[name].append(candidate())
    return found


def ratio(costs: Sequence[Cost], base: Sequence[Cost], what: str) -> float:
    """Return the median of the ratios taken within each round."""
    pairs = zip(costs, base, strict=True)
    return statistics.median(getattr(a, what) / getattr(b, what) for a, b in pairs)


def median(costs: Sequence[Cost], what: str) -> float:
    """Return the median of one figure."""
    return statistics.median(getattr(cost, what) for cost in costs)
