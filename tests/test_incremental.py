"""After the first read a run costs what changed, and its files are those of a fresh home."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from export_steps import (
    ADA,
    HOLIDAYS,
    TEAM,
    add_calendar,
    add_singles,
    check_manifest,
    contents,
    lines,
    manifest,
    place,
    report,
    same_json,
    stamps,
    table,
    truth,
)

from calendar_sync.emulator.local_google import LocalGoogle

if TYPE_CHECKING:
    from conftest import HomeFolder

ALL_FORMATS = ("--format", "ics,csv,jsonl")
DIFFICULT = [
    {},
    {"short_pages": 0.4, "empty_pages": 0.4},
    {"page_cap": 3},
    {"duplicate_items": 0.3, "page_cap": 5},
    {"mutate_listings": 0.5, "page_cap": 4},
    {"strict_sync": True},
]


@pytest.fixture
def fresh(new_home: Callable[..., HomeFolder]) -> Callable[[], dict[str, bytes]]:
    """Export into a home that has never seen anything; return its files."""

    def export() -> dict[str, bytes]:
        home = new_home("fresh")
        home.run("export", *ALL_FORMATS)
        return contents(home.exports)

    return export


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(0, 6, 2))
def test_an_incremental_export_equals_a_fresh_one(
    home: HomeFolder, google: LocalGoogle, fresh: Callable[[], dict[str, bytes]], seed: int
) -> None:
    """Whatever people edit in between: add, move, cancel, split, delete; on pages of any shape."""
    draw = random.Random(seed)
    google.control("load_events", calendar=TEAM, count=60, seed=seed)
    for name, value in DIFFICULT[seed].items():
        google.control("set_switch", name=name, value=value)
    home.run("export", *ALL_FORMATS)
    for number in range(25):
        google.control("random_edit", seed=draw.randrange(1 << 30))
        if number in (2, 11, 19):
            home.run("export", *ALL_FORMATS)
    google.control("set_switch", name="mutate_listings", value=0.0)
    home.run("export", *ALL_FORMATS)
    check_manifest(home.exports)
    assert contents(home.exports) == fresh()
    assert {entry.status for entry in google.requests} == {200}


def test_a_run_without_changes_writes_nothing_and_asks_little(
    home: HomeFolder, google: LocalGoogle
) -> None:
    """One request for the list and one for each calendar; no file is touched, no token asked for."""
    home.run("export", *ALL_FORMATS)
    before = stamps(home.exports)
    google.requests.clear()
    found = report(home, *ALL_FORMATS)
    assert {calendar["result"] for calendar in found["calendars"]} == {"unchanged"}
    assert google.requests.count() == found["requests"] == 1 + 5
    assert google.requests.count("token") == 0
    assert stamps(home.exports) == before


def test_only_what_changed_is_rewritten(home: HomeFolder, google: LocalGoogle) -> None:
    home.run("export")
    before = stamps(home.exports)
    [event] = add_singles(google, TEAM, 1)
    found = report(home)
    assert found["by_id"][TEAM]["added"] == 1
    changed = {name for name, stamp in stamps(home.exports).items() if stamp != before.get(name)}
    assert changed == {"team-friends.csv", "team-friends.ics", "manifest.json"}
    google.control("touch_event", calendar=TEAM, id=event)
    google.control("edit_event", calendar=TEAM, id=event, changes={"summary": "New"})
    assert report(home)["by_id"][TEAM]["changed"] == 1
    google.control("delete_event", calendar=TEAM, id=event)
    assert report(home)["by_id"][TEAM]["removed"] == 1


def test_a_sync_token_goes_alone_but_for_the_first_parameters(
    home: HomeFolder, google: LocalGoogle
) -> None:
    """Google leaves it undefined what other parameters than the first ones would give."""
    home.run("export")
    [first] = google.requests.to(place(TEAM))
    google.requests.clear()
    home.run("export")
    [second] = google.requests.to(place(TEAM))
    assert "syncToken" in second.query
    assert {k: v for k, v in second.query.items() if k != "syncToken"} == first.query


@pytest.mark.parametrize("first", ["cancel", "export between", "edit"])
def test_a_deleted_series_leaves_no_hole_behind(
    home: HomeFolder, google: LocalGoogle, fresh: Callable[[], dict[str, bytes]], first: str
) -> None:
    """Cancelled and edited occurrences go with their series, in whatever order we hear of them."""
    series = {
        "summary": "Weekly",
        "start": {"dateTime": "2026-05-04T09:00:00+02:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-05-04T10:00:00+02:00", "timeZone": "Europe/Berlin"},
        "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=5"],
    }
    event = google.control("add_event", calendar=TEAM, event=series)["id"]
    home.run("export", *ALL_FORMATS)
    occurrence = {"calendar": TEAM, "id": event, "original_start": "2026-05-11T09:00:00+02:00"}
    if first == "edit":
        google.control("edit_instance", **occurrence, changes={"summary": "Other"})
    else:
        google.control("cancel_instance", **occurrence)
    if first == "export between":
        home.run("export", *ALL_FORMATS)
    google.control("delete_event", calendar=TEAM, id=event)
    home.run("export", *ALL_FORMATS)
    assert contents(home.exports) == fresh()
    assert event not in (home / "exports/team-friends.jsonl").read_text()


# -- what makes a full read necessary --------------------------------------------------------------


@pytest.mark.parametrize("fault", ["api_410", "api_400"])
def test_a_refused_sync_token_means_one_full_read_that_is_compared(
    home: HomeFolder, google: LocalGoogle, fault: str
) -> None:
    """Deletions are found without tombstones, and what is equal is not written again."""
    ids = add_singles(google, TEAM, 5)
    home.run("export", *ALL_FORMATS)
    before = stamps(home.exports)
    google.faults.add(fault, on=place(TEAM), query="syncToken")
    found = report(home, *ALL_FORMATS)
    assert found["by_id"][TEAM]["read"] == "full (the sync token was refused)"
    assert found["by_id"][TEAM]["result"] == "unchanged"
    assert stamps(home.exports) == before
    google.control("delete_event", calendar=TEAM, id=ids[0])
    google.control("expire_sync_tokens", calendar=TEAM)
    found = report(home, *ALL_FORMATS)
    assert (found["by_id"][TEAM]["removed"], found["by_id"][TEAM]["added"]) == (1, 0)
    google.requests.clear()
    home.run("export", *ALL_FORMATS)
    assert google.requests.count() == 6  # the new sync token works


def test_all_sync_tokens_expired_and_still_the_same_bytes(
    home: HomeFolder, google: LocalGoogle, fresh: Callable[[], dict[str, bytes]]
) -> None:
    home.run("export", *ALL_FORMATS)
    for seed in range(10):
        google.control("random_edit", seed=seed)
    google.control("expire_sync_tokens")
    home.run("export", *ALL_FORMATS)
    assert contents(home.exports) == fresh()


def test_a_changed_time_zone_of_a_calendar_means_a_full_read(
    home: HomeFolder, google: LocalGoogle, fresh: Callable[[], dict[str, bytes]]
) -> None:
    """All later offsets are others though no event changed."""
    home.run("export", *ALL_FORMATS)
    google.control("change_time_zone", calendar=TEAM, time_zone="Asia/Tokyo")
    found = report(home, *ALL_FORMATS)
    assert found["by_id"][TEAM]["read"] == "full (the calendar's time zone changed)"
    assert contents(home.exports) == fresh()
    assert report(home, *ALL_FORMATS)["by_id"][TEAM]["read"] == "changes"


def test_full_reads_everything_anew(home: HomeFolder, google: LocalGoogle) -> None:
    home.run("export")
    before = stamps(home.exports)
    found = report(home, "--full")
    assert {calendar["read"] for calendar in found["calendars"]} == {"full (asked for)"}
    assert stamps(home.exports) == before


# -- listings that change or break under our hands -------------------------------------------------


def test_a_dead_page_token_begins_the_listing_anew(home: HomeFolder, google: LocalGoogle) -> None:
    google.control("load_events", calendar=TEAM, count=200, seed=2)
    google.control("set_switch", name="page_cap", value=60)
    google.faults.add("api_400", on=place(TEAM), query="pageToken", skip=1)
    home.run("export", *ALL_FORMATS)
    assert same_json(lines(home / "exports/team-friends.jsonl"), truth(google, TEAM))
    for seed in range(200):
        google.control("random_edit", seed=seed, calendar=TEAM)
    google.faults.add("api_410", on=place(TEAM), query="pageToken")
    home.run("export", *ALL_FORMATS)
    assert same_json(lines(home / "exports/team-friends.jsonl"), truth(google, TEAM))


def test_page_tokens_that_never_work_fail_the_calendar_only(
    home: HomeFolder, google: LocalGoogle
) -> None:
    google.control("set_switch", name="page_cap", value=2)
    google.faults.add("api_400", on=place(TEAM), query="pageToken", count=None)
    found = report(home, expect=1)
    assert found["by_id"][TEAM]["result"] == "failed"
    assert "page tokens" in found["by_id"][TEAM]["error"]
    assert found["by_id"][ADA]["result"] == "updated"
    assert not (home / "exports/team-friends.csv").exists()


def test_a_listing_without_a_sync_token_is_not_believed(
    home: HomeFolder, google: LocalGoogle
) -> None:
    home.run("export")
    before = contents(home.exports)
    add_singles(google, TEAM, 1)
    google.control("expire_sync_tokens", calendar=TEAM)
    google.control("set_switch", name="no_sync_token", value=True, calendar=TEAM)
    found = report(home, expect=1)
    assert "sync token" in found["by_id"][TEAM]["error"]
    assert contents(home.exports) == before
    google.control("set_switch", name="no_sync_token", value=False, calendar=TEAM)
    assert report(home)["by_id"][TEAM]["added"] == 1


# -- calendars come, go and change their names -----------------------------------------------------


def test_a_renamed_calendar_keeps_its_files_names(home: HomeFolder, google: LocalGoogle) -> None:
    """The name inside changes, the slug does not, even when the state is lost."""
    home.run("export")
    google.control("rename_calendar", calendar=TEAM, summary="Crew")
    home.run("export")
    entry = check_manifest(home.exports)[TEAM]
    assert (entry["slug"], entry["summary"]) == ("team-friends", "Crew")
    rows = table((home / "exports/team-friends.csv").read_bytes())
    assert {row["calendar"] for row in rows} == {"Crew"}
    before = contents(home.exports)
    shutil.rmtree(home / "state")
    home.run("export")
    assert contents(home.exports) == before
    assert check_manifest(home.exports)[TEAM]["slug"] == "team-friends"


def test_lost_state_is_read_anew_and_no_file_is_rewritten(
    home: HomeFolder, google: LocalGoogle
) -> None:
    home.run("export")
    before = stamps(home.exports)
    shutil.rmtree(home / "state")
    home.run("export")
    after = stamps(home.exports)
    assert after == before


def test_after_lost_state_a_calendar_that_fails_keeps_its_files_and_its_entry(
    home: HomeFolder, google: LocalGoogle
) -> None:
    """So does one that was not asked for: whoever reads by the manifest loses nothing."""
    home.run("export")
    before, files = manifest(home.exports), stamps(home.exports)
    shutil.rmtree(home / "state")
    google.faults.add("api_403_quota", on=place(TEAM), count=None)
    home.run("export", expect=1)
    assert manifest(home.exports)[TEAM] == before[TEAM]
    google.faults.clear()
    shutil.rmtree(home / "state")
    home.run("export", "--calendar", ADA)
    assert manifest(home.exports).keys() == before.keys()
    assert {**stamps(home.exports), "manifest.json": 0} == {**files, "manifest.json": 0}


def test_an_unshared_calendar_keeps_its_last_files_and_is_marked_gone(
    home: HomeFolder, google: LocalGoogle
) -> None:
    """A warning, not a failure; and when it comes back it is a calendar like the others."""
    home.run("export")
    before = contents(home.exports)
    google.control("unshare_calendar", calendar=TEAM)
    done = home.run("export")
    assert "Team & Friends is gone" in done.stderr
    gone = manifest(home.exports)[TEAM]["gone"]
    assert gone.endswith("Z")
    assert contents(home.exports) == before
    done = home.run("export")
    assert "gone" not in done.stderr
    assert manifest(home.exports)[TEAM]["gone"] == gone
    google.control("share_calendar", calendar=TEAM, account=ADA, role="writer")
    home.run("export")
    assert "gone" not in check_manifest(home.exports)[TEAM]
    assert contents(home.exports) == before


def test_a_calendar_that_answers_404_is_gone_too(home: HomeFolder, google: LocalGoogle) -> None:
    home.run("export")
    before = contents(home.exports)
    google.faults.add("api_404", on=place(HOLIDAYS), count=None)
    found = report(home)
    assert found["by_id"][HOLIDAYS]["result"] == "gone"
    assert any("gone" in warning for warning in found["warnings"])
    assert "gone" in manifest(home.exports)[HOLIDAYS]
    assert contents(home.exports) == before


def test_files_of_a_gone_calendar_survive_lost_state_and_a_namesake(
    home: HomeFolder, google: LocalGoogle
) -> None:
    """Nobody can write over the last good files of a calendar that is no longer there."""
    home.run("export")
    before = contents(home.exports)
    google.control("unshare_calendar", calendar=TEAM)
    shutil.rmtree(home / "state")
    home.run("export")
    assert "gone" in check_manifest(home.exports)[TEAM]
    namesake = add_calendar(google, "Team & Friends", id="aaa@group.calendar.google.com")
    home.run("export")
    entries = check_manifest(home.exports)
    assert entries[namesake]["slug"].startswith("team-friends-")
    assert entries[TEAM]["slug"] == "team-friends"
    assert contents(home.exports).items() >= before.items()


def test_a_new_calendar_appears(home: HomeFolder, google: LocalGoogle) -> None:
    home.run("export")
    new = add_calendar(google, "Brand new")
    add_singles(google, new, 2)
    found = report(home)
    assert found["by_id"][new]["read"] == "full (first read)"
    assert len(table((home / "exports/brand-new.csv").read_bytes())) == 2


# -- the shrink guard ------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", ["nothing", "state", "mirror"])
def test_an_emptied_calendar_is_refused_though_the_mirror_is_lost_too(
    home: HomeFolder, google: LocalGoogle, lost: str
) -> None:
    """The manifest knows how many events the files hold."""
    home.run("export")
    before = stamps(home.exports)
    google.control("set_switch", name="pretend_empty", value=True, calendar=TEAM)
    if lost == "state":
        shutil.rmtree(home / "state")
    elif lost == "mirror":
        (home / "state/mirror.sqlite3").write_bytes(b"damaged" * 1000)
    for _ in range(2):
        found = report(home, "--full", expect=1)
        assert "found 0 events where 3 were" in found["by_id"][TEAM]["error"]
        assert stamps(home.exports) == before
    assert report(home, "--full", "--allow-shrink")["by_id"][TEAM]["events"] == 0
    assert manifest(home.exports)[TEAM]["events"] == 0


@pytest.mark.parametrize("loss", ["empty", "most"])
def test_a_full_read_that_lost_too_much_is_refused_until_allowed(
    home: HomeFolder, google: LocalGoogle, loss: str
) -> None:
    """Mirror, sync token and files stay as they were; `--allow-shrink` accepts it."""
    ids = add_singles(google, TEAM, 30)
    home.run("export", *ALL_FORMATS)
    before = stamps(home.exports)
    if loss == "empty":
        google.control("set_switch", name="pretend_empty", value=True, calendar=TEAM)
    else:
        for event in ids[:20]:
            google.control("delete_event", calendar=TEAM, id=event)
    arguments = (*ALL_FORMATS, "--full")
    for _ in range(2):
        found = report(home, *arguments, expect=1)
        assert "--allow-shrink" in found["by_id"][TEAM]["error"]
        assert "last good files are kept" in found["stderr"]
        assert found["by_id"][TEAM]["events"] == 33
        assert stamps(home.exports) == before
    google.requests.clear()
    if loss == "empty":
        google.control("set_switch", name="pretend_empty", value=False, calendar=TEAM)
        home.run("export", *ALL_FORMATS)
        assert stamps(home.exports) == before
    else:
        found = report(home, *arguments, "--allow-shrink", "--calendar", TEAM)
        assert found["by_id"][TEAM]["removed"] == 20
        assert len(lines(home / "exports/team-friends.jsonl")) == 13


def test_the_sync_token_survives_a_refused_read(home: HomeFolder, google: LocalGoogle) -> None:
    add_singles(google, TEAM, 30)
    home.run("export")
    google.control("set_switch", name="pretend_empty", value=True, calendar=TEAM)
    home.run("export", "--full", expect=1)
    google.control("set_switch", name="pretend_empty", value=False, calendar=TEAM)
    assert report(home)["by_id"][TEAM]["read"] == "changes"


def test_deletions_that_google_names_are_believed(home: HomeFolder, google: LocalGoogle) -> None:
    ids = add_singles(google, TEAM, 30)
    home.run("export")
    for event in ids:
        google.control("delete_event", calendar=TEAM, id=event)
    assert report(home)["by_id"][TEAM]["removed"] == 30


# -- new rules for clocks --------------------------------------------------------------------------


def test_new_zone_rules_make_the_files_anew_though_google_says_nothing(
    home: HomeFolder, google: LocalGoogle, tmp_path: Path
) -> None:
    """A government moves its clocks; the system's next tzdata knows, and so do the files."""
    cairo = {"timeZone": "Africa/Cairo"}
    times = {"start": {"dateTime": "2026-05-04T09:00:00Z", **cairo},
             "end": {"dateTime": "2026-05-04T10:00:00Z", **cairo}}  # fmt: skip
    event = google.control("add_event", calendar=TEAM, event=times)["id"]
    rules = {"environment": {"PYTHONTZPATH": str(tmp_path / "zones")}}
    (tmp_path / "zones/Africa").mkdir(parents=True)
    version = tmp_path / "zones/tzdata.zi"
    version.write_text("# version 2026a\n")
    home.run("export", **rules)
    before = stamps(home.exports)
    version.write_text("# version 2026b\n")  # without a change for any of our zones
    home.run("export", **rules)
    assert stamps(home.exports) == before
    old = contents(home.exports)["team-friends.csv"]
    tokyo = resources.files("tzdata").joinpath("zoneinfo", "Asia/Tokyo").read_bytes()
    (tmp_path / "zones/Africa/Cairo").write_bytes(tokyo)
    version.write_text("# version 2026c\n")
    found = json.loads(home.run("export", "--json", **rules).stdout)["report"]
    assert {c["id"]: c["result"] for c in found["calendars"]}[TEAM] == "updated"
    assert contents(home.exports)["team-friends.csv"] != old
    [row] = [r for r in table(contents(home.exports)["team-friends.csv"]) if r["event_id"] == event]
    assert row["start"].endswith("+09:00")
