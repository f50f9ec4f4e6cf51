"""Everything the files of one output must say, and the check of one file against it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from calendar_sync.config import Export
from calendar_sync.items import is_of
from calendar_sync.model import CalendarView, Item, Series
from calendar_sync.recurrence.occurrences import overlaps
from calendar_sync.table.presets import COLUMNS
from calendar_sync.table.wide_cells import WIDE_COLUMNS
from calendar_sync.verification.csv_truth import CsvRules, CsvTruth, PlacedRow, read_csv
from calendar_sync.verification.differences import Difference, Facts, Told, compare
from calendar_sync.verification.ics_reader import UnreadableFile, WrongZone, read_ics
from calendar_sync.verification.ics_truth import IcsTruth, Noted
from calendar_sync.verification.tables import read_parquet, read_sqlite
from calendar_sync.verification.wide_truth import JSON_COLUMNS, canonical_json

_SortedRow = tuple[tuple[int, str, str], Told]  # start, event id and calendar id; the cells


class Truth:
    """What is to be found; memory grows with the calendars added."""

    def __init__(self, export: Export) -> None:
        self._export = export
        self._columns = COLUMNS.get(export.preset) or export.columns or WIDE_COLUMNS
        self._vevents: list[Told] = []
        self._rows: list[_SortedRow] = []
        self._table_rows: list[_SortedRow] = []
        self._events: list[Told] = []
        self._resources: dict[str, bytes] = {}

    def add(
        self,
        calendar: CalendarView,
        rules: CsvRules,
        items: Iterable[Item],
        resources: Iterable[tuple[str, bytes]],
        noted: Noted,
    ) -> None:
        """Take one calendar: its items, its resources by id, and the warnings about them."""
        ics = IcsTruth(calendar.time_zone, noted, orphans=self._export.orphans)
        for_tables = replace(rules, rows="occurrences", preset="wide", guard=False)
        csv, table = CsvTruth(calendar, rules), CsvTruth(calendar, for_tables)
        events = CsvTruth(calendar, replace(for_tables, rows="series"))
        has_tables = not {"sqlite", "parquet"}.isdisjoint(self._export.formats)
        window = rules.window
        shown: set[str] = set()
        for item in items:
            if self._export.leave_out and is_of(item, self._export.leave_out):
                if window is None or overlaps(item, calendar.time_zone, window):
                    shown |= _ids(item)  # JSONL has them all
                continue
            self._rows += _placed(calendar, csv.of(item))
            if has_tables:
                self._table_rows += _placed(calendar, table.of(item))
                self._events += [(name, cells) for _, name, cells in events.of(item)]
            if window is None or overlaps(item, calendar.time_zone, window):
                whose: Facts = {"X-WR-RELCALID": calendar.id}
                self._vevents += [(name, facts | whose) for name, facts in ics.of(item)]
                shown |= _ids(item)
        for event_id, resource in resources:
            if window is None or event_id in shown:
                self._resources[event_id] = resource

    def check(self, path: str, format_: str, content: bytes) -> tuple[int, list[Difference]]:
        """Return how many events, rows or lines a file has, and where it differs."""
        checks = {
            "ics": self._check_ics,
            "csv": self._check_csv,
            "jsonl": self._check_jsonl,
            "sqlite": self._check_sqlite,
            "parquet": self._check_parquet,
        }
        try:
            return checks[format_](path, content)
        except (UnreadableFile, UnicodeDecodeError) as error:
            return 0, [Difference(path, "", "content", f"unreadable: {error}", "readable")]

    def check_folder(self, path: str, contents: Iterable[bytes]) -> list[Difference]:
        """Return where a folder of one ICS file for each UID differs, taken as a whole."""
        try:
            read = [read_ics(content) for content in contents]
            events = [told for events, _ in read for told in events]
            zones = {zone for _, wrong in read for zone in wrong}
            return [*self._compare_ics(path, events), *_wrong_zones(path, sorted(zones))]
        except (UnreadableFile, UnicodeDecodeError) as error:
            return [Difference(path, "", "content", f"unreadable: {error}", "readable")]

    def _check_ics(self, path: str, content: bytes) -> tuple[int, list[Difference]]:
        told, zones = read_ics(content)
        return len(told), [*self._compare_ics(path, told), *_wrong_zones(path, zones)]

    def _compare_ics(self, path: str, told: list[Told]) -> list[Difference]:
        if self._export.html != "keep":  # the text was made from the HTML by rules of its own
            for _, facts in told:
                del facts["DESCRIPTION"]
        return list(compare(path, told, self._vevents))

    def _check_jsonl(self, path: str, content: bytes) -> tuple[int, list[Difference]]:
        lines = content.splitlines(keepends=True)
        told = [_line(line) for line in lines]
        truth = [_line(resource) for resource in self._resources.values()]
        found = list(compare(path, told, truth))
        return len(lines), found or list(_order(path, [i for i, _ in told], [i for i, _ in truth]))

    def _check_sqlite(self, path: str, content: bytes) -> tuple[int, list[Difference]]:
        told, events = read_sqlite(content)
        found = [*self._compare_table(path, told), *compare(path, events, self._events)]
        return len(told), found

    def _check_parquet(self, path: str, content: bytes) -> tuple[int, list[Difference]]:
        told = read_parquet(content)
        return len(told), self._compare_table(path, told)

    def _compare_table(self, path: str, told: list[Told]) -> list[Difference]:
        truth = _sorted(self._table_rows)
        found = list(compare(path, told, truth))
        return found or list(_order(path, [i for i, _ in told], [i for i, _ in truth]))

    def _check_csv(self, path: str, content: bytes) -> tuple[int, list[Difference]]:
        columns, rows = read_csv(content)
        for row in rows:
            row |= {name: canonical_json(row[name]) for name in JSON_COLUMNS if name in row}
        truth = _sorted(self._rows)
        found: list[Difference] = []
        told: list[Told]
        if tuple(columns) != self._columns:
            found.append(Difference(path, "", "header", ",".join(columns), ",".join(self._columns)))
        if "event_id" in columns:
            told = [(row["event_id"], dict(row)) for row in rows]
            found += compare(path, told, truth)
            found = found or list(_order(path, [i for i, _ in told], [i for i, _ in truth]))
        elif len(rows) != len(truth):
            found.append(Difference(path, "", "rows", f"{len(rows)} of them", f"{len(truth)}"))
        else:  # the order is promised, so the place says which event it is
            told = [(name, dict(row)) for row, (name, _) in zip(rows, truth, strict=True)]
            found += compare(path, told, truth)
        return len(rows), found


def _wrong_zones(path: str, zones: Iterable[WrongZone]) -> Iterator[Difference]:
    for tzid, wall, in_file, in_database in zones:
        offsets = (
            f"{seconds / 3600:+g} h on {wall:%Y-%m-%d}" for seconds in (in_file, in_database)
        )
        yield Difference(path, tzid, "VTIMEZONE", *offsets)


def _placed(calendar: CalendarView, rows: Iterable[PlacedRow]) -> Iterator[_SortedRow]:
    for instant, event_id, cells in rows:
        yield (instant, event_id, calendar.id), (event_id, cells)


def _sorted(rows: list[_SortedRow]) -> list[Told]:
    return [told for _, told in sorted(rows, key=lambda row: row[0])]


def _ids(item: Item) -> set[str]:
    if isinstance(item, Series):
        return {event.id for event in (item.master, *item.edited, *item.cancelled)}
    return {item.event.id}


def _line(line: bytes) -> Told:
    try:
        value: Any = json.loads(line.decode("utf-8", "surrogatepass"))
        return str(value["id"]), {"resource": json.dumps(value)}
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableFile(f"a line is no resource: {error}") from error


def _order(path: str, here: list[str], there: list[str]) -> Iterator[Difference]:
    for found, expected in zip(here, there, strict=False):
        if found != expected:
            yield Difference(path, expected, "order", f"has {found!r} here", f"{expected!r}")
            return
