"""Talking to a person: talk goes to stderr, data to stdout, colour and tables to terminals only."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TextIO

from calendar_sync.errors import cannot_write

TALK = "calendar_sync.talk"  # the name under which what we say is in the log
logging.getLogger(TALK).addHandler(logging.NullHandler())  # until the log is set up
_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3}


class Terminal:
    """What a command says. `quiet` leaves warnings and errors; `json` makes data machine-readable."""

    def __init__(
        self,
        *,
        quiet: bool,
        verbosity: int,
        as_json: bool,
        as_typed: Callable[[str], str] = str,
    ) -> None:
        self.quiet, self.verbosity, self.as_json = quiet, verbosity, as_json
        self._as_typed = as_typed  # completes the commands in what is said
        self.talks_in_events = False  # stderr is for a program: the log writes what we say

    @property
    def shows_progress(self) -> bool:
        """Whether somebody looks on: at a terminal, without the log's lines."""
        is_for_a_person = not (self.quiet or self.as_json or self.verbosity or self.talks_in_events)
        return is_for_a_person and sys.stderr is not None and sys.stderr.isatty()

    def say(self, text: str = "") -> None:
        """Tell a person something that no program reads."""
        if not self.quiet:
            self._talk(logging.INFO, text)

    def warn(self, text: str) -> None:
        """Say what should be looked at; also when quiet."""
        self._talk(logging.WARNING, text)

    def error(self, text: str) -> None:
        """Say what ended the command; also when quiet."""
        self._talk(logging.ERROR, text)

    def _talk(self, level: int, text: str) -> None:
        text = self._as_typed(text)
        if not self.talks_in_events:
            write_talk(level, f"warning: {text}" if level == logging.WARNING else text)
        logging.getLogger(TALK).log(level, "%s", text)

    def data(self, text: str) -> None:
        """Print a line of data."""
        _write_data(text)

    def show(self, text: str) -> None:
        """Print a line that is what the command is for, yet nothing to a quiet caller."""
        if not self.quiet:
            _write_data(text)

    def json(self, value: object) -> None:
        """Print one JSON document."""
        import msgspec  # not loaded for --help

        _write_data(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())

    def json_line(self, value: object) -> None:
        """Print one of several JSON documents, each on a line of its own."""
        import msgspec  # not loaded for --help

        _write_data(msgspec.json.encode(value).decode())

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print rows: a table on a terminal, tab-separated lines without heads into a pipe."""
        cells = [["" if value is None else one_line(str(value)) for value in row] for row in rows]
        if sys.stdout is None or not sys.stdout.isatty():
            for row in cells:
                self.data("\t".join(row))
            return
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        for head in heads:
            table.add_column(head, overflow="fold")  # an id that is cut short is of no use
        for row in cells:
            table.add_row(*(Text(cell) for cell in row))  # names are data, not markup
        console = Console(no_color=bool(os.environ.get("NO_COLOR")))
        with console.capture() as drawn:  # rich by itself stops at a name that LANG=C cannot show
            console.print(table)
        self.data(drawn.get().rstrip("\n"))


def one_line(text: str) -> str:
    """Make foreign text fit to print: line breaks are spaces, what a terminal may obey is left out."""
    return "".join(
        " " if sign in "\t\r\n" else sign for sign in text if sign.isprintable() or sign in "\t\r\n"
    )


def counted(number: int, thing: str) -> str:
    """Count as a person does: `1 event`, `2 events`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _write_data(text: str) -> None:
    """Write a line of data. Raises BrokenPipeError when nobody reads on, CannotWrite."""
    if sys.stdout is None:  # closed by whoever started us
        return
    try:
        _write(sys.stdout, text)
    except BrokenPipeError:
        raise
    except OSError as error:
        silence(sys.stdout)
        raise cannot_write(Path("standard output"), error) from error


def write_talk(level: int, text: str) -> None:
    """Write to stderr. A full log disk or a closed pipe must not end the job we tell about."""
    if sys.stderr is None:
        return
    if _is_the_journal():  # sd-daemon(3): the priority of a line is at its beginning
        priority = _PRIORITIES.get(level, 6)
        text = "\n".join(f"<{priority}>{line}" for line in text.split("\n"))
    try:
        _write(sys.stderr, text)
    except OSError:
        silence(sys.stderr)


@cache
def _is_the_journal() -> bool:
    """Whether stderr is the journal's own stream, and no file or pipe it was led to since."""
    stream = os.environ.get("JOURNAL_STREAM")
    if not stream or sys.stderr is None:
        return False
    try:
        about = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return stream == f"{about.st_dev}:{about.st_ino}"


def _write(stream: TextIO, text: str) -> None:
    """Write a line; what the stream cannot encode (LANG=C under cron) is escaped, never a crash."""
    try:
        stream.write(f"{text}\n")
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(f"{text.encode(encoding, 'backslashreplace').decode(encoding)}\n")
    stream.flush()


def silence(stream: TextIO) -> None:
    """Send what is still in a stream's buffer nowhere, so that Python does not fail on it at exit."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
