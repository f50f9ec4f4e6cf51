"""`report`: everything about a home on one page."""

from __future__ import annotations

from pathlib import Path

import click

from calendar_sync.app import App
from calendar_sync.cli import NamedPath, command
from calendar_sync.errors import WrongConfiguration, WrongUsage
from calendar_sync.home import is_private, whole_path


@command("report")
@click.option(
    "--output", type=NamedPath(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write there instead of exports/report.html.",
)  # fmt: skip
def report(app: App, output: Path | None) -> None:
    """Write one HTML page: health, calendars, runs, a heat map of the year."""
    from calendar_sync.report_page.writing import write_report

    home = app.account_home
    if not home.folder.is_dir():
        hint = "Which one is chosen and why: calendar-sync doctor"
        raise WrongConfiguration(f"There is no {home.describe()}.", hint)
    asked = whole_path(output) if output else None
    if asked and is_private(asked, home.folder, ("credentials",)):
        raise WrongUsage(
            f"{asked} is no place for a page: credentials/ holds secrets only.",
            f"Choose another, for example: --output {home.exports / 'report.html'}",
        )
    path = write_report(home, app.config, app.now(), asked)
    if app.terminal.as_json:
        app.terminal.json({"version": 1, "path": str(path)})
    else:
        app.terminal.data(str(path))
