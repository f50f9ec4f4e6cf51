"""A Google on this machine: `emulator` to try things on, `demo` for the whole story."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from calendar_sync.app import App
from calendar_sync.cli import command, global_options
from calendar_sync.emulator.command import emulator as _emulator

emulator = global_options(_emulator)


def _home_before_the_verb(context: click.Context, _: click.Parameter, home: Any) -> Any:
    return home or context.ensure_object(App).options.get("home")


for _parameter in emulator.params:  # the emulator knows nothing of our options, nor of App
    if _parameter.name == "home":
        _parameter.callback = _home_before_the_verb


@command("demo")
@click.option("--browser", is_flag=True, help="Let a person click, in a browser.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="An empty or new folder; else a temporary one.",
)
def demo(app: App, browser: bool, folder: Path | None) -> int:
    """Show the whole story on a local Google: consent, export, change, incremental export."""
    from calendar_sync.demo import run_demo

    return run_demo(app.terminal, folder=folder, browser=browser)
