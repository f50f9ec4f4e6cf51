"""A Google on this machine: `emulator` to try things on, `demo` for the whole story."""

from __future__ import annotations

from pathlib import Path

import click

from calendar_sync.cli import App, command, global_options
from calendar_sync.emulator.command import emulator as _emulator

emulator = global_options(_emulator)


@command("demo")
@click.option("--browser", is_flag=True, help="Let a person click in a browser.")
@click.option("--folder", type=click.Path(path_type=Path), metavar="DIR", help="Keep it there.")
def demo(app: App, browser: bool, folder: Path | None) -> int:
    """Show the whole story on a local Google: consent, export, change, incremental export."""
    from calendar_sync.demo import run_demo

    return run_demo(app.terminal, folder=folder, browser=browser)
