"""Bars 8 to 10: what 200 ms before each answer cost, with many calendars and with many pages."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from homes import Home
from measuring import Row, floor, in_turn, ratio, run
from pages import World
from replay import replay

LATENCY = 0.2  # seconds before each answer
CALENDARS = 50


def rows(events: int, rounds: int) -> Iterator[Row]:
    """Measure in turn; yield a row for each bar."""
    yield from _many_calendars(rounds)
    yield from _many_pages(events, rounds)


def _many_calendars(rounds: int) -> Iterator[Row]:
    world = World(200, calendars=CALENDARS, latency=LATENCY)
    with tempfile.TemporaryDirectory() as name, replay(world) as address:
        home = Home(address, Path(name, "home"))
        found = in_turn(
            {
                "one at a time": lambda: home.first_read("--jobs", "1"),
                "first": home.first_read,
                "plain requests": lambda: run(floor("poll", address.url, str(CALENDARS))),
                "same": home.export,
            },
            rounds,
        )
    what = f"{CALENDARS} calendars of 200 events, 200 ms, first read, wall ÷ `--jobs 1`"
    yield Row("8", what, ratio(found["first"], found["one at a time"], "wall"), 0.25, 0.17)
    what = "the same, nothing changed, wall ÷ a loop of plain requests"
    yield Row("9", what, ratio(found["same"], found["plain requests"], "wall"), 0.25, 0.17)


def _many_pages(events: int, rounds: int) -> Iterator[Row]:
    world = World(events, latency=LATENCY)
    with tempfile.TemporaryDirectory() as name, replay(world) as address:
        home = Home(address, Path(name, "home"))
        found = in_turn(
            {"F": lambda: run(floor("fetch", address.url)), "first": home.first_read}, rounds
        )
    what = f"{events:,} events, 200 ms, both formats, wall ÷ serial fetch and parse"
    yield Row("10", what, ratio(found["first"], found["F"], "wall"), 1.2, 1.05)
