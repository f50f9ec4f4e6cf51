"""Peak memory and time of the export for calendars of different sizes, on the local Google.

Run: python tests/bench/memory.py [EVENTS[xCALENDARS] ...]      (default: 1000 20000 100000 5x200)
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from calendar_sync.emulator.local_google import LocalGoogle

# A small process between: a child's peak begins with that of the process it was forked from, and
# this one holds Google's events.
_MEASURE = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
_HEAD = """\
| events in each of | calendars | run | seconds | peak, MiB |
| ---: | ---: | --- | ---: | ---: |"""


def main(sizes: list[str]) -> None:
    print(_HEAD, flush=True)
    for size in sizes:
        events, _, calendars = size.partition("x")
        measure(int(events), int(calendars or 1))


def measure(events: int, calendars: int) -> None:
    """Export so many events of so many calendars, then what changes; print a row for each run."""
    with LocalGoogle() as google, tempfile.TemporaryDirectory() as name:
        home = Path(name)
        google.write_client_secrets(home / "credentials/client_secrets.json")
        google.write_token(home / "credentials/token.json")
        ids = [f"load{number}@group.calendar.google.com" for number in range(calendars)]
        for number, calendar in enumerate(ids):
            google.control("add_calendar", calendar=calendar, summary=f"Load {number}")
            google.control("load_events", calendar=calendar, count=events, seed=number + 1)

        def row(what: str) -> None:
            print(f"| {events:,} | {calendars} | {what} | {_run(home)} |", flush=True)

        row("first read")
        row("no change")
        google.control("random_edit", seed=1, calendar=ids[0])
        row("one change")
        google.control("expire_sync_tokens")
        row("everything read anew and compared")


def _run(home: Path) -> str:
    """Run the export; return the last two cells of its row."""
    command = [sys.executable, "-m", "calendar_sync", "--home", str(home), "--quiet", "export"]
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, *command], stdout=subprocess.PIPE, text=True, check=True
    )
    seconds = time.monotonic() - started
    exit_code, kibibytes = done.stdout.split()
    if exit_code != "0":
        raise SystemExit(f"the export ended with {exit_code}")
    return f"{seconds:.1f} | {int(kibibytes) // 1024}"


if __name__ == "__main__":
    main(sys.argv[1:] or ["1000", "20000", "100000", "5x200"])
