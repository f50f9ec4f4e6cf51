"""Listings into the mirror: one calendar after the other, each in one transaction."""

from __future__ import annotations

import datetime as dt
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Protocol

from calendar_sync.answers import CalendarGone
from calendar_sync.calendars import KnownCalendar, mark_gone
from calendar_sync.errors import (
    CalendarSyncError,
    CannotWrite,
    ConsentNeeded,
    SomeFailed,
    Stopped,
    WrongConfiguration,
    WrongUsage,
)
from calendar_sync.listing import NO_COUNTS, Counts, Reading, RunFacts, Taken
from calendar_sync.mirror import Mirror
from calendar_sync.sync import (
    CheckFetch,
    EventsPage,
    Fetch,
    FullFetch,
    IncrementalFetch,
    Plan,
    is_suspicious_loss,
)
from calendar_sync.touched import Touched

_OF_ALL = (ConsentNeeded, WrongConfiguration, WrongUsage, CannotWrite, Stopped)
PERIODIC_CHECK = "periodic check"
_AHEAD = 1  # page between a worker and the writer; more would cost memory and gain nothing


class Early(Protocol):
    """Files made while a calendar's first listing comes in, in the time that Google takes anyway."""

    def add(self, taken: Taken, *, is_last: bool) -> None:
        """Take what a page has brought. Raises CannotWrite."""
        ...

    def settle(self) -> None:
        """Finish them, while the mirror does: they may still prove not to be what it holds."""
        ...

    def close(self) -> None:
        """Give up what was made: it is not what the mirror holds."""
        ...


@dataclass(frozen=True)
class Task:
    """One calendar to read, and how. `published`: events in its files, of which the mirror is lost."""

    calendar: KnownCalendar
    fetch: Plan
    published: int = 0


@dataclass(frozen=True)
class Outcome:
    """What became of one calendar's reading. `differences`: what a check found, id -> title."""

    calendar: KnownCalendar
    fetch: Plan
    counts: Counts = NO_COUNTS
    pages: int = 0
    unreadable: int = 0
    is_gone: bool = False
    error: CalendarSyncError | None = None
    differences: Mapping[str, str] = field(default_factory=dict)
    touched: Touched | None = None


class Again(Exception):
    """The listing begins anew, perhaps as a full one; what was taken of it is dropped."""

    def __init__(self, fetch: Fetch) -> None:
        self.fetch = fetch


Message = EventsPage | Exception | None  # None: the listing is complete


@dataclass
class Listing:
    """One worker's pages on their way to the writer."""

    task: Task
    messages: queue.Queue[Message] = field(default_factory=lambda: queue.Queue(_AHEAD))
    dropped: threading.Event = field(default_factory=threading.Event)  # nobody takes its messages

    def __iter__(self) -> Iterator[EventsPage]:
        while (message := self.messages.get()) is not None:
            if isinstance(message, Exception):
                raise message
            yield message


def concerns_all(error: CalendarSyncError) -> bool:
    """Whether an error ends the run: the next calendar would fail alike, or a person said stop."""
    return isinstance(error, _OF_ALL)


@dataclass(frozen=True)
class Writer:
    """Takes listings into the mirror, each in one transaction. `begin` may begin a calendar's files."""

    mirror: Mirror
    clock: Callable[[], dt.datetime]
    allow_shrink: bool = False
    run: RunFacts = field(default_factory=RunFacts)
    begin: Callable[[KnownCalendar], Early | None] = lambda _: None

    def take_in(self, listing: Listing) -> Outcome:
        """Take in all a calendar's worker sends; its own failure is in the outcome."""
        task = listing.task
        try:
            if isinstance(task.fetch, CheckFetch):
                return self._check(listing, task.fetch)
            return self._take(listing, task.fetch)[0]
        except CalendarGone:
            with self.mirror.transaction():
                mark_gone(self.mirror, task.calendar.key, self.clock())
            return Outcome(task.calendar, task.fetch, is_gone=True)
        except CalendarSyncError as error:
            if concerns_all(error):
                raise
            return Outcome(task.calendar, task.fetch, error=error)
        finally:
            listing.dropped.set()  # a refused check has not taken all that its worker wants to send

    def _check(self, listing: Listing, fetch: CheckFetch) -> Outcome:
        """Take the three listings of a check; what the second one finds should have been nothing."""
        first, _ = self._take(listing, IncrementalFetch(fetch.sync_token))
        if isinstance(first.fetch, FullFetch):
            return first
        second, found = self._take(listing, FullFetch(PERIODIC_CHECK))
        third, news = self._take(listing, IncrementalFetch(""))
        different = {i: name for i, name in found.changes.items() if i not in news.named}
        return replace(
            second,
            counts=first.counts + second.counts + third.counts,
            pages=first.pages + second.pages + third.pages,
            differences=different,
            touched=None,  # by three listings: the files are made anew
        )

    def _take(self, listing: Listing, fetch: Fetch) -> tuple[Outcome, Reading]:
        """Take in one listing, from its beginning again where it had to be begun again."""
        while True:
            try:
                with self.mirror.transaction():
                    taken = self._take_pages(listing, fetch)
                self.mirror.settle()
                return taken
            except Again as again:
                fetch = again.fetch

    def _take_pages(self, listing: Listing, fetch: Fetch) -> tuple[Outcome, Reading]:
        calendar = listing.task.calendar
        is_full = isinstance(fetch, FullFetch)
        reading = Reading(self.mirror, calendar.key, full=is_full, run=self.run)
        with ExitStack() as stack:
            early = self.begin(calendar) if reading.is_first else None
            if early is not None:
                stack.callback(early.close)
            sync_token, pages = None, 0
            for page in listing:
                early = _fed(early, reading.take(page.items), is_last=not page.next_page_token)
                sync_token = page.next_sync_token
                pages += 1
            if early is not None:
                early.settle()
            counts = reading.finish(sync_token, calendar.view.time_zone, self.clock())
            if is_full and not self.allow_shrink:
                before = reading.before or listing.task.published
                _refuse_suspicious_loss(calendar, before, reading.after)
            if early is not None and reading.kept_all():
                stack.pop_all()
        outcome = Outcome(
            calendar, fetch, counts, pages, reading.unreadable, touched=reading.touched
        )
        return outcome, reading


def _fed(early: Early | None, taken: Taken, *, is_last: bool) -> Early | None:
    """Hand a page on. Files that cannot be written end no reading: they are tried again after it."""
    if early is not None:
        try:
            early.add(taken, is_last=is_last)
        except CannotWrite:
            early.close()
            return None
    return early


def _refuse_suspicious_loss(calendar: KnownCalendar, before: int, after: int) -> None:
    if is_suspicious_loss(before, after):
        raise SomeFailed(
            f"{calendar.view.name or calendar.id}: a full read found {after} events where {before}"
            " were; the last good files are kept.",
            f"If that is true: calendar-sync export --full --allow-shrink --calendar '{calendar.id}'",
        )
