"""For the shell and its reader: `completion`, `man`."""

from __future__ import annotations

import click

from calendar_sync.app import App
from calendar_sync.cli import cli, command
from calendar_sync.verbs import COMMANDS


@command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(app: App, shell: str) -> None:
    """Print what completes commands and options in bash, zsh or fish."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None
    made = found(cli, {}, "calendar-sync", "_CALENDAR_SYNC_COMPLETE")
    # Not `source()`: for bash that starts one, to look at its version.
    text = (made.source_template % made.source_vars()).strip()
    # A function of $fpath is "loadautofunc" at its first call only: the second Tab would do nothing.
    app.terminal.data(text.replace("== loadautofunc ]]", "== (loadautofunc|shfunc) ]]"))


@command("man")
def man(app: App) -> None:
    """Print the manual page, in roff."""
    from calendar_sync.commands.man_page import render

    app.terminal.data(render(cli, list(COMMANDS), app.now().date()).rstrip("\n"))
