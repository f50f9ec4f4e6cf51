"""What the job cannot do without, and what everybody writes instead: the other side of each ratio.

fetch URL              F: every page of the first calendar fetched, gunzipped, parsed, dropped
poll URL N             one plain request without changes for each of N calendars, in turn
lean URL FOLDER        each page straight into csv.writer and hand-written ICS lines: the least that
                       looks like both files, without zones, guards, sorting, mirror, replacement
naive URL FOLDER       googleapiclient, all in a list, then csv.DictWriter and the icalendar library
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


COLUMNS = (
    "id", "status", "htmlLink", "created", "updated", "summary", "description", "location", "start",
    "end", "recurrence", "organizer", "attendees", "visibility", "iCalUID", "sequence", "eventType",
)  # fmt: skip


def _row(event: dict[str, Any]) -> dict[str, Any]:
    row = dict(event)
    for key in ("start", "end"):
        time = event.get(key, {})
        row[key] = time.get("dateTime") or time.get("date")
    row["organizer"] = event.get("organizer", {}).get("email")
    row["attendees"] = ";".join(person["email"] for person in event.get("attendees", []))
    return row


def lean(url: str, folder: str) -> None:
    """Stream one CSV row and one VEVENT for each resource."""
    import csv
    from pathlib import Path

    with (
        Path(folder, "lean.csv").open("w", newline="", encoding="utf-8") as table,
        Path(folder, "lean.ics").open("w", newline="", encoding="utf-8") as calendar,
    ):
        writer = csv.DictWriter(table, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        calendar.write("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:lean\r\n")
        for page in _pages(url):
            for event in page["items"]:
                writer.writerow(_row(event))
                calendar.write("".join(f"{_folded(line)}\r\n" for line in _vevent(event)))
        calendar.write("END:VCALENDAR\r\n")


def _vevent(event: dict[str, Any]) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{event['iCalUID']}"
    for name, key in (("DTSTAMP", "updated"), ("CREATED", "created"), ("LAST-MODIFIED", "updated")):
        yield f"{name}:{_stamp(event[key])}"
    for key in ("start", "end"):
        time = event[key]
        if "date" in time:
            yield f"DT{key.upper()};VALUE=DATE:{time['date'].replace('-', '')}"
        else:
            yield f"DT{key.upper()};TZID={time.get('timeZone')}:{_stamp(time['dateTime'])[:15]}"
    for key in ("summary", "description", "location", "status"):
        if key in event:
            text = event[key].replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
            yield f"{key.upper()}:{text}".replace("\n", "\\n")
    yield f"SEQUENCE:{event.get('sequence', 0)}"
    if "organizer" in event:
        yield f"ORGANIZER:mailto:{event['organizer']['email']}"
    for person in event.get("attendees", []):
        name, answer = person.get("displayName", ""), person["responseStatus"].upper()
        yield f'ATTENDEE;CN="{name}";PARTSTAT={answer}:mailto:{person["email"]}'
    yield "END:VEVENT"


def _stamp(time: str) -> str:
    return f"{time[:19].replace('-', '').replace(':', '')}Z"


def _folded(line: str) -> str:
    if len(line) < 75:
        return line
    return "\r\n ".join(line[at : at + 74] for at in range(0, len(line), 74))


def naive(url: str, folder: str) -> None:
    """Do what everybody writes; one CSV row and one VEVENT for each resource."""
    import csv
    from datetime import date, datetime
    from pathlib import Path

    from google.auth.credentials import AnonymousCredentials
    from googleapiclient.discovery import build
    from icalendar import Calendar, Event, vCalAddress

    google = build(
        "calendar",
        "v3",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": f"{url}/calendar/v3/"},
    )
    events: list[Any] = []
    request = google.events().list(calendarId=_calendar(0), maxResults=2500)
    while request is not None:
        page = request.execute()
        events += page["items"]
        request = google.events().list_next(request, page)
    with Path(folder, "naive.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(map(_row, events))
    calendar = Calendar()
    for resource in events:
        event = Event()
        event.add("uid", resource["iCalUID"])
        for key in ("summary", "description", "location", "status", "sequence"):
            if key in resource:
                event.add(key, resource[key])
        for key in ("start", "end"):
            time = resource[key]
            value = (
                datetime.fromisoformat(time["dateTime"])
                if "dateTime" in time
                else date.fromisoformat(time["date"])
            )
            event.add(f"dt{key}", value)
        for name, key in (("dtstamp", "updated"), ("created", "created")):
            event.add(name, datetime.fromisoformat(resource[key]))
        event.add("organizer", vCalAddress(f"mailto:{resource['organizer']['email']}"))
        for person in resource.get("attendees", []):
            guest = vCalAddress(f"mailto:{person['email']}")
            guest.params["cn"] = person.get("displayName", "")
            guest.params["partstat"] = person["responseStatus"].upper()
            event.add("attendee", guest)
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
    verbs = {"fetch": fetch, "poll": poll, "lean": lean, "naive": naive, "expand": expand}
    {**verbs, "copy": copy}[sys.argv[1]](*sys.argv[2:])
