"""The world behind the local Google: people, their calendars, and what happens to them.

It has no clock (every request brings `now`), no network and no disk but `load_jsonl`. One lock
makes it safe for a threaded server; under it pages are joined from stored bytes.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .actions import perform
from .answers import Answers
from .api import ApiAnswer, ApiRequest, legacy_error
from .calendars import not_found
from .paging import Pager
from .resources import Resource
from .samples import fill_with_samples
from .store import Account, Calendar, Entry
from .switches import Switches, changed
from .times import microseconds, parse_rfc3339

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
"""When nobody has said what time it is."""


class World:
    """All accounts and calendars. `answer` is the API's read side, `control` everything else.

    It begins with the sample calendars of ada@example.com, unless it shall be `empty`.
    """

    def __init__(self, *, empty: bool = False) -> None:
        self.pager = Pager()
        self.switches = Switches()
        self._accounts: dict[str, Account] = {}
        self._calendars: dict[str, Calendar] = {}
        self._lock = threading.RLock()
        self._now = BEGINNING
        self._requests = 0
        if not empty:
            fill_with_samples(self)

    # -- what the server asks

    def answer(self, request: ApiRequest) -> ApiAnswer:
        """Answer one API call; raises ApiError for Google's errors."""
        with self._lock:
            self._now = max(self._now, request.now)
            self._requests += 1
            account = self._accounts.get(request.account)
            if account is None:
                raise not_found()
            return Answers(account, request, self.switches_for, self.pager).answer()

    def control(
        self, action: str, arguments: Mapping[str, Any], now: datetime | None = None
    ) -> dict[str, Any]:
        """Do one action of the table in actions.py; a 400 ApiError says what was wrong.

        `now` is, in this order: an RFC 3339 text in the arguments, this argument, the time of
        the newest request.
        """
        with self._lock:
            try:
                given = arguments.get("now")
                self._now = parse_rfc3339(given) if given else now or self._now
                return perform(self, action, arguments, self._now)
            except (ValueError, KeyError, TypeError, OSError, OverflowError) as error:
                raise legacy_error(400, "invalid", f"{action}: {error}") from error

    # -- building the world

    def accounts(self) -> list[str]:
        """Return the e-mails of all people, oldest first."""
        return list(self._accounts)

    def account(self, email: str) -> Account:
        """Return a person; ValueError if there is none."""
        if email not in self._accounts:
            raise ValueError(f"there is no account {email!r}")
        return self._accounts[email]

    def calendar(self, calendar_id: str) -> Calendar:
        """Return a calendar; ValueError if there is none."""
        if calendar_id not in self._calendars:
            raise ValueError(f"there is no calendar {calendar_id!r}")
        return self._calendars[calendar_id]

    def add_account(self, email: str) -> Account:
        """Add a person, or return the one there is."""
        return self._accounts.setdefault(email, Account(email, stamp=microseconds(BEGINNING)))

    def add_calendar(
        self,
        account: str,
        calendar_id: str,
        summary: str,
        *,
        time_zone: str = "Europe/Berlin",
        role: str = "owner",
        description: str = "",
        hidden: bool = False,
        now: datetime = BEGINNING,
    ) -> Entry:
        """Add a calendar to a person's list; it is the primary one if its id is the account."""
        if calendar_id in self._calendars:
            raise ValueError(f"there is a calendar {calendar_id!r} already")
        organizer: Resource = {"email": calendar_id, "displayName": summary, "self": True}
        if calendar_id == account:
            del organizer["displayName"]  # people's own events show none (samples)
        calendar = Calendar(
            calendar_id, summary, time_zone, description, data_owner=account, organizer=organizer
        )
        calendar.position = microseconds(now)
        self._calendars[calendar_id] = calendar
        entry = self.share(account, calendar, role, now=now)
        entry.hidden = hidden
        return entry

    def share(
        self, account: str, calendar: Calendar, role: str, *, now: datetime = BEGINNING
    ) -> Entry:
        """Put a calendar into a person's list, or back into it."""
        person = self.add_account(account)
        primary = calendar.id == account
        reminders: list[Resource] = [{"method": "popup", "minutes": 10}] if primary else []
        entry = Entry(calendar, role, person.tick(now), primary=primary, reminders=reminders)
        person.entries[calendar.id] = entry
        return entry

    def load_jsonl(
        self, path: Path | str, *, account: str, calendar_id: str, time_zone: str = "UTC"
    ) -> dict[str, int]:
        """Load resources, one JSON a line (bare, or under "resource"), to be served verbatim.

        Ids are unique in a calendar only, so a repeated one begins a further calendar, called
        `<calendar_id>.2` and so on. Returns how many each got. Missing calendars are made.
        """
        batches: list[dict[str, Resource]] = []
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            if line.strip():
                read = json.loads(line)
                _place(read.get("resource", read), batches)
        counts: dict[str, int] = {}
        with self._lock:
            for number, batch in enumerate(batches, start=1):
                target = calendar_id if number == 1 else f"{calendar_id}.{number}"
                if target not in self._calendars:
                    self.add_calendar(account, target, target, time_zone=time_zone)
                counts[target] = self.load(target, batch.values())
        return counts

    def load(self, calendar_id: str, resources: Iterable[Resource]) -> int:
        """Load resources into a calendar, as one change, to be served verbatim (rule 61)."""
        return self.calendar(calendar_id).load(resources)

    # -- switches and figures

    def switches_for(self, calendar: Calendar | None) -> Switches:
        """Return the switches as they are for one calendar; None: for calendar lists."""
        own = calendar.switches if calendar else {}
        return changed(self.switches, own) if own else self.switches

    def set_switches(
        self, values: Mapping[str, Any], calendar: Calendar | None = None
    ) -> dict[str, Any]:
        """Set switches for one calendar or all; returns all as they are now."""
        checked = changed(self.switches_for(calendar), values)
        if calendar:
            calendar.switches.update(values)
        else:
            self.switches = checked
        return asdict(checked)

    def expire_sync_tokens(self) -> None:
        """Make every sync token given so far 410, also those of calendar lists."""
        for calendar in self._calendars.values():
            calendar.epoch += 1
        for account in self._accounts.values():
            account.epoch += 1

    def stats(self) -> dict[str, Any]:
        """Return figures: events, live ones and the last change of every calendar; requests."""
        calendars = {
            calendar.id: {
                "events": len(calendar.events),
                "live": sum(event.state == "live" for event in calendar.events.values()),
                "position": calendar.position,
            }
            for calendar in self._calendars.values()
        }
        return {"calendars": calendars, "requests": self._requests}


def _place(resource: Resource, batches: list[dict[str, Resource]]) -> None:
    for batch in batches:
        if resource["id"] not in batch:
            batch[resource["id"]] = resource
            return
    batches.append({resource["id"]: resource})
