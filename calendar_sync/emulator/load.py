"""Load mode: any number of varied events, always the same for a seed.

The text is drawn from some thousand invented words, because httplib2 refuses answers that
compress more than 100:1, as repeated text does and real calendars never do (facts 0.4; rule 63
asks for less than 20:1). One event in ten is a series, some with exceptions.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from sys import intern
from typing import Any

from .instances import basic
from .resources import Event, Resource, compact, etag_of, html_link
from .store import Calendar
from .times import microseconds, moment_text, second_text, stamp_text

_FIRST_DAY = datetime(2016, 1, 4)  # a wall time
_DAYS = 365 * 12
_OLDEST = microseconds(datetime(2015, 6, 1, tzinfo=UTC))
_NEWEST = microseconds(datetime(2026, 1, 1, tzinfo=UTC))
_ZONES = ("America/New_York", "Asia/Kolkata", "Europe/Berlin", "Pacific/Auckland", "UTC")
_RULES = ("", ";COUNT=30", ";UNTIL=20300101T000000Z", ";INTERVAL=2", ";INTERVAL=4")
_MARKS = [
    "🎉",
    "📞",
    "✈️",
    "👩\u200d💻",
    "会議",
    "встреча",
    "ملتقى",
    "Größe",
    "naïve",
    "façade",
    "=1+1",
    "@home",
    "#42",
]
_SYLLABLES = """
    ba be bi bo ca ce da de di do fa fe ga go ha he ja ka ke la le li lo ma me mi mo na ne no pa
    pe po ra re ri ro sa se si so ta te ti to va ve vi wa we xi za zo ön är né ño
"""


def _invent_words() -> list[str]:
    draw = random.Random("words")  # noqa: S311
    syllables = _SYLLABLES.split()
    return ["".join(draw.choices(syllables, k=draw.randint(2, 4))) for _ in range(6000)]


_WORDS = _invent_words()


class Generator:
    """Draws events for one calendar."""

    def __init__(self, calendar: Calendar, seed: object, series: float = 0.1) -> None:
        self.calendar, self.series = calendar, series
        self.zone = calendar.zone
        self.zone_name = calendar.time_zone
        self.owner = calendar.organizer
        self.draw = random.Random(f"{calendar.id}|{seed}")  # noqa: S311

    def events(self) -> Iterator[Event]:
        """Yield events for ever."""
        while True:
            kind = self.draw.random()
            if kind < self.series:
                yield from self._series()
            elif kind < 0.25:
                yield self._stored(self._all_day())
            else:
                yield self._stored(self._timed())

    def words(self, count: int) -> str:
        """Return so many words."""
        return " ".join(self.draw.choices(_WORDS, k=count))

    def _stored(self, resource: Resource) -> Event:
        """Store a resource whose keys are in order already; much faster than reading it again."""
        return Event(
            id=resource["id"],
            raw=compact(resource),
            state="live",
            position=0,
            updated=int(resource["etag"][1:-1]) // 2,
            series=resource.get("recurringEventId"),
            recurring="recurrence" in resource,
            private="visibility" in resource,
            event_type=intern(resource["eventType"]),
            zone=self.zone_name,
        )

    def _base(self, times: Resource) -> Resource:
        """Return a resource with Google's keys in Google's order."""
        draw = self.draw
        event_id = f"{draw.getrandbits(104):026x}"
        updated = draw.randint(_OLDEST, _NEWEST)
        summary = self.words(draw.randint(1, 7))
        if draw.random() < 0.1:
            summary = f"{draw.choice(_MARKS)} {summary}"
        resource: Resource = {
            "kind": "calendar#event",
            "etag": etag_of(updated),
            "id": event_id,
            "status": "tentative" if draw.random() < 0.04 else "confirmed",
            "htmlLink": html_link(event_id, self.calendar.id),
            "created": second_text(updated - draw.randint(0, 10**13)),
            "updated": stamp_text(updated),
            "summary": summary,
        }
        self._add_texts(resource)
        resource |= {"creator": self.owner, "organizer": self.owner, **times}
        if draw.random() < 0.03:
            resource["visibility"] = "private"
        resource["iCalUID"] = f"{event_id}@google.com"
        resource["sequence"] = draw.choice((0, 0, 0, 1, 2))
        if draw.random() < 0.3:
            resource["attendees"] = self._attendees()
            self._add_meeting(resource)
        resource["reminders"] = {"useDefault": True}
        resource["eventType"] = "default"
        return resource

    def _add_texts(self, resource: Resource) -> None:
        kind = self.draw.random()
        if kind < 0.1:
            link = f"https://example.com/{self.draw.getrandbits(64):x}"
            text = f'<p>{self.words(12)}</p><ul><li>{self.words(5)}</li></ul><a href="{link}">'
            resource["description"] = f"{text}{self.words(2)}</a><br>{self.words(9)}"
        elif kind < 0.5:
            resource["description"] = f"{self.words(20)}\n{self.words(self.draw.randint(3, 30))}"
        if kind > 0.7:
            number = self.draw.randint(1, 400)
            resource["location"] = f"{self.words(2).title()} {number}, {self.words(1).title()}"

    def _attendees(self) -> list[Resource]:
        people = [{**self.owner, "organizer": True, "responseStatus": "accepted"}]
        for _ in range(self.draw.randint(1, 6)):
            first, last = self.draw.choices(_WORDS, k=2)
            email = f"person{self.draw.getrandbits(32)}@example.com"
            answer = self.draw.choice(("accepted", "declined", "needsAction", "tentative"))
            name = f"{first.title()} {last.title()}"
            people.append({"email": email, "displayName": name, "responseStatus": answer})
        return people

    def _add_meeting(self, resource: Resource) -> None:
        if self.draw.random() < 0.5:
            return
        letters = f"{self.draw.getrandbits(40):010x}".translate(_HEX_TO_LETTERS)
        code = f"{letters[:3]}-{letters[3:7]}-{letters[7:]}"
        resource["hangoutLink"] = f"https://meet.google.com/{code}"
        resource["conferenceData"] = conference(code)

    def _times(self, wall: datetime, length: timedelta, zone_name: str) -> Resource:
        start, end = wall.replace(tzinfo=self.zone), (wall + length).replace(tzinfo=self.zone)
        return {
            "start": {"dateTime": moment_text(start), "timeZone": zone_name},
            "end": {"dateTime": moment_text(end), "timeZone": zone_name},
        }

    def _wall(self) -> datetime:
        # by day only: no clock change makes these times doubtful
        minutes = self.draw.randrange(7 * 60, 20 * 60, 15)
        return _FIRST_DAY + timedelta(days=self.draw.randrange(_DAYS), minutes=minutes)

    def _length(self) -> timedelta:
        return timedelta(minutes=self.draw.choice((15, 25, 30, 45, 60, 60, 90, 180, 2880)))

    def _timed(self) -> Resource:
        zone_name = self.zone_name if self.draw.random() < 0.8 else self.draw.choice(_ZONES)
        return self._base(self._times(self._wall(), self._length(), zone_name))

    def _all_day(self) -> Resource:
        first = self._wall().date()
        last = first + timedelta(days=self.draw.choice((1, 1, 1, 2, 3, 7, 14)))
        return self._base({"start": {"date": first.isoformat()}, "end": {"date": last.isoformat()}})

    def _series(self) -> Iterator[Event]:
        wall, length = self._wall(), min(self._length(), timedelta(hours=3))
        rule = f"RRULE:FREQ=WEEKLY{self.draw.choice(_RULES)}"
        times = self._times(wall, length, self.zone_name)
        master = self._base({**times, "recurrence": [rule]})
        yield self._stored(master)
        # Every rule above happens four weeks after its start.
        for week in (4, 8)[: self.draw.choice((0, 0, 1, 2))]:
            original = wall + timedelta(weeks=week)
            yield self._exception(master, original, length, cancelled=self.draw.random() < 0.4)

    def _exception(
        self, master: Resource, original: datetime, length: timedelta, *, cancelled: bool
    ) -> Event:
        start = self._times(original, length, self.zone_name)["start"]
        moved = self._times(original + timedelta(hours=2), length, self.zone_name)
        suffix = basic(original.replace(tzinfo=self.zone).astimezone(UTC))
        own: dict[str, Any] = {
            "recurringEventId": master["id"],
            "originalStartTime": start,
        }
        instance_id = f"{master['id']}_{suffix}Z"
        if cancelled:
            head = {"kind": "calendar#event", "etag": master["etag"], "id": instance_id}
            event = self._stored({**head, "status": "cancelled", **own, "eventType": "default"})
            event.raw = compact({**head, "status": "cancelled", **own})
            event.state = "hole"
            return event
        resource: Resource = {}
        for key, value in master.items():
            resource |= own if key == "recurrence" else {key: value}
        title = self.words(3)
        return self._stored({**resource, **moved, "id": instance_id, "summary": title})


_HEX_TO_LETTERS = str.maketrans("0123456789abcdef", "ghijkmnpqrstuvwx")


def conference(code: str) -> Resource:
    """Return the Meet data of a meeting code, as listings show it (samples)."""
    return {
        "entryPoints": [
            {
                "entryPointType": "video",
                "uri": f"https://meet.google.com/{code}",
                "label": f"meet.google.com/{code}",
            }
        ],
        "conferenceSolution": {
            "key": {"type": "hangoutsMeet"},
            "name": "Google Meet",
            "iconUri": "https://fonts.gstatic.com/s/i/productlogos/meet_2020q4/v6/icon.png",
        },
        "conferenceId": code,
    }


def load_events(calendar: Calendar, count: int, seed: object = 0) -> list[Event]:
    """Return exactly `count` events for a calendar, the same for the same seed."""
    source = Generator(calendar, seed).events()
    return [event for event, _ in zip(source, range(count), strict=False)]
