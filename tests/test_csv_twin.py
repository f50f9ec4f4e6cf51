"""Every cell of any row, told a second time by `datetime` from the resource, is the writer's."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from test_csv_rows import CALENDAR, HORIZON, write
from test_ics_properties import read
from test_ics_twin import EVENTS, RULES

from calendar_sync.model import Item, Series, Single
from calendar_sync.verification.csv_truth import CsvRules, CsvTruth
from calendar_sync.verification.wide_truth import JSON_COLUMNS, canonical_json

PRESETS = ("wide", "google-import", "outlook")


def nights(start: str, end: str) -> dict[str, Any]:
    """Up to a midnight, or over one and a change of the clock: chance seldom finds them."""
    return {
        "id": "abc",
        "start": {"dateTime": start, "timeZone": "Europe/Paris"},
        "end": {"dateTime": end, "timeZone": "Europe/Paris"},
    }


def told(item: Item, **options: Any) -> list[dict[str, Any]]:
    rules = CsvRules(**{"rows": "occurrences", "preset": "wide", "guard": True, "window": None,
                        "zone": None, "horizon": HORIZON, **options})  # fmt: skip
    rows = sorted(CsvTruth(CALENDAR, rules).of(item), key=lambda row: row[:2])
    return [dict(cells) for _, _, cells in rows]


def written(item: Item, folder: Path, **options: Any) -> list[dict[str, str]]:
    rows = write([item], folder, **options).records
    for row in rows:
        row |= {name: canonical_json(row[name]) for name in JSON_COLUMNS if name in row}
    return rows


def check(item: Item, folder: Path, **options: Any) -> None:
    found, expected = written(item, folder, **options), told(item, **options)
    assert len(found) == len(expected)
    for row, truth in zip(found, expected, strict=True):
        assert {name: row[name] for name in truth if name in row} == {
            name: value for name, value in truth.items() if name in row
        }


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(EVENTS, st.sampled_from(PRESETS), st.booleans())
@example(nights("2024-03-29T23:00:00+01:00", "2024-03-30T00:00:00+01:00"), "wide", True)
def test_any_event_has_the_cells_that_google_means(
    tmp_path_factory: pytest.TempPathFactory, resource: dict[str, Any], preset: str, guard: bool
) -> None:
    check(Single(read(resource)), tmp_path_factory.getbasetemp(), preset=preset, guard=guard)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(EVENTS, RULES, st.sampled_from(["occurrences", "series"]))
@example(
    nights("2024-03-29T23:00:00+01:00", "2024-03-30T04:00:00+01:00"), "FREQ=DAILY", "occurrences"
)
@example(
    nights("2024-03-29T23:00:00+01:00", "2024-03-30T00:00:00+01:00"), "FREQ=DAILY", "occurrences"
)
def test_any_series_has_the_cells_that_google_means(
    tmp_path_factory: pytest.TempPathFactory, resource: dict[str, Any], rule: str, rows: str
) -> None:
    """Over the changes of the clock of most of a year."""
    master = read({**resource, "recurrence": [f"RRULE:{rule}"]})
    start = resource["start"].get("date") or resource["start"]["dateTime"][:10]
    horizon = int(dt.datetime.fromisoformat(f"{start}T00:00Z").timestamp()) + 250 * 86400
    check(Series(master), tmp_path_factory.getbasetemp(), rows=rows, horizon=horizon)
