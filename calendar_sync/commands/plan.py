"""`schedule`: the line that makes cron run the job for this home."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from calendar_sync.cli import App, command, global_options

DEFAULT_SCHEDULE = "*/15 * * * *"


@global_options
@click.group("schedule")
def schedule() -> None:
    """Show how to run the job on a schedule."""


def _show(app: App) -> None:
    """Print the crontab line for this home; nothing is installed."""
    from calendar_sync.schedule import next_due

    expression = app.config.schedule or DEFAULT_SCHEDULE
    if app.terminal.as_json:
        from calendar_sync.health import schedule_zone

        due = next_due(expression, app.now(), schedule_zone(app.config))
        line = crontab_line(app.home.folder, expression, has_zone=bool(app.config.timezone))
        app.terminal.json(
            {"version": 1, "crontab": line, "next_due": due.isoformat() if due else None}
        )
        return
    app.terminal.say("Add this line with: crontab -e")
    app.terminal.data(crontab_line(app.home.folder, expression, has_zone=bool(app.config.timezone)))
    if app.config.timezone:
        app.terminal.say(
            f"Cron counts in this machine's zone; the schedule {expression!r} counts in"
            f" {app.config.timezone}. So cron asks every five minutes whether it is due."
        )


schedule.add_command(command("show")(_show))


def crontab_line(home: Path, expression: str, *, has_zone: bool) -> str:
    """Return the line: absolute paths, quiet, `%` escaped because cron cuts the command there."""
    program = f"{shlex.quote(sys.executable)} -m calendar_sync"
    log = home / "state" / "cron.log"
    when, flag = ("*/5 * * * *", " --if-due") if has_zone else (expression, "")
    line = (
        f"{program} export --home {shlex.quote(str(home))} --quiet{flag} 2>>{shlex.quote(str(log))}"
    )
    return f"{when} {line.replace('%', chr(92) + '%')}"
