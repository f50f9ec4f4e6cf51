"""What the replay serves: calendars and the pages of their events, as Google prints them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

PAGE = 2500
FIRST_WEEK = datetime(2016, 1, 4, 9)
WEEKS = 521  # ten years
NOVEMBER = "2026-11-01T10:00:00.000Z"


@dataclass(frozen=True)
class World:
    """What is served: so many calendars of so many events each."""

    events: int
    calendars: int = 1
    changes: int = 100
    latency: float = 0.0  # seconds before each answer
    is_weekly: bool = False  # every event is a series of ten years; else all are single ones


def packed(content: bytes) -> bytes:
    return gzip.compress(content, 6)


def pages_of(world: World, name: str) -> Iterator[bytes]:
    """Yield the pages of a full read, each as Google prints them with `prettyPrint=false`."""
    resources = _resources(world, name)
    count = (world.events + PAGE - 1) // PAGE
    for number in range(count):
        items = [item for item, _ in zip(resources, range(PAGE), strict=False)]
        if number == count - 1:
            items = items[: world.events - number * PAGE]
            yield page_of(items, "", "s0")
        else:
            yield page_of(items, str(number + 1), "")


def page_of(items: list[bytes], next_page: str, next_sync: str) -> bytes:
    head = {
        "kind": "calendar#events",
        "etag": '"p33g9t8q8q8c8e0o"',
        "summary": "Bench",
        "description": "",
        "updated": "2026-01-01T00:00:00.000Z",
        "timeZone": "Europe/Berlin",
        "accessRole": "owner",
        "defaultReminders": [],
        **({"nextPageToken": next_page} if next_page else {}),
        **({"nextSyncToken": next_sync} if next_sync else {}),
    }
    start = json.dumps(head, separators=(",", ":")).encode()[:-1]
    return start + b',"items":[' + b",".join(items) + b"]}"


def _resources(world: World, name: str) -> Iterator[bytes]:
    """Yield events as the emulator's load mode invents them, without its series; or weekly ones."""
    if world.is_weekly:
        yield from (_compact(_weekly(name, number)) for number in range(world.events))
        return
    from calendar_sync.emulator.load import Generator
    from calendar_sync.emulator.store import Calendar

    calendar = Calendar(id=name, summary="Bench", time_zone="Europe/Berlin")
    calendar.organizer = {"email": name, "displayName": "Bench", "self": True}
    for event in Generator(calendar, seed=1, series=0.0).events():
        yield event.raw


def first_week(number: int) -> datetime:
    """Return when a weekly series begins, in its zone."""
    return FIRST_WEEK + timedelta(days=number % 7, minutes=number)


def _weekly(calendar: str, number: int) -> dict[str, Any]:
    begin = first_week(number)
    times = {"start": begin, "end": begin + timedelta(minutes=50)}
    return {
        "kind": "calendar#event",
        "etag": f'"{number}"',
        "id": f"series{number:06}",
        "status": "confirmed",
        "created": "2015-12-01T10:00:00.000Z",
        "updated": "2015-12-01T10:00:00.000Z",
        "summary": f"Meeting {number}",
        "creator": {"email": calendar, "self": True},
        "organizer": {"email": calendar, "self": True},
        **{
            key: {"dateTime": f"{time.isoformat()}+01:00", "timeZone": "Europe/Berlin"}
            for key, time in times.items()
        },
        "recurrence": [f"RRULE:FREQ=WEEKLY;COUNT={WEEKS}"],
        "iCalUID": f"series{number:06}@google.com",
        "sequence": 0,
        "reminders": {"useDefault": True},
        "eventType": "default",
    }


def _compact(item: dict[str, Any]) -> bytes:
    return json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()


def changed(page: bytes, count: int) -> list[bytes]:
    """Return the first `count` events of a page, with another title and time stamp."""
    return [
        _compact({**item, "summary": f"Changed {item['summary']}", "updated": NOVEMBER})
        for item in json.loads(page)["items"][:count]
    ]


def calendar_list(names: list[str]) -> bytes:
    items = [
        {
            "kind": "calendar#calendarListEntry",
            "etag": '"1"',
            "id": name,
            "summary": f"Bench {number}",
            "timeZone": "Europe/Berlin",
            "accessRole": "owner",
            "defaultReminders": [],
        }
        for number, name in enumerate(names)
    ]
    return json.dumps({"kind": "calendar#calendarList", "etag": '"1"', "items": items}).encode()
