"""Many calendars read at once, for one writer to the mirror (intake.py).

Each calendar is listed by a worker with a connection of its own, at most two pages ahead of the
writer.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context  # the run's id, for the log
from typing import Protocol

from calendar_sync.allocator import prepare_for_large_blocks
from calendar_sync.answers import PageTokenRefused, SyncTokenRefused
from calendar_sync.errors import TryLater
from calendar_sync.intake import PERIODIC_CHECK, Again, Listing, Message, Outcome, Task, Writer
from calendar_sync.retrying import MOST_RESTARTS, forgetful
from calendar_sync.sync import (
    CheckFetch,
    EventsPage,
    Fetch,
    FullFetch,
    IncrementalFetch,
    WindowFetch,
)


class Source(Protocol):
    """Where pages come from."""

    def pages(self, calendar_id: str, fetch: Fetch | WindowFetch) -> Iterator[EventsPage]:
        """Yield every page of a listing."""
        ...


def read_calendars(
    source: Source, writer: Writer, tasks: list[Task], *, jobs: int
) -> Generator[Outcome]:
    """Read every calendar of `tasks` into the mirror; yield each one's outcome as it is committed.

    A calendar's own failure is in its outcome. What concerns all of them (the grant, the
    configuration, the disk, a stop) is raised.
    """
    if not tasks:
        return
    if any(isinstance(task.fetch, FullFetch) for task in tasks):
        prepare_for_large_blocks()
    ready: queue.Queue[Listing] = queue.Queue()
    given_up = threading.Event()
    executor = ThreadPoolExecutor(min(jobs, len(tasks)), thread_name_prefix="calendar")
    try:
        for task in tasks:
            executor.submit(copy_context().run, _list_pages, source, Listing(task), ready, given_up)
        for _ in tasks:
            yield writer.take_in(ready.get())
    finally:
        given_up.set()
        executor.shutdown(wait=True, cancel_futures=True)


# -- in the workers --------------------------------------------------------------------------------


def _list_pages(
    source: Source, listing: Listing, ready: queue.Queue[Listing], given_up: threading.Event
) -> None:
    announced = False

    def is_over() -> bool:
        return given_up.is_set() or listing.dropped.is_set()

    def send(message: Message) -> None:
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


def _messages(source: Source, task: Task) -> Iterator[Message]:
    if isinstance(task.fetch, CheckFetch):
        yield from _check(source, task.calendar.id, task.fetch)
    else:
        yield from _one_listing(source, task.calendar.id, task.fetch)


def _check(source: Source, calendar_id: str, fetch: CheckFetch) -> Iterator[Message]:
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
) -> Generator[Message, None, str | None]:
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
        yield Again(fetch)
    raise TryLater("Google refuses a listing again and again.")
