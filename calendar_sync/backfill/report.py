"""What a backfill did: slice by slice for whoever watches, as a whole for the history."""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from calendar_sync.backfill.comparison import DIFFERS
from calendar_sync.backfill.ledger import Entry
from calendar_sync.backfill.reading import CROSSES, NO_ID
from calendar_sync.calendars import KnownCalendar
from calendar_sync.errors import CalendarSyncError, ExitCode, TryLater
from calendar_sync.history import CalendarReport, Report
from calendar_sync.logs import fields, told
from calendar_sync.slices import Slice

log = logging.getLogger("calendar_sync")
_MOST_LOGGED = 20  # differences of a slice; the manifest has all


class SliceReport(msgspec.Struct, frozen=True, rename={"start": "from", "end": "to"}):
    """What became of one slice. `result`: written, there (it was done before), to read (dry run).

    `over_borders` counts events that reach over a border of the slice, `differences` occurrences
    that Google and the mirror do not agree on.
    """

    calendar: str
    slug: str
    slice: str
    start: str
    end: str
    result: str
    rows: dict[str, int] = {}
    requests: int = 0
    over_borders: int = 0
    differences: int = 0


class BackfillReport(Report, frozen=True):
    """The run's report, with its slices. `requests_needed`, at least, is a dry run's finding."""

    slices: tuple[SliceReport, ...] = ()
    requests_needed: int | None = None

    def without_slices(self) -> Report:
        """Return what the history keeps; the ledger knows the slices."""
        return Report(**{name: getattr(self, name) for name in Report.__struct_fields__})

    def count(self, result: str) -> int:
        """Count the slices of one result."""
        return sum(each.result == result for each in self.slices)


class Reporting:
    """Collects what happens, and tells of each slice as it is done."""

    def __init__(self, tell: Callable[[SliceReport], None], warnings: list[str]) -> None:
        self._tell = tell
        self.slices: list[SliceReport] = []
        self.calendars: list[CalendarReport] = []
        self.warnings = warnings
        self._failures: list[CalendarSyncError] = []
        for warning in warnings:
            log.warning("%s", warning)

    def slice(
        self,
        calendar: KnownCalendar,
        slice_: Slice,
        result: str,
        entry: Entry | None = None,
        requests: int = 0,
    ) -> None:
        """Tell of one slice."""
        entry = entry or Entry()
        codes = [warning.code for warning in entry.warnings]
        report = SliceReport(
            calendar=calendar.id,
            slug=calendar.slug,
            slice=slice_.name,
            start=slice_.start.isoformat(),
            end=slice_.end.isoformat(),
            result=result,
            rows={file.format: file.rows for file in entry.files},
            requests=requests,
            over_borders=codes.count(CROSSES),
            differences=codes.count(DIFFERS),
        )
        self.slices.append(report)
        facts = fields(
            calendar=report.slug,
            slice=report.slice,
            result=result,
            rows=max(report.rows.values(), default=0),
            requests=requests,
            over_borders=report.over_borders,
            differences=report.differences,
        )
        log.info("slice done", extra=facts)
        for warning in [w for w in entry.warnings if w.code in (DIFFERS, NO_ID)][:_MOST_LOGGED]:
            facts = fields(calendar=report.slug, event=warning.event_id)
            log.warning("%s", warning.message, extra=facts)
        self._tell(report)

    def calendar(
        self, calendar: KnownCalendar, result: str, error: CalendarSyncError | None = None
    ) -> None:
        """Tell of one calendar: done, gone or failed."""
        name = calendar.view.name or calendar.id
        words = f"{error.message} {error.hint}".rstrip() if error else ""
        self.calendars.append(CalendarReport(calendar.id, name, calendar.slug, result, error=words))
        if error is not None:
            self._failures.append(error)
            log.error("calendar failed", extra=told(calendar=calendar.slug, error=words))
        if result == "gone":
            self.warnings.append(f"{name} is gone from the account; its files stay.")
            log.warning("%s", self.warnings[-1])

    def exit_code(self) -> ExitCode:
        """Say how it ended: all failed for a passing reason is another thing than some failed."""
        if not self._failures:
            return ExitCode.DONE
        passing = all(isinstance(error, TryLater) for error in self._failures)
        everything = len(self._failures) == len(self.calendars)
        return ExitCode.TRY_LATER if passing and everything else ExitCode.SOME_FAILED

    def message(self) -> str:
        """Say in a line what was done."""
        written = sum(each.result == "written" for each in self.slices)
        names = [each.name for each in self.calendars if each.result == "failed"]
        return f"{written} slices written" + (f"; failed: {', '.join(names)}" if names else "")
