"""The bars of this program's speed, each a ratio within one run.

Run: python tests/bench/bars.py [--write] [--rounds N] [--events N] [PART ...]

The parts are one_calendar, latency, occurrences and growth; without any, all are measured, which
takes about half an hour. Prints a Markdown table for each; `--write` puts them into the README.md
beside this file. F is every page fetched, gunzipped, parsed with `json` and dropped; "bare" is
`python -c pass`. Each ratio is taken within a round, and the median is shown.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from measuring import HEAD, HERE, machine

PARTS = ("one_calendar", "latency", "occurrences", "growth")


def main(parts: list[str], events: int, rounds: int, *, write: bool) -> None:
    for part in parts:
        lines = [f"{events:,} events, {rounds} rounds; {machine()}", "", HEAD]
        print("\n".join(lines), flush=True)
        for row in importlib.import_module(part).rows(events, rounds):
            lines.append(str(row))
            print(row, flush=True)
        print(flush=True)
        if write:
            write_into(HERE / "README.md", part, "\n".join(lines))


def write_into(readme: Path, part: str, table: str) -> None:
    """Put a part's table between its two marks."""
    begin, end = f"<!-- {part} -->\n", f"<!-- end of {part} -->\n"
    before, _, rest = readme.read_text(encoding="utf-8").partition(begin)
    text = f"{before}{begin}{table}\n{end}{rest.partition(end)[2]}"
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    main(given.parts or [*PARTS], given.events, given.rounds, write=given.write)
