"""File names of calendars: readable, never shared, never leaving the folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from export_steps import add_calendar, check_manifest, contents
from hypothesis import given
from hypothesis import strategies as st

from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.slugs import is_slug, make_slug

if TYPE_CHECKING:
    from conftest import HomeFolder


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Team & Friends", "team-friends"),
        ("../../x", "x"),
        ("a/b\\c\0d", "a-b-c-d"),
        ("Übung_macht  Meister", "übung-macht-meister"),
        ("हिन्दी", "हिन्दी"),
        ("会議", "会議"),
        ("CON", "con-ca837ae4"),
        ("manifest", "manifest-ca837ae4"),
        ("", "calendar-ca837ae4"),
        ("🏖️", "calendar-ca837ae4"),
        ("..", "calendar-ca837ae4"),
        ("\ud800", "calendar-ca837ae4"),
        ("x" * 300, "x" * 80),
    ],
)
def test_a_slug_is_readable_and_harmless(name: str, slug: str) -> None:
    assert make_slug(name, "some@id", ()) == slug


@given(st.lists(st.tuples(st.text(), st.text(min_size=1)), unique_by=lambda pair: pair[1]))
def test_no_two_calendars_share_a_slug_and_none_leaves_the_folder(
    calendars: list[tuple[str, str]],
) -> None:
    taken: set[str] = set()
    for name, calendar_id in calendars:
        slug = make_slug(name, calendar_id, taken)
        assert slug not in taken
        assert is_slug(slug)
        assert "/" not in slug and "\0" not in slug and not slug.startswith(".")
        assert len(f".calendar-sync-{slug}.jsonl".encode()) < 143
        taken.add(slug)


@pytest.mark.parametrize("text", ["", ".", "..", "a/b", "../x", ".hidden", "manifest", "x" * 300])
def test_a_manifest_edited_by_hand_cannot_name_a_file_elsewhere(text: str) -> None:
    assert not is_slug(text)


AWKWARD = ["../../x", "CON", "", "   ", "n" * 300, "🏖️", "Same", "Same", "same", ".hidden", "a\nb"]


def test_awkward_names_make_files_in_the_folder_and_nowhere_else(
    home: HomeFolder, google: LocalGoogle
) -> None:
    for number, name in enumerate(AWKWARD):
        add_calendar(google, name, id=f"c{number}@group.calendar.google.com")
    outside = {path for path in home.folder.parent.rglob("*") if home.exports not in path.parents}
    home.run("export", "--format", "jsonl")
    entries = check_manifest(home.exports)
    assert len(contents(home.exports)) == len(entries) == 5 + len(AWKWARD)
    found = {path for path in home.folder.parent.rglob("*") if home.exports not in path.parents}
    assert {path.name for path in found - outside} <= {
        "exports",
        "state",
        "mirror.sqlite3",
        "run.lock",
    }
    assert [entries[f"c{n}@group.calendar.google.com"]["slug"][:4] for n in (6, 7, 8)] == [
        "same", "same", "same",
    ]  # fmt: skip


def test_a_manifest_of_somebody_else_cannot_break_a_run(home: HomeFolder) -> None:
    """An output that another home filled, or a person edited, names slugs of ours for others."""
    home.run("export", "--calendar", "Team*")
    other = home / "elsewhere"
    other.mkdir()
    foreign = [
        {"id": "ada@example.com", "summary": "x", "slug": "team-friends"},
        {"id": "grace@example.com", "summary": "x", "slug": "../../grace"},
        {"id": "new@example.com", "summary": "x", "slug": "holidays-in-united-states"},
        "nonsense",
    ]
    (other / "manifest.json").write_text(json.dumps({"version": 1, "calendars": foreign}))
    home.run("export", "--output", str(other))
    slugs = {entry["id"]: entry["slug"] for entry in ours_in(other)}
    assert slugs["ada@example.com"] == "ada-lovelace"
    assert slugs["grace@example.com"] == "grace-example-com"
    assert slugs["en.usa#holiday@group.v.calendar.google.com"].startswith("holidays-in-united-s")
    assert len(set(slugs.values())) == len(slugs)


def ours_in(folder: Path) -> list[dict[str, str]]:
    found = json.loads((folder / "manifest.json").read_bytes())["calendars"]
    return [entry for entry in found if "gone" not in entry]
