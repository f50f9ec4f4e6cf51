"""`backfill`: slices of the past, by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from calendar_sync.app import App
from calendar_sync.cli import command
from calendar_sync.commands.options import (
    DAY,
    calendar_option,
    deadline_of,
    deadline_option,
    folder_of,
    output_option,
    shard_option,
    text_format_option,
)
from calendar_sync.errors import WrongUsage
from calendar_sync.home import Home
from calendar_sync.progress import progress
from calendar_sync.stop import Stop
from calendar_sync.terminal import counted
from calendar_sync.windows import instant_of_day_or_time

if TYPE_CHECKING:
    from calendar_sync.backfill.job import BackfillOptions
    from calendar_sync.backfill.report import BackfillReport, SliceReport
    from calendar_sync.shard import Shard


_YEARS = 2, 9998  # in every zone; Python's first and last one begin or end outside in some


@command("backfill")
@click.option("--from", "start", type=DAY, metavar="D", required=True, help="First day, inclusive.")
@click.option("--to", "end", type=DAY, metavar="D", required=True, help="Last day, exclusive.")
@click.option(
    "--slice",
    "slice_name",
    type=click.Choice(["day", "week", "month", "year"]),
    default="month",
    show_default=True,
    help="How much goes into one file.",
)
@calendar_option
@text_format_option
@output_option
@click.option("--restart", is_flag=True, help="Read slices again that are done.")
@click.option("--dry-run", is_flag=True, help="List the slices and the requests they need.")
@shard_option
@deadline_option
def backfill(
    app: App,
    start: Any,
    end: Any,
    deadline: dt.timedelta | None,
    output: Path | None,
    formats: Any,
    shard: Shard | None,
    **options: Any,
) -> int:
    """Read a past range anew from Google, one file per slice."""
    from calendar_sync.backfill.job import BackfillOptions
    from calendar_sync.commands.many import in_shard

    first, last = (instant_of_day_or_time(value, dt.UTC) for value in (start, end))
    if first >= last:
        raise WrongUsage("--from must be earlier than --to; --to itself is not included.")
    if start.year < _YEARS[0] or last > instant_of_day_or_time(
        dt.date(_YEARS[1] + 1, 1, 1), dt.UTC
    ):
        raise WrongUsage(f"A backfill can be of the years {_YEARS[0]} to {_YEARS[1]}.")
    asked = BackfillOptions(
        start=start,
        end=end,
        output=folder_of(app.whole, output),
        formats=formats or ("csv", "ics"),
        **options,
    )
    homes = in_shard(app, shard)
    stop = Stop(deadline_of(app.config, deadline))
    with stop.on_signals(), stop.in_time():
        if len(app.homes) == 1 and not app.config.is_organisation(app.account_home):
            report = _run(app, app.home, asked, stop)
            _tell(app, [report])
            return report.exit_code
        return _run_accounts(app, homes, asked, stop)


def _run(app: App, home: Home, asked: BackfillOptions, stop: Stop) -> BackfillReport:
    from calendar_sync.backfill.job import run_backfill
    from calendar_sync.session import account_of

    def tell(done: SliceReport) -> None:
        bar.done()
        if not app.terminal.as_json:
            _tell_slice(app, done)

    connect = account_of(home, app.config, app.now, stop)
    with progress(home.account or "Reading slices", shown=app.terminal.shows_progress) as bar:
        return run_backfill(home, app.config, asked, connect, app.now, tell, bar)


def _run_accounts(app: App, homes: list[Home], asked: BackfillOptions, stop: Stop) -> int:
    """Run for each account and user; with an organisation among them JSON is a line for each."""
    from calendar_sync.commands.many import each_account

    has_many = any(app.config.is_organisation(home) for home in app.homes)
    reports = []

    def run(home: Home) -> int:
        report = _run(app, home, asked, stop)
        reports.append(report)
        if not app.terminal.as_json:
            _tell(app, [report])
        elif has_many:
            app.terminal.json_line({"version": 1, "account": home.account, "report": report})
        return report.exit_code

    code = each_account(app, _accounts_and_users(app, homes, stop), run)
    if app.terminal.as_json and not has_many:
        _tell(app, reports)
    return code


def _accounts_and_users(app: App, homes: list[Home], stop: Stop) -> Iterator[Home]:
    """Yield every account's home; for an organisation, each of its users', or a shard's."""
    for home in homes:
        if not app.config.is_organisation(home):
            yield home
            continue
        from calendar_sync.organisation.members import list_members

        members = list_members(home, app.config, app.now, stop).in_shard(home.shard)
        yield from (home.of_user(address) for address in members.addresses)


def _tell_slice(app: App, done: SliceReport) -> None:
    """Say what became of a slice; a dry run's list is data."""
    name = f"{done.slug}/{done.slice}"
    if done.result == "to read":
        app.terminal.data(name)
    elif done.result == "written":
        rows = max(done.rows.values(), default=0)
        over = f", {done.over_borders} over a border" if done.over_borders else ""
        unlike = f", {done.differences} unlike the mirror" if done.differences else ""
        app.terminal.say(f"written   {name}: {counted(rows, 'row')}{over}{unlike}")


def _tell(app: App, reports: list[BackfillReport]) -> None:
    if app.terminal.as_json:
        one = len(app.homes) == 1
        app.terminal.json(
            {"version": 1, **({"report": reports[0]} if one else {"reports": reports})}
        )
        return
    (report,) = reports
    for calendar in report.calendars:
        if calendar.error and not app.terminal.talks_in_events:  # the event has it
            app.terminal.error(f"failed    {calendar.name}: {calendar.error}")
    there = f"{report.count('there')} were there already"
    if report.requests_needed is not None:
        to_read, needed = report.count("to read"), counted(report.requests_needed, "request")
        app.terminal.say(
            f"Dry run, nothing was written: {counted(to_read, 'slice')} to read, {there};"
            f" at least {needed}."
        )
        return
    written, requests = report.count("written"), counted(report.requests, "request")
    app.terminal.say(f"{counted(written, 'slice')} written, {there}; {requests}.")
    if any(each.differences for each in report.slices):
        app.terminal.say(
            "Where the mirror is older than Google's changes an export brings it up to date;"
            " what still differs then is worth a report."
        )
