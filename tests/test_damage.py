"""Every kind of damage to published files is found by `verify`, and named so that a person can act."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from home_folder import HomeFolder

from calendar_sync.config import Export, read_config
from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.mirror_file import open_mirror
from calendar_sync.verification.differences import Difference
from calendar_sync.verify import Findings, verify_output
from calendar_sync.views import View

CONFIGURATION = """
timezone = "Europe/Berlin"
[[export]]
name = "all"
formats = ["ics", "csv", "jsonl", "sqlite", "parquet"]
per_uid = true
output = "exports/all"
[[export]]
name = "merged"
merge = true
output = "exports/merged"
[[export]]
name = "window"
window = "-2y..+2y"
columns = ["start", "end_date_inclusive", "summary", "attendees"]
formats = ["csv"]
output = "exports/window"
[[export]]
name = "outlook"
preset = "outlook"
formats = ["csv"]
output = "exports/outlook"
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HomeFolder]:
    with LocalGoogle() as google:
        home = HomeFolder(tmp_path_factory.mktemp("damage") / "home", google)
        google.write_client_secrets(home.client_secrets)
        google.write_token(home.token)
        home.configure(CONFIGURATION)
        home.run("export", "--verify")
        assert verified(home) == []
        yield home


@pytest.fixture
def home(exported: HomeFolder, tmp_path: Path) -> Iterator[HomeFolder]:
    """The exported home; what a test does to its files is undone."""
    shutil.copytree(exported.exports, tmp_path / "good")
    yield exported
    shutil.rmtree(exported.exports)
    shutil.copytree(tmp_path / "good", exported.exports)


def verified(home: HomeFolder, *names: str) -> list[Difference]:
    """What `verify` finds in these outputs, but for the hashes in the manifest."""
    config = read_config(home / "calendar-sync.toml")
    findings, now = Findings(), dt.datetime.now(dt.UTC)
    with closing(open_mirror(home / "state" / "mirror.sqlite3")) as mirror:
        for export in config.export:
            if names and export.name not in names:
                continue
            verify_output(mirror, _view(home, export, now), (), findings)
    assert findings.events > 20  # none is known to a mirror that is not this home's
    hashes = ("sha256", "bytes")
    return sorted(found for found in findings.differences if found.field not in hashes)


def _view(home: HomeFolder, export: Export, now: dt.datetime) -> View:
    return View(export, home / str(export.output), now, "Europe/Berlin")


def named(home: HomeFolder, name: str = "all") -> list[tuple[str, str]]:
    return [(found.event_id, found.field) for found in verified(home, name)]


# -- ICS -------------------------------------------------------------------------------------------


def event_id(home: HomeFolder, summary: str) -> str:
    table = (home.exports / "all/ada-lovelace.csv").read_bytes().decode()
    rows = csv.DictReader(io.StringIO(table, newline=""))
    row = next(row for row in rows if summary in row["summary"])
    return row["recurring_event_id"] or row["event_id"]


def vevent(content: bytes, summary: bytes) -> bytes:
    events = re.findall(rb"BEGIN:VEVENT\r\n.*?END:VEVENT\r\n", content, re.DOTALL)
    return next(event for event in events if summary in event.replace(b"\r\n ", b""))


Edit = Callable[[bytes], bytes]


def sub(pattern: bytes, new: bytes) -> Edit:
    def edit(event: bytes) -> bytes:
        edited, count = re.subn(pattern, new, event, count=1)
        assert count
        return edited

    return edit


@pytest.mark.parametrize("name", ["all/ada-lovelace.ics", "merged/merged.ics", "all/ada-lovelace"])
@pytest.mark.parametrize(
    ("summary", "edit", "field"),
    [
        ("Dentist", sub(rb"(DTSTART[^\r]*T)08", rb"\g<1>07"), "DTSTART"),
        ("Vacation", sub(rb"(DTEND[^\r]*:2026041)0", rb"\g<1>1"), "DTEND"),
        ("Dentist", lambda event: b"", "event"),
        ("Dentist", lambda event: event + event, "event"),
        ("Dentist", sub(rb"Dentist", rb"Dentists"), "SUMMARY"),
        ("Stand-up", sub(rb"EXDATE([^\r]*)T093000", rb"EXDATE\1T100000"), "EXDATE"),
        ("Stand-up", sub(rb"EXDATE[^\r]*\r\n", rb""), "EXDATE"),
        ("Stand-up", sub(rb"BYDAY=MO", rb"BYDAY=TU"), "RRULE"),
        ("Stand-up", sub(rb"PARTSTAT=TENTATIVE", rb"PARTSTAT=ACCEPTED"), "ATTENDEE"),
        ("Stand-up", sub(rb"(ORGANIZER[^\r]*mailto:)a", rb"\1b"), "ORGANIZER"),
        ("Dentist", sub(rb"CLASS:PRIVATE\r\n", rb""), "CLASS"),
        ("Vacation", sub(rb"TRANSP:TRANSPARENT", rb"TRANSP:OPAQUE"), "TRANSP"),
        ("Dentist", sub(rb"STATUS:CONFIRMED", rb"STATUS:TENTATIVE"), "STATUS"),
    ],
)
def test_an_event_of_an_ics_file(
    home: HomeFolder, name: str, summary: str, edit: Edit, field: str
) -> None:
    """In one file of a calendar, of several calendars, and in a folder of one file for each UID."""
    path = home.exports / name
    if path.is_dir():
        path = next(p for p in path.iterdir() if summary.encode() in p.read_bytes())
    content = path.read_bytes()
    event = vevent(content, summary.encode())
    path.write_bytes(content.replace(event, edit(event)))
    found = set(named(home, name.split("/")[0]))
    counts = {("merged.ics", "rows"), ("ada-lovelace.ics", "rows")}  # in the manifest
    assert found - counts == {(event_id(home, summary), field)}


@pytest.mark.parametrize("name", ["all/ada-lovelace.ics", "merged/merged.ics"])
def test_a_vtimezone_that_is_wrong_in_summer_only(home: HomeFolder, name: str) -> None:
    """No DTSTART shows it: the series begins in winter."""
    path = home.exports / name
    zone, daylight = rb"(?s)(TZID:Europe/Berlin\r\n.*?", rb"DAYLIGHT\r\n[^\r]*\r\nTZOFFSETTO:\+0)2"
    content, count = re.subn(zone + daylight, rb"\g<1>3", path.read_bytes())
    assert count == 1
    path.write_bytes(content)
    found = [each for each in verified(home, name.split("/")[0]) if each.field == "VTIMEZONE"]
    assert [(each.event_id, each.in_file[:4], each.in_mirror[:4]) for each in found] == [
        ("Europe/Berlin", "+3 h", "+2 h")
    ]


# -- tables ----------------------------------------------------------------------------------------


def rewrite(path: Path, edit: Callable[[list[list[str]]], object]) -> None:
    text = path.read_bytes().decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    edit(rows)
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    path.write_bytes(out.getvalue().encode())


COLUMNS = (
    "calendar_id", "calendar", "ical_uid", "event_type", "status", "summary", "description",
    "location", "start", "end", "start_utc", "end_utc", "all_day", "start_date",
    "end_date_inclusive", "timezone", "duration_minutes", "organizer_email", "organizer_name",
    "creator_email", "self_response", "attendee_count", "attendees", "attendees_json", "visibility",
    "transparency", "conference_url", "html_link", "color_id", "reminders_json", "created",
    "updated", "sequence", "original_start", "recurring_event_id", "attachments_json", "recurrence",
)  # fmt: skip


def test_any_cell_of_the_wide_table(home: HomeFolder) -> None:
    """One cell of each column, each in a row of its own."""
    expected = []

    def edit(rows: list[list[str]]) -> None:
        for column, row in zip(COLUMNS, rows[-300:], strict=False):
            row[rows[0].index(column)] += "1"
            expected.append((row[rows[0].index("event_id")], column))

    rewrite(home.exports / "all/ada-lovelace.csv", edit)
    assert len(expected) == len(COLUMNS)
    assert named(home) == sorted(expected)


@pytest.mark.parametrize(
    "name", ["all/ada-lovelace", "merged/merged", "window/ada-lovelace", "outlook/ada-lovelace"]
)
@pytest.mark.parametrize(
    "damage", ["missing row", "extra row", "double row", "missing column", "order"]
)
def test_rows_and_columns_of_a_csv(home: HomeFolder, name: str, damage: str) -> None:
    def edit(rows: list[list[str]]) -> None:
        if damage == "missing row":
            del rows[3]
        elif damage == "extra row":
            rows.insert(3, [f"{cell}x" for cell in rows[3]])
        elif damage == "double row":
            rows.insert(3, rows[3])
        elif damage == "missing column":
            place = next(i for i, name in enumerate(rows[0]) if name in ("summary", "Subject"))
            for row in rows:
                del row[place]
        else:
            rows[3], rows[9] = rows[9], rows[3]

    rewrite(home.exports / f"{name}.csv", edit)
    found = [
        each
        for each in verified(home, name.split("/")[0])
        if not each.path.endswith("manifest.json")
    ]
    assert found and all(each.path.endswith(f"{name}.csv") for each in found)
    if damage == "missing column":
        assert [each.field for each in found] == ["header"]
        assert "ummary" in found[0].in_mirror or "Subject" in found[0].in_mirror


@pytest.mark.parametrize(
    ("statement", "field"),
    [
        ("UPDATE occurrences SET summary = 'x' WHERE number = 5", "summary"),
        ("UPDATE occurrences SET start_utc = '2026-01-01T00:00:00Z' WHERE number = 5", "start_utc"),
        ("UPDATE occurrences SET duration_minutes = 1 WHERE number = 100", "duration_minutes"),
        ("DELETE FROM occurrences WHERE number = 5", "event"),
        ("UPDATE events SET recurrence = 'RRULE:FREQ=DAILY' WHERE recurrence > ''", "recurrence"),
        ("UPDATE events SET organizer_email = 'x' WHERE summary = 'Dentist'", "organizer_email"),
        ("DELETE FROM events WHERE summary = 'Dentist'", "event"),
        ("UPDATE attendees SET email = 'x' WHERE email LIKE 'charles%'", "attendees"),
    ],
)  # fmt: skip
def test_a_sqlite_file(home: HomeFolder, statement: str, field: str) -> None:
    with closing(sqlite3.connect(home.exports / "all/ada-lovelace.sqlite")) as connection:
        assert connection.execute(statement).rowcount > 0
        connection.commit()
    assert field in {each.field for each in verified(home, "all")}


@pytest.mark.parametrize("column", ["summary", "start_date", "attendees", "duration_minutes"])
def test_a_parquet_file(home: HomeFolder, column: str) -> None:
    import pyarrow
    import pyarrow.parquet as parquet

    path = home.exports / "all/ada-lovelace.parquet"
    table = parquet.ParquetFile(path).read(use_threads=False)
    place = table.column_names.index(column)
    values = table[column].to_pylist()
    lost = next(number for number, value in enumerate(values) if value)
    values[lost] = None
    changed = pyarrow.array(values, table.schema.field(column).type)
    parquet.write_table(table.set_column(place, column, changed), path)
    assert {field for _, field in named(home)} == {column}


def test_a_line_of_a_jsonl_file(home: HomeFolder) -> None:
    path = home.exports / "all/ada-lovelace.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], *lines[3:]]))
    assert [field for _, field in named(home)] == ["event", "rows"]


@pytest.mark.parametrize("suffix", ["ics", "csv", "jsonl", "sqlite", "parquet"])
def test_a_file_cut_short(home: HomeFolder, suffix: str) -> None:
    path = home.exports / f"all/ada-lovelace.{suffix}"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    found = [each for each in verified(home, "all") if each.path == str(path)]
    assert found
    if suffix in ("ics", "sqlite", "parquet"):
        assert found[0].field == "content" and found[0].in_file.startswith("unreadable: ")


def test_a_folder_of_uids_with_one_too_few_or_too_many(home: HomeFolder) -> None:
    folder = home.exports / "all/ada-lovelace"
    first, second, *_ = sorted(folder.iterdir())
    shutil.copy(first, folder / f"again-{'0' * 16}.ics")
    second.unlink()
    assert [field for _, field in named(home)] == ["event", "event"]
