"""Talking to a person: talk goes to stderr, data to stdout, colour and tables to terminals only."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec


class Terminal:
    """What a command says. `quiet` leaves warnings and errors; `json` makes data machine-readable."""

    def __init__(self, *, quiet: bool, verbosity: int, as_json: bool) -> None:
        self.quiet, self.verbosity, self.as_json = quiet, verbosity, as_json

    def say(self, text: str = "") -> None:
        """Tell a person something that no program reads."""
        if not self.quiet:
            _write(sys.stderr, text)

    def warn(self, text: str) -> None:
        """Say what should be looked at; also when quiet."""
        _write(sys.stderr, f"warning: {text}")

    def error(self, text: str) -> None:
        """Say what ended the command; also when quiet."""
        _write(sys.stderr, text)

    def data(self, text: str) -> None:
        """Print a line of data."""
        _write(sys.stdout, text)

    def json(self, value: object) -> None:
        """Print one JSON document."""
        _write(sys.stdout, msgspec.json.format(msgspec.json.encode(value), indent=2).decode())

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print rows: a table on a terminal, tab-separated lines without heads into a pipe."""
        cells = [[_cell(value) for value in row] for row in rows]
        if not sys.stdout.isatty():
            for row in cells:
                self.data("\t".join(row))
            return
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(*heads, box=None, pad_edge=False, header_style="bold")
        for row in cells:
            table.add_row(*(Text(cell) for cell in row))  # names are data, not markup
        Console(no_color=bool(os.environ.get("NO_COLOR"))).print(table)


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return "".join(
        " " if sign in "\t\r\n" else sign for sign in text if sign.isprintable() or sign in "\t\r\n"
    )


def _write(stream: Any, text: str) -> None:
    """Write a line; what the stream cannot encode (LANG=C under cron) is escaped, never a crash."""
    try:
        stream.write(f"{text}\n")
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(f"{text.encode(encoding, 'backslashreplace').decode(encoding)}\n")
    stream.flush()


def set_up_logging(verbosity: int, *, quiet: bool) -> None:
    """Log to stderr. Libraries stay at WARNING: at DEBUG some print tokens and codes."""
    logging.basicConfig(
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(message)s"
        if verbosity
        else "%(levelname)s %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S%z",
        level=logging.ERROR if quiet else logging.WARNING,
    )
    level = logging.DEBUG if verbosity > 1 else logging.INFO if verbosity else logging.WARNING
    logging.getLogger("calendar_sync").setLevel(level)
