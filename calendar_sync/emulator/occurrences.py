"""Edits of one occurrence of a series, and of "this and all following" (facts 2.5, rules 50-53)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

from .edits import (
    changed_resource,
    drop_orphans,
    edit_event,
    is_live,
    live_event,
    original_text,
    remember_former,
    save,
    touch_exception,
    touch_series,
)
from .instances import Series, basic, series_of
from .resources import Resource, hole, html_link, new_id
from .store import Calendar
from .times import second_text

_LIMITS = re.compile(r";?(UNTIL|COUNT)=[^;]*", re.IGNORECASE)
_COUNT = re.compile(r"COUNT=(\d+)", re.IGNORECASE)


def live_series(calendar: Calendar, series_id: str) -> Series:
    """Return a stored series that is not deleted; ValueError says what is wrong."""
    event = live_event(calendar, series_id)
    series = series_of(event.resource(), calendar.zone) if event.recurring else None
    if series is None:
        raise ValueError(f"event {series_id!r} is not a series that can be read")
    return series


def _wall(series: Series, original_start: str) -> datetime:
    wall = series.find(series.wall_of(original_start))
    if wall is None:
        raise ValueError(f"series {series.resource['id']!r} does not happen at {original_start}")
    return wall


def cancel_instance(calendar: Calendar, series_id: str, original_start: str, now: datetime) -> str:
    """Delete one occurrence: no EXDATE, but a stripped exception (rule 52); returns its id."""
    series = live_series(calendar, series_id)
    wall = _wall(series, original_start)
    instance_id = series.id_of(wall)
    existing = calendar.events.get(instance_id)
    if existing and existing.state == "hole":
        raise ValueError(f"occurrence {instance_id!r} is cancelled already")
    resource = existing.resource() if existing else series.instance(wall)
    touch_exception(calendar, hole(resource), calendar.tick(now))
    return instance_id


def edit_instance(
    calendar: Calendar,
    series_id: str,
    original_start: str,
    changes: Mapping[str, Any],
    now: datetime,
) -> str:
    """Change or move one occurrence; a cancelled one comes back. Returns its id."""
    series = live_series(calendar, series_id)
    wall = _wall(series, original_start)
    instance_id = series.id_of(wall)
    existing = calendar.events.get(instance_id)
    stored = existing is not None and existing.state == "live"
    resource = existing.resource() if existing and stored else series.instance(wall)
    touch_exception(calendar, changed_resource(resource, changes), calendar.tick(now))
    return instance_id


def split_series(
    calendar: Calendar,
    series_id: str,
    at: str,
    changes: Mapping[str, Any] | None,
    now: datetime,
) -> str | None:
    """Change (or with None delete) an occurrence and all following; returns the new series' id.

    The old series gets UNTIL, exceptions beyond it become bare tombstones, and a new series
    `<old>_R<UTC start>` follows in the same change.
    """
    series = live_series(calendar, series_id)
    wall = _wall(series, at)
    if wall == series.first and changes is not None:
        edit_event(calendar, series_id, changes, now)  # "all following" of the first is all
        return series_id
    before, stamp = series.resource, calendar.tick(now)
    old = {**before, "recurrence": _until_before(series, wall)}
    remember_former(calendar, before, stamp)
    # Survivors come before tombstones and the new series last, as captured.
    touched = [one for one in calendar.exceptions_of(series_id) if one.state in ("live", "hole")]
    survivors = [one for one in touched if series.wall_of(original_text(one.resource())) < wall]
    save(calendar, old, stamp)
    for exception in survivors:
        save(calendar, exception.resource(), stamp)
    drop_orphans(calendar, old, stamp)
    if changes is None:
        return None
    new = changed_resource(_follower(calendar, series, wall, stamp), changes)
    touch_series(calendar, new, stamp)
    return str(new["id"])


def _until_before(series: Series, wall: datetime) -> list[str]:
    """Return the recurrence with UNTIL at the last second of the local day before (2.5)."""
    eve = datetime.combine(wall.date(), time(0)) - timedelta(seconds=1)
    if series.all_day:
        until = f"{eve.year:04d}{eve:%m%d}"
    else:
        until = f"{basic(eve.replace(tzinfo=series.zone).astimezone(UTC))}Z"
    lines = []
    for line in series.resource["recurrence"]:
        if line.upper().startswith("RRULE"):
            lines.append(f"{_LIMITS.sub('', line)};UNTIL={until}")
        elif line.upper().startswith("RDATE"):
            lines += _dates(series, line, lambda date: date < wall)
        else:
            lines.append(line)
    return lines


def _dates(series: Series, line: str, keep: Callable[[datetime], bool]) -> list[str]:
    """Return an RDATE line with the dates to keep, or nothing if there are none."""
    head, _, body = line.partition(":")
    attributes = head.split(";")[1:]
    kept = [text for text in body.split(",") if keep(series.recurrence.read_date(text, attributes))]
    return [f"{head}:{','.join(kept)}"] if kept else []


def _follower(calendar: Calendar, series: Series, wall: datetime, stamp: int) -> Resource:
    """Return the series that starts at the cut."""
    start = f"{wall:%Y%m%d}" if series.all_day else basic(series.moment(wall))
    base = series.resource["id"].split("_R")[0]
    follower_id = f"{base}_R{start}"
    if is_live(calendar.events.get(follower_id)):
        follower_id = new_id(f"{follower_id}|{stamp}")  # Google, too, sometimes takes a new one
    instance = series.instance(wall)
    for key in ("recurringEventId", "originalStartTime"):
        del instance[key]
    return instance | {
        "id": follower_id,
        "htmlLink": html_link(follower_id, calendar.id),
        "created": second_text(stamp),
        "recurrence": _from_cut(series, wall),
        "iCalUID": f"{follower_id}@google.com",
    }


def _from_cut(series: Series, wall: datetime) -> list[str]:
    """Return the recurrence from the cut on; COUNT goes on from there."""
    earlier = sum(1 for _ in series.until(wall)) - 1
    lines: list[str] = []
    for line in series.resource["recurrence"]:
        if line.upper().startswith("RDATE"):
            lines += _dates(series, line, lambda date: date >= wall)
        else:
            lines.append(_COUNT.sub(lambda count: f"COUNT={max(1, int(count[1]) - earlier)}", line))
    return lines


def edit_series(
    calendar: Calendar, series_id: str, changes: Mapping[str, Any], now: datetime
) -> list[str]:
    """Change "all events": the series and the pieces it was split into; returns their ids."""
    base = live_event(calendar, series_id).id.split("_R")[0]
    pieces = [
        event.id
        for event in calendar.events.values()
        if event.state == "live" and event.recurring and event.id.split("_R")[0] == base
    ]
    for piece in pieces:
        edit_event(calendar, piece, changes, now)
    return pieces
