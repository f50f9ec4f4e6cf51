"""Judging what was published: `verify`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from calendar_sync.app import App
from calendar_sync.cli import command
from calendar_sync.commands.options import DAY, FOLDER, calendar_option
from calendar_sync.errors import DamagedInput, ExitCode, SomeFailed
from calendar_sync.home import whole_path
from calendar_sync.terminal import counted

if TYPE_CHECKING:
    from calendar_sync.verify import Findings
    from calendar_sync.views import Period, View


@command("verify")
@calendar_option
@click.option("--from", "start", type=DAY, metavar="D", help="As the export was told, if it was.")
@click.option("--to", "end", type=DAY, metavar="D", help="As the export was told, if it was.")
@click.option(
    "--output", type=FOLDER, metavar="DIR", help="Read there; as the export was told, if it was."
)
def verify(app: App, calendars: tuple[str, ...], start: Any, end: Any, output: Path | None) -> int:
    """Read the published files back and compare them with the mirror (exit 65: they differ)."""
    from calendar_sync.lock import run_lock
    from calendar_sync.mirror import DamagedMirror, sqlite_in_our_words
    from calendar_sync.mirror_file import open_mirror
    from calendar_sync.verify import Findings, verify_output
    from calendar_sync.views import Period

    if not app.home.mirror.exists():
        raise SomeFailed(
            f"Nothing to verify: there is no {app.home.mirror}; {app.home.describe()}.",
            "Run: calendar-sync export",
        )
    findings = Findings()
    views = _views(app, output, Period(start, end))
    path = app.home.mirror
    try:
        with (
            run_lock(app.home),
            sqlite_in_our_words(path),
            closing(open_mirror(path)) as mirror,
        ):
            for view in views:
                verify_output(mirror, view, calendars, findings)
                if view.remote:
                    from calendar_sync.outbox import compare_output

                    findings.differences += compare_output(view)
    except DamagedMirror as error:
        raise DamagedInput(
            f"The mirror is damaged: {error}.", "Run: calendar-sync export"
        ) from error
    if not findings.files and not findings.differences:
        raise SomeFailed(
            "Nothing to verify: nothing is published yet.", "Run: calendar-sync export"
        )
    _tell(app, findings)
    return int(ExitCode.DAMAGED_INPUT if findings.differences else ExitCode.DONE)


def _views(app: App, output: Path | None, period: Period) -> list[View]:
    """Return the outputs as the export with the same options would make them."""
    from calendar_sync.views import View

    exports = app.config.export
    folders = [app.home.output(export.output) for export in exports]
    remotes = ["" if output else app.home.remote(export.output) for export in exports]
    if output is not None:
        base = whole_path(output) / app.home.account
        folders = [base] if len(exports) == 1 else [base / export.name for export in exports]
    zone, now = app.config.timezone, app.now()
    return [
        View(export, folder, now, zone, period, remote)
        for export, folder, remote in zip(exports, folders, remotes, strict=True)
    ]


def _tell(app: App, findings: Findings) -> None:
    from calendar_sync.verify import MOST_PRINTED

    differences = sorted(findings.differences)
    if app.terminal.as_json:
        app.terminal.json(
            {
                "version": 1,
                "files": findings.files,
                "events": findings.events,
                "count": len(differences),
                "differences": differences[:MOST_PRINTED],
                "remarks": findings.remarks,
            }
        )
        return
    for difference in differences[:MOST_PRINTED]:
        app.terminal.data(str(difference))
    for remark in findings.remarks:
        app.terminal.say(remark)
    compared = f"{counted(findings.files, 'file')} with {counted(findings.events, 'event')}"
    if differences:
        app.terminal.data(f"{counted(len(differences), 'difference')} in {compared}.")
    else:
        app.terminal.say(f"{compared}: no difference from the mirror.")
