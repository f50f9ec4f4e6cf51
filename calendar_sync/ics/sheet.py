"""The sheet that a calendar's VEVENTs are put on before they are written."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import msgspec

from calendar_sync.model import CalendarView, Event, EventWarning


@dataclass(frozen=True)
class IcsOptions:
    """What a user may choose about ICS files."""

    orphans: str = "standalone"  # or "recurrence-id": as RFC 5545 has it, refused by some servers
    default_reminders: bool = False  # the calendar's own would ring in whatever reads the file
    html: str = "keep"  # descriptions: or "plain", as text only; or "both", as text and as HTML
    names_calendar: bool = False  # say of each event which calendar it is from


class Vevent(msgspec.Struct, frozen=True, gc=False):
    """What one VEVENT is made of. `times`: everything from DTSTART to EXDATE, as `block` has it."""

    event: Event
    uid: str
    times: str
    extra: str = ""  # one more line, or none


@dataclass
class Sheet:
    """What items become: VEVENTs, the zones they name, and what a reader should know."""

    calendar: CalendarView
    options: IcsOptions
    vevents: list[Vevent] = field(default_factory=list)
    zones: dict[str, int] = field(default_factory=dict)  # the earliest year of each
    warnings: list[EventWarning] = field(default_factory=list)

    def use_zone(self, zone: str, year: int) -> None:
        """Note that a time of `zone` is written, so that its VTIMEZONE reaches back to it."""
        if year < self.zones.get(zone, dt.MAXYEAR + 1):
            self.zones[zone] = year

    def warn(self, event: Event, code: str, message: str) -> None:
        """Note something about an event."""
        self.warnings.append(EventWarning(event.id, code, message))
