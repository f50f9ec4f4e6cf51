"""Bars 1 to 6, 11 and 13: one large calendar, read first, unchanged, and with a hundred changes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from homes import Home
from measuring import BARE, Row, floor, in_turn, median, ratio, run
from pages import World
from replay import replay


def rows(events: int, rounds: int) -> Iterator[Row]:
    """Measure in turn; yield a row for each bar."""
    with tempfile.TemporaryDirectory() as name, replay(World(events)) as address:
        home = Home(address, Path(name, "home"))
        home.first_read()  # compiles the modules, warms the disk
        found = in_turn(
            {
                "F": lambda: run(floor("fetch", address.url)),
                "first": home.first_read,
                "same": home.export,
                "changes": home.changes,
                "bare": lambda: run(BARE),
                "version": lambda: home.verb("--version"),
                "help": lambda: home.verb("--help"),
                "status": lambda: home.verb("status"),
            },
            rounds,
        )
        address.change(on=True)
        home.export()
        requests = address.change(on=False)
        naive = run(floor("naive", address.url, name))
    first, same, bare = found["first"], found["same"], found["bare"]
    extra = median(found["changes"], "wall") - median(same, "wall")
    yield Row("1", "first export, CPU ÷ F", ratio(first, found["F"], "cpu"), 2.8, 2.0)
    yield Row("2", "the same, wall ÷ F", ratio(first, found["F"], "wall"), 2.2, 1.4)
    yield Row("3", "its peak memory, MB", median(first, "peak"), 110, 90)
    yield Row("4", "nothing changed, wall ÷ bare", ratio(same, bare, "wall"), 20, 15)
    yield Row("4", "the same, CPU ÷ bare", ratio(same, bare, "cpu"), 20, 15)
    yield Row("5", "its requests", requests, 2, 2)
    what = "100 changes, wall over nothing changed, in F"
    yield Row("6", what, extra / median(found["F"], "wall"), 0.5, 0.15)
    for verb, bar, goal in (("version", 4, 2.5), ("help", 4, 2.5), ("status", 6, 4)):
        typed = verb if verb == "status" else f"--{verb}"
        yield Row("11", f"`{typed}`, CPU ÷ bare", ratio(found[verb], bare, "cpu"), bar, goal)
    times = naive.cpu / median(first, "cpu")
    yield Row("13", "a naive script's CPU ÷ ours, once", times, 10, 15, more_is_better=True)
