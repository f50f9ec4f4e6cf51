"""Two versions of a resource -> what changed, as a person sees it. Pure."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from typing import Any, Literal

import msgspec

from calendar_sync.resources import without_half_surrogates
from calendar_sync.sync import Kind

Resource = dict[str, Any]
KindOfChange = Literal["added", "changed", "cancelled"]

# What Google gives anew whenever a series is sent again, though nobody touched it.
_VOLATILE = {"etag", "updated", "sequence", "kind", "htmlLink"}
_TIMES = ("start", "end", "originalStartTime")
_SHOWN = (
    "summary", "start", "end", "location", "description", "status", "recurrence",
    "transparency", "visibility",
)  # fmt: skip
_LONGEST = 200  # signs of a text; a description may have thousands


class Version(msgspec.Struct, frozen=True):
    """What the mirror held of an event at one time."""

    kind: int  # sync.Kind
    resource: bytes


class Surroundings(msgspec.Struct, frozen=True):
    """An exception's series: whether it came or went in the same reading, and what it is now."""

    series: bytes | None = None
    came: bool = False
    went: bool = False


ALONE = Surroundings()


def kind_of_change(
    before: Version | None, after: Version | None, around: Surroundings = ALONE
) -> KindOfChange | None:
    """Tell what happened to an event; None when nothing a person would call a change.

    A cancelled occurrence is one whether Google named it for the first time or had it edited before.
    What comes or goes with its series is part of the series' own change.
    """
    if around.came or around.went:
        return None
    was = before is not None and before.kind != Kind.CANCELLED
    if after is None:
        return "cancelled" if was else None
    if after.kind == Kind.CANCELLED:
        return "cancelled" if before is None or was else None
    if before is None:
        return "added" if around.series is None else "changed"
    return "changed" if differing_keys(read(before.resource), read(after.resource)) else None


def describe(
    before: Version | None, after: Version | None, around: Surroundings = ALONE
) -> tuple[Resource, Resource]:
    """Return what a person cares about, before and after; of a change only what differs.

    An occurrence of which nothing was known had, before, what its series says.
    """
    new = read(after.resource) if after else {}
    if before is not None:
        old = read(before.resource)
    else:
        old = _as_the_series_says(new, read(around.series)) if around.series else {}
    if before is None and not old and after is not None and after.kind == Kind.CANCELLED:
        old = {"start": new.get("originalStartTime")}
    if after is None or after.kind == Kind.CANCELLED:
        return _shown(old), {}
    if not old:
        return {}, _shown(new)
    return _only(differing_keys(old, new), old, new)


def summary_of(before: Version | None, after: Version | None, around: Surroundings = ALONE) -> str:
    """Return the title to show; an event may have none, a cancelled occurrence has its series'."""
    sides = [version.resource if version else None for version in (after, before)]
    for resource in (*sides, around.series):
        title = read(resource).get("summary") if resource else None
        if isinstance(title, str):
            return title
    return ""


def read(resource: bytes) -> Resource:
    """Read a resource, whatever half surrogates it holds."""
    try:
        value = msgspec.json.decode(resource)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        value = without_half_surrogates(json.loads(resource.decode("utf-8", "replace")))
    return value if isinstance(value, dict) else {}


def differing_keys(old: Resource, new: Resource) -> list[str]:
    """Name the fields that differ, but for what Google counts up by itself.

    Times are compared as what they mean: another zone of the calendar gives all other offsets.
    """
    keys = (old.keys() | new.keys()) - _VOLATILE
    return sorted(key for key in keys if _meaning(key, old) != _meaning(key, new))


def _meaning(key: str, resource: Resource) -> Any:
    value = resource.get(key)
    if key not in _TIMES or not isinstance(value, dict) or "dateTime" not in value:
        return value
    try:
        moment = dt.datetime.fromisoformat(str(value["dateTime"]))
        meaning: Any = moment.timestamp() if moment.tzinfo else moment
    except (ValueError, OverflowError):
        meaning = value["dateTime"]
    return {**value, "dateTime": meaning}


def _shown(resource: Resource) -> Resource:
    shown = {key: _short(resource[key]) for key in _SHOWN if resource.get(key) is not None}
    if resource.get("attendees"):
        shown["attendees"] = _answers(resource["attendees"])
    return shown


def _only(keys: list[str], old: Resource, new: Resource) -> tuple[Resource, Resource]:
    """Return the differing fields; those of no interest in detail are named in `also`."""
    before, after = _shown(old), _shown(new)
    wanted = (key for key in (*_SHOWN, "attendees") if key in keys)
    shown = [key for key in wanted if before.get(key) != after.get(key)]
    also = [key for key in keys if key not in shown and key != "originalStartTime"]
    told = ({key: side.get(key) for key in shown} for side in (before, after))
    left, right = told
    return left, {**right, "also": also} if also else right


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONGEST:
        return value[:_LONGEST] + "…"
    return value


def _answers(attendees: Any) -> dict[str, int]:
    """Count the attendees by their answer: who it was is in the event itself."""
    people = attendees if isinstance(attendees, list) else []
    answers = (one.get("responseStatus") for one in people if isinstance(one, dict))
    return dict(sorted(Counter(str(answer or "needsAction") for answer in answers).items()))


def _as_the_series_says(occurrence: Resource, series: Resource) -> Resource:
    """Return the occurrence as it was before anybody touched it by itself."""
    original = occurrence.get("originalStartTime")
    # What every occurrence has of its own is no difference to the series.
    own: Resource = {
        key: occurrence[key]
        for key in ("id", "recurringEventId", "originalStartTime", "created")
        if key in occurrence
    }
    without = {key: value for key, value in series.items() if key != "recurrence"}
    return {**without, **own, "start": original, "end": _end_from(original, series)}


def _end_from(original: Any, series: Resource) -> Any:
    """Add the series' length to an original start; None where either is odd."""
    try:
        key = "date" if "date" in original else "dateTime"
        read_time = dt.date.fromisoformat if key == "date" else dt.datetime.fromisoformat
        start, end = (read_time(series[side][key]) for side in ("start", "end"))
        text = (read_time(original[key]) + (end - start)).isoformat()
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return {**original, key: text}
