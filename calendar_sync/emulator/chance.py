"""Random edits: what people do to their calendars, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from .edits import is_live
from .instances import Series, series_of
from .resources import Event, Resource
from .store import Calendar
from .times import from_microseconds, moment_of, moment_text

if TYPE_CHECKING:
    from .world import World

Choice = tuple[str, dict[str, Any]]
_TITLES = [
    "Lunch",
    "Review 🔍",
    "Déjeuner, puis café",
    "1:1",
    "=SUM(A1:A9)",
    "Zahnarzt",
    "会議",
    "Kick-off; phase 2",
]
_RULES = (
    "RRULE:FREQ=DAILY;COUNT=9",
    "RRULE:FREQ=WEEKLY;BYDAY=MO,WE",
    "RRULE:FREQ=WEEKLY;INTERVAL=2",
    "RRULE:FREQ=MONTHLY;BYMONTHDAY=15",
    "RRULE:FREQ=YEARLY",
)


class Draw:
    """One draw for one calendar."""

    def __init__(self, calendar: Calendar, seed: object) -> None:
        self.calendar = calendar
        self.random = random.Random(f"{calendar.id}|{seed}")  # noqa: S311
        self.live = [event for event in calendar.events.values() if is_live(event)]
        self.series = [event for event in self.live if event.recurring]

    def edit(self) -> Choice:
        """Return an action and its arguments; adds when there is nothing to change."""
        makers: list[Callable[[], Choice | None]] = [
            self._add, self._add, self._change, self._change, self._move, self._delete,
            self._cancel_instance, self._change_instance, self._change_instance,
            self._move_instance, self._split, self._split_off, self._change_series,
        ]  # fmt: skip
        name, arguments = self.random.choice(makers)() or self._add()
        return name, {"calendar": self.calendar.id, **arguments}

    def _when(self) -> Resource:
        base = from_microseconds(self.calendar.position).replace(minute=0, second=0)
        start = base + timedelta(hours=self.random.randint(-2000, 4000))
        if self.random.random() < 0.3:
            last = start + timedelta(days=self.random.randint(1, 3))
            return {
                "start": {"date": start.date().isoformat()},
                "end": {"date": last.date().isoformat()},
            }
        return self._timed(start, {"timeZone": self.calendar.time_zone})

    def _timed(self, start: datetime, zone: Resource) -> Resource:
        end = start + timedelta(minutes=self.random.choice((15, 30, 60, 90)))
        return {
            "start": {"dateTime": moment_text(start), **zone},
            "end": {"dateTime": moment_text(end), **zone},
        }

    def _title(self) -> str:
        return f"{self.random.choice(_TITLES)} {self.random.randint(1, 999)}"

    def _add(self) -> Choice:
        event = {"summary": self._title(), **self._when()}
        if self.random.random() < 0.4:
            event["recurrence"] = [self.random.choice(_RULES)]
        return "add_event", {"event": event}

    def _one(self, events: list[Event]) -> Event | None:
        return self.random.choice(events) if events else None

    def _change(self) -> Choice | None:
        event = self._one(self.live)
        changes = {"summary": self._title(), "location": self.random.choice(("Room 4", None))}
        return ("edit_event", {"id": event.id, "changes": changes}) if event else None

    def _change_series(self) -> Choice | None:
        event = self._one(self.series)
        changes = {"summary": self._title()}
        return ("edit_series", {"id": event.id, "changes": changes}) if event else None

    def _move(self) -> Choice | None:
        event = self._one([one for one in self.live if not one.recurring])
        return ("move_event", {"id": event.id, **self._shifted(event)}) if event else None

    def _shifted(self, event: Event) -> Resource:
        resource = event.resource()
        if "dateTime" not in resource.get("start", {}):
            return self._when()
        begin = moment_of(resource["start"], self.calendar.zone)
        if not 1900 < begin.year < 2200:
            return self._when()  # near the ends of the calendar there is nowhere to move to
        zone = {key: text for key, text in resource["start"].items() if key == "timeZone"}
        return self._timed(begin + timedelta(hours=self.random.randint(1, 60)), zone)

    def _delete(self) -> Choice | None:
        event = self._one([one for one in self.live if not one.series])
        return ("delete_event", {"id": event.id}) if event else None

    def _occurrence(self) -> tuple[Event, Series, datetime] | None:
        event = self._one(self.series)
        series = series_of(event.resource(), self.calendar.zone) if event else None
        if event is None or series is None:
            return None
        free = [wall for wall in islice(series.walls(), 40) if not self._is_hole(series, wall)]
        return (event, series, self.random.choice(free)) if free else None

    def _is_hole(self, series: Series, wall: datetime) -> bool:
        event = self.calendar.events.get(series.id_of(wall))
        return event is not None and event.state == "hole"

    def _instance(self) -> dict[str, Any] | None:
        found = self._occurrence()
        if found is None:
            return None
        event, series, wall = found
        return {"id": event.id, "original_start": series.id_of(wall)}

    def _cancel_instance(self) -> Choice | None:
        instance = self._instance()
        return ("cancel_instance", instance) if instance else None

    def _change_instance(self) -> Choice | None:
        instance = self._instance()
        changes = {"summary": self._title()}
        return ("edit_instance", {**instance, "changes": changes}) if instance else None

    def _move_instance(self) -> Choice | None:
        found = self._occurrence()
        if found is None or found[1].all_day:
            return None
        event, series, wall = found
        zone = {"timeZone": event.resource()["start"].get("timeZone", self.calendar.time_zone)}
        times = self._timed(series.moment(wall) + timedelta(hours=3), zone)
        return "move_instance", {"id": event.id, "original_start": series.id_of(wall), **times}

    def _split(self) -> Choice | None:
        instance = self._instance()
        if instance is None:
            return None
        changes = {"summary": self._title()}
        return "split_series", {
            "id": instance["id"], "at": instance["original_start"], "changes": changes,
        }  # fmt: skip

    def _split_off(self) -> Choice | None:
        instance = self._instance()
        if instance is None:
            return None
        return "split_series", {
            "id": instance["id"], "at": instance["original_start"], "delete": True,
        }  # fmt: skip


def choose_edit(world: World, seed: object, account: str, wanted: Calendar | None) -> Choice:
    """Return a plausible action on this calendar, or on any that the person may write to."""
    own = [
        entry.calendar
        for entry in world.account(account).entries.values()
        if entry.role in ("writer", "owner") and not entry.deleted
    ]
    calendar = wanted or random.Random(f"{seed}").choice(own)  # noqa: S311
    return Draw(calendar, seed).edit()
