"""Progress of long work, drawn on a person's terminal and nowhere else.

with progress("Reading calendars", shown=terminal.shows_progress) as bar:
bar.total(12)
bar.done()
bar.detail("3,412 events")
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from calendar_sync.reading import Source
    from calendar_sync.sync import EventsPage, Fetch, WindowFetch

PATIENCE = 1.0  # seconds; what is over by then needs no bar, and no rich


class Progress:
    """Counts what is done of a total. This one draws nothing. Safe to call from many threads."""

    def total(self, number: int) -> None:
        """Say how many there are; an estimate of the time left follows from it."""

    def done(self, number: int = 1) -> None:
        """Say that so many more are done."""

    def detail(self, words: str) -> None:
        """Say what changes all the time, such as what was counted so far."""


@contextmanager
def progress(what: str, *, shown: bool, after: float = PATIENCE) -> Iterator[Progress]:
    """Show a bar while the block runs, with counts and an estimate; it is gone afterwards."""
    if not shown:
        yield Progress()
        return
    bar = _Bar(what, after)
    try:
        yield bar
    finally:
        bar.end()


class _Bar(Progress):
    """Drawn by rich, on stderr. What is printed meanwhile stands above it."""

    def __init__(self, what: str, after: float) -> None:
        self._what, self._from = what, time.monotonic() + after
        self._facts: dict[str, Any] = {"total": None, "completed": 0, "detail": ""}
        self._drawn: Any = None
        self._one_at_a_time = threading.Lock()

    def total(self, number: int) -> None:
        self._show(total=number)

    def done(self, number: int = 1) -> None:
        self._show(more=number)

    def detail(self, words: str) -> None:
        self._show(detail=words)

    def end(self) -> None:
        """Take the bar away."""
        with self._one_at_a_time:
            if self._drawn is not None:
                self._drawn.stop()

    def _show(self, *, more: int = 0, **facts: Any) -> None:
        with self._one_at_a_time:
            self._facts |= facts
            self._facts["completed"] += more
            if self._drawn is None and time.monotonic() >= self._from:
                self._drawn = _begin()
                self._task = self._drawn.add_task(self._what, **self._facts)
            elif self._drawn is not None:
                self._drawn.update(self._task, **self._facts)


def _begin() -> Any:
    from rich import progress as drawing
    from rich.console import Console

    columns = (
        drawing.TextColumn("{task.description}"),
        drawing.BarColumn(),
        drawing.MofNCompleteColumn(),
        drawing.TextColumn("{task.fields[detail]}"),
        drawing.TimeElapsedColumn(),
        drawing.TextColumn("left"),
        drawing.TimeRemainingColumn(),
    )
    drawn = drawing.Progress(*columns, console=Console(stderr=True), transient=True)
    drawn.start()
    return drawn


class Counted:
    """A source whose events are counted on their way."""

    def __init__(self, source: Source, bar: Progress) -> None:
        self._source, self._bar = source, bar
        self._events = 0
        self._counting = threading.Lock()

    def pages(self, calendar_id: str, fetch: Fetch | WindowFetch) -> Iterator[EventsPage]:
        """Yield every page of a listing."""
        for page in self._source.pages(calendar_id, fetch):
            with self._counting:
                self._events += len(page.items)
            self._bar.detail(f"{self._events:,} events")
            yield page
