"""What is in a slice and what is said of it: borders, differences from the mirror, the manifest."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from backfill_steps import PAST, Past, add_past, add_timed, results
from export_steps import check_manifest, place, stamps, table

from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.errors import Stopped, WrongUsage
from calendar_sync.history import recent_reports
from calendar_sync.slices import slices_between
from calendar_sync.stop import Stop


@pytest.fixture
def past(tmp_path: Path, google: LocalGoogle) -> Past:
    add_past(google)
    return Past(tmp_path / "home", google)


def summaries(past: Past, name: str) -> list[str]:
    return [row["summary"] for row in table((past.folder / f"past/{name}.csv").read_bytes())]


def warnings(past: Past) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = check_manifest(past.folder)[PAST]["warnings"]
    return found


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2025-03-30", 23),
        ("Europe/Berlin", "2025-10-26", 25),
        ("America/Sao_Paulo", "2018-11-04", 23),  # it has no midnight
        ("America/Havana", "2024-11-03", 25),  # its midnight comes twice
        ("Asia/Kolkata", "2025-03-30", 24),
    ],
)
def test_a_day_is_as_long_as_its_clock_says(zone: str, day: str, hours: int) -> None:
    tzinfo = ZoneInfo(zone)
    start = datetime.fromisoformat(day).replace(tzinfo=tzinfo) - timedelta(days=1)
    slices = [*slices_between(start, start + timedelta(days=3), "day")]
    seconds = [slice_.instants for slice_ in slices]
    assert [end - start for start, end in seconds] == [86400, hours * 3600, 86400]
    assert all(one[1] == two[0] for one, two in pairwise(seconds))


def test_before_there_were_time_zones_days_begin_by_the_sun(
    past: Past, google: LocalGoogle
) -> None:
    """Berlin's offset was +00:53:28 until 1893; Google takes no seconds there."""
    add_timed(google, "Ice cream", "1890-05-01T12:00:00+01:00", "1890-05-01T13:00:00+01:00")
    assert past.backfill("1890-05-01", "1890-06-01").exit_code == 0
    assert summaries(past, "1890-05") == ["Ice cream"]


def test_an_event_over_a_border_is_in_both_slices_and_told_so(
    past: Past, google: LocalGoogle
) -> None:
    event = google.control("list_state", calendar=PAST)["items"]
    [new_year] = [item["id"] for item in event if item["summary"] == "New Year"]
    report = past.backfill("2024-12-01", "2025-03-01")
    assert summaries(past, "2024-12") == ["New Year"]
    assert "New Year" in summaries(past, "2025-01")
    assert [each.over_borders for each in report.slices] == [1, 1, 0]
    told = [(w["slice"], w["event_id"], w["code"]) for w in warnings(past)]
    assert told == [(name, new_year, "crosses-border") for name in ("2024-12", "2025-01")]
    assert [w["message"].rsplit(": ")[1] for w in warnings(past)] == [
        "it goes on after it.",
        "it began before it.",
    ]


def test_an_event_without_length_at_the_border_is_in_exactly_one_slice(
    past: Past, google: LocalGoogle
) -> None:
    """Google's timeMin and timeMax both leave it out."""
    moment = "2025-02-01T00:00:00+01:00"
    add_timed(google, "Moment", moment, moment)
    past.backfill("2025-01-01", "2025-03-01")
    assert "Moment" not in summaries(past, "2025-01")
    assert summaries(past, "2025-02") == ["Moment"]


def test_a_range_that_is_no_whole_slice_is_kept_to_and_the_manifest_says_which(
    past: Past, google: LocalGoogle
) -> None:
    past.backfill("2025-01-15", "2025-02-01")
    assert summaries(past, "2025-01") == ["Weekly", "Weekly", "Midnight"]
    [file] = check_manifest(past.folder)[PAST]["files"]
    assert (file["slice"], file["from"]) == ("2025-01", "2025-01-15T00:00:00+01:00")
    google.requests.clear()
    assert results(past.backfill("2025-01-01", "2025-02-01")) == {"2025-01": "written"}
    assert google.requests.count(place(PAST)) == 1
    assert len(summaries(past, "2025-01")) == 6


def test_the_future_is_a_stretch_like_any_other(past: Past) -> None:
    past.backfill("2090-01-01", "2091-01-01", "year")
    assert summaries(past, "2090") == []


def test_from_after_to_is_refused(past: Past) -> None:
    with pytest.raises(WrongUsage):
        past.backfill("2025-02-01", "2025-01-01")


# -- against the mirror ----------------------------------------------------------------------------


def test_google_and_the_mirror_expand_every_sample_alike(past: Past) -> None:
    """Series over both changes of the clock, all-day ones, moved and cancelled dates, orphans."""
    past.export()
    report = past.backfill("2025-12-01", "2026-12-01", calendars=())
    assert len({each.calendar for each in report.slices}) == 6
    assert sum(sum(each.rows.values()) for each in report.slices) > 70
    assert sum(each.differences for each in report.slices) == 0


def test_google_and_the_mirror_expand_ten_random_years_alike(
    past: Past, google: LocalGoogle
) -> None:
    google.control("load_events", calendar=PAST, count=300)
    past.export()
    report = past.backfill("2016-01-01", "2026-01-01", "year")
    assert sum(each.rows["csv"] for each in report.slices) > 1000
    assert sum(each.differences for each in report.slices) == 0


def test_what_google_expands_otherwise_than_the_mirror_is_a_warning(
    past: Past, google: LocalGoogle
) -> None:
    """One is moved, one is new, one is gone: each is named, and the exit code stays 0."""
    past.export()
    items = {item["summary"]: item for item in google.control("list_state", calendar=PAST)["items"]}
    series = items["Weekly"]["id"]
    google.control(
        "move_instance",
        calendar=PAST,
        id=series,
        original_start="2025-01-13T09:00:00+01:00",
        start={"dateTime": "2025-01-14T09:00:00+01:00"},
        end={"dateTime": "2025-01-14T10:00:00+01:00"},
    )
    google.control(
        "cancel_instance", calendar=PAST, id=series, original_start="2025-01-20T09:00:00+01:00"
    )
    new = add_timed(google, "New", "2025-01-02T09:00:00Z", "2025-01-02T10:00:00Z")
    report = past.backfill("2025-01-01", "2025-03-01")
    assert report.exit_code == 0
    assert [each.differences for each in report.slices] == [3, 0]
    found = {w["event_id"]: w["message"] for w in warnings(past) if w["code"] == "unlike-mirror"}
    moved, gone = (f"{series}_202501{day}T080000Z" for day in (13, 20))
    assert {*found} == {moved, gone, new}
    assert "original start 2025-01-13T09:00:00+01:00" in found[moved]
    assert "has it at another time" in found[moved]
    assert "Google does not have it" in found[gone]
    assert "does not have it there" in found[new]
    past.export()
    report = past.backfill("2025-01-01", "2025-03-01", restart=True)
    assert [each.differences for each in report.slices] == [0, 0]


# -- the ledger and the manifest -------------------------------------------------------------------


def test_another_format_later_stands_beside_the_first(past: Past, google: LocalGoogle) -> None:
    past.backfill("2025-01-01", "2025-02-01", formats=("csv",))
    past.backfill("2025-01-01", "2025-02-01", formats=("jsonl",))
    files = check_manifest(past.folder)[PAST]["files"]
    assert [file["path"] for file in files] == ["past/2025-01.csv", "past/2025-01.jsonl"]
    google.requests.clear()
    past.backfill("2025-01-01", "2025-02-01", formats=("csv", "jsonl"))
    assert google.requests.count(place(PAST)) == 0


def test_a_stop_leaves_a_manifest_of_what_is_written(past: Past, google: LocalGoogle) -> None:
    """The run is remembered, too; the next one goes on."""

    class AfterTwo(Stop):
        def check(self) -> None:
            if len(past.told) == 2:
                raise Stopped(self.code)

    with pytest.raises(Stopped):
        past.backfill("2024-12-01", "2025-03-01", stop=AfterTwo())
    assert len(check_manifest(past.folder)[PAST]["files"]) == 2
    [remembered] = recent_reports(past.home.mirror, 9, with_backfills=True)
    assert (remembered.command, remembered.exit_code) == ("backfill", 143)
    report = past.backfill("2024-12-01", "2025-03-01")
    assert results(report) == {"2024-12": "there", "2025-01": "there", "2025-02": "written"}


def test_a_restart_that_is_stopped_goes_on_without_beginning_anew(
    past: Past, google: LocalGoogle
) -> None:
    past.backfill("2024-12-01", "2025-03-01")

    class AfterOne(Stop):
        def check(self) -> None:
            if len(past.told) == 1:
                raise Stopped(self.code)

    with pytest.raises(Stopped):
        past.backfill("2024-12-01", "2025-03-01", restart=True, stop=AfterOne())
    assert len(check_manifest(past.folder)[PAST]["files"]) == 3
    report = past.backfill("2024-12-01", "2025-03-01")
    assert results(report) == {"2024-12": "there", "2025-01": "written", "2025-02": "written"}


def test_without_the_state_the_manifest_still_knows_slugs_and_slices(
    past: Past, google: LocalGoogle
) -> None:
    past.backfill("2024-12-01", "2025-01-01")
    shutil.rmtree(past.home.state)
    google.control("rename_calendar", calendar=PAST, summary="Past times")
    report = past.backfill("2025-01-01", "2025-02-01", calendars=("Past times",))
    assert report.slices[0].slug == "past"
    files = check_manifest(past.folder)[PAST]["files"]
    assert [file["slice"] for file in files] == ["2024-12", "2025-01"]


def test_a_file_that_was_removed_is_not_in_the_manifest_any_more(past: Past) -> None:
    past.backfill("2024-12-01", "2025-02-01")
    (past.folder / "past/2024-12.csv").unlink()
    past.backfill("2025-01-01", "2025-03-01")
    files = check_manifest(past.folder)[PAST]["files"]
    assert [file["slice"] for file in files] == ["2025-01", "2025-02"]


def test_a_calendar_that_is_gone_keeps_its_slices(past: Past, google: LocalGoogle) -> None:
    past.backfill("2025-01-01", "2025-02-01")
    google.faults.add("api_404", on=place(PAST), count=None)
    report = past.backfill("2025-01-01", "2025-03-01")
    assert report.exit_code == 0
    assert "gone from the account" in report.warnings[0]
    entry = check_manifest(past.folder)[PAST]
    assert entry["gone"] and len(entry["files"]) == 1


def test_a_dry_run_lists_what_is_to_do_and_touches_nothing(past: Past, google: LocalGoogle) -> None:
    past.backfill("2025-01-01", "2025-02-01")
    before = stamps(past.home.folder)
    google.requests.clear()
    report = past.backfill("2025-01-01", "2025-04-01", dry_run=True)
    assert results(report) == {"2025-01": "there", "2025-02": "to read", "2025-03": "to read"}
    assert (report.requests_needed, google.requests.count("/events$")) == (2, 0)
    assert stamps(past.home.folder) == before
    assert json.loads((past.folder / "manifest.json").read_bytes())["version"] == 1


def test_a_dry_run_counts_the_pages_that_the_mirror_foretells(
    past: Past, google: LocalGoogle
) -> None:
    """Eight dates a day are more in a year than one page holds."""
    daily = {
        "start": {"dateTime": "2023-01-01T08:00:00Z"},
        "end": {"dateTime": "2023-01-01T09:00:00Z"},
        "recurrence": ["RRULE:FREQ=DAILY;UNTIL=20231231T235959Z"],
    }
    google.control("add_events", calendar=PAST, events=[daily] * 8)
    past.export()
    planned = past.backfill("2022-01-01", "2024-01-01", "year", dry_run=True)
    google.requests.clear()
    past.backfill("2022-01-01", "2024-01-01", "year")
    assert planned.requests_needed == google.requests.count(place(PAST)) == 3
