"""What runs found changed: `changes`, `history`, and the counts in the report."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from export_steps import (
    HOLIDAYS,
    TEAM,
    add_singles,
    contents,
    lines,
    manifest,
    place,
    report,
    same_json,
    stamps,
    truth,
)

from calendar_sync import changes as changes_module
from calendar_sync.changes import list_changes
from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.history import Report, remember_run
from calendar_sync.mirror_file import open_mirror

if TYPE_CHECKING:
    from conftest import HomeFolder

SERIES = {
    "summary": "Weekly",
    "start": {"dateTime": "2026-05-04T09:00:00+02:00", "timeZone": "Asia/Taipei"},
    "end": {"dateTime": "2026-05-04T10:00:00+02:00", "timeZone": "Asia/Taipei"},
    "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=5"],
    "attendees": [{"email": "bob@example.com", "responseStatus": "needsAction"}],
}


def changes(home: HomeFolder, *arguments: str) -> list[dict[str, Any]]:
    found = json.loads(home.run("changes", "--json", *arguments).stdout)
    assert found["version"] == 1
    return list(found["changes"])


def counts(found: dict[str, Any], calendar: str = TEAM) -> tuple[int, int, int]:
    one = found["by_id"][calendar]
    return one["added"], one["changed"], one["removed"]


@pytest.fixture
def series(home: HomeFolder, google: LocalGoogle) -> str:
    """A series that a first run has read."""
    event: str = google.control("add_event", calendar=TEAM, event=SERIES)["id"]
    home.run("export")
    return event


def test_a_first_read_is_counted_and_not_listed(home: HomeFolder, google: LocalGoogle) -> None:
    add_singles(google, TEAM, 2)
    assert report(home)["by_id"][TEAM]["added"] == 5
    assert changes(home, "--since", "2000-01-01") == []
    assert "No changes since the calendars were first read." in home.run("changes").stderr
    for day in ("0001-01-01", "9999-12-31T23:59:59-14:00"):
        home.run("changes", "--since", day, environment={"TZ": "Asia/Tokyo"})


def test_added_changed_and_cancelled_events_are_listed_with_before_and_after(
    home: HomeFolder, google: LocalGoogle
) -> None:
    first, second = add_singles(google, TEAM, 2)
    home.run("export")
    new = {"summary": "Day off", "start": {"date": "2026-07-01"}, "end": {"date": "2026-07-02"}}
    third = google.control("add_event", calendar=TEAM, event=new)["id"]
    google.control("delete_event", calendar=TEAM, id=first)
    times = {"start": {"dateTime": "2026-05-02T12:00:00+02:00"}}
    google.control("edit_event", calendar=TEAM, id=second, changes={**times, "colorId": "3"})
    assert counts(report(home)) == (1, 1, 1)
    found = {change["event_id"]: change for change in changes(home)}
    assert found[third]["kind"] == "added" and found[third]["before"] == {}
    assert found[third]["after"]["start"] == {"date": "2026-07-01"}
    assert found[first]["kind"] == "cancelled" and found[first]["before"]["summary"] == "Event 0"
    assert found[second]["before"]["start"]["dateTime"] == "2026-05-02T10:00:00+02:00"
    assert found[second]["after"] == {**times, "also": ["colorId"]}


def test_an_occurrence_that_is_cancelled_or_edited_is_not_an_added_event(
    home: HomeFolder, google: LocalGoogle, series: str
) -> None:
    """Before is what the series said of it; times are told in the event's own zone."""
    at = {"calendar": TEAM, "id": series}
    google.control("cancel_instance", **at, original_start="2026-05-11T09:00:00+02:00")
    google.control(
        "move_instance",
        **at,
        original_start="2026-05-18T09:00:00+02:00",
        start={"dateTime": "2026-05-19T12:00:00+02:00", "timeZone": "Asia/Taipei"},
        end={"dateTime": "2026-05-19T13:00:00+02:00", "timeZone": "Asia/Taipei"},
    )
    assert counts(report(home)) == (0, 1, 1)
    text = home.run("changes").stdout
    assert "cancelled  Team & Friends: Weekly; 2026-05-11 15:00 Asia/Taipei\n" in text
    moved = "start 2026-05-18 15:00 Asia/Taipei -> 2026-05-19 18:00 Asia/Taipei, end 2026-05-18 16"
    assert f"changed    Team & Friends: Weekly; {moved}" in text
    assert text.count("\n") == 2
    google.control("cancel_instance", **at, original_start="2026-05-18T09:00:00+02:00")
    assert counts(report(home)) == (0, 0, 1)


def test_a_series_that_is_sent_again_unchanged_is_no_change(
    home: HomeFolder, google: LocalGoogle, series: str
) -> None:
    """Its etag and stamp are others, and so are the files; nobody did anything."""
    at = {"calendar": TEAM, "id": series}
    google.control("cancel_instance", **at, original_start="2026-05-11T09:00:00+02:00")
    home.run("export")
    google.control("touch_event", **at)
    found = report(home)
    assert counts(found) == (0, 0, 0)
    assert found["by_id"][TEAM]["result"] == "updated"
    google.control("change_time_zone", calendar=TEAM, time_zone="Asia/Tokyo")
    assert counts(report(home)) == (0, 0, 0)


def test_a_deleted_series_is_one_change_whatever_exceptions_it_had(
    home: HomeFolder, google: LocalGoogle, series: str
) -> None:
    at = {"calendar": TEAM, "id": series}
    google.control("cancel_instance", **at, original_start="2026-05-11T09:00:00+02:00")
    google.control(
        "edit_instance", **at, original_start="2026-05-18T09:00:00+02:00", changes={"summary": "x"}
    )
    home.run("export")
    google.control("delete_event", calendar=TEAM, id=series)
    assert counts(report(home)) == (0, 0, 1)
    [change] = changes(home)
    assert (change["event_id"], change["kind"]) == (series, "cancelled")


def test_answers_are_counted_and_nobody_is_named(
    home: HomeFolder, google: LocalGoogle, series: str
) -> None:
    yes = [{"email": "bob@example.com", "responseStatus": "accepted"}]
    google.control("edit_event", calendar=TEAM, id=series, changes={"attendees": yes})
    home.run("export")
    [change] = changes(home)
    assert (change["before"], change["after"]) == (
        {"attendees": {"needsAction": 1}},
        {"attendees": {"accepted": 1}},
    )
    assert "attendees 1 needsAction -> 1 accepted" in home.run("changes").stdout


def test_changes_are_chosen_by_run_day_and_calendar(home: HomeFolder, google: LocalGoogle) -> None:
    """Without --since those of the last run that found any; a run's id is inclusive."""
    home.run("export")
    runs = []
    for calendar in (TEAM, HOLIDAYS):
        add_singles(google, calendar, 1)
        runs.append(report(home)["run_id"])
    home.run("export")
    today = dt.datetime.now(dt.UTC).date()
    assert [change["run_id"] for change in changes(home)] == runs[-1:]
    assert [change["run_id"] for change in changes(home, "--since", runs[0])] == runs
    assert len(changes(home, "--since", str(today - dt.timedelta(days=2)))) == 2
    assert changes(home, "--since", str(today + dt.timedelta(days=2))) == []
    [change] = changes(home, "--since", runs[0], "--calendar", "Team*")
    assert change["calendar_id"] == TEAM
    assert "neither a run" in home.run("changes", "--since", "x", expect=2).stderr


def test_more_changes_than_are_kept_are_tallied(
    home: HomeFolder, google: LocalGoogle, tmp_path: Any
) -> None:
    """The report still counts all of them."""
    most = changes_module.MOST_CHANGES
    home.run("export")
    google.control("load_events", calendar=TEAM, count=most + 300, seed=3)
    added = report(home)["by_id"][TEAM]["added"]
    found = changes(home)
    assert len(found) == most + 1 and added > most
    assert (found[-1]["kind"], found[-1]["after"]) == ("omitted", {"changes": added - most})
    assert f"{added - most} more changes" in home.run("changes").stdout


def test_history_lists_the_newest_runs_first(home: HomeFolder, google: LocalGoogle) -> None:
    home.run("export")
    google.faults.add("api_403_quota", on=place(TEAM))
    home.run("export", expect=1)
    [event] = add_singles(google, TEAM, 1)
    home.run("export")
    found = json.loads(home.run("history", "--json").stdout)
    assert found["version"] == 1
    assert [run["exit_code"] for run in found["runs"]] == [0, 1, 0]
    lines = home.run("history", "--limit", "2").stdout.splitlines()
    assert "1 added" in lines[0] and "failed: Team & Friends" in lines[1]
    assert len(lines) == 2
    assert event not in lines[0]


def test_history_does_not_grow_by_what_was_unchanged(home: HomeFolder, google: LocalGoogle) -> None:
    """The newest run and the newest success stay whole: `status` and metrics tell of them."""
    home.run("export")
    home.run("export")
    add_singles(google, TEAM, 1)
    home.run("export")
    for fault in ("api_403_quota", "api_403_quota"):
        google.faults.add(fault, on=place(TEAM))
        home.run("export", expect=1)
    runs = json.loads(home.run("history", "--json").stdout)["runs"]
    told = [[calendar["result"] for calendar in run["calendars"]] for run in runs]
    assert [len(calendars) for calendars in told] == [5, 1, 5, 0, 5]
    assert told[1] == ["failed"] and told[2].count("unchanged") == 4
    assert len(json.loads(home.run("status", "--json", expect=None).stdout)["calendars"]) == 5
    home.run("export")
    runs = json.loads(home.run("history", "--json").stdout)["runs"]
    assert [len(run["calendars"]) for run in runs] == [5, 1, 1, 1, 0, 5]


def test_a_home_that_never_ran_has_no_past(home: HomeFolder) -> None:
    assert json.loads(home.run("history", "--json").stdout) == {"version": 1, "runs": []}
    assert changes(home) == []
    assert not (home / "state/mirror.sqlite3").exists()


def test_changes_are_forgotten_with_the_runs(home: HomeFolder, google: LocalGoogle) -> None:
    """After thirteen months."""
    home.run("export")
    add_singles(google, TEAM, 1)
    home.run("export")
    path = home / "state/mirror.sqlite3"
    mirror = open_mirror(path)
    for years, left in ((0, 1), (2, 0)):
        moment = dt.datetime.now(dt.UTC) + dt.timedelta(days=365 * years)
        stamp = moment.isoformat().replace("+00:00", "Z")
        remember_run(mirror, Report("id", "export", stamp, stamp, 0, "", 0))
        assert len(list_changes(path, "2")) == left
    mirror.close()


# -- keep_deleted ----------------------------------------------------------------------------------


def test_with_keep_deleted_what_google_deleted_stays_in_a_file_of_its_own(
    home: HomeFolder, google: LocalGoogle, new_home: Any, series: str
) -> None:
    """Its last state, and when; all other files are those of a home that never knew of it."""
    home.configure("keep_deleted = true\n")
    at = {"calendar": TEAM, "id": series}
    google.control(
        "edit_instance", **at, original_start="2026-05-18T09:00:00+02:00", changes={"summary": "x"}
    )
    [single] = add_singles(google, TEAM, 1)
    home.run("export")
    was = {item["id"]: item for item in truth(google, TEAM)}
    google.control("delete_event", **at)
    google.control("delete_event", calendar=TEAM, id=single)
    found = report(home)
    path = home / "exports/team-friends.deleted.jsonl"
    kept = {line["resource"]["id"]: line for line in lines(path)}
    assert kept.keys() == {single, series, f"{series}_20260518T070000Z"}
    assert all(same_json(line["resource"], was[event]) for event, line in kept.items())
    assert kept[single]["deleted_at"] <= found["finished_at"]
    assert manifest(home.exports)[TEAM]["deleted"] == 3
    fresh = new_home("fresh")
    fresh.run("export")
    others = contents(home.exports)
    del others[path.name]
    assert others == contents(fresh.exports)
    assert "no difference" in (done := home.run("verify")).stdout + done.stderr
    before = stamps(home.exports)
    home.run("export", "--full")
    assert stamps(home.exports) == before


def test_deleted_events_outlive_a_lost_state_and_leave_when_they_live_again(
    home: HomeFolder, google: LocalGoogle
) -> None:
    home.configure("keep_deleted = true\n")
    first, second = add_singles(google, TEAM, 2)
    home.run("export")
    for event in (first, second):
        google.control("delete_event", calendar=TEAM, id=event)
    home.run("export")
    path = home / "exports/team-friends.deleted.jsonl"
    before = path.read_bytes()
    shutil.rmtree(home / "state")
    home.run("export")
    assert path.read_bytes() == before
    again = {"id": first, "start": {"date": "2026-07-01"}, "end": {"date": "2026-07-02"}}
    google.control("add_event", calendar=TEAM, event=again)
    home.run("export")
    assert [line["resource"]["id"] for line in lines(path)] == [second]


def test_without_keep_deleted_nothing_is_kept(home: HomeFolder, google: LocalGoogle) -> None:
    [event] = add_singles(google, TEAM, 1)
    home.run("export")
    google.control("delete_event", calendar=TEAM, id=event)
    home.run("export")
    assert list(home.exports.glob("*.deleted.*")) == []
    assert "deleted" not in manifest(home.exports)[TEAM]


# -- the periodic check ----------------------------------------------------------------------------


def _tamper(home: HomeFolder, statement: str, *values: Any) -> None:
    import sqlite3

    with sqlite3.connect(home / "state/mirror.sqlite3") as mirror:
        mirror.execute(statement, values)


def _make_due(home: HomeFolder) -> None:
    _tamper(home, "UPDATE calendars SET full_read_at = '2026-01-01T00:00:00Z'")


def test_a_periodic_full_read_warns_of_what_no_sync_token_told(
    home: HomeFolder, google: LocalGoogle
) -> None:
    """What changed meanwhile in the usual way is no difference; Google's truth is taken."""
    lost, changed = add_singles(google, TEAM, 2)
    home.run("export", "--format", "jsonl,csv")
    before = (home / "exports/team-friends.jsonl").read_bytes()
    _tamper(home, "DELETE FROM resources WHERE id = ?", lost)
    _make_due(home)
    found = report(home, "--format", "jsonl,csv")
    [warning] = found["warnings"]
    assert "found 1 differences" in warning and f"Event 0 ({lost})" in warning
    assert changed not in warning
    assert {one["read"] for one in found["calendars"]} == {"full (periodic check)"}
    assert (home / "exports/team-friends.jsonl").read_bytes() == before
    assert [change["event_id"] for change in changes(home)] == [lost]
    assert report(home)["by_id"][TEAM]["read"] == "changes"


@pytest.mark.parametrize("edits", [0, 25])
def test_a_periodic_full_read_of_a_sound_mirror_says_nothing(
    home: HomeFolder, google: LocalGoogle, edits: int
) -> None:
    """Even while people go on editing between its requests."""
    home.run("export")
    _make_due(home)
    for seed in range(edits):
        google.control("random_edit", seed=seed, calendar=TEAM)
    if edits:
        google.control("set_switch", name="page_cap", value=2)
        google.control("set_switch", name="mutate_listings", value=0.5)
    assert report(home)["warnings"] == []


def test_a_refused_token_turns_the_check_into_one_full_read(
    home: HomeFolder, google: LocalGoogle
) -> None:
    home.run("export")
    _make_due(home)
    google.control("expire_sync_tokens", calendar=TEAM)
    google.requests.clear()
    found = report(home)
    assert found["by_id"][TEAM]["read"] == "full (the sync token was refused)"
    assert google.requests.count(place(TEAM)) == 2
    assert found["warnings"] == []


def test_full_that_was_asked_for_needs_no_warning(home: HomeFolder, google: LocalGoogle) -> None:
    [lost] = add_singles(google, TEAM, 1)
    home.run("export")
    _tamper(home, "DELETE FROM resources WHERE id = ?", lost)
    found = report(home, "--full")
    assert counts(found) == (1, 0, 0) and found["warnings"] == []
