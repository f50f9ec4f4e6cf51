"""Facts in words for a person, and every word from outside made harmless."""

from __future__ import annotations

import datetime as dt
import html

from calendar_sync.errors import ExitCode
from calendar_sync.grants.grant import read_instant
from calendar_sync.history import CalendarReport, Report
from calendar_sync.terminal import counted, one_line

_LONGEST = 300
_MEANINGS = {code.value: code.meaning for code in ExitCode}


def escape(text: object) -> str:
    """Make any text safe in HTML, in an element or a quoted attribute; what is endless is cut."""
    line = one_line(str(text))
    return html.escape(line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…", quote=True)


def name(text: str) -> str:
    """Escape a foreign name, isolated so that its direction cannot turn the words around it."""
    return f"<bdi>{escape(text)}</bdi>"


def moment_in_words(text: str | None, now: dt.datetime) -> str:
    """Return `Sat 21 Nov, 17:30` on the clock of `now`, another year named; "never" for none."""
    moment = read_instant(text)
    if moment is None:
        return "never"
    local = moment.astimezone(now.tzinfo)
    return f"{local:%a} {day_in_words(text, now)}, {local:%H:%M}"


def day_in_words(text: str | None, now: dt.datetime) -> str:
    """Return `21 Nov`, with the year where it is not this one; "never" for none."""
    moment = read_instant(text)
    if moment is None:
        return "never"
    local = moment.astimezone(now.tzinfo)
    return f"{local.day} {local:%b}" + (f" {local.year}" if local.year != now.year else "")


def ago(text: str | None, now: dt.datetime) -> str:
    """Return `3 hours ago`; empty where there is nothing to count from."""
    moment = read_instant(text)
    if moment is None:
        return ""
    length = distance(now - moment)
    return "just now" if length == "moments" else f"{length} ago"


def distance(delta: dt.timedelta) -> str:
    """Return a stretch of time in its largest whole unit."""
    left = int(abs(delta).total_seconds())
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if left >= size:
            return counted(left // size, unit)
    return "moments"


def change_in_words(calendar: CalendarReport) -> str:
    """Return `+3 ~1 −2`, the zeros left out."""
    parts = [("+", calendar.added), ("~", calendar.changed), ("−", calendar.removed)]
    return " ".join(f"{sign}{number}" for sign, number in parts if number)


def changes_in_words(run: Report) -> str:
    """Return what a run changed, calendar by calendar; empty when nothing."""
    changed = [(calendar.name, change_in_words(calendar)) for calendar in run.calendars]
    return ", ".join(f"{of} {change}" for of, change in changed if change)


def run_in_words(run: Report) -> str:
    """Say how a run went: what failed, or what it changed."""
    if run.exit_code:
        why = run.message or _MEANINGS.get(run.exit_code, "unknown")
        return f"exit code {run.exit_code}: {why}"
    return changes_in_words(run) or "nothing had changed"
