"""What the page says, read from the home: health, grant, calendars, runs, days, warnings."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import msgspec

from calendar_sync.calendars import KnownCalendar, is_chosen, list_calendars
from calendar_sync.changes import Change, list_changes
from calendar_sync.config import Config
from calendar_sync.errors import CalendarSyncError
from calendar_sync.grants.guard import token_file_of
from calendar_sync.health import schedule_zone, status
from calendar_sync.history import CalendarReport, Report, last_reports, recent_reports
from calendar_sync.home import Home
from calendar_sync.mirror import DamagedMirror, Mirror
from calendar_sync.mirror_file import open_mirror
from calendar_sync.report_page.days import count_days
from calendar_sync.sync import Kind

RECENT = dt.timedelta(days=7)
MOST_CHANGES = 15
_MOST_USERS = 100
_FROM_BEST_TO_WORST = ("fresh", "stale", "never", "failing")
RUNS = 60  # in the chart
_LOOKED_THROUGH = 3000  # runs in which a calendar's last change is looked for: a month of them


@dataclass(frozen=True)
class CalendarFacts:
    """One calendar as the page shows it. `change` is the run that last changed it, and how."""

    name: str
    events: int
    gone_at: str | None
    result: str
    error: str
    change: tuple[str, CalendarReport] | None


@dataclass(frozen=True)
class Facts:
    """Everything the page says; the same facts make the same page."""

    now: dt.datetime  # in the zone of the schedule, which is the page's
    status: dict[str, Any]
    schedule: str | None
    calendars: list[CalendarFacts] = field(default_factory=list)
    runs: list[Report] = field(default_factory=list)  # the newest first
    days: Counter[dt.date] = field(default_factory=Counter)
    event_warnings: list[tuple[str, str, int]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)  # the newest first
    reads_by_key: bool = False  # a service account: there is no grant that could end
    of_users: bool = (
        False  # `calendars` are users of an organisation: those of its last run with news
    )


def collect(home: Home, config: Config, now: dt.datetime) -> Facts:
    """Read everything; a home that has never run, or whose mirror is damaged, has little to say."""
    if config.is_organisation(home):
        return _collect_users(home, config, now)
    runs = recent_reports(home.mirror, _LOOKED_THROUGH)
    account = config.account_of(home)
    facts = Facts(
        now=now.astimezone(schedule_zone(config)),
        status=status(
            last_reports(home.mirror), home.mirror, token_file_of(home, config), config, now
        ),
        schedule=config.schedule,
        runs=runs[:RUNS],
        reads_by_key=account is not None and account.service_account is not None,
    )
    if not home.mirror.exists():
        return facts
    facts.changes.extend(_recent_changes(home, config, now))
    try:
        with closing(open_mirror(home.mirror)) as mirror:
            _look_into(mirror, config, runs, facts)
    except (DamagedMirror, CalendarSyncError):
        facts.calendars.clear()  # the next run tells about it, and mends it
    return facts


def _collect_users(home: Home, config: Config, now: dt.datetime) -> Facts:
    """Read what an organisation's runs left, of all its shards: the worst of them is its health."""
    from calendar_sync.organisation.members import shards_here

    places = shards_here(home)
    runs = [run for place in places for run in recent_reports(place.mirror, RUNS)]
    statuses = [
        status(last_reports(p.mirror), p.mirror, token_file_of(p, config), config, now)
        for p in places
    ]
    return Facts(
        now=now.astimezone(schedule_zone(config)),
        status=max(statuses, key=lambda each: _FROM_BEST_TO_WORST.index(each["health"])),
        schedule=config.schedule,
        calendars=[
            CalendarFacts(user.name, user.events, None, user.result, user.error, _change(run, user))
            for place in places
            for run in recent_reports(place.mirror, 1)
            for user in run.calendars[:_MOST_USERS]
        ],
        runs=sorted(runs, key=lambda run: run.finished_at, reverse=True)[:RUNS],
        reads_by_key=True,
        of_users=True,
    )


def _change(run: Report, user: CalendarReport) -> tuple[str, CalendarReport] | None:
    has_changed = user.added or user.changed or user.removed
    return (run.finished_at, user) if has_changed else None


def _recent_changes(home: Home, config: Config, now: dt.datetime) -> list[Change]:
    """Return the newest changes of the last week in what is exported, the newest first."""
    found = list_changes(home.mirror, now - RECENT)
    shown = [
        change
        for change in found
        if any(is_chosen(change.calendar_id, change.calendar, e.calendars) for e in config.export)
    ]
    return shown[: -MOST_CHANGES - 1 : -1]


def _look_into(mirror: Mirror, config: Config, runs: list[Report], facts: Facts) -> None:
    changes = _last_changes(runs)
    last = {c.id: c for c in runs[0].calendars} if runs else {}
    for calendar in list_calendars(mirror):
        if not _is_exported(calendar, config) or calendar.synced_at is None:
            continue
        facts.calendars.append(_calendar(mirror, calendar, last.get(calendar.id), changes))
        if calendar.gone_at is None:
            facts.days.update(count_days(mirror, calendar, config.timezone, facts.now.year))
        facts.event_warnings.extend(_event_warnings(mirror, calendar))


def _is_exported(calendar: KnownCalendar, config: Config) -> bool:
    return any(is_chosen(calendar.id, calendar.view.name, e.calendars) for e in config.export)


def _calendar(
    mirror: Mirror,
    calendar: KnownCalendar,
    last: CalendarReport | None,
    changes: dict[str, tuple[str, CalendarReport]],
) -> CalendarFacts:
    counts = mirror.count(calendar.key)
    return CalendarFacts(
        name=calendar.view.name or calendar.id,
        events=sum(number for kind, number in counts.items() if kind != Kind.CANCELLED),
        gone_at=calendar.gone_at,
        result=last.result if last else "",
        error=last.error if last else "",
        change=changes.get(calendar.id),
    )


def _last_changes(runs: list[Report]) -> dict[str, tuple[str, CalendarReport]]:
    """Find for each calendar the newest run that changed something, with its time."""
    found: dict[str, tuple[str, CalendarReport]] = {}
    for run in runs:
        for calendar in run.calendars:
            if calendar.added or calendar.changed or calendar.removed:
                found.setdefault(calendar.id, (run.finished_at, calendar))
    return found


def _event_warnings(mirror: Mirror, calendar: KnownCalendar) -> Iterator[tuple[str, str, int]]:
    """Yield (calendar, message, how many events) of what the exporters had to warn of."""
    rows = mirror.connection.execute(
        "SELECT entry FROM published WHERE calendar = ? ORDER BY output", (calendar.id,)
    )
    found: dict[tuple[str, str], str] = {}
    for (entry,) in rows:
        for warning in msgspec.json.decode(entry).get("warnings", []):
            found[warning["event_id"], warning["code"]] = warning["message"]
    counts = Counter(code for _, code in found)
    for code, number in sorted(counts.items()):
        message = next(text for (_, of), text in sorted(found.items()) if of == code)
        yield calendar.view.name or calendar.id, message, number
