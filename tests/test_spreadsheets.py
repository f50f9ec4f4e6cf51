"""pandas, polars, DuckDB and LibreOffice read our CSV cell by cell as Python's csv does."""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import io
import json
import re
import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from calendar_sync.emulator.fuzz import fuzz_events
from calendar_sync.items import read_items
from calendar_sync.model import CalendarView
from calendar_sync.sync import Kind
from calendar_sync.table.exporter import CsvExporter, CsvOptions

Rows = list[list[str]]

# Titles that something on the way from the file to a person has mangled somewhere.
HOSTILE = (
    "=1+1", "+33 1 23", "-20% sale", "@team", "\t=1+1", "\r\n=1+1", "'=1+1", '=HYPERLINK("http://x")',
    "007", "1e5", "1/2", "3-4", "NaN", "null", "N/A", "NULL", "true", "TRUE", "None", "-", " ", "  a  ",
    "12:30", "2024-01-01", "a\tb", "a;b", "a|b", '"', '""', 'a"b', ",", "\n", "a\nb\n",
    "x\r", "\\", "\\N", "Zoë, naïve café", "日本語", "👩‍👩‍👧", "\ufeffmark", "a\u2028b\x85c", "שלום",
    "€1,234.50", "a\x00\x07b", "#REF!", "{=1+1}", "x" * 40_000,
)  # fmt: skip
VIEWS: dict[str, dict[str, Any]] = {
    "occurrences": {},
    "raw": {"guard": False},
    "series": {"rows": "series"},
    "google-import": {"preset": "google-import"},
    "outlook": {"preset": "outlook"},
    "columns": {"columns": ("summary", "start", "all_day")},
    "one-column": {"columns": ("description",)},
}


def _resources() -> list[dict[str, Any]]:
    hostile = [
        {
            "id": f"hostile{number:03}",
            "summary": text,
            "description": text,
            "location": text,
            "organizer": {"email": "+a@example.com", "displayName": text},
            "attendees": [{"email": "@b@example.com", "displayName": text, "comment": text}],
            "start": {
                "dateTime": f"2026-03-02T09:00:{number:02}+01:00",
                "timeZone": "Europe/Paris",
            },
            "end": {"dateTime": "2026-03-02T10:00:20+01:00", "timeZone": "Europe/Paris"},
        }
        for number, text in enumerate(HOSTILE)
    ]
    return [*hostile, *fuzz_events()]


def write(options: dict[str, Any], folder: Path) -> Path:
    """The CSV of every hostile event."""
    calendar = CalendarView(id="c@example.com", name="=Team", time_zone="Europe/Paris")
    exporter = CsvExporter(calendar, CsvOptions(horizon=1_830_294_000, **options), folder)
    for resource in sorted(_resources(), key=lambda each: each["id"]):
        kind = Kind.SERIES if "recurrence" in resource else Kind.SINGLE
        row = (resource["id"], kind, json.dumps(resource).encode())
        for item in read_items([row], []):
            exporter.add(item)
    path = folder / "c.csv"
    with path.open("wb") as file:
        exporter.finish(file)
    exporter.close()
    return path


def python_rows(path: Path) -> Rows:
    csv.field_size_limit(1 << 20)
    text = path.read_bytes().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def pandas_rows(path: Path) -> Rows:
    pandas = pytest.importorskip("pandas")
    table = pandas.read_csv(path, dtype=str, keep_default_na=False)
    return [list(table.columns), *table.to_numpy().tolist()]


def polars_rows(path: Path) -> Rows:
    polars = pytest.importorskip("polars", reason="polars is not here (extra opinions)")
    table = polars.read_csv(path, infer_schema=False, empty_string_is_null=False)
    return [table.columns, *([cell or "" for cell in row] for row in table.rows())]


def duckdb_rows(path: Path) -> Rows:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not here (extra opinions)")
    found = duckdb.sql(f"FROM read_csv('{path}', all_varchar = true, header = true)")
    rows = [[cell or "" for cell in row] for row in found.fetchall()]
    return [found.columns, *rows]


def csvkit_rows(path: Path) -> Rows:
    csvjson = pytest.importorskip("csvkit.utilities.csvjson", reason="csvkit is not here")
    output = io.StringIO()
    options = ["--no-inference", "--blanks", "--snifflimit", "0", "--encoding", "utf-8-sig"]
    options += ["--maxfieldsize", str(1 << 20)]
    with contextlib.redirect_stderr(io.StringIO()):
        csvjson.CSVJSON([*options, str(path)], output).run()
    # It asks for death by a broken pipe, which later tests of this process would die of.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    records = json.loads(output.getvalue())
    return [list(records[0]), *([text or "" for text in each.values()] for each in records)]


def sqlite_rows(path: Path) -> Rows:
    """SQLite's own shell; `.import` takes a file as it is, a byte order mark too."""
    if shutil.which("sqlite3") is None:
        pytest.skip("sqlite3 is not here (package sqlite3)")
    database = path.with_suffix(".db")
    command = ["sqlite3", str(database), f'.import --csv "{path}" t']
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT * FROM t")
        header = [column[0] for column in found.description]
        return [header, *([text or "" for text in row] for row in found)]


READERS = [pandas_rows, polars_rows, duckdb_rows, csvkit_rows, sqlite_rows]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("reader", READERS)
def test_every_cell_is_pythons(reader: Any, view: str, tmp_path: Path) -> None:
    """Cases 118 and 119."""
    path = write(VIEWS[view], tmp_path)
    expected = python_rows(path)
    found = reader(path)
    assert len(expected) > 80
    assert {len(row) for row in expected} == {len(expected[0])}
    for expected_row, found_row in zip(expected, found, strict=True):
        assert found_row == expected_row


def test_types_are_found_without_being_told(tmp_path: Path) -> None:
    """Instants, dates, booleans and numbers of the wide table, by the guesses of DuckDB and pandas."""
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not here (extra opinions)")
    pandas = pytest.importorskip("pandas")
    path = write({}, tmp_path)
    found = duckdb.sql(f"FROM read_csv('{path}', sample_size = -1)")
    types = dict(zip(found.columns, map(str, found.types), strict=True))
    # (DuckDB has no year 9999 with a zone, so instants stay text in this table of extremes.)
    assert types["all_day"] == "BOOLEAN"
    assert types["start_date"] == types["end_date_inclusive"] == "DATE"
    assert types["duration_minutes"] == "DOUBLE"
    assert types["attendee_count"] == types["sequence"] == "BIGINT"
    table = pandas.read_csv(path)
    assert table["duration_minutes"].dtype == float
    assert table["attendee_count"].dtype == int
    assert table["all_day"].dropna().isin([True, False]).all()
    moments = pandas.to_datetime(table["start_utc"].dropna(), utc=True, format="ISO8601")
    assert moments.dt.second.max() > 0


# -- LibreOffice -----------------------------------------------------------------------------------

_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"


class Cell:
    """One cell as LibreOffice took it."""

    def __init__(self, element: Xml.Element) -> None:
        self.formula = element.get(f"{_TABLE}formula")
        self.kind = element.get(f"{_OFFICE}value-type", "")
        self.date = element.get(f"{_OFFICE}date-value")
        self.number = element.get(f"{_OFFICE}value")
        self.text = "\n".join(_text_of(part) for part in element.findall(f"{_TEXT}p"))


def _text_of(element: Xml.Element) -> str:
    spaces = " " * int(element.get(f"{_TEXT}c", "1")) if element.tag == f"{_TEXT}s" else ""
    tab = "\t" if element.tag == f"{_TEXT}tab" else ""
    inner = "".join(_text_of(child) + (child.tail or "") for child in element)
    return f"{spaces}{tab}{element.text or ''}{inner}"


def office_rows(path: Path, tmp_path: Path) -> list[list[Cell]]:
    """Open the file as LibreOffice does on a double click: UTF-8, commas, all else by itself."""
    if shutil.which("soffice") is None:
        pytest.skip("LibreOffice is not here (package libreoffice-calc)")
    subprocess.run(
        ["soffice", f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}", "--headless",
         "--convert-to", "fods", "--infilter=CSV:44,34,76", "--outdir", str(tmp_path), str(path)],
        capture_output=True, timeout=100, check=True,
    )  # fmt: skip
    document = Xml.parse(path.with_suffix(".fods"))
    rows = []
    for row in document.iter(f"{_TABLE}table-row"):
        cells: list[Cell] = []
        for element in row:
            times = int(element.get(f"{_TABLE}number-columns-repeated", "1"))
            cells += [Cell(element)] * min(times, 50)
        rows += [cells] * min(int(row.get(f"{_TABLE}number-rows-repeated", "1")), 5)
    return rows


@pytest.mark.parametrize("view", ["occurrences", "google-import", "outlook"])
def test_libreoffice_runs_nothing_and_knows_the_dates(view: str, tmp_path: Path) -> None:
    """No formula, accents and emoji whole, dates as dates and numbers as numbers."""
    path = write(VIEWS[view], tmp_path)
    expected, found = python_rows(path), office_rows(path, tmp_path)
    header = expected[0]
    prose = {"summary", "description", "location", "Subject", "Description", "Location"}
    looked_at = 0
    for row, cells in zip(expected[1:], found[1:], strict=False):
        assert all(cell.formula is None for cell in cells)
        for name, text, cell in zip(header, row, cells, strict=False):
            if name in ("start_date", "Start Date") and text and "1600" < _year(text) < "9999":
                assert cell.kind == "date" and str(cell.date)[:10] == _iso(text)
            elif name in ("duration_minutes", "attendee_count") and text:
                assert cell.number is not None and float(cell.number) == float(text)
            elif name in prose and cell.kind == "string":
                assert _in_a_cell(cell.text) == _in_a_cell(text)
                looked_at += 1
    assert looked_at > 200


def _year(text: str) -> str:
    return _iso(text)[:4]


def _iso(text: str) -> str:
    if "/" in text:
        return dt.datetime.strptime(text, "%m/%d/%Y").date().isoformat()
    return text


def _in_a_cell(text: str) -> str:
    """LibreOffice cuts a cell at 32,767 characters; its XML has no blanks at the ends of lines."""
    return re.sub("[ \t]+(?=\n|$)|\ufeff", "", text[:32_767])
