"""Talking to a person: talk goes to stderr, data to stdout, colour and tables to terminals only."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

import msgspec

from calendar_sync.errors import cannot_write


class Terminal:
    """What a command says. `quiet` leaves warnings and errors; `json` makes data machine-readable."""

    def __init__(self, *, quiet: bool, verbosity: int, as_json: bool) -> None:
        self.quiet, self.verbosity, self.as_json = quiet, verbosity, as_json

    def say(self, text: str = "") -> None:
        """Tell a person something that no program reads."""
        if not self.quiet:
            _write_talk(text)

    def warn(self, text: str) -> None:
        """Say what should be looked at; also when quiet."""
        _write_talk(f"warning: {text}")

    def error(self, text: str) -> None:
        """Say what ended the command; also when quiet."""
        _write_talk(text)

    def data(self, text: str) -> None:
        """Print a line of data."""
        _write_data(text)

    def show(self, text: str) -> None:
        """Print a line that is what the command is for, yet nothing to a quiet caller."""
        if not self.quiet:
            _write_data(text)

    def json(self, value: object) -> None:
        """Print one JSON document."""
        _write_data(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())

    def json_line(self, value: object) -> None:
        """Print one of several JSON documents, each on a line of its own."""
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

        table = Table(*heads, box=None, pad_edge=False, header_style="bold")
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


def _write_talk(text: str) -> None:
    """Write a line of talk. A full log disk or a closed pipe must not end the job we tell about."""
    if sys.stderr is None:
        return
    try:
        _write(sys.stderr, text)
    except OSError:
        silence(sys.stderr)


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


def set_up_logging(verbosity: int, *, quiet: bool) -> None:
    """Log to stderr. Libraries stay at WARNING: at DEBUG some print tokens and codes."""
    logging.basicConfig(
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(message)s"
        if verbosity
        else "%(levelname)s %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S%z",
        level=logging.ERROR if quiet else logging.WARNING,
        force=True,
    )
    level = logging.DEBUG if verbosity > 1 else logging.INFO if verbosity else logging.WARNING
    logging.getLogger("calendar_sync").setLevel(level)
    # It warns of every 403 that we are about to explain.
    logging.getLogger("googleapiclient.http").setLevel(logging.ERROR)
