"""Many calendars read at once, one writer to the mirror.

Each calendar is listed by a worker with a connection of its own, at most two pages ahead of the
writer; the writer takes one calendar after the other, each in one transaction.
"""

from __future__ import annotations

import datetime as dt
import queue
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context  # the run's id, for the log
from dataclasses import dataclass, field, replace
from typing import Protocol

from calendar_sync.allocator import give_back_big_blocks
from calendar_sync.answers import CalendarGone, PageTokenRefused, SyncTokenRefused
from calendar_sync.calendars import KnownCalendar, mark_gone
from calendar_sync.errors import (
    CalendarSyncError,
    CannotWrite,
    ConsentNeeded,
    SomeFailed,
    Stopped,
    TryLater,
    WrongConfiguration,
    WrongUsage,
)
from calendar_sync.listing import NO_COUNTS, Counts, Reading, RunFacts, Touched
from calendar_sync.mirror import Mirror
from calendar_sync.retrying import MOST_RESTARTS, forgetful
from calendar_sync.sync import (
    CheckFetch,
    EventsPage,
    Fetch,
    FullFetch,
    IncrementalFetch,
    Plan,
    WindowFetch,
    is_suspicious_loss,
)

_OF_ALL = (ConsentNeeded, WrongConfiguration, WrongUsage, CannotWrite, Stopped)
PERIODIC_CHECK = "periodic check"
_AHEAD = 1  # page between a worker and the writer; more would cost memory and gain nothing


class Source(Protocol):
    """Where pages come from."""

    def pages(self, calendar_id: str, fetch: Fetch | WindowFetch) -> Iterator[EventsPage]:
        """Yield every page of a listing."""
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


class _Again(Exception):
    """The listing begins anew, perhaps as a full one; what was taken of it is dropped."""

    def __init__(self, fetch: Fetch) -> None:
        self.fetch = fetch


_Message = EventsPage | Exception | None  # None: the listing is complete


@dataclass
class _Listing:
    """One worker's pages on their way to the writer."""

    task: Task
    messages: queue.Queue[_Message] = field(default_factory=lambda: queue.Queue(_AHEAD))
    dropped: threading.Event = field(default_factory=threading.Event)  # nobody takes its messages

    def __iter__(self) -> Iterator[EventsPage]:
        while (message := self.messages.get()) is not None:
            if isinstance(message, Exception):
                raise message
            yield message


def read_calendars(
    source: Source,
    mirror: Mirror,
    tasks: list[Task],
    *,
    jobs: int,
    clock: Callable[[], dt.datetime],
    allow_shrink: bool = False,
    run: RunFacts = RunFacts(),  # noqa: B008 - frozen
) -> Generator[Outcome]:
    """Read every calendar of `tasks` into the mirror; yield each one's outcome as it is committed.

    A calendar's own failure is in its outcome. What concerns all of them (the grant, the
    configuration, the disk, a stop) is raised.
    """
    if not tasks:
        return
    if any(isinstance(task.fetch, FullFetch) for task in tasks):
        give_back_big_blocks()
    ready: queue.Queue[_Listing] = queue.Queue()
    given_up = threading.Event()
    writer = _Writer(mirror, clock, allow_shrink, run)
    executor = ThreadPoolExecutor(min(jobs, len(tasks)), thread_name_prefix="calendar")
    try:
        for task in tasks:
            executor.submit(
                copy_context().run, _list_pages, source, _Listing(task), ready, given_up
            )
        for _ in tasks:
            yield writer.take_in(ready.get())
    finally:
        given_up.set()
        executor.shutdown(wait=True, cancel_futures=True)


# -- in the workers --------------------------------------------------------------------------------


def _list_pages(
    source: Source, listing: _Listing, ready: queue.Queue[_Listing], given_up: threading.Event
) -> None:
    announced = False

    def is_over() -> bool:
        return given_up.is_set() or listing.dropped.is_set()

    def send(message: _Message) -> None:
        nonlocal announced
        while not is_over():
            try:
                listing.messages.put(message, timeout=0.2)
                break
            except queue.Full:
                continue
        if not announced:
            announced = True
            ready.put(listing)

    try:
        for message in _messages(source, listing.task):
            send(message)
            if is_over():
                return
    except Exception as error:  # the writer raises it again, in the main thread
        send(error)


def _messages(source: Source, task: Task) -> Iterator[_Message]:
    if isinstance(task.fetch, CheckFetch):
        yield from _check(source, task.calendar.id, task.fetch)
    else:
        yield from _one_listing(source, task.calendar.id, task.fetch)


def _check(source: Source, calendar_id: str, fetch: CheckFetch) -> Iterator[_Message]:
    """Send what changed, then all; then once more what changed, which tells a difference from news.

    People go on working between the first and the second listing: what the third names is theirs.
    """
    first = IncrementalFetch(fetch.sync_token)
    sync_token = yield from _one_listing(source, calendar_id, first)
    if sync_token is None:  # refused: that listing has become a full one
        return
    yield from _one_listing(source, calendar_id, FullFetch(PERIODIC_CHECK))
    yield from _one_listing(source, calendar_id, IncrementalFetch(sync_token))


def _one_listing(
    source: Source, calendar_id: str, fetch: Fetch
) -> Generator[_Message, None, str | None]:
    """Send one listing; return the sync token that an incremental one ended with."""
    sync_token: str | None = None
    for attempt in range(MOST_RESTARTS):
        try:
            for page in source.pages(calendar_id, fetch):
                sync_token = page.next_sync_token
                yield page
        except SyncTokenRefused:
            fetch = FullFetch("the sync token was refused")
        except PageTokenRefused as error:
            if attempt == MOST_RESTARTS - 1:
                raise forgetful() from error
        else:
            yield None
            return sync_token if isinstance(fetch, IncrementalFetch) else None
        yield _Again(fetch)
    raise TryLater("Google refuses a listing again and again.")


def concerns_all(error: CalendarSyncError) -> bool:
    """Whether an error ends the run: the next calendar would fail alike, or a person said stop."""
    return isinstance(error, _OF_ALL)


# -- in the writer ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Writer:
    """Takes listings into the mirror, each in one transaction."""

    mirror: Mirror
    clock: Callable[[], dt.datetime]
    allow_shrink: bool
    run: RunFacts

    def take_in(self, listing: _Listing) -> Outcome:
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

    def _check(self, listing: _Listing, fetch: CheckFetch) -> Outcome:
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

    def _take(self, listing: _Listing, fetch: Fetch) -> tuple[Outcome, Reading]:
        """Take in one listing, from its beginning again where it had to be begun again."""
        while True:
            try:
                with self.mirror.transaction():
                    return self._take_pages(listing, fetch)
            except _Again as again:
                fetch = again.fetch

    def _take_pages(self, listing: _Listing, fetch: Fetch) -> tuple[Outcome, Reading]:
        calendar = listing.task.calendar
        is_full = isinstance(fetch, FullFetch)
        reading = Reading(self.mirror, calendar.key, full=is_full, run=self.run)
        sync_token, pages = None, 0
        for page in listing:
            reading.take(page.items)
            sync_token = page.next_sync_token
            pages += 1
        counts = reading.finish(sync_token, calendar.view.time_zone, self.clock())
        if is_full and not self.allow_shrink:
            before = reading.before or listing.task.published
            _refuse_suspicious_loss(calendar, before, reading.after)
        outcome = Outcome(
            calendar, fetch, counts, pages, reading.unreadable, touched=reading.touched
        )
        return outcome, reading


def _refuse_suspicious_loss(calendar: KnownCalendar, before: int, after: int) -> None:
    if is_suspicious_loss(before, after):
        raise SomeFailed(
            f"{calendar.view.name or calendar.id}: a full read found {after} events where {before}"
            " were; the last good files are kept.",
            f"If that is true: calendar-sync export --full --allow-shrink --calendar '{calendar.id}'",
        )
