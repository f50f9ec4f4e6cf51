"""Many calendars read at once, one writer to the mirror.

Each calendar is listed by a worker with a connection of its own, at most two pages ahead of the
writer; the writer takes one calendar after the other, each in one transaction.
"""

from __future__ import annotations

import datetime as dt
import queue
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

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
from calendar_sync.mirror import NO_COUNTS, Counts, Mirror, Reading
from calendar_sync.retrying import MOST_RESTARTS, forgetful
from calendar_sync.sync import (
    EventsPage,
    Fetch,
    FullFetch,
    IncrementalFetch,
    WindowFetch,
    is_suspicious_loss,
)

_OF_ALL = (ConsentNeeded, WrongConfiguration, WrongUsage, CannotWrite, Stopped)
_AHEAD = 2  # pages; one in the writer's hands, one to hide the next round trip


class Source(Protocol):
    """Where pages come from."""

    def pages(self, calendar_id: str, fetch: Fetch | WindowFetch) -> Iterator[EventsPage]:
        """Yield every page of a listing."""
        ...


@dataclass(frozen=True)
class Task:
    """One calendar to read, and how."""

    calendar: KnownCalendar
    fetch: Fetch


@dataclass(frozen=True)
class Outcome:
    """What became of one calendar's reading."""

    calendar: KnownCalendar
    fetch: Fetch
    counts: Counts = NO_COUNTS
    pages: int = 0
    unreadable: int = 0
    is_gone: bool = False
    error: CalendarSyncError | None = None


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
) -> Generator[Outcome]:
    """Read every calendar of `tasks` into the mirror; yield each one's outcome as it is committed.

    A calendar's own failure is in its outcome. What concerns all of them (the grant, the
    configuration, the disk, a stop) is raised.
    """
    if not tasks:
        return
    ready: queue.Queue[_Listing] = queue.Queue()
    given_up = threading.Event()
    executor = ThreadPoolExecutor(min(jobs, len(tasks)), thread_name_prefix="calendar")
    try:
        for task in tasks:
            executor.submit(_list_pages, source, _Listing(task), ready, given_up)
        for _ in tasks:
            yield _take_in(mirror, ready.get(), clock, allow_shrink=allow_shrink)
    finally:
        given_up.set()
        executor.shutdown(wait=True, cancel_futures=True)


# -- in the workers --------------------------------------------------------------------------------


def _list_pages(
    source: Source, listing: _Listing, ready: queue.Queue[_Listing], given_up: threading.Event
) -> None:
    announced = False

    def send(message: _Message) -> None:
        nonlocal announced
        while not given_up.is_set():
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
            if given_up.is_set():
                return
    except Exception as error:  # the writer raises it again, in the main thread
        send(error)


def _messages(source: Source, task: Task) -> Iterator[_Message]:
    fetch = task.fetch
    for attempt in range(MOST_RESTARTS):
        try:
            yield from source.pages(task.calendar.id, fetch)
        except SyncTokenRefused:
            fetch = FullFetch("the sync token was refused")
        except PageTokenRefused as error:
            if attempt == MOST_RESTARTS - 1:
                raise forgetful() from error
        else:
            yield None
            return
        yield _Again(fetch)
    raise TryLater("Google refuses a listing again and again.")


def concerns_all(error: CalendarSyncError) -> bool:
    """Whether an error ends the run: the next calendar would fail alike, or a person said stop."""
    return isinstance(error, _OF_ALL)


# -- in the writer ---------------------------------------------------------------------------------


def _take_in(
    mirror: Mirror, listing: _Listing, clock: Callable[[], dt.datetime], *, allow_shrink: bool
) -> Outcome:
    task, fetch = listing.task, listing.task.fetch
    while True:
        try:
            with mirror.transaction():
                return _take_pages(mirror, listing, fetch, clock, allow_shrink=allow_shrink)
        except _Again as again:
            fetch = again.fetch
        except CalendarGone:
            with mirror.transaction():
                mark_gone(mirror, task.calendar.key, clock())
            return Outcome(task.calendar, fetch, is_gone=True)
        except CalendarSyncError as error:
            if concerns_all(error):
                raise
            return Outcome(task.calendar, fetch, error=error)


def _take_pages(
    mirror: Mirror,
    listing: _Listing,
    fetch: Fetch,
    clock: Callable[[], dt.datetime],
    *,
    allow_shrink: bool,
) -> Outcome:
    calendar = listing.task.calendar
    reading = Reading(mirror, calendar.key, full=isinstance(fetch, FullFetch))
    sync_token, pages = None, 0
    for page in listing:
        reading.take(bytes(item) for item in page.items)
        sync_token = page.next_sync_token
        pages += 1
    counts = reading.finish(sync_token, calendar.view.time_zone, clock())
    if not isinstance(fetch, IncrementalFetch) and not allow_shrink:
        _refuse_suspicious_loss(calendar, reading.before, reading.after)
    return Outcome(calendar, fetch, counts, pages, reading.unreadable)


def _refuse_suspicious_loss(calendar: KnownCalendar, before: int, after: int) -> None:
    if is_suspicious_loss(before, after):
        raise SomeFailed(
            f"{calendar.view.name or calendar.id}: a full read found {after} events where {before}"
            " were; the last good files are kept.",
            f"If that is true: calendar-sync export --full --allow-shrink --calendar '{calendar.id}'",
        )
