"""Thunderbird's and Evolution's engines find every instant, in every zone, by our VTIMEZONEs alone."""

from __future__ import annotations

import datetime as dt
import random
import re
import zoneinfo
from collections.abc import Iterator
from pathlib import Path

import pytest
from ics_export import at, export, single
from opinions import READERS
from test_timezones import NAMES, walls_to_compare

from calendar_sync.model import Item

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
OF_EACH_ZONE = 14


def instants(name: str) -> Iterator[dt.datetime]:
    """Some times of a zone between 1970 and 2060: at random, and around its changes."""
    walls = list(walls_to_compare(name, 1970))
    chosen = random.Random(name).sample(walls, min(OF_EACH_ZONE, len(walls)))
    zone = zoneinfo.ZoneInfo(name)
    for wall in chosen:
        yield wall.replace(tzinfo=zone).astimezone(dt.UTC).astimezone(zone)


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_no_instant_of_any_zone_is_wrong(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The zones are renamed, so that no reader can ask a database of its own."""
    read = READERS[name](request.config)
    expected: dict[str, int] = {}
    items: list[Item] = []
    for zone in NAMES:
        for start in instants(zone):
            number = f"{zone} {len(items)}"
            items.append(single(id=number, start=at(start.isoformat(), zone), end=None))
            expected[number] = int(start.timestamp())
    content, _ = export(*items)
    path = tmp_path / "zones.ics"
    path.write_bytes(re.sub(rb"(?m)^(TZID:|[A-Z-]+;TZID=)", rb"\1X~", content))
    found = {told["id"]: told["start"] for told in read(path)}
    wrong = {key: found.get(key) for key, instant in expected.items() if found.get(key) != instant}
    assert len(expected) > 7000
    assert not sorted(wrong.items())[:20]
