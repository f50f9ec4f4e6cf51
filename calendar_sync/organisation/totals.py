"""What a run for many users adds up to, however many they are: counts, and those who failed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from calendar_sync.errors import ExitCode, together
from calendar_sync.history import CalendarReport
from calendar_sync.organisation.user_run import UserResult

_MOST_KEPT = 1000  # users that an organisation's report tells of one by one
_MOST_NAMED = 10  # in a line of words


class FailedUser(msgspec.Struct, frozen=True):
    """A user whose files are not up to date, and why."""

    user: str
    exit_code: int
    message: str


class Totals(msgspec.Struct):
    """The figures of a run for many users.

    `left_out` are suspended or archived in the directory; who is `no_longer_listed` was, last time.
    """

    users: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    not_reached: int = 0
    left_out: int = 0
    calendars: int = 0
    events: int = 0
    requests: int = 0
    failed_users: list[FailedUser] = []
    no_longer_listed: list[str] = []

    def add(self, result: UserResult) -> CalendarReport:
        """Count a user's result; return it as a line of the organisation's report."""
        calendars = result.report.calendars if result.report else ()
        counts = [
            sum(getattr(c, key) for c in calendars) for key in ("added", "changed", "removed")
        ]
        events = sum(c.events for c in calendars)
        self.calendars += len(calendars)
        self.events += events
        self.requests += result.report.requests if result.report else 0
        if result.exit_code:
            word, message = "failed", result.message or f"exit code {result.exit_code}"
            self.failed_users.append(FailedUser(result.user, result.exit_code, message))
        else:
            is_updated = any(calendar.result != "unchanged" for calendar in calendars)
            word, message = "updated" if is_updated else "unchanged", ""
        setattr(self, word, getattr(self, word) + 1)
        added, changed, removed = counts
        return CalendarReport(
            id=result.user,
            name=result.user,
            slug=result.user,
            result=word,
            added=added,
            changed=changed,
            removed=removed,
            events=events,
            error=message,
        )

    def exit_code(self) -> ExitCode:
        """Return the code they all share, else that some failed."""
        codes = {failed.exit_code for failed in self.failed_users}
        codes |= {int(ExitCode.DONE)} if self.updated or self.unchanged else set()
        codes |= {int(ExitCode.TRY_LATER)} if self.not_reached else set()
        return together(codes)

    def in_words(self) -> str:
        """Say it in one line; of those who failed the first ones are named."""
        words = [
            f"{getattr(self, key)} {key.replace('_', ' ')}"
            for key in ("updated", "unchanged", "failed", "not_reached", "left_out")
            if getattr(self, key)
        ]
        names = in_short([failed.user for failed in self.failed_users])
        named = f" (failed: {names})" if names else ""
        return f"{self.users} users: {', '.join(words) or 'none done'}{named}"


def in_short(addresses: Sequence[str]) -> str:
    """Name the first of many users."""
    more = len(addresses) - _MOST_NAMED
    return ", ".join(addresses[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def worth_keeping(reports: list[CalendarReport]) -> tuple[CalendarReport, ...]:
    """Choose the users that a report tells of: who failed first, then who has changes."""
    told = [report for report in reports if report.result != "unchanged"]
    told.sort(key=lambda report: (report.result != "failed", report.slug))
    return tuple(told[:_MOST_KEPT])
