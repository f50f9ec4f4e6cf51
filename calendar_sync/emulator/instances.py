"""A series and its occurrences, written as Google writes instances (rule 35).

Expansion happens on the wall clock of the series' own zone, so that 9 o'clock stays 9 o'clock
across daylight saving; each instance lasts exactly as long as the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo

from .recurrence import Recurrence
from .resources import Resource
from .times import find_zone, from_microseconds, microseconds, moment_of, moment_text

NEVER = 1 << 62
"""Microseconds after every date: the end of what has no end."""


class Series:
    """The dates of one recurring resource. `wall` is a naive local time; midnight when all-day."""

    def __init__(self, resource: Resource, calendar_zone: tzinfo) -> None:
        self.resource = resource
        start: Resource = resource["start"]
        end: Resource = resource.get("end", start)
        self.all_day = "dateTime" not in start
        begin = moment_of(start, calendar_zone)
        own_zone = find_zone(start.get("timeZone")) or begin.tzinfo or calendar_zone
        self.zone = calendar_zone if self.all_day else own_zone
        self.length = self._wall(moment_of(end, calendar_zone)) - self._wall(begin)
        if not self.all_day:
            self.length = moment_of(end, calendar_zone).astimezone(UTC) - begin.astimezone(UTC)
        self.first = self._wall(begin)
        lines = resource.get("recurrence", [])
        self.recurrence = Recurrence(lines, self.first, self.zone, all_day=self.all_day)
        self.open_ended = self.recurrence.open_ended

    def _wall(self, moment: datetime) -> datetime:
        zone = moment.tzinfo if self.all_day else self.zone
        return moment.astimezone(zone).replace(tzinfo=None, fold=0)

    def walls(self) -> Iterator[datetime]:
        """Yield every occurrence, in order; up to year 9999 if the series has no end."""
        yield from self.recurrence.dates

    def find(self, wall: datetime) -> datetime | None:
        """Return the series' own wall time of an occurrence; None if there is no such one.

        They differ where a clock change skips a time: an occurrence at 02:30 happens at 03:30.
        """
        for found in self.until(wall):
            near = wall - found < timedelta(hours=3)
            if found == wall or (near and self.moment(found) == self.moment(wall)):
                return found
        return None

    def until(self, last: datetime) -> Iterator[datetime]:
        """Yield the occurrences up to and including a wall time."""
        for wall in self.walls():
            if wall > last:
                return
            yield wall

    def within(
        self, low: int | None, high: int | None, now: datetime, cap: int
    ) -> Iterator[datetime]:
        """Yield the occurrences overlapping a window of microseconds, bounds exclusive.

        Without `high` a series without end stops after `cap` occurrences later than `now`.
        """
        limit, future, present = self.open_ended and high is None, 0, microseconds(now)
        dates, early = self.recurrence.dates, None
        if low is not None and (early := self._well_before(low)):
            dates = self.recurrence.near(early)
        for wall in dates:
            if early and wall < early:
                continue
            try:
                begin = microseconds(self.moment(wall))
            except OverflowError:
                return
            if high is not None and begin >= high:
                return
            future += begin >= present
            if limit and future > cap:
                return
            if low is None or begin + self.length // timedelta(microseconds=1) > low:
                yield wall

    def _well_before(self, low: int) -> datetime | None:
        """Return a wall time before which no occurrence can reach the window."""
        try:
            return from_microseconds(low).replace(tzinfo=None) - self.length - timedelta(days=2)
        except OverflowError:
            return None

    def moment(self, wall: datetime) -> datetime:
        """Place an occurrence on the time line."""
        return wall.replace(tzinfo=self.zone).astimezone(UTC)

    def bounds(self) -> tuple[int, int]:
        """Return microseconds between which all occurrences lie; wider rather than slower."""
        begin = microseconds(self.moment(self.first))
        if self.open_ended:
            return begin, NEVER
        try:
            end = microseconds(self.moment(self.recurrence.last()))
        except OverflowError:
            return begin, NEVER
        return begin, end + self.length // timedelta(microseconds=1)

    def id_of(self, wall: datetime) -> str:
        """Return an instance's id: `_<UTC>Z`, or `_<day>` when all-day (rule 35)."""
        if self.all_day:
            return f"{self.resource['id']}_{_day(wall)}"
        return f"{self.resource['id']}_{basic(self.moment(wall))}Z"

    def wall_of(self, original: str) -> datetime:
        """Read an original start: a date, a dateTime with offset, or a whole instance id."""
        prefix = f"{self.resource['id']}_"
        if original.startswith(prefix):
            return self.recurrence.read_date(original.removeprefix(prefix), [])
        if len(original) == len("2026-01-31"):
            return datetime.combine(date.fromisoformat(original), self.first.time())
        moment = datetime.fromisoformat(original)
        return self._wall(moment) if moment.tzinfo else moment

    def original_start(self, wall: datetime) -> Resource:
        """Return the originalStartTime of an occurrence, in the series' own zone."""
        if self.all_day:
            return {"date": wall.date().isoformat()}
        return self._shown(self.moment(wall), self.resource["start"])

    def _shown(self, moment: datetime, like: Resource) -> Resource:
        try:
            text = moment_text(moment.astimezone(self.zone))
        except (ValueError, OverflowError):
            text = moment_text(moment)
        own = {"timeZone": like["timeZone"]} if "timeZone" in like else {}
        return {"dateTime": text, **own}

    def instance(self, wall: datetime) -> Resource:
        """Return one occurrence as a resource; all but times and ids is the series' (rule 35)."""
        start = self.original_start(wall)
        if self.all_day:
            end: Resource = {"date": (wall + self.length).date().isoformat()}
        else:
            like: Resource = self.resource.get("end") or self.resource["start"]
            end = self._shown(self.moment(wall) + self.length, like)
        instance: Resource = {}
        for key, value in self.resource.items():
            if key == "recurrence":
                continue
            instance[key] = value
            if key == "end":
                instance["recurringEventId"] = self.resource["id"]
                instance["originalStartTime"] = start
        return instance | {"id": self.id_of(wall), "start": start, "end": end}


def series_of(resource: Resource, calendar_zone: tzinfo) -> Series | None:
    """Return the resource as a series; None if it has no start that can be read."""
    try:
        return Series(resource, calendar_zone)
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def basic(moment: datetime) -> str:
    """Write a time as iCalendar does, without zone."""
    return f"{_day(moment)}T{moment:%H%M%S}"


def _day(moment: datetime) -> str:
    return f"{moment.year:04d}{moment:%m%d}"
