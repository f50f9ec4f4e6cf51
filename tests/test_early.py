"""Files begun while a calendar's first listing comes in: the same bytes, or given up."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from export_steps import TEAM, contents
from in_process import Job

from calendar_sync import export
from calendar_sync.calendars import KnownCalendar, list_calendars, remember_calendars
from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.errors import CannotWrite
from calendar_sync.intake import Task, Writer
from calendar_sync.items import read_items
from calendar_sync.listing import Resource
from calendar_sync.mirror import Mirror, open_mirror
from calendar_sync.model import CalendarEntry, EventWarning
from calendar_sync.reading import read_calendars
from calendar_sync.sync import EventsPage, Fetch, FullFetch, Kind, WindowFetch

NOW = dt.datetime(2026, 6, 10, tzinfo=dt.UTC)


def test_a_first_read_makes_the_files_that_the_mirror_makes(
    tmp_path: Path, google: LocalGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Single events, series and orphans, on several pages; nothing but files is left behind."""
    google.control("load_events", calendar=TEAM, count=3500, seed=7)
    monkeypatch.setattr(export, "WORTH_AN_INDEX", 0)
    whole: list[KnownCalendar] = []
    monkeypatch.setattr(export, "export_calendar", lambda _, calendar, *__: whole.append(calendar))
    job = Job(tmp_path, google)
    job.run()
    assert not whole  # all of them were begun early
    monkeypatch.undo()
    monkeypatch.setattr(export, "WORTH_AN_INDEX", 0)
    blocks = tmp_path / "state" / "blocks"
    first = contents(job.home.exports), {path.name: path.read_bytes() for path in blocks.iterdir()}
    for path in job.home.exports.iterdir():
        path.unlink()
    job.run()
    again = contents(job.home.exports), {path.name: path.read_bytes() for path in blocks.iterdir()}
    assert again == first


class Begun:
    """Stands in for files in the making."""

    def __init__(self, fails: bool = False) -> None:
        self.taken: list[str] = []
        self.is_open, self.fails = True, fails

    def add(self, rows: Iterable[Resource]) -> None:
        if self.fails:
            raise CannotWrite("The disk is full.")
        self.taken += [series for series, _, _ in rows]

    def close(self) -> None:
        self.is_open = False


class Pages:
    """A source of some pages of resources."""

    def __init__(self, *pages: list[dict[str, Any]]) -> None:
        self.given = pages

    def pages(self, calendar_id: str, fetch: Fetch | WindowFetch) -> Iterator[EventsPage]:
        for number, items in enumerate(self.given, 1):
            raw = [msgspec.Raw(json.dumps(item).encode()) for item in items]
            yield EventsPage("calendar#events", raw, None, "t" * (number == len(self.given)))


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    opened = open_mirror(tmp_path / "mirror.sqlite3")
    yield opened
    opened.close()


def read(mirror: Mirror, begun: Begun, *pages: list[dict[str, Any]]) -> None:
    with mirror.transaction():
        remember_calendars(mirror, [CalendarEntry(id="c", summary="C")], {})
    [calendar] = list_calendars(mirror)
    writer = Writer(mirror, lambda: NOW, begin=lambda _: begun)
    [outcome] = read_calendars(Pages(*pages), writer, [Task(calendar, FullFetch())], jobs=1)
    assert outcome.error is None


SERIES = {"id": "s", "recurrence": ["RRULE:FREQ=DAILY"]}
CANCELLED = {"id": "s_1", "status": "cancelled", "recurringEventId": "s"}


def test_the_single_events_of_a_first_listing_are_handed_on(mirror: Mirror) -> None:
    begun = Begun()
    read(mirror, begun, [{"id": "b"}, SERIES, CANCELLED], [{"id": "a"}])
    assert begun.is_open
    assert begun.taken == ["b", "a"]


@pytest.mark.parametrize(
    "pages",
    [
        [[{"id": "a"}], [{"id": "a", "summary": "later"}]],
        [[{"id": "a"}], [{"id": "a", "status": "cancelled"}]],
        [[{"id": "a"}, {"id": "gone", "status": "cancelled"}, {"id": "b"}]],
        [[{"id": "a"}], [{**CANCELLED, "recurringEventId": "a"}]],
        [[{"id": "a"}], [{"id": "a_1", "recurringEventId": "a"}]],
    ],
    ids=["twice", "removed", "after a removal", "a hole in it", "an occurrence of it"],
)
def test_what_the_mirror_does_not_hold_like_that_is_given_up(
    mirror: Mirror, pages: list[list[dict[str, Any]]]
) -> None:
    begun = Begun()
    read(mirror, begun, *pages)
    assert not begun.is_open


def test_a_second_reading_begins_nothing(mirror: Mirror) -> None:
    read(mirror, Begun(), [{"id": "a"}])
    again = Begun()
    read(mirror, again, [{"id": "a"}, {"id": "b"}])
    assert again.taken == []


def test_files_that_cannot_be_written_end_no_reading(mirror: Mirror) -> None:
    """The mirror has all of it, so that a run with room to write asks for changes only."""
    begun = Begun(fails=True)
    read(mirror, begun, [{"id": "a"}], [{"id": "b"}])
    assert not begun.is_open
    [calendar] = list_calendars(mirror)
    assert [row[0] for row in mirror.resources_by_id(calendar.key)] == ["a", "b"]


def test_an_odd_event_is_read_from_a_page_as_from_the_mirror() -> None:
    """Of a page it is the page's own bytes, which nobody has copied."""
    odd = b'{"id":"a","summary":5,"location":"half: \\ud800"}'
    found: list[list[EventWarning]] = [[], []]
    of_page, of_mirror = (
        [*read_items([("a", Kind.SINGLE, json)], warnings)]
        for json, warnings in zip((msgspec.Raw(odd), odd), found, strict=True)
    )
    assert of_page == of_mirror
    assert found[0] == found[1]
    assert [warning.code for warning in found[0]] == ["odd-text", "odd-field"]
