"""`leave_out`: types of events that calendar programs and spreadsheets need not see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from export_steps import TEAM, table
from test_formats import query

from calendar_sync.config import parse_config
from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.errors import WrongConfiguration

if TYPE_CHECKING:
    from conftest import HomeFolder

CONFIGURATION = """
[[export]]
name = "archive"
calendars = ["Team*"]
formats = ["ics", "csv", "jsonl", "sqlite"]
leave_out = ["workingLocation", "birthday"]
per_uid = true

[[export]]
name = "merged"
calendars = ["Team*"]
leave_out = ["default"]
merge = true
output = "merged"
"""


def event(name: str, kind: str, **more: Any) -> dict[str, Any]:
    day = {"start": {"date": "2026-05-01"}, "end": {"date": "2026-05-02"}}
    return {"id": name, "summary": name, "eventType": kind, **day, **more}


def ids_in_ics(path: Path) -> set[str]:
    lines = path.read_bytes().decode().splitlines()
    return {line.partition(":")[2] for line in lines if line.startswith("X-GOOGLE-EVENT-ID:")}


def test_types_left_out_are_in_the_jsonl_only(home: HomeFolder, google: LocalGoogle) -> None:
    """Whole series too; verify knows; an edit that changes nothing shown is still in the JSONL."""
    yearly = {"recurrence": ["RRULE:FREQ=YEARLY"]}
    events = [
        event("location", "workingLocation"),
        event("birthday", "birthday", **yearly),
        event("meeting", "default"),
        event("focus", "focusTime"),
    ]
    google.control("add_events", calendar=TEAM, events=events)
    home.configure(CONFIGURATION)
    home.run("export", "--verify")
    assert json.loads(home.run("verify", "--json").stdout)["count"] == 0
    own = {resource["id"] for resource in events}
    [slug] = [path.stem for path in home.exports.glob("*.csv")]
    seen = {row["event_id"] for row in table((home.exports / f"{slug}.csv").read_bytes())}
    assert own & {name.partition("_")[0] for name in seen} == {"meeting", "focus"}
    assert own & ids_in_ics(home.exports / f"{slug}.ics") == {"meeting", "focus"}
    kept = {name for path in (home.exports / slug).iterdir() for name in ids_in_ics(path)}
    assert own & kept == {"meeting", "focus"}
    rows = query(home.exports / f"{slug}.sqlite", "SELECT id FROM events")
    assert own & {name for (name,) in rows} == {"meeting", "focus"}
    lines = (home.exports / f"{slug}.jsonl").read_bytes().splitlines()
    assert own <= {json.loads(line)["id"] for line in lines}
    merged = home.folder / "merged"
    assert ids_in_ics(merged / "merged.ics") & own == {"location", "birthday", "focus"}


def test_a_type_nobody_knows_is_a_typing_error() -> None:
    with pytest.raises(WrongConfiguration, match="workLocation"):
        parse_config('[[export]]\nleave_out = ["workLocation"]\n', "c.toml")
