"""The job: `export` once, `daemon` on a schedule."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from calendar_sync.app import App
from calendar_sync.cli import command
from calendar_sync.commands.options import (
    DAY,
    JITTER,
    calendar_option,
    deadline_of,
    deadline_option,
    folder_of,
    format_option,
    jobs_option,
    output_option,
    shard_option,
)
from calendar_sync.errors import ExitCode, WrongConfiguration, WrongUsage
from calendar_sync.home import Home
from calendar_sync.progress import progress
from calendar_sync.stop import LONGEST_RUN, Stop
from calendar_sync.terminal import counted
from calendar_sync.windows import instant_of_day_or_time

if TYPE_CHECKING:
    from calendar_sync.history import Report
    from calendar_sync.options import RunOptions
    from calendar_sync.shard import Shard


@command("export")
@calendar_option
@format_option
@click.option("--from", "start", type=DAY, metavar="D", help="Only what is later, inclusive.")
@click.option("--to", "end", type=DAY, metavar="D", help="Only what is earlier, exclusive.")
@output_option
@click.option("--full", is_flag=True, help="Read everything anew and compare.")
@click.option("--dry-run", is_flag=True, help="Read, but write neither exports nor state.")
@click.option("--if-due", is_flag=True, help="Only if the schedule says so; for cron entries.")
@click.option("--allow-shrink", is_flag=True, help="Accept that most events are gone.")
@click.option("--verify", is_flag=True, help="Read files back before they are published (65).")
@jobs_option
@shard_option
@deadline_option
def export(
    app: App,
    calendars: tuple[str, ...],
    formats: Any,
    start: Any,
    end: Any,
    output: Path | None,
    deadline: dt.timedelta | None,
    if_due: bool,
    shard: Shard | None,
    **flags: Any,
) -> int:
    """Fetch what changed and bring exports/ up to date: the job."""
    from calendar_sync.commands.many import in_shard
    from calendar_sync.options import RunOptions
    from calendar_sync.unattended import run_and_tell
    from calendar_sync.views import Period

    homes = in_shard(app, shard)
    if if_due:
        homes = [home for home in homes if _is_due(app, home)]
    if not homes:
        app.terminal.say("Not due yet; nothing was done.")
        return int(ExitCode.DONE)
    _check_period(app, start, end, output)
    options = RunOptions(
        calendars=calendars,
        formats=formats or (),
        output=folder_of(app.whole, output),
        period=Period(start, end),
        **flags,
    )
    has_many = any(app.config.is_organisation(home) for home in app.homes)
    stop = Stop(deadline_of(app.config, deadline) or (None if has_many else LONGEST_RUN))
    with stop.on_signals():
        if len(app.homes) == 1 and not app.config.is_organisation(app.account_home):
            with progress("Reading calendars", shown=app.terminal.shows_progress) as bar:
                report = run_and_tell(app.home, app.config, options, app.now, stop, bar)
            _tell(app, [report], dry_run=options.dry_run)
            return report.exit_code
        return _export_accounts(app, homes, options, stop)


def _check_period(app: App, start: Any, end: Any, output: Path | None) -> None:
    """Refuse a period that holds nothing; say what one without a folder of its own does."""
    if start is not None and end is not None:
        first, last = (instant_of_day_or_time(value, dt.UTC) for value in (start, end))
        if first >= last:
            raise WrongUsage("--from must be earlier than --to; --to itself is not included.")
    if (start or end) and output is None:
        app.terminal.warn(
            "the configured files will hold only what is in --from and --to, until the next run;"
            " with --output DIR they would stay whole"
        )


def _export_accounts(app: App, homes: list[Home], options: RunOptions, stop: Stop) -> int:
    """Run for each account; with an organisation among them JSON is a line for each thing done."""
    from calendar_sync.commands.many import each_account, export_organisation
    from calendar_sync.unattended import run_and_tell

    has_many = any(app.config.is_organisation(home) for home in app.homes)
    reports = []

    def run(home: Home) -> int:
        if app.config.is_organisation(home):
            return export_organisation(app, home, options, stop)
        with progress(home.account, shown=app.terminal.shows_progress) as bar:
            report = run_and_tell(home, app.config, options, app.now, stop, bar)
        reports.append(report)
        if not app.terminal.as_json:
            _tell(app, [report], dry_run=options.dry_run)
        elif has_many:
            app.terminal.json_line({"version": 1, "account": home.account, "report": report})
        return report.exit_code

    code = each_account(app, homes, run)
    if app.terminal.as_json and not has_many:
        _tell(app, reports, dry_run=options.dry_run)
    return code


def _is_due(app: App, home: Home) -> bool:
    from calendar_sync.health import counted_from, schedule_zone
    from calendar_sync.schedule import is_due

    if app.config.schedule is None:
        raise WrongConfiguration(
            "--if-due needs a schedule, and there is none.",
            f'Put one into {home.config}, for example: schedule = "*/15 * * * *"',
        )
    since = counted_from(home)
    return is_due(app.config.schedule, since, app.now(), schedule_zone(app.config))


def _tell(app: App, reports: list[Report], *, dry_run: bool) -> None:
    """Tell what a run did: JSON as data, else a line for each calendar that is of interest."""
    if app.terminal.as_json:
        one = len(app.homes) == 1
        app.terminal.json(
            {"version": 1, **({"report": reports[0]} if one else {"reports": reports})}
        )
        return
    (report,) = reports
    for calendar in report.calendars:
        if calendar.result == "unchanged":
            continue
        changes = f"+{calendar.added} ~{calendar.changed} -{calendar.removed}"
        events = counted(calendar.events, "event")
        detail = calendar.error or f"{events}, {changes}" + (
            f", read {calendar.read}" if calendar.read.startswith("full") else ""
        )
        line = f"{calendar.result:<9} {calendar.name}: {detail}"
        if not calendar.error:
            app.terminal.say(line)
        elif not app.terminal.talks_in_events:  # the event "calendar failed" has it
            app.terminal.error(line)
    results = [calendar.result for calendar in report.calendars]
    results_in_words = ", ".join(
        f"{results.count(word)} {word}"
        for word in ("updated", "unchanged", "gone", "failed")
        if word in results
    )
    prefix = "Dry run, nothing was written: " if dry_run else ""
    requests = counted(report.requests, "request")
    app.terminal.say(f"{prefix}{results_in_words or 'no calendars'}; {requests}.")


@command("daemon")
@click.option("--schedule", metavar="CRON", help="A cron expression, over the configured one.")
@click.option(
    "--jitter",
    type=JITTER,
    metavar="30s",
    help="Start up to so much later, always as much in one home: not everybody at once.",
)
@shard_option
def daemon(app: App, schedule: str | None, jitter: dt.timedelta | None, shard: Shard | None) -> int:
    """Run the job on a cron expression, until stopped."""
    from calendar_sync.commands.many import in_shard
    from calendar_sync.daemon import run_daemon

    app.set_up_logging(at_least=1)  # a line for each run
    later = jitter or dt.timedelta(0)
    homes = in_shard(app, shard)
    whole = replace(app.whole, shard=next((home.shard for home in homes if home.shard), None))
    return run_daemon(whole, homes, app.config, schedule, app.now, app.terminal, later)
