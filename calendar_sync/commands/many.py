"""The job for an organisation: its users told as they are done, then the totals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from calendar_sync.cli import App
from calendar_sync.home import Home
from calendar_sync.options import RunOptions
from calendar_sync.stop import Stop

if TYPE_CHECKING:
    from calendar_sync.organisation.totals import Totals
    from calendar_sync.organisation.user_run import UserResult


def export_organisation(app: App, home: Home, options: RunOptions, stop: Stop) -> int:
    """Run the job for every user; print a line for each who is of interest, or JSON for each."""
    from calendar_sync.organisation.whole_run import run_organisation

    def hear(result: UserResult) -> None:
        _tell_user(app, result)

    report, totals = run_organisation(home, app.config, options, app.now, stop, hear)
    _tell_totals(app, totals, report.exit_code, dry_run=options.dry_run)
    return report.exit_code


def _tell_user(app: App, result: UserResult) -> None:
    if app.terminal.as_json:
        app.terminal.json_line({"version": 1, **msgspec.to_builtins(result)})
    elif result.exit_code:
        app.terminal.error(f"{result.user}: {result.message or 'failed'}")


def _tell_totals(app: App, totals: Totals, exit_code: int, *, dry_run: bool) -> None:
    if app.terminal.as_json:
        numbers = {**msgspec.to_builtins(totals), "exit_code": exit_code}
        app.terminal.json_line({"version": 1, "totals": numbers})
        return
    prefix = "Dry run, nothing was written: " if dry_run else ""
    figures = f"{totals.calendars} calendars, {totals.events} events, {totals.requests} requests"
    app.terminal.say(f"{prefix}{totals.in_words()}; {figures}.")
