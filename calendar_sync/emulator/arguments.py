"""The arguments of one control action, read as what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .store import Calendar, Entry

if TYPE_CHECKING:
    from .world import World


class Arguments:
    """The arguments of one action; a missing one is a ValueError that names it."""

    def __init__(self, world: World, given: Mapping[str, Any], now: datetime) -> None:
        self.world = world
        self.given = given
        self.now = now

    def __getitem__(self, name: str) -> Any:
        if name not in self.given:
            raise ValueError(f"the argument {name!r} is missing")
        return self.given[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return an argument that may be missing."""
        return self.given.get(name, default)

    @property
    def account(self) -> str:
        """The person's e-mail."""
        return str(self.get("account") or self.world.accounts()[0])

    @property
    def calendar(self) -> Calendar:
        """The calendar, by id or `primary`."""
        wanted = self["calendar"]
        return self.world.calendar(self.account if wanted == "primary" else wanted)

    @property
    def entry(self) -> Entry:
        """The calendar in the person's list, even if it was removed from there."""
        entries = self.world.account(self.account).entries
        if self.calendar.id not in entries:
            raise ValueError(f"{self.account} never had calendar {self.calendar.id!r}")
        return entries[self.calendar.id]

    @property
    def event(self) -> tuple[Calendar, str]:
        """The calendar and the event id."""
        return self.calendar, str(self["id"])

    @property
    def times(self) -> dict[str, Any]:
        """The new start and end."""
        return {"start": self["start"], "end": self["end"]}

    def changed_entry(self) -> Entry:
        """Return the entry, stamped as changed now."""
        self.entry.stamp = self.world.account(self.account).tick(self.now)
        return self.entry
