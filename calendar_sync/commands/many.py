"""Many accounts one after the other; and an organisation: its users as they are done, the totals."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from calendar_sync.app import App
from calendar_sync.errors import CalendarSyncError, Stopped, WrongUsage, together
from calendar_sync.home import Home
from calendar_sync.progress import progress

if TYPE_CHECKING:
    from calendar_sync.options import RunOptions
    from calendar_sync.organisation.totals import Totals
    from calendar_sync.organisation.user_run import UserResult
    from calendar_sync.shard import Shard
    from calendar_sync.stop import Stop


def in_shard(app: App, asked: Shard | None) -> list[Home]:
    """Return the homes that this machine runs for, where several share an organisation's users.

    The shard is the one asked for, else a Kubernetes Job's. The first one does the other accounts.
    Raises WrongUsage where nobody's users could be shared.
    """
    from calendar_sync.shard import shard_of_job

    has_many = any(app.config.is_organisation(home) for home in app.homes)
    if asked is not None and not has_many:
        raise WrongUsage(
            "--shard divides an organisation's users, and there is none.",
            "An organisation is an [[account]] with users = […] in calendar-sync.toml.",
        )
    shard = (asked or shard_of_job(os.environ)) if has_many else None
    if shard is None or shard.count == 1:
        return app.homes
    return [
        replace(home, shard=shard) if app.config.is_organisation(home) else home
        for home in app.homes
        if app.config.is_organisation(home) or shard.number == 1
    ]


def places_of(app: App, home: Home) -> list[Home]:
    """Return where the runs of a home are remembered: an organisation's shards each have their own."""
    if not app.config.is_organisation(home):
        return [home]
    from calendar_sync.organisation.members import shards_here

    return shards_here(home)


def each_account(app: App, homes: Iterable[Home], run: Callable[[Home], int]) -> int:
    """Run for one account after the other; a failing one does not stop the others."""
    codes = []
    for home in homes:
        shard = f" shard {home.shard}" if home.shard else ""
        app.terminal.say(f"[{home.account}{shard}]")
        try:
            codes.append(run(home))
        except Stopped:
            raise
        except CalendarSyncError as error:
            hint = app.as_typed(error.hint, home.account)
            app.terminal.error(f"calendar-sync: {home.account}: {error.message}\n{hint}".strip())
            codes.append(int(error.exit_code))
    return int(together(codes))


def export_organisation(app: App, home: Home, options: RunOptions, stop: Stop) -> int:
    """Run the job for every user; print a line for each who is of interest, or JSON for each."""
    from calendar_sync.organisation.whole_run import run_organisation

    def hear(result: UserResult) -> None:
        _tell_user(app, result)

    with progress(home.account, shown=app.terminal.shows_progress) as bar:
        report, totals = run_organisation(home, app.config, options, app.now, stop, hear, bar)
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
