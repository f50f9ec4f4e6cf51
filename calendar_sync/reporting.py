"""What a run has to say: each calendar's result as it comes, warnings, and the report at the end."""

from __future__ import annotations

import logging

import msgspec

from calendar_sync.calendars import KnownCalendar
from calendar_sync.errors import CalendarSyncError, DamagedInput, ExitCode, TryLater
from calendar_sync.history import CalendarReport
from calendar_sync.intake import Outcome
from calendar_sync.listing import NO_COUNTS
from calendar_sync.logs import fields, told
from calendar_sync.mirror import Mirror
from calendar_sync.sync import FullFetch, Plan

log = logging.getLogger("calendar_sync")


class Reporting:
    """Collects what became of each calendar, and says it in the log at once."""

    def __init__(self, mirror: Mirror, warnings: list[str]) -> None:
        self._mirror = mirror
        self._failures: list[CalendarSyncError] = []
        self.calendars: list[CalendarReport] = []
        self.warnings: list[str] = []
        for warning in warnings:
            self.warn(warning)

    def warn(self, text: str) -> None:
        """Tell of something that is no failure."""
        self.warnings.append(text)
        log.warning("%s", text)

    def warn_of_reading(self, outcome: Outcome) -> None:
        """Tell what was odd about a calendar's reading, if anything."""
        if outcome.unreadable:
            name = _name(outcome.calendar)
            self.warn(f"{name}: {outcome.unreadable} resources without an id were left out.")
        if outcome.differences:
            self.warn(_unlike_google(outcome))

    def gone(self, calendar: KnownCalendar) -> None:
        """Report a calendar that is not there any more."""
        self.warn(f"{_name(calendar)} is gone from the account; its files stay.")
        self.calendars.append(self._on(calendar, "gone"))

    def failed(self, calendar: KnownCalendar, error: CalendarSyncError) -> None:
        """Report a calendar that keeps its last good files."""
        self._failures.append(error)
        words = f"{error.message} {error.hint}".rstrip()
        self.calendars.append(msgspec.structs.replace(self._on(calendar, "failed"), error=words))
        log.error("calendar failed", extra=told(calendar=calendar.slug, error=words))

    def failed_merged(self, export: str, error: CalendarSyncError) -> None:
        """Report files of several calendars that stay as they were."""
        self._failures.append(error)
        self.warn(f"{export}: {error.message}")

    def done(self, calendar: KnownCalendar, outcome: Outcome, *, published: bool) -> None:
        """Report a calendar that is up to date."""
        result = "updated" if published or outcome.counts != NO_COUNTS else "unchanged"
        report = self._on(calendar, result, outcome)
        self.calendars.append(report)
        facts = fields(
            calendar=calendar.slug,
            result=report.result,
            read=report.read,
            pages=outcome.pages,
            added=report.added,
            changed=report.changed,
            removed=report.removed,
        )
        log.info("calendar done", extra=facts)

    def exit_code(self) -> ExitCode:
        """Return the code of a run that came to its end."""
        if not self._failures:
            return ExitCode.DONE
        if any(isinstance(error, DamagedInput) for error in self._failures):
            return ExitCode.DAMAGED_INPUT
        done = [report for report in self.calendars if report.result in ("updated", "unchanged")]
        passing = all(isinstance(error, TryLater) for error in self._failures)
        return ExitCode.TRY_LATER if passing and not done else ExitCode.SOME_FAILED

    def message(self) -> str:
        """Name the calendars that failed."""
        names = [report.name for report in self.calendars if report.result == "failed"]
        return f"failed: {', '.join(names)}" if names else ""

    def _on(
        self, calendar: KnownCalendar, result: str, outcome: Outcome | None = None
    ) -> CalendarReport:
        counts = outcome.counts if outcome else NO_COUNTS
        return CalendarReport(
            id=calendar.id,
            name=_name(calendar),
            slug=calendar.slug,
            result=result,
            read=_in_words(outcome.fetch) if outcome else "",
            added=counts.added,
            changed=counts.changed,
            removed=counts.removed,
            events=self._mirror.count_live(calendar.key),
        )


def _name(calendar: KnownCalendar) -> str:
    return calendar.view.name or calendar.id


_MOST_NAMED = 5  # of events in a warning


def _unlike_google(outcome: Outcome) -> str:
    """Say what a periodic check found: changes that Google never sent to us."""
    found = outcome.differences
    named = [f"{title or 'untitled'} ({id_})" for id_, title in [*found.items()][:_MOST_NAMED]]
    more = "" if len(found) <= _MOST_NAMED else f" and {len(found) - _MOST_NAMED} more"
    return (
        f"{_name(outcome.calendar)}: the periodic full read found {len(found)} differences from the"
        f" mirror, which has been put right: {', '.join(named)}{more}."
    )


def _in_words(fetch: Plan) -> str:
    return f"full ({fetch.reason})" if isinstance(fetch, FullFetch) else "changes"
