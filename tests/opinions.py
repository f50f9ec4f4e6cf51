"""What programs of others make of our ICS files, in one shape: VEVENTs and their dates.

Each is asked where it is to be had, and is never the only proof. TZIDs are changed before, so that no
reader can fall back on a zone database of its own: what counts is our VTIMEZONE.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

FIRST, LAST = dt.datetime(2025, 10, 1, tzinfo=dt.UTC), dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
WINDOW = (int(FIRST.timestamp()), int(LAST.timestamp()))
HERE = Path(__file__).parent
ICAL_JS = "ical.js@2.2.1"
SYSTEM_PYTHON = "/usr/bin/python3"

Time = int | str  # seconds since 1970, or a date
VEvent = dict[str, Any]
Dates = Counter[tuple[str, Time]]  # UID and start
Reader = Callable[[Path], list[VEvent]]


@functools.cache
def ical_js(config: pytest.Config) -> Reader:
    """Thunderbird's engine; npm fetches it once into pytest's cache."""
    folder = npm_folder(config, "npm", ICAL_JS)
    return _program(["node", "readers/read_with_ical_js.cjs"], NODE_PATH=f"{folder}/node_modules")


def npm_folder(config: pytest.Config, name: str, *packages: str) -> Path:
    """A folder of pytest's cache with these packages in its node_modules, fetched once."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not here (package npm)")
    folder = Path(config.cache.mkdir(name))  # type: ignore[union-attr]
    with FileLock(folder / "lock"):
        names = [package.rpartition("@")[0] for package in packages]
        if not all((folder / "node_modules" / each).exists() for each in names):
            command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", ".", *packages]
            patience = ["--fetch-retries=1", "--fetch-timeout=20000"]
            done = subprocess.run(
                [*command, *patience], cwd=folder, capture_output=True, text=True, check=False
            )
            if done.returncode:
                pytest.skip(f"npm could not fetch {packages[0]}: {done.stderr[-200:]}")
    return folder


@functools.cache
def libical(_config: pytest.Config) -> Reader:
    """The engine of Evolution, KOrganizer and many servers."""
    asked = "import gi; gi.require_version('ICalGLib', '3.0')"
    found = (
        Path(SYSTEM_PYTHON).exists()
        and not subprocess.run(
            [SYSTEM_PYTHON, "-c", asked], capture_output=True, check=False
        ).returncode
    )
    if not found:
        pytest.skip("libical is not here (packages gir1.2-ical-3.0 and python3-gi)")
    return _program([SYSTEM_PYTHON, "readers/read_with_libical.py"])


def _program(command: list[str], **environment: str) -> Reader:
    def read(path: Path) -> list[VEvent]:
        done = subprocess.run(
            [*command, *map(str, WINDOW), str(path)],
            cwd=HERE, env={**os.environ, "TZ": "Asia/Tokyo", **environment},
            capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found: list[VEvent] = json.loads(done.stdout)
        return found

    return functools.cache(read)


READERS = {"ical.js": ical_js, "libical": libical}


def renamed(content: bytes) -> bytes:
    """Give every zone a name that no database has, of the same length: folds stay where they are."""
    return re.sub(
        rb"(?m)^(TZID:|[A-Z-]+;TZID=)([^:\r]*)",
        lambda match: match[1] + match[2].replace(b"/", b"~"),
        content,
    )


def dates_of(vevents: Iterable[VEvent]) -> Dates:
    """Join series and exceptions: an exception takes the place of the date it is of."""
    vevents = list(vevents)
    edited = {(told["uid"], told["original"]) for told in vevents if told["original"] is not None}
    found: Dates = Counter()
    for told in vevents:
        if told["original"] is None:
            dates = [date for date in told["dates"] if (told["uid"], date) not in edited]
        else:
            dates = [told["start"]] if is_within(told["start"]) else []
        found.update((told["uid"], date) for date in dates)
    return found


def is_within(time: Time, first: dt.datetime = FIRST, last: dt.datetime = LAST) -> bool:
    """Whether a start lies in the window that readers are asked about."""
    if isinstance(time, str):
        return first.date().isoformat() <= time < last.date().isoformat()
    return first.timestamp() <= time < last.timestamp()


def khal_dates(folder: Path, first: dt.datetime, last: dt.datetime) -> Dates:
    """UID and start of everything khal shows of a folder of one file for each UID.

    It takes 5 ms an event, so it is asked about less.
    """
    pytest.importorskip("khal", reason="khal is not here (extra opinions)")
    import pytz
    from khal.khalendar import CalendarCollection

    calendar = {
        "name": "ours", "path": str(folder), "readonly": True, "color": "", "priority": 10,
        "ctype": "calendar", "addresses": [],
    }  # fmt: skip
    day = "%Y-%m-%d"
    locale = {
        "local_timezone": pytz.utc, "default_timezone": pytz.utc, "timeformat": "%H:%M",
        "dateformat": day, "longdateformat": day, "datetimeformat": f"{day} %H:%M",
        "longdatetimeformat": f"{day} %H:%M", "unicode_symbols": True, "firstweekday": 0,
        "weeknumbers": False,
    }  # fmt: skip
    collection = CalendarCollection({"ours": calendar}, locale=locale, dbpath=":memory:")
    timed = collection.get_localized(first, last)
    whole_days = collection.get_floating(first.replace(tzinfo=None), last.replace(tzinfo=None))
    shown: list[tuple[str, Time]] = [(e.uid, int(e.start.timestamp())) for e in timed]
    shown += [(e.uid, e.start.isoformat()) for e in whole_days]
    return Counter(each for each in shown if is_within(each[1], first, last))
