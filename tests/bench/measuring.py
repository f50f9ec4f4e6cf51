"""Whole processes, timed in turn: wall, CPU and peak memory of each, and ratios within a round."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
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


BARE = [sys.executable, "-c", "pass"]


@dataclass(frozen=True)
class Row:
    """One figure beside its bar and its goal."""

    number: str
    what: str
    value: float
    bar: float
    goal: float
    more_is_better: bool = False

    def __str__(self) -> str:
        sign = -1 if self.more_is_better else 1
        met = [sign * self.value <= sign * limit for limit in (self.goal, self.bar)]
        verdict = "goal" if met[0] else "bar" if met[1] else "**missed**"
        figures = (f"{figure:.4g}" for figure in (self.value, self.bar, self.goal))
        return " | ".join(("| " + self.number, self.what, *figures, f"{verdict} |"))


HEAD = "| # | what | measured | bar | goal | reached |\n| --- | --- | --- | --- | --- | --- |"


def machine() -> str:
    """Describe what the figures belong to."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    libraries = ("msgspec", "click", "google-auth", "icalendar", "python-dateutil")
    versions = ", ".join(f"{name} {version(name)}" for name in libraries)
    load = f"load {os.getloadavg()[0]:.1f} when it began"
    return (
        f"{time.strftime('%Y-%m-%d')}, {model}, {os.cpu_count()} cores, {platform.system()}"
        f" {platform.release()}, {load}; Python {platform.python_version()}, {versions}."
    )
