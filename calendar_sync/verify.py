"""Published files read back with other parsers and compared with the mirror, event by event.

`verify` looks at what is published, `export --verify` at drafts. Each file is judged by the state
and the time it was made from: a rolling window that has moved on since is no difference.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from calendar_sync.calendars import KnownCalendar, is_chosen, list_calendars
from calendar_sync.errors import DamagedInput
from calendar_sync.grants.grant import read_instant
from calendar_sync.items import read_items
from calendar_sync.mirror import Mirror
from calendar_sync.model import EventWarning
from calendar_sync.per_uid import read_folder
from calendar_sync.publish import MANIFEST, entries_in
from calendar_sync.sync import Kind
from calendar_sync.verification.csv_truth import CsvRules
from calendar_sync.verification.differences import Difference
from calendar_sync.verification.truth import Truth
from calendar_sync.views import View

MOST_PRINTED = 20
MOST_RUNS = 5000  # looked through for the one that made a file
_UNKNOWN_STATE = (
    "its files are of another state, configuration or period than the mirror's: "
    "run calendar-sync export"
)


class DraftDiffers(DamagedInput):
    """A file read back before it was published says something else than the mirror."""


class Findings(msgspec.Struct):
    """What `verify` found in all outputs; no differences means all is well."""

    files: int = 0
    events: int = 0
    differences: list[Difference] = []
    remarks: list[str] = []


def check_drafts(
    mirror: Mirror,
    calendar: KnownCalendar,
    view: View,
    drafts: Mapping[str, Path],
    warnings: list[EventWarning],
) -> None:
    """Compare drafts, by format, with the mirror. Raises DraftDiffers; nothing is changed."""
    noted = {(warning.event_id, warning.code) for warning in warnings}
    _check_all(_truth(mirror, view, [(calendar, noted)]), calendar.slug, drafts)


def check_merged(
    mirror: Mirror,
    calendars: list[KnownCalendar],
    view: View,
    drafts: Mapping[str, Path],
    warnings: Mapping[str, list[EventWarning]],
) -> None:
    """Compare merged drafts with the mirror, as `check_drafts`."""
    noted = [(each, {(w.event_id, w.code) for w in warnings[each.id]}) for each in calendars]
    _check_all(_truth(mirror, view, noted), view.export.name, drafts)


def _check_all(truth: Truth, name: str, drafts: Mapping[str, Path]) -> None:
    found: list[Difference] = []
    for format_, path in drafts.items():
        found += truth.check(f"{name}.{format_}", format_, path.read_bytes())[1]
    if found:
        raise DraftDiffers(
            f"{len(found)} differences from the mirror, not published; the first: {found[0]}.",
            "This is a bug in calendar-sync; please report it.",
        )


_Noted = set[tuple[str, str]]
_Entry = tuple[KnownCalendar, dict[str, Any]]


def _truth(mirror: Mirror, view: View, calendars: list[tuple[KnownCalendar, _Noted]]) -> Truth:
    truth = Truth(view.export)
    for calendar, noted in calendars:
        rules = CsvRules(
            rows=view.export.rows,
            preset=view.export.preset,
            guard=view.export.csv_guard,
            horizon=view.horizon(calendar),
            window=view.window(calendar),
            zone=view.zone,
        )
        items = read_items(mirror.resources_by_series(calendar.key), [])
        truth.add(calendar.view, rules, items, mirror.resources_by_id(calendar.key), noted)
    return truth


# -- what is published -----------------------------------------------------------------------------


def verify_output(mirror: Mirror, view: View, asked: tuple[str, ...], findings: Findings) -> None:
    """Verify one output folder: its manifest against its files, both against the mirror.

    `asked` are ids or name patterns of the calendars to look at; none means all.
    """
    if view.export.merge:
        asked = ()  # one file of all of them: it is right as a whole or not at all
    entries = {
        entry["id"]: entry
        for entry in entries_in(view.folder)
        if not asked or is_chosen(entry["id"], str(entry.get("summary")), asked)
    }
    known: list[_Entry] = []
    others: list[dict[str, Any]] = []  # gone calendars: the mirror says nothing of them any more
    for calendar in list_calendars(mirror):
        if asked and not is_chosen(calendar.id, calendar.view.name, asked):
            continue
        if not view.shows(calendar) or not _is_published(mirror, view, calendar):
            continue
        entry = entries.pop(calendar.id, None)
        if entry is None:
            path = str(view.folder / MANIFEST)
            findings.differences.append(
                Difference(path, calendar.id, "calendar", "absent", calendar.view.name)
            )
        elif calendar.gone_at is None or view.export.merge:
            known.append((calendar, entry))
        else:
            others.append(entry)
    for entry in (*others, *entries.values()):
        with _reading(view, entry["slug"], findings):
            _verify_files(view, entry, findings)
    groups = [known] if view.export.merge and known else [[one] for one in known]
    for group in groups:
        with _reading(view, group[0][0].slug, findings):
            _verify_group(mirror, view, group, findings)


@contextlib.contextmanager
def _reading(view: View, slug: str, findings: Findings) -> Iterator[None]:
    """Take an entry of the manifest that makes no sense for a difference."""
    try:
        yield
    except (KeyError, TypeError, AttributeError) as error:
        found = Difference(str(view.folder / MANIFEST), slug, "entry", repr(error), "a whole entry")
        findings.differences.append(found)


def _is_published(mirror: Mirror, view: View, calendar: KnownCalendar) -> bool:
    return _published(mirror, view, calendar) is not None


def _published(mirror: Mirror, view: View, calendar: KnownCalendar) -> str | None:
    """Return the fingerprint of what the calendar's files in this output were made from."""
    row: tuple[str] | None = mirror.connection.execute(
        "SELECT fingerprint FROM published WHERE output = ? AND calendar = ?",
        (str(view.folder), calendar.id),
    ).fetchone()
    return row[0] if row else None


def _verify_group(mirror: Mirror, view: View, group: list[_Entry], findings: Findings) -> None:
    """Verify the files of one calendar, or the merged ones of several."""
    first = group[0][1]
    contents = _verify_files(view, first, findings)
    formats = tuple(file["format"] for file in first["files"])
    view = dataclasses.replace(view, export=msgspec.structs.replace(view.export, formats=formats))
    made_at = _made_at(mirror, view, [calendar for calendar, _ in group])
    view = dataclasses.replace(view, now=made_at or view.now)
    truth = _truth(mirror, view, [(calendar, _noted(entry)) for calendar, entry in group])
    found: list[Difference] = []
    for calendar, entry in group:
        found += _compare_counts(mirror, view, calendar, entry)
        findings.events += entry["events"]
    for file, content in contents:
        path = str(view.folder / file["path"])
        rows, differences = truth.check(path, file["format"], content)
        if rows != file["rows"]:
            found.append(_of_manifest(view, file["path"], "rows", file["rows"], rows))
        found += differences
    if "per_uid" in first:
        found += _compare_folder(view, truth, first)
    findings.differences += found
    if found and made_at is None:
        findings.remarks.append(f"{first['slug']}: {_UNKNOWN_STATE}")


def _compare_folder(view: View, truth: Truth, entry: dict[str, Any]) -> list[Difference]:
    """Compare the folder of one ICS file for each UID, and how many there are."""
    folder = view.folder / entry["per_uid"]["path"]
    try:
        files = list(read_folder(folder))
    except OSError as error:
        why = (error.strerror or "unreadable").lower()
        return [Difference(str(folder), "", "folder", why, "published")]
    found = truth.check_folder(str(folder), (content for _, content in files))
    count = entry["per_uid"]["files"]
    if len(files) != count:
        found.append(_of_manifest(view, folder.name, "files", count, len(files)))
    return found


def _noted(entry: dict[str, Any]) -> _Noted:
    return {(warning["event_id"], warning["code"]) for warning in entry["warnings"]}


def _verify_files(
    view: View, entry: dict[str, Any], findings: Findings
) -> list[tuple[dict[str, Any], bytes]]:
    """Compare files with what the manifest says of their bytes; return those that can be read."""
    readable = []
    for file in entry["files"]:
        findings.files += 1
        try:
            content = (view.folder / file["path"]).read_bytes()
        except OSError as error:
            why = (error.strerror or "unreadable").lower()
            found = [Difference(str(view.folder / file["path"]), "", "file", why, "published")]
        else:
            readable.append((file, content))
            digest = hashlib.sha256(content).hexdigest()
            pairs = (("bytes", len(content)), ("sha256", digest))
            found = [
                _of_manifest(view, file["path"], name, file[name], value)
                for name, value in pairs
                if file[name] != value
            ]
        findings.differences += found
    return readable


def _of_manifest(view: View, name: str, field: str, said: object, is_so: object) -> Difference:
    return Difference(str(view.folder / MANIFEST), name, field, f"says {said}", f"it is {is_so}")


def _compare_counts(
    mirror: Mirror, view: View, calendar: KnownCalendar, entry: dict[str, Any]
) -> Iterator[Difference]:
    counts = mirror.count(calendar.key)
    expected = {
        "summary": calendar.view.name,
        "slug": calendar.slug,
        "events": sum(number for kind, number in counts.items() if kind != Kind.CANCELLED),
        "series": counts.get(Kind.SERIES, 0),
        "exceptions": counts.get(Kind.EDITED, 0) + counts.get(Kind.CANCELLED, 0),
    }
    for field, value in expected.items():
        if entry.get(field) != value:
            yield _of_manifest(view, calendar.slug, field, entry.get(field), value)


def _made_at(mirror: Mirror, view: View, calendars: list[KnownCalendar]) -> dt.datetime | None:
    """Return when the run began that made the files from what the mirror holds now.

    Windows and horizons depend on that time. None when no run fits: the mirror, the configuration
    or this program has changed since, or the run was given a period.
    """
    fingerprints = [_published(mirror, view, calendar) for calendar in calendars]
    rows = mirror.connection.execute(
        "SELECT started_at FROM runs ORDER BY started_at DESC LIMIT ?", (MOST_RUNS,)
    )
    for (text,) in rows.fetchall():
        started = read_instant(text)
        if started is not None:
            candidate = dataclasses.replace(view, now=started)
            if [candidate.fingerprint(calendar) for calendar in calendars] == fingerprints:
                return started
    return None
