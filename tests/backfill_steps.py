"""What the stories of the backfill share: a calendar with a past, and a backfill in this process."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from in_process import Hasty

from calendar_sync.backfill.job import BackfillOptions, run_backfill
from calendar_sync.backfill.report import BackfillReport, SliceReport
from calendar_sync.config import Config
from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.home import Home
from calendar_sync.options import RunOptions
from calendar_sync.run import run_export
from calendar_sync.session import account_of
from calendar_sync.stop import Stop

PAST = "past@group.calendar.google.com"


def add_past(google: LocalGoogle) -> None:
    """Add a calendar `Past` in Berlin, with a series and two singles, one over the year's end."""
    google.control("add_calendar", calendar=PAST, summary="Past", time_zone="Europe/Berlin")
    for summary, start, end in (
        ("New Year", "2024-12-31T23:00:00+01:00", "2025-01-01T01:00:00+01:00"),
        ("Midnight", "2025-01-31T23:00:00+01:00", "2025-02-01T00:00:00+01:00"),
    ):
        add_timed(google, summary, start, end)
    series: dict[str, Any] = {
        "summary": "Weekly",
        "start": {"dateTime": "2025-01-06T09:00:00+01:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2025-01-06T10:00:00+01:00", "timeZone": "Europe/Berlin"},
        "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=4"],
    }
    google.control("add_event", calendar=PAST, event=series)


def add_timed(google: LocalGoogle, summary: str, start: str, end: str) -> str:
    times = {"start": {"dateTime": start}, "end": {"dateTime": end}}
    event = {"summary": summary, **times}
    return str(google.control("add_event", calendar=PAST, event=event)["id"])


class Past:
    """One home, and its backfills and exports, inside the test's own process."""

    def __init__(self, folder: Path, google: LocalGoogle) -> None:
        self.home = Home(folder, "a test", folder / "calendar-sync.toml")
        self.folder = self.home.exports / "backfill"
        self.config = Config()
        self.told: list[SliceReport] = []
        google.write_client_secrets(self.home.client_secrets)
        google.write_token(self.home.token)

    def backfill(
        self, start: str, end: str, kind: str = "month", stop: Stop | None = None, **more: Any
    ) -> BackfillReport:
        first, last = (dt.date.fromisoformat(text) for text in (start, end))
        asked: dict[str, Any] = {"calendars": ("Past",), "formats": ("csv",), "output": None}
        options = BackfillOptions(first, last, kind, **(asked | more))
        connect = account_of(self.home, self.config, _now, stop or Hasty())
        self.told.clear()
        return run_backfill(self.home, self.config, options, connect, _now, self.told.append)

    def export(self) -> None:
        connect = account_of(self.home, self.config, _now, Hasty())
        assert run_export(self.home, self.config, RunOptions(), connect, _now).exit_code == 0


def results(report: BackfillReport) -> dict[str, str]:
    return {each.slice: each.result for each in report.slices}


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
