"""SQLite and Parquet: the CSV's rows, typed; the same bytes from the same state."""

from __future__ import annotations

import asyncio
import csv
import html
import io
import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from export_steps import ADA, add_calendar, contents
from hypothesis import given
from hypothesis import strategies as st

from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.ics.html import is_html, plain_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import HomeFolder


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline="")))


def query(path: Path, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(statement).fetchall()


@pytest.fixture
def exported(home: HomeFolder, google: LocalGoogle) -> HomeFolder:
    """The sample world and what a fuzzer thought of, in the formats for analysts and as CSV."""
    google.control("load_fuzz", calendar=add_calendar(google, "Fuzz"))
    home.configure('[[export]]\ncsv_guard = false\nformats = ["csv", "sqlite", "parquet"]\n')
    home.run("export")
    return home


def test_sqlite_has_every_occurrence_event_and_attendee(exported: HomeFolder) -> None:
    for table in sorted(exported.exports.glob("*.csv")):
        database = table.with_suffix(".sqlite")
        rows = rows_of(table)
        assert [
            (r["event_id"], r["summary"] or None, r["start_utc"] or None) for r in rows
        ] == query(database, "SELECT id, summary, start_utc FROM occurrences ORDER BY number")
        lost = "SELECT id FROM occurrences WHERE event_id NOT IN (SELECT id FROM events)"
        assert query(database, lost) == []
        people = {
            r["event_id"]: len(json.loads(r["attendees_json"]))
            for r in rows
            if r["attendees_json"].startswith("[")
        }
        for event_id, count in query(
            database, "SELECT event_id, count(*) FROM attendees GROUP BY event_id"
        ):
            assert people.get(event_id, count) == count
        for view in ("upcoming", "days", "people"):
            query(database, f"SELECT * FROM {view}")
        assert query(database, "PRAGMA integrity_check") == [("ok",)]


def test_datasette_shows_it(exported: HomeFolder) -> None:
    """Tables, views, and links from an occurrence to its event by the event's title."""
    app = pytest.importorskip("datasette.app", reason="datasette is not here (extra opinions)")
    path = exported.exports / "ada-lovelace.sqlite"
    asyncio.run(look(app.Datasette(immutables=[str(path)])))


async def look(datasette: Any) -> None:
    async def page(address: str) -> Any:
        answer = await datasette.client.get(f"/ada-lovelace{address}")
        assert answer.status_code == 200, (address, answer.text[:500])
        return answer

    database = (await page(".json")).json()
    assert {each["name"] for each in database["tables"]} >= {
        "calendars", "events", "occurrences", "attendees",
    }  # fmt: skip
    assert {each["name"] for each in database["views"]} == {"upcoming", "days", "people"}
    labelled = (await page("/occurrences.json?_labels=on&_shape=objects&_size=5")).json()["rows"]
    for row in labelled:
        assert row["event_id"]["label"] == row["summary"] or not row["summary"], row
    guests = (await page("/attendees.json?_labels=on&_shape=objects&_size=5")).json()["rows"]
    assert all(row["event_id"]["label"] for row in guests)
    for address in ("", "/events", "/occurrences?_facet=event_id", "/days", "/people"):
        assert "text/html" in (await page(address)).headers["content-type"]


def test_parquet_has_typed_columns(exported: HomeFolder) -> None:
    import pyarrow.parquet as parquet

    for path in sorted(exported.exports.glob("*.parquet")):
        table, rows = (
            parquet.ParquetFile(path).read(use_threads=False),
            rows_of(path.with_suffix(".csv")),
        )
        assert table.column_names == list(rows[0] if rows else table.column_names)
        assert table["event_id"].to_pylist() == [row["event_id"] for row in rows]
        assert str(table.schema.field("start_utc").type) == "timestamp[ms, tz=UTC]"
        assert str(table.schema.field("start_date").type) == "date32[day]"
        assert str(table.schema.field("all_day").type) == "bool"
        for found, row in zip(table["start_date"].to_pylist(), rows, strict=True):
            assert (found.isoformat() if found else "") == row["start_date"]


def test_both_are_verified_and_in_the_manifest(exported: HomeFolder) -> None:
    found = json.loads(exported.run("verify", "--json").stdout)
    assert found["files"] == 6 * 3
    path = exported / "exports/team-friends.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE occurrences SET summary = 'x' WHERE number = 1")
        connection.commit()
    found = json.loads(exported.run("verify", "--json", expect=65).stdout)
    assert {d["field"] for d in found["differences"]} >= {"sha256", "summary"}


def test_the_same_state_gives_the_same_bytes(new_home: Callable[..., HomeFolder]) -> None:
    one, two = new_home("one"), new_home("two")
    for home in (one, two):
        home.run("export", "--verify", "--format", "sqlite,parquet")
    assert contents(one.exports) == contents(two.exports)
    assert len(contents(one.exports)) == 10
    assert not [path for path in one.exports.iterdir() if path.name.startswith(".")]


def test_a_window_cuts_both(home: HomeFolder) -> None:
    home.run(
        "export", "--from", "2026-03-01", "--to", "2026-04-01", "--format", "csv,sqlite,parquet"
    )
    rows = rows_of(home / "exports/ada-lovelace.csv")
    found = query(
        home / "exports/ada-lovelace.sqlite", "SELECT id FROM occurrences ORDER BY number"
    )
    assert [row["event_id"] for row in rows] == [event_id for (event_id,) in found]


def test_parquet_without_its_package_is_a_clear_78(home: HomeFolder, tmp_path: Path) -> None:
    """Told before Google is asked for anything."""
    (tmp_path / "stub/pyarrow").mkdir(parents=True)
    (tmp_path / "stub/pyarrow/__init__.py").write_text("raise ImportError('not here')")
    done = home.run(
        "export",
        "--format",
        "parquet",
        expect=78,
        environment={"PYTHONPATH": str(tmp_path / "stub")},
    )
    assert "pip install 'calendar-sync[parquet]'" in done.stderr
    assert home.google.requests.count() == 0


def test_backfill_refuses_formats_it_does_not_make(home: HomeFolder) -> None:
    done = home.run(
        "backfill", "--from", "2026-01-01", "--to", "2026-02-01", "--format", "sqlite", expect=2
    )
    assert "ics, csv, jsonl" in done.stderr


# -- HTML and reminders ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "plain"),
    [
        ("<p>Hello <b>Ada</b>,</p><p>see you</p>", "Hello Ada,\n\nsee you"),
        ("one<br>two<BR/>three\nfour", "one\ntwo\nthree\nfour"),
        ("<ul><li>tea</li><li>milk</li></ul>", "- tea\n- milk"),
        (
            '<a href="https://x.example/?a=1&amp;b=2">the plan</a>',
            "the plan (https://x.example/?a=1&b=2)",
        ),
        ('<a href="https://x.example">https://x.example</a>', "https://x.example"),
        ('<a href="mailto:a@x.example">a@x.example</a>', "a@x.example"),
        ("a &lt; b &amp;&nbsp;c<br>", "a < b & c"),
        ("<b>1 < 2</b> and <ada@example.com>", "1 < 2 and <ada@example.com>"),
    ],
)
def test_html_becomes_the_words_a_person_would_read(html: str, plain: str) -> None:
    assert is_html(html)
    assert plain_text(html) == plain


WORDS = st.lists(st.text("abcäß日😀 ", min_size=1, max_size=8).filter(str.strip), max_size=8)
TAGS = st.sampled_from(["b", "i", "p", "div", "li", "h1", "span", "blockquote", "td"])


@given(WORDS, st.lists(TAGS, min_size=8, max_size=8), st.booleans())
def test_every_word_of_html_stays_in_order(
    words: list[str], tags: list[str], is_open: bool
) -> None:
    """Whatever is around them, closed or not; and no tag is left."""
    ends = ["" if is_open else f"</{tag.upper()}>" for tag in tags]
    html = "".join(f'<{t} class="x">{w}{e}<br>' for w, t, e in zip(words, tags, ends, strict=False))
    plain = plain_text(html)
    assert plain.replace("- ", "").split() == " ".join(words).split()


@given(st.text("<>&;/ab\"'=#x0pli\n\0", max_size=60))
def test_any_text_becomes_plain_and_stays_so(text: str) -> None:
    """But for entities that Google's editor never makes, such as `&ii;`."""
    plain_text(text)
    if not is_html(text) and html.unescape(text) == text:
        assert plain_text(text).split() == text.split()


@pytest.mark.parametrize("text", ["Tom & Ada", "a < b > c", "<ada@example.com>", "", "x <3 you"])
def test_plain_text_is_no_html(text: str) -> None:
    assert not is_html(text)


def test_a_megabyte_of_broken_html_takes_no_time() -> None:
    started = time.process_time()
    for text in ("<a href=" * 120_000, "<" * 1_000_000, "<b>" * 300_000, "&#" * 500_000):
        is_html(text)
        plain_text(text)
    assert time.process_time() - started < 10


def test_html_and_default_reminders_are_asked_for(home: HomeFolder, google: LocalGoogle) -> None:
    """By default descriptions stay as they are and nobody's calendar rings."""
    event = {
        "summary": "Tea",
        "description": "<b>Bring</b> milk<br>and sugar",
        "reminders": {"useDefault": True},
        "start": {"dateTime": "2026-05-01T10:00:00+02:00"},
        "end": {"dateTime": "2026-05-01T11:00:00+02:00"},
    }
    google.control("add_events", calendar=ADA, events=[event])
    expected = {
        "": (["DESCRIPTION:<b>Bring</b> milk<br>and sugar"], 0),
        'html = "plain"': (["DESCRIPTION:Bring milk\\nand sugar"], 0),
        'html = "both"\ndefault_reminders = true': (
            [
                "DESCRIPTION:Bring milk\\nand sugar",
                "X-ALT-DESC;FMTTYPE=text/html:<b>Bring</b> milk<br>and sugar",
            ],
            1,
        ),
    }
    for settings, (descriptions, alarms) in expected.items():
        home.configure(f"[[export]]\n{settings}\n")
        home.run("export", "--verify")
        content = (home / "exports/ada-lovelace.ics").read_bytes().replace(b"\r\n ", b"").decode()
        [tea] = [part for part in content.split("BEGIN:VEVENT") if "Bring" in part]
        lines = [line for line in tea.splitlines() if "Bring" in line]
        assert lines == descriptions
        assert tea.count("TRIGGER:-PT10M") == alarms
        home.run("verify")
