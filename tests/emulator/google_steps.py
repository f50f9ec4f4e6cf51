"""Steps that the stories about the local Google's calendars share."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from googleapiclient.errors import HttpError

ADA = "ada@example.com"
TEAM = "team@group.calendar.google.com"
HOLIDAYS = "en.usa#holiday@group.v.calendar.google.com"
HIDDEN = "archive@group.calendar.google.com"
BUSY = "grace@example.com"

BERLIN = "Europe/Berlin"


def pages(method: Any, **parameters: Any) -> Iterator[dict[str, Any]]:
    """Page by hand: the client's own list_next cannot repeat parameters (facts 0.6)."""
    token = None
    while True:
        page = method(**parameters, **({"pageToken": token} if token else {})).execute()
        yield page
        token = page.get("nextPageToken")
        if token is None:
            return


def listed(method: Any, **parameters: Any) -> tuple[list[dict[str, Any]], str | None]:
    """All items of a listing, and the last page's sync token."""
    items: list[dict[str, Any]] = []
    page: dict[str, Any] = {}
    for page in pages(method, **parameters):
        items += page["items"]
    return items, page.get("nextSyncToken")


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["id"] for item in items]


def refusal(method: Any, **parameters: Any) -> tuple[int, dict[str, Any]]:
    """The status and the first error of a call that Google must refuse."""
    with pytest.raises(HttpError) as refused:
        method(**parameters).execute()
    body = json.loads(refused.value.content)
    assert body["error"]["code"] == refused.value.status_code
    assert "status" not in body["error"], "calendar errors have the legacy shape (4.1)"
    return refused.value.status_code, body["error"]["errors"][0]


def timed(start: str, end: str, zone: str | None = BERLIN) -> dict[str, Any]:
    own = {"timeZone": zone} if zone else {}
    return {"start": {"dateTime": start, **own}, "end": {"dateTime": end, **own}}


def days(first: str, after: str) -> dict[str, Any]:
    return {"start": {"date": first}, "end": {"date": after}}


def weekly(**fields: Any) -> dict[str, Any]:
    """A series on Mondays at nine, four weeks around the change of clocks on 29 March 2026."""
    return {
        "summary": "Weekly",
        **timed("2026-03-16T09:00:00+01:00", "2026-03-16T10:00:00+01:00"),
        "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=5"],
    } | fields


class Diary:
    """One calendar, its edits by control actions, its listings by Google's client."""

    def __init__(self, control: Any, events: Any, calendar: str) -> None:
        self._control = control
        self.calendar = calendar
        self.events = events

    def do(self, action: str, **arguments: Any) -> Any:
        return self._control(action, calendar=self.calendar, **arguments)

    def add(self, **event: Any) -> str:
        return self.do("add_event", event=event)["id"]

    def list(self, **parameters: Any) -> list[dict[str, Any]]:
        return listed(self.events.list, calendarId=self.calendar, **parameters)[0]

    def token(self, **parameters: Any) -> str:
        token = listed(self.events.list, calendarId=self.calendar, **parameters)[1]
        assert token is not None
        return token

    def page(self, **parameters: Any) -> dict[str, Any]:
        return self.events.list(calendarId=self.calendar, **parameters).execute()

    def refused(self, **parameters: Any) -> tuple[int, dict[str, Any]]:
        return refusal(self.events.list, calendarId=self.calendar, **parameters)
