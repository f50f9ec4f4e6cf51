"""Bars 3 and 7, and growth.svg: what size costs, from 10,000 to 1,000,000 events.

Each size is measured in turn within itself; one round from 300,000 on, because it takes minutes.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from homes import Home
from measuring import HERE, Cost, Row, floor, in_turn, median, run
from pages import World
from plot import draw
from replay import replay

SMALL, LARGE = 100_000, 1_000_000  # the two that are compared
SIZES = (10_000, 30_000, SMALL, 300_000, LARGE)
NAMES = {
    "first": "first read: mirror, ICS, CSV",
    "F": "F: every page fetched and parsed",
    "changes": "100 changes among the existing",
    "copy": "a copy of the ICS and the CSV",
    "same": "nothing changed",
}


def rows(_events: int, rounds: int) -> Iterator[Row]:
    """Measure every size, draw the curves, yield a row for each bar."""
    found, sizes = {}, {}
    for events in SIZES:
        found[events], sizes[events] = _measure(events, rounds if events <= SMALL else 1)
        walls = {key: f"{median(costs, 'wall'):.2f} s" for key, costs in found[events].items()}
        print(f"{events:,} events: {walls}", file=sys.stderr)
    curves = {
        label: [(events, median(found[events][key], "wall")) for events in SIZES]
        for key, label in NAMES.items()
    }
    draw(HERE / "growth.svg", curves)
    small, large = found[SMALL], found[LARGE]
    more = median(large["first"], "peak") - median(small["first"], "peak")
    yield Row("3", "peak memory of 1,000,000 events over that of 100,000, MB", more, 10, 3)
    grown = _extra(large) / _extra(small)
    copied = sizes[LARGE] / sizes[SMALL]
    disk = median(large["copy"], "wall") / median(small["copy"], "wall")
    what = f"100 changes, 100,000 to 1,000,000: cost × {grown:.1f} ÷ bytes × {copied:.1f}"
    what += f" (a copy of them × {disk:.1f})"
    yield Row("7", what, grown / copied, 1, 1)


def _measure(events: int, rounds: int) -> tuple[dict[str, list[Cost]], int]:
    with tempfile.TemporaryDirectory() as name, replay(World(events)) as address:
        home = Home(address, Path(name, "home"))
        found = in_turn(
            {
                "F": lambda: run(floor("fetch", address.url)),
                "first": home.first_read,
                "same": home.export,
                "changes": home.changes,
                "copy": lambda: run(floor("copy", str(home.folder / "exports"), name)),
            },
            rounds,
        )
        return found, home.exported


def _extra(found: dict[str, list[Cost]]) -> float:
    """Return what a hundred changes cost over none, in seconds."""
    return median(found["changes"], "wall") - median(found["same"], "wall")
