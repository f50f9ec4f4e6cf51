"""What is made for many columns or days at once is what each would be made alone."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from test_csv_rows import event, write
from test_ics_twin import EVENTS, read

from calendar_sync.model import EventTime, Single
from calendar_sync.points import Point, read_point
from calendar_sync.resources import decode_event, people_of
from calendar_sync.table.exporter import WIDE_COLUMNS
from calendar_sync.table.row_times import time_cells, times_cells
from calendar_sync.table.text import written

ODD = st.text(st.sampled_from('ab,"\n\r\t\0\x01\\\x7f=é\ud800'), min_size=1, max_size=5)
TEXTS = ("summary", "htmlLink", "created", "updated", "eventType", "iCalUID", "visibility")


def cells(content: bytes) -> list[dict[str, str]]:
    """Read what is there, not what pandas makes of it."""
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(EVENTS, min_size=1, max_size=3), st.data())
def test_a_column_has_the_same_cells_wherever_it_is(
    tmp_path_factory: pytest.TempPathFactory, resources: list[dict[str, Any]], data: st.DataObject
) -> None:
    """In the order of the contract, where groups of columns are made in one go, and in another."""
    folder = tmp_path_factory.getbasetemp()
    odd = data.draw(st.dictionaries(st.sampled_from(TEXTS), ODD))
    resources[0] = {**resources[0], **odd}
    items = [
        Single(msgspec.structs.replace(read(resource), id=f"e{number}"))
        for number, resource in enumerate(resources)
    ]
    whole = cells(write(items, folder).content)
    turned = cells(write(items, folder, columns=WIDE_COLUMNS[::-1]).content)
    assert turned == whole


@pytest.mark.parametrize("text", ["a,b", 'a"b', "a\nb", "a\r\nb", "\0a", "a\tb", "a\\b", "é", ""])
@pytest.mark.parametrize("field", ["iCalUID", "htmlLink", "updated", "status"])
def test_a_machine_that_writes_oddly_moves_no_cell(field: str, text: str, tmp_path: Path) -> None:
    resource = {"id": "e", "start": {"date": "2024-05-01"}, "end": {"date": "2024-05-02"}}
    items = [Single(event(**resource)), Single(event(**{**resource, field: text, "id": "f"}))]
    plain, odd = cells(write(items, tmp_path).content)
    column = {"iCalUID": "ical_uid", "htmlLink": "html_link"}.get(field, field)
    expected = text.replace("\r\n", "\n").replace("\0", "")
    assert odd == {**plain, "event_id": "f", column: expected or plain[column]}


def test_an_event_has_its_own_guests_however_many_were_asked_for() -> None:
    """Also when what another event's guests were read from is gone, and its place in memory taken."""
    for number in range(3000):
        json = b'{"id":"e","attendees":[{"email":"%d@example.org"}]}' % number
        assert [person.email for person in people_of(decode_event(json))] == [
            f"{number}@example.org"
        ]


def test_googles_json_has_no_spaces_wherever_one_of_many_came_with_some(tmp_path: Path) -> None:
    guests = ['[{"email":"a@b.c"}]', '[ {"email": "a@b.c"}\n]']
    resources = [f'{{"id":"e{n}","attendees":{json}}}' for n, json in enumerate(guests)]
    items = [Single(decode_event(resource.encode())) for resource in resources]
    found = [row["attendees_json"] for row in cells(write(items, tmp_path).content)]
    assert found == guests[:1] * 2


DAY = 86400
ZONES = st.sampled_from(["Europe/Paris", "Asia/Kolkata", "America/New_York", "Pacific/Apia"])
MINUTES = st.integers(-62_135_596_800 // 60, 253_402_300_799 // 60)


def point(minute: int, zone: str) -> Point | int | None:
    text = (dt.datetime(1970, 1, 1) + dt.timedelta(minutes=minute)).isoformat()
    return read_point(EventTime(date_time=f"{text}Z", time_zone=zone), "UTC")


TIMES = (
    st.none() | st.integers(-719_162, 2_932_896).map(DAY.__mul__) | st.builds(point, MINUTES, ZONES)
)


@given(TIMES, TIMES)
@example(0, 2 * DAY)
@example(2 * DAY, 0)
def test_a_rows_times_written_at_once_are_its_cells(
    start: Point | int | None, end: Point | int | None
) -> None:
    assert times_cells([(start, end)]) == [written(time_cells(start, end))]


@given(MINUTES, st.integers(0, 5000), ZONES, ZONES)
def test_times_that_differ_in_their_day_only_are_cells_that_do(
    minute: int, length: int, zone: str, other: str
) -> None:
    """On the same day of many weeks: the second time it is looked up what is around the days."""
    for begin in range(minute, minute + 4 * 10080, 10080):
        if begin + length < 253_402_300_799 // 60:
            start, end = point(begin, zone), point(begin + length, other)
            assert times_cells([(start, end)]) == [written(time_cells(start, end))]
