"""What the job cannot do without, and what everybody writes instead: the other side of each ratio.

fetch URL              F: every page of the first calendar fetched, gunzipped, parsed, dropped
poll URL N             one plain request without changes for each of N calendars, in turn
naive URL FOLDER       collect all in a list, then csv.DictWriter and the icalendar library
expand N               dateutil's own expansion of N weekly series over ten years
copy FROM TO           the files of a folder copied into another one, and on the disk
"""

from __future__ import annotations

import gzip
import http.client
import json
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode, urlsplit


def _calendar(number: int) -> str:
    return f"bench{number}@group.calendar.google.com"


def _get(connection: http.client.HTTPConnection, calendar: str, **query: Any) -> Any:
    target = f"/calendar/v3/calendars/{quote(calendar, safe='')}/events?{urlencode(query)}"
    headers = {"Authorization": "Bearer x", "Accept-Encoding": "gzip"}
    connection.request("GET", target, headers=headers)
    return json.loads(gzip.decompress(connection.getresponse().read()))


def _pages(url: str) -> Iterator[Any]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    token = {}
    while True:
        page = _get(connection, _calendar(0), maxResults=2500, **token)
        yield page
        if "nextPageToken" not in page:
            return
        token = {"pageToken": page["nextPageToken"]}


def fetch(url: str) -> None:
    """Fetch and parse every page, and drop it."""
    for _ in _pages(url):
        pass


def poll(url: str, count: str) -> None:
    """Ask each calendar once what has changed."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    for number in range(int(count)):
        _get(connection, _calendar(number), syncToken="s0")


def naive(url: str, folder: str) -> None:
    """Do what the sample programs do; one CSV row and one VEVENT for each resource."""
    import csv
    from datetime import date, datetime
    from pathlib import Path

    from icalendar import Calendar, Event

    events = [event for page in _pages(url) for event in page["items"]]
    columns = [
        "id",
        "status",
        "htmlLink",
        "created",
        "updated",
        "summary",
        "description",
        "location",
        "start",
        "end",
        "recurrence",
        "organizer",
        "attendees",
        "visibility",
        "iCalUID",
        "sequence",
        "eventType",
    ]
    with Path(folder, "naive.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        for event in events:
            row = dict(event)
            for key in ("start", "end"):
                time = event.get(key, {})
                row[key] = time.get("dateTime") or time.get("date")
            writer.writerow(row)
    calendar = Calendar()
    for resource in events:
        if "start" not in resource:
            continue
        event = Event()
        event.add("uid", resource["iCalUID"])
        event.add("summary", resource.get("summary", ""))
        event.add("description", resource.get("description", ""))
        event.add("location", resource.get("location", ""))
        for key in ("start", "end"):
            time = resource[key]
            value = (
                datetime.fromisoformat(time["dateTime"])
                if "dateTime" in time
                else date.fromisoformat(time["date"])
            )
            event.add(f"dt{key}", value)
        event.add("dtstamp", datetime.fromisoformat(resource["updated"].replace("Z", "+00:00")))
        for person in resource.get("attendees", []):
            event.add("attendee", f"mailto:{person['email']}")
        calendar.add_component(event)
    Path(folder, "naive.ics").write_bytes(calendar.to_ical())


def expand(count: str) -> None:
    """Let dateutil expand weekly series over ten years."""
    from dateutil.rrule import rrulestr
    from pages import WEEKS, first_week

    for number in range(int(count)):
        for _ in rrulestr(f"RRULE:FREQ=WEEKLY;COUNT={WEEKS}", dtstart=first_week(number)):
            pass


def copy(source: str, folder: str) -> None:
    """Copy files as fast as the machine can, and have them on the disk."""
    import os
    import shutil
    from pathlib import Path

    for path in Path(source).iterdir():
        copied = shutil.copyfile(path, Path(folder, path.name))
        with copied.open("rb") as file:
            os.fsync(file.fileno())


if __name__ == "__main__":
    {"fetch": fetch, "poll": poll, "naive": naive, "expand": expand, "copy": copy}[sys.argv[1]](
        *sys.argv[2:]
    )
