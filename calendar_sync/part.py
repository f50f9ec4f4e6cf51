"""What one exporter hands over to another one of the same calendar, in another process."""

from __future__ import annotations

import msgspec

from calendar_sync.model import EventWarning


class Part(msgspec.Struct):
    """Rendered records, in a file that both know, and what there is to know about them."""

    runs: list[list[int]]  # see RowSorter.take_over
    rows: int
    occurrences: int = 0
    warnings: list[EventWarning] = []
    zones: dict[str, int] = {}  # the earliest year of each
