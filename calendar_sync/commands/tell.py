"""Telling someone: `notify test`."""

from __future__ import annotations

import click

from calendar_sync.app import App
from calendar_sync.cli import command, global_options
from calendar_sync.errors import ExitCode, WrongConfiguration


@global_options
@click.group("notify")
def notify() -> None:
    """Try the ways of telling someone how runs go."""


def _test(app: App) -> int:
    """Send a test through every configured way; a ping counts as a success there."""
    from calendar_sync.telling.ways import try_everything

    tell = app.config.tell
    if not tell.secrets() and tell.metrics is None:
        raise WrongConfiguration(
            f"Nobody is told: there is no [tell] in {app.whole.config}.",
            'For example: [tell] and below it ping = "file:credentials/ping-url"',
        )
    results = dict(try_everything(app.whole, app.config))
    if app.terminal.as_json:
        ways = [{"way": way, "error": trouble} for way, trouble in results.items()]
        app.terminal.json({"version": 1, "ways": ways})
    else:
        for way, trouble in results.items():
            app.terminal.data(f"{way:<8} {'told' if trouble is None else f'failed: {trouble}'}")
    return int(ExitCode.SOME_FAILED if any(results.values()) else ExitCode.DONE)


notify.add_command(command("test")(_test))
