"""The calendars a home knows: their names, their slugs for ever, and those that went away."""

from __future__ import annotations

import datetime as dt
import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from calendar_sync.grants.grant import write_instant
from calendar_sync.mirror import Mirror
from calendar_sync.mirror_account import remember_account
from calendar_sync.model import CalendarEntry, CalendarView, Reminder
from calendar_sync.slugs import make_slug


@dataclass(frozen=True)
class KnownCalendar:
    """One calendar in the mirror. `revision` rises with every change that can show in a file."""

    key: int
    slug: str
    view: CalendarView
    revision: int
    synced_at: str | None
    gone_at: str | None

    @property
    def id(self) -> str:
        """Google's id."""
        return self.view.id


def view_of(entry: CalendarEntry) -> CalendarView:
    """Reduce a calendar-list entry to what files can show of it."""
    try:
        reminders = msgspec.json.decode(entry.default_reminders, type=tuple[Reminder, ...])
    except msgspec.MsgspecError:
        reminders = ()
    return CalendarView(
        id=entry.id,
        name=entry.summary_override or entry.summary,
        description=entry.description,
        time_zone=entry.time_zone or "UTC",
        background_color=entry.background_color,
        default_reminders=reminders,
    )


def remember_calendars(
    mirror: Mirror, entries: Iterable[CalendarEntry], former_slugs: Mapping[str, str]
) -> None:
    """Bring the mirror's calendars up to date. New ones get a slug, a former one where it had one.

    To be called inside a transaction. In order of id, so that every home chooses the same slugs.
    """
    entries = sorted(entries, key=lambda entry: entry.id)
    remember_account(mirror, next((entry.id for entry in entries if entry.primary), None))
    known = {calendar.id: calendar for calendar in list_calendars(mirror)}
    used = {calendar.slug for calendar in known.values()}
    taken = used | set(former_slugs.values())
    for entry in entries:
        view = view_of(entry)
        calendar = known.get(entry.id)
        if calendar is None:
            slug = former_slugs.get(entry.id, "")
            if not slug or slug in used:  # another home's manifest may name a slug of ours
                slug = make_slug(view.name, view.id, taken)
            taken.add(slug)
            used.add(slug)
            mirror.connection.execute(
                "INSERT INTO calendars (id, slug, view) VALUES (?, ?, ?)",
                (view.id, slug, msgspec.json.encode(view)),
            )
        elif calendar.view != view:
            mirror.connection.execute(
                "UPDATE calendars SET view = ?, revision = revision + 1 WHERE key = ?",
                (msgspec.json.encode(view), calendar.key),
            )


def mark_gone(mirror: Mirror, key: int, now: dt.datetime) -> None:
    """Remember since when a calendar is not there any more; the first date stays."""
    mirror.connection.execute(
        "UPDATE calendars SET gone_at = coalesce(gone_at, ?) WHERE key = ?",
        (write_instant(now), key),
    )


_COLUMNS = "SELECT key, slug, view, revision, synced_at, gone_at FROM calendars"


def list_calendars(mirror: Mirror) -> list[KnownCalendar]:
    """List every calendar the mirror knows, gone ones too, ordered by slug."""
    rows = mirror.connection.execute(f"{_COLUMNS} ORDER BY slug")
    return [_calendar(row) for row in rows]


def known_calendar(mirror: Mirror, key: int) -> KnownCalendar:
    """Return one calendar as the mirror knows it now."""
    return _calendar(mirror.connection.execute(f"{_COLUMNS} WHERE key = ?", (key,)).fetchone())


def _calendar(row: tuple[int, str, bytes, int, str | None, str | None]) -> KnownCalendar:
    key, slug, view, revision, synced_at, gone_at = row
    known = msgspec.json.decode(view, type=CalendarView)
    return KnownCalendar(key, slug, known, revision, synced_at, gone_at)


def is_chosen(calendar_id: str, name: str, patterns: Iterable[str]) -> bool:
    """Whether ids or name patterns choose a calendar; `!pattern` leaves out, the last match wins.

    Patterns that only leave out start from every calendar.
    """
    patterns = tuple(patterns)
    chosen = bool(patterns) and all(pattern.startswith("!") for pattern in patterns)
    for pattern in patterns:
        glob = pattern.removeprefix("!")
        matches = glob in (calendar_id, name) or any(
            fnmatch.fnmatchcase(text.casefold(), glob.casefold()) for text in (calendar_id, name)
        )
        if matches:
            chosen = not pattern.startswith("!")
    return chosen
