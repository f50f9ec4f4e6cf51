"""What an ICS file must say about an item, told from the mirror by the rules of contract and RFC.

Written a second time, apart from the writer, so that a mistake has to be made twice to stay unseen.
What the writer leaves out on purpose it has warned of; `noted` are those warnings.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import Collection, Iterator

import msgspec

from calendar_sync.model import Event, EventTime, Item, Orphan, Series
from calendar_sync.recurrence.event_times import Window
from calendar_sync.recurrence.occurrences import expand
from calendar_sync.resources import people_of
from calendar_sync.times import (
    Moment,
    UnreadableTime,
    instant_of,
    is_utc,
    read_time,
)
from calendar_sync.verification.differences import Facts, Told
from calendar_sync.verification.series_clock import SeriesClock

Noted = Collection[tuple[str, str]]  # event id, code
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BREAKS = re.compile("\r\n|[\r\x85\u2028\u2029]")
_LINE = re.compile(r"\s*(\w+)([^:]*?):(.*)", re.DOTALL)
_DAY = re.compile(r"(?<![\dT])\d{8}(?![\dT])", re.ASCII)
_EXDATE = re.compile(r"\s*EXDATE", re.IGNORECASE)
_SUFFIX = re.compile(r".*_(\d{8})(?:T(\d{6})Z)?", re.ASCII | re.DOTALL)


class IcsTruth:
    """Tells the VEVENTs of one calendar's items."""

    def __init__(self, zone: str, noted: Noted, *, orphans: str) -> None:
        self._zone, self._noted, self._orphans = zone, noted, orphans

    def of(self, item: Item) -> Iterator[Told]:
        """Yield what each VEVENT of the item says."""
        if isinstance(item, Series):
            yield from self._series(item)
        elif item.event.is_cancelled or self._is_noted(item.event, "unwritable"):
            return
        elif isinstance(item, Orphan):
            yield from self._orphan(item.event)
        else:
            yield from self._event(item.event, _uid(item.event))

    def _series(self, series: Series) -> Iterator[Told]:
        master = series.master
        if master.is_cancelled or self._is_noted(master, "unwritable"):
            return
        begin = self._read(master.start)
        if begin is None:
            for event in series.edited:
                yield from self._orphan(event)
            return
        if self._is_noted(master, "no-occurrence"):
            return
        clock = SeriesClock(begin)
        rules = self._rules(master, clock)
        for event_id, facts in self._event(master, _uid(master), of_series=True):
            told = facts | rules | {"EXDATE": self._removed(series, clock)}
            if self._is_noted(master, "odd-rule") or self._is_noted(master, "two-ends"):
                del told["RRULE"]  # all or a part was left out, with that warning
            yield event_id, told
        for event in series.edited:
            original = self._original(event)
            if original is None:
                yield from self._standalone(event, _uid(master))
            else:
                yield from self._event(event, _uid(master), clock.facts(original))

    def _orphan(self, event: Event) -> Iterator[Told]:
        original = self._original(event)
        if self._orphans != "recurrence-id" or original is None:
            yield from self._standalone(event, _uid(event))
        else:
            yield from self._event(event, _uid(event), SeriesClock(original).facts(original))

    def _standalone(self, event: Event, uid: str) -> Iterator[Told]:
        suffix = event.id.removeprefix(event.recurring_event_id or "")
        yield from self._event(event, uid + (suffix if suffix[:1] == "_" else f"_{suffix}"))

    def _event(
        self,
        event: Event,
        uid: str,
        recurrence_id: tuple[str, dt.datetime] | None = None,
        *,
        of_series: bool = False,
    ) -> Iterator[Told]:
        start, end = self._read(event.start), self._read(event.end)
        if start is None:
            return
        first, last = _times(start, None if event.end_time_unspecified else end, of_series)
        yield (
            event.id,
            {
                "UID": _plain(uid),
                "DTSTART": first,
                "DTEND": last,
                "RRULE": frozenset(),
                "RDATE": frozenset(),
                "EXDATE": frozenset(),
                "RECURRENCE-ID": recurrence_id,
                "SUMMARY": _shown(event.summary) or ("Busy" if _is_free_busy(event) else ""),
                "LOCATION": _shown(event.location),
                "DESCRIPTION": _shown(event.description),
                **_state(event),
                **_people(event),
            },
        )

    # -- recurrence

    def _rules(self, master: Event, clock: SeriesClock) -> Facts:
        """Return the rules and added dates."""
        lines = _lines(master)
        rules: set[object] = set()
        for line in lines:
            with contextlib.suppress(ValueError, OverflowError):  # left out, with a warning
                rules |= {clock.rule(line[3])} if line[1].upper() == "RRULE" else set()
        return {"RDATE": frozenset(clock.dates(lines, "RDATE")), "RRULE": frozenset(rules)}

    def _removed(self, series: Series, clock: SeriesClock) -> frozenset[tuple[str, dt.datetime]]:
        """Return EXDATEs: the series' own and cancelled occurrences, but none that was edited."""
        removed = set(clock.dates(_lines(series.master), "EXDATE"))
        removed |= {clock.facts(time) for time in self._on_removed_days(series.master)}
        removed |= {
            clock.facts(t) for e in series.cancelled if (t := self._original(e)) is not None
        }
        removed -= {clock.facts(t) for e in series.edited if (t := self._original(e)) is not None}
        return frozenset(removed)

    def _on_removed_days(self, master: Event) -> Iterator[dt.date | Moment]:
        """Yield all starts of a series with times on days that an EXDATE excludes as days."""
        lines = [line for line in _lines(master) if line[1].upper() == "EXDATE"]
        days = {day for line in lines for day in _DAY.findall(line[3])}
        if not days or (master.start and master.start.date):
            return
        kept = tuple(line for line in master.recurrence or () if not _EXDATE.match(line))
        whole = Series(msgspec.structs.replace(master, recurrence=kept))
        for day in days:
            with contextlib.suppress(ValueError):
                noon = int(dt.datetime.fromisoformat(f"{day}T12Z").timestamp())
                around = Window(noon - 2 * 86400, noon + 2 * 86400)
                for each in expand(whole, self._zone, window=around)[0]:
                    start = each.start
                    if isinstance(start, Moment) and f"{start.wall:%Y%m%d}" == day:
                        yield start

    def _original(self, event: Event) -> dt.date | Moment | None:
        if event.original_start_time is not None:
            return self._read(event.original_start_time)
        suffix = _SUFFIX.fullmatch(event.id)
        if suffix is None:
            return None
        if suffix[2]:
            return self._read(EventTime(date_time=f"{suffix[1]}T{suffix[2]}Z", time_zone="UTC"))
        return self._read(EventTime(date=f"{suffix[1][:4]}-{suffix[1][4:6]}-{suffix[1][6:]}"))

    def _read(self, time: EventTime | None) -> dt.date | Moment | None:
        try:
            return None if time is None else read_time(time, self._zone)
        except UnreadableTime:
            return None

    def _is_noted(self, event: Event, code: str) -> bool:
        return (event.id, code) in self._noted


def _lines(master: Event) -> list[re.Match[str]]:
    return [match for line in master.recurrence or () if (match := _LINE.fullmatch(line))]


def _uid(event: Event) -> str:
    return event.ical_uid or f"{event.recurring_event_id or event.id}@google.com"


def _plain(text: str) -> str:
    return _CONTROLS.sub("", _BREAKS.sub("\n", text))


def _shown(text: str | None) -> str:
    plain = _plain(text or "")
    return plain if plain.strip() else ""


def _state(event: Event) -> Facts:
    classes = {"private": "PRIVATE", "confidential": "CONFIDENTIAL", "public": "PUBLIC"}
    is_known = event.status in (None, "confirmed", "tentative")
    return {
        "STATUS": (event.status or "confirmed").upper() if is_known else "",
        "TRANSP": "TRANSPARENT"
        if event.transparency == "transparent" or event.event_type == "workingLocation"
        else "OPAQUE",
        "CLASS": "" if _is_free_busy(event) else classes.get(event.visibility or "", ""),
    }


def _people(event: Event) -> Facts:
    """Tell who is named: an organizer only of a meeting, or who is somebody else."""
    answers = {"accepted": "ACCEPTED", "declined": "DECLINED", "tentative": "TENTATIVE"}
    guests = [person for person in people_of(event) if person.email]
    organizer = event.organizer
    is_named = bool(guests) or event.attendees_omitted or not (organizer and organizer.is_self)
    return {
        "ORGANIZER": ((organizer and organizer.email) or "").strip() if is_named else "",
        "ATTENDEE": frozenset(
            ((one.email or "").strip(), answers.get(one.response_status or "", "NEEDS-ACTION"))
            for one in guests
        ),
    }


def _is_free_busy(event: Event) -> bool:
    return not (event.summary or event.creator or event.organizer or event.created)


def _times(
    start: dt.date | Moment, end: dt.date | Moment | None, of_series: bool
) -> tuple[int | dt.date, int | dt.date | None]:
    """Return start and end as instants or dates; an end that is not later says nothing."""
    if not isinstance(start, Moment):
        has_end = end is not None and not isinstance(end, Moment) and end > start
        return start, end if has_end and not isinstance(end, Moment) else None
    first = start.instant
    if of_series and start.is_ambiguous and start.is_zone_known and not is_utc(start.zone):
        first = instant_of(start.wall, start.tzinfo)  # a wall time with TZID means the first pass
    if not isinstance(end, Moment) or end.instant <= start.instant:
        return first, None
    return first, first + end.instant - start.instant
