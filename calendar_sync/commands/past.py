"""Looking back: `history` (past runs) and `changes` (what they found added, changed, cancelled)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click
import msgspec

from calendar_sync.app import App
from calendar_sync.cli import command
from calendar_sync.commands.options import Words, calendar_option
from calendar_sync.durations import Unreadable
from calendar_sync.terminal import one_line
from calendar_sync.windows import parse_day_or_time

if TYPE_CHECKING:
    from calendar_sync.changes import Change
    from calendar_sync.history import Report

_RUN = re.compile(r"\d{8}T\d{6}Z(-[0-9a-f]*)?")


def _run_or_day(text: str) -> str | dt.date | dt.datetime:
    """Read a run's id, as `history` shows it, or a date."""
    if _RUN.fullmatch(text):
        return text
    try:
        return parse_day_or_time(text)
    except Unreadable as error:
        raise Unreadable(f"{text!r} is neither a run nor a date such as 2024-05-01") from error


@command("history")
@click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, help="So many at most."
)
def history(app: App, limit: int) -> None:
    """List past runs, the newest first: when, how they ended, what they found changed."""
    from calendar_sync.commands.many import places_of
    from calendar_sync.history import recent_reports

    found = [
        run
        for place in places_of(app, app.account_home)
        for run in recent_reports(place.mirror, limit, with_backfills=True)
    ]
    runs = sorted(found, key=lambda run: run.finished_at, reverse=True)[:limit]
    if app.terminal.as_json:
        app.terminal.json({"version": 1, "runs": runs})
        return
    for run in runs:
        app.terminal.data(one_line(_run_in_words(run)))
    if not runs:
        place = app.account_home
        app.terminal.say(f"No run is remembered in {place.mirror}; {place.describe()}.")


def _run_in_words(run: Report) -> str:
    counts = [sum(getattr(c, kind) for c in run.calendars) for kind in _COUNTED]
    found = " ".join(f"{n} {word}" for n, word in zip(counts, _COUNTED.values(), strict=True) if n)
    what = ", ".join(part for part in (run.message, found) if part) or "nothing changed"
    return f"{run.finished_at}  {run.run_id}  {run.command:<8}  exit {run.exit_code:>3}  {what}"


_COUNTED = {"added": "added", "changed": "changed", "removed": "cancelled"}


@command("changes")
@click.option(
    "--since",
    type=Words("run or date", _run_or_day),
    metavar="RUN|DATE",
    help="From this run or day on, inclusive; else of the last run that found any.",
)
@calendar_option
def changes(app: App, since: Any, calendars: tuple[str, ...]) -> None:
    """List what runs found added, changed and cancelled, with before and after."""
    from calendar_sync.calendars import is_chosen
    from calendar_sync.changes import list_changes

    found = [
        change
        for change in list_changes(app.home.mirror, _instant(app, since))
        if not calendars or is_chosen(change.calendar_id, change.calendar, calendars)
    ]
    if app.terminal.as_json:
        app.terminal.json({"version": 1, "changes": found})
        return
    for change in found:
        app.terminal.data(one_line(_change_in_words(change)))
    if not found and app.home.mirror.exists():
        first = "" if since or calendars else " since the calendars were first read"
        app.terminal.say(f"No changes{first}.")
    elif not found:
        app.terminal.say(f"No changes: there is no {app.home.mirror}; {app.home.describe()}.")


def _instant(app: App, since: Any) -> dt.datetime | str | None:
    """Make an instant of a day, which begins in the configured zone, else in this machine's."""
    if since is None or isinstance(since, str):
        return since
    from calendar_sync.health import schedule_zone
    from calendar_sync.times import FIRST_SECOND, LAST_SECOND
    from calendar_sync.windows import instant_of_day_or_time

    instant = instant_of_day_or_time(since, schedule_zone(app.config))
    return dt.datetime.fromtimestamp(min(max(instant, FIRST_SECOND), LAST_SECOND), dt.UTC)


def _change_in_words(change: Change) -> str:
    head = f"{change.found_at}  {change.kind:<9}  {change.calendar}"
    if change.kind == "omitted":
        return f"{head}: {change.after.get('changes')} more changes in this run"
    details = ", ".join(_details(change))
    return f"{head}: {change.summary or '(untitled)'}" + (f"; {details}" if details else "")


def _details(change: Change) -> Iterator[str]:
    if change.kind != "changed":
        start = (change.before or change.after).get("start")
        yield from [_words(start, change.time_zone)] if start else []
        return
    for key in {**change.before, **change.after}:
        if key != "also":
            sides = (
                _words(side.get(key), change.time_zone) for side in (change.before, change.after)
            )
            yield f"{key} {' -> '.join(sides)}"
    for name in change.after.get("also", []):
        yield f"{name} changed"


def _words(value: Any, calendar_zone: str) -> str:
    """Show a value in one line: a time in the event's own zone, a count of answers, a text."""
    if value is None:
        return "none"
    if isinstance(value, dict) and ("date" in value or "dateTime" in value):
        return _time_in_words(value, calendar_zone)
    if isinstance(value, dict):
        return " ".join(f"{number} {answer}" for answer, number in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _time_in_words(value: dict[str, Any], calendar_zone: str) -> str:
    from calendar_sync.model import EventTime
    from calendar_sync.times import UnreadableTime, read_time

    try:
        time = read_time(msgspec.convert(value, EventTime), calendar_zone)
    except (UnreadableTime, msgspec.MsgspecError):
        return str(value.get("dateTime") or value.get("date"))
    if isinstance(time, dt.date):
        return time.isoformat()
    return f"{time.wall:%Y-%m-%d %H:%M} {time.zone}"
