"""The manual page, from the same words as `--help`: roff for man(1) and mandoc(1).

https://man.openbsd.org/man.7 is the language; only what both readers know is used.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import click

from calendar_sync import __version__
from calendar_sync.errors import ExitCode

_FILES = {
    "calendar-sync.toml": "What is exported, when, and how; optional. It never holds a secret.",
    "credentials/client_secrets.json": "The OAuth client, downloaded from Google Cloud; mode 0600.",
    "credentials/token.json": "The grant: the refresh token and what is known of it; mode 0600.",
    "exports/": "What you came for.",
    "state/": "The mirror, locks and the history of runs; safe to delete.",
}
_ENVIRONMENT = {
    "CALENDAR_SYNC_HOME": "The home folder, where --home is not given.",
    "NO_COLOR": "Draw tables without colour.",
}
_HOME = (
    "Every path hangs on one home folder: --home, else CALENDAR_SYNC_HOME, else the nearest folder at"
    " or above the current one that holds calendar-sync.toml or credentials/client_secrets.json, else"
    " the user's platform folder. Data goes to standard output, talk to standard error."
)


def render(program: click.Group, names: list[str], day: dt.date) -> str:
    """Render the whole page: `names` are the verbs, in their order."""
    context = click.Context(program, info_name="calendar-sync")
    lines = [
        f'.TH CALENDAR\\-SYNC 1 "{day.isoformat()}" "calendar\\-sync {_text(__version__)}"',
        ".SH NAME",
        "calendar\\-sync \\- Google Calendar to CSV and ICS from cron",
        ".SH SYNOPSIS",
        ".B calendar\\-sync",
        "[\\fIOPTIONS\\fR] \\fIVERB\\fR [\\fIARGUMENTS\\fR]",
        ".SH DESCRIPTION",
        _line(program.help or ""),
        ".PP",
        _line(_HOME),
        ".SH OPTIONS",
        _line("They work before and after the verb."),
        *_options(program, context, set()),
        ".SH COMMANDS",
    ]
    common = {option for parameter in program.params for option in parameter.opts}
    for name in names:
        command = program.get_command(context, name)
        if command is not None:
            lines += _command(command, context, name, common)
    lines.append(".SH EXIT STATUS")
    lines += _list({str(code.value): code.meaning for code in ExitCode}.items())
    lines += [".SH ENVIRONMENT", *_list(_ENVIRONMENT.items())]
    lines += [".SH FILES", *_list(_FILES.items())]
    lines += [".SH SEE ALSO", ".BR crontab (5),", ".BR systemd.timer (5)"]
    return "\n".join(lines) + "\n"


def _command(
    command: click.Command, above: click.Context, name: str, common: set[str]
) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=above)
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f'.SS "{_text(usage)}"'
    yield _line(" ".join((command.help or "").split()))
    yield from _options(command, context, common)
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            if found is not None:
                yield from _command(found, context, inner, common)


def _options(command: click.Command, context: click.Context, without: set[str]) -> Iterator[str]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if (
            record is not None
            and record[1]
            and not (set(parameter.opts) & (without | {"--help", "--version"}))
        ):
            yield from _list([record])


def _list(entries: object) -> Iterator[str]:
    for head, words in entries:  # type: ignore[attr-defined]
        yield ".TP"
        yield f"\\fB{_text(head)}\\fR"
        yield _line(words)


def _line(text: str) -> str:
    """Make a line of text: a dot or an apostrophe at its beginning would be an order."""
    line = _text(" ".join(text.split()))
    return f"\\&{line}" if line.startswith((".", "'")) else line


def _text(text: str) -> str:
    """Escape what roff would obey, draw as another sign, or not know."""
    signs = {"\\": "\\e", "-": "\\-", '"': "\\(dq", "…": "...", "~": "\\(ti", "^": "\\(ha"}
    return "".join(signs.get(sign, sign) for sign in text)
