"""The cost of a first read, of nothing changed and of a few changes, as ratios within one run.

Run: python tests/bench/bars.py [EVENTS [ROUNDS]]      (default: 100000 5; some minutes)

Prints a Markdown table. F is every page fetched, gunzipped, parsed with `json` and dropped; "bare" is
`python -c pass`. Each ratio is taken within a round, and the median is shown.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import PROGRAM, Cost, floor, in_turn, median, ratio, run
from replay import Address, World, replay

BARE = [sys.executable, "-c", "pass"]


class Homes:
    """One home, read anew or again, and what else a bar is compared with."""

    def __init__(self, address: Address, folder: Path) -> None:
        self.address, self.home, self.folder = address, folder / "home", folder

    def export(self) -> Cost:
        return run([*PROGRAM, "--home", str(self.home), "export"])

    def first_read(self) -> Cost:
        """Export into an empty home."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.address.change(on=False)
        self.address.write_home(self.home)
        return self.export()

    def changed(self) -> Cost:
        """Export a hundred changes; the next first read begins without them."""
        self.address.change(on=True)
        return self.export()

    def verb(self, *arguments: str) -> Cost:
        # what it prints is not of interest here
        home = ["--home", str(self.home)] if arguments == ("status",) else []
        quoted = " ".join([*PROGRAM[:-1], *arguments, *home])
        return run(["/bin/sh", "-c", f"exec {quoted} >/dev/null || true"])


def main(events: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as name, replay(World(events, series=0.0)) as address:
        homes = Homes(address, Path(name))
        homes.first_read()  # compiles the modules, warms the disk
        found = in_turn(
            {
                "F": lambda: run(floor("fetch", address.url)),
                "first": homes.first_read,
                "same": homes.export,
                "changes": homes.changed,
                "bare": lambda: run(BARE),
                "version": lambda: homes.verb("--version"),
                "help": lambda: homes.verb("--help"),
                "status": lambda: homes.verb("status"),
            },
            rounds,
        )
        naive = run(floor("naive", address.url, name)) if events <= 100_000 else None
        size = sum(path.stat().st_size for path in (homes.home / "exports").iterdir())
    floor_ = median(found["F"], "wall")
    extra = median(found["changes"], "wall") - median(found["same"], "wall")
    rows: list[tuple[str, str, float, str]] = [
        ("1", "first export, CPU ÷ F", ratio(found["first"], found["F"], "cpu"), "2.8"),
        ("2", "the same, wall ÷ F", ratio(found["first"], found["F"], "wall"), "2.2"),
        ("3", "its peak memory, MiB", median(found["first"], "peak"), "110"),
        ("4", "nothing changed, wall ÷ bare", ratio(found["same"], found["bare"], "wall"), "20"),
        ("4", "the same, CPU ÷ bare", ratio(found["same"], found["bare"], "cpu"), "20"),
        ("6", "100 changes, wall over nothing changed, in F", extra / floor_, "0.5"),
        ("11", "`--version` ÷ bare, CPU", ratio(found["version"], found["bare"], "cpu"), "4"),
        ("11", "`--help` ÷ bare, CPU", ratio(found["help"], found["bare"], "cpu"), "4"),
        ("11", "`status` ÷ bare, CPU", ratio(found["status"], found["bare"], "cpu"), "6"),
    ]
    if naive is not None:
        rows.append(("13", "naive ÷ ours, CPU", naive.cpu / median(found["first"], "cpu"), "10"))
    print(f"{events} events, {size >> 20} MiB of files, {rounds} rounds, {_machine()}.\n")
    print("| # | what | measured | bar |\n| --- | --- | --- | --- |")
    for number, what, value, bar in rows:
        print(f"| {number} | {what} | {value:.2f} | {bar} |")
    print(f"\nF: {floor_:.2f} s; bare: {median(found['bare'], 'wall') * 1000:.0f} ms.")


def _machine() -> str:
    cpu = subprocess.run(["nproc"], capture_output=True, text=True, check=True).stdout.strip()
    return f"{cpu} cores, Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}"


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:]]
    main(*numbers, *(100_000, 5)[len(numbers) :])
