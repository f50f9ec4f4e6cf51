"""Peak memory and time of the export for calendars of different sizes, on the local Google.

Run: python tests/bench/memory.py [EVENTS ...]      (default: 20000 100000)
"""

from __future__ import annotations

import json
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
CALENDAR = "load@group.calendar.google.com"


def main(counts: list[int]) -> None:
    for count in counts:
        for line in measure(count):
            print(line, flush=True)


def measure(count: int) -> list[str]:
    """Export `count` events, then one change of them; one line of JSON each."""
    with LocalGoogle() as google, tempfile.TemporaryDirectory() as name:
        home = Path(name)
        google.write_client_secrets(home / "credentials/client_secrets.json")
        google.write_token(home / "credentials/token.json")
        google.control("add_calendar", calendar=CALENDAR, summary="Load")
        google.control("load_events", calendar=CALENDAR, count=count, seed=1)
        found = [_run(home, "first read", count)]
        google.control("random_edit", seed=1, calendar=CALENDAR)
        found.append(_run(home, "one change", count))
        found.append(_run(home, "no change", count))
        return found


def _run(home: Path, what: str, count: int) -> str:
    command = [sys.executable, "-m", "calendar_sync", "--home", str(home), "--quiet", "export"]
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, *command], stdout=subprocess.PIPE, text=True, check=True
    )
    exit_code, kibibytes = done.stdout.split()
    figures = {
        "events": count,
        "run": what,
        "exit_code": int(exit_code),
        "seconds": round(time.monotonic() - started, 1),
        "peak_mib": int(kibibytes) // 1024,
    }
    return json.dumps(figures)


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [20_000, 100_000])
