"""What a reader of a row cannot see in it."""

from __future__ import annotations

from collections.abc import Iterator

from calendar_sync.model import Event, EventWarning

EXCEL_CELL = 32_767  # characters; Excel and LibreOffice cut a cell there


def warnings_of(event: Event, row: bytes) -> Iterator[EventWarning]:
    """Yield what to warn of: guests that are not in it, text that spreadsheets cut."""
    if event.attendees_omitted and row:
        message = "Google left guests out (attendeesOmitted): there are more than are counted."
        yield EventWarning(event.id, "attendees-omitted", message)
    if len(row) > EXCEL_CELL and _longest_text(event) > EXCEL_CELL:
        message = f"A cell has more than {EXCEL_CELL:,} characters: Excel cuts it there."
        yield EventWarning(event.id, "long-cell", message)


def _longest_text(event: Event) -> int:
    texts = (event.summary, event.description, event.location)
    lists = (bytes(raw).decode("utf-8", "replace") for raw in (event.attendees, event.attachments))
    return max(len(text or "") for text in (*texts, *lists))
