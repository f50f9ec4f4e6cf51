"""Bar 12: weekly series over ten years, expanded and written to CSV, beside dateutil's expansion."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from homes import Home
from measuring import Row, floor, in_turn, median, ratio, run
from pages import WEEKS, World
from replay import replay

SERIES = 2000
CONFIGURATION = """
[[export]]
formats = ["csv"]
"""


def rows(_events: int, rounds: int) -> Iterator[Row]:
    """Measure whole processes in turn: ours reads, stores, sorts and writes besides."""
    with (
        tempfile.TemporaryDirectory() as name,
        replay(World(SERIES, is_weekly=True)) as address,
    ):
        home = Home(address, Path(name, "home"), CONFIGURATION)
        home.first_read()
        found = in_turn(
            {"dateutil": lambda: run(floor("expand", str(SERIES))), "ours": home.first_read},
            rounds,
        )
        (path,) = (home.folder / "exports").glob("*.csv")
        with path.open("rb") as file:
            written = sum(1 for _ in file) - 1
    if written != SERIES * WEEKS:
        raise SystemExit(f"{written} occurrences in the CSV, {SERIES * WEEKS} were meant")
    each = {key: 1e6 * median(costs, "cpu") / written for key, costs in found.items()}
    what = f"{SERIES:,} weekly series over ten years to CSV, CPU of an occurrence ÷ dateutil's"
    detail = f" ({each['ours']:.1f} µs ÷ {each['dateutil']:.1f} µs)"
    yield Row("12", what + detail, ratio(found["ours"], found["dateutil"], "cpu"), 0.5, 0.15)
