"""Kinds of values on the command line, and options that several verbs share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from calendar_sync.cli import NamedPath
from calendar_sync.durations import Unreadable, parse_deadline, parse_duration, parse_jitter
from calendar_sync.errors import WrongUsage
from calendar_sync.home import (
    Home,
    is_address,
    is_private,
    refuse_what_is_no_text,
    whole_path,
)
from calendar_sync.shard import read_shard
from calendar_sync.windows import parse_day_or_time

if TYPE_CHECKING:
    from calendar_sync.config import Config

TEXT_FORMATS = ("ics", "csv", "jsonl")
FORMATS = (*TEXT_FORMATS, "sqlite", "parquet")


class Words(click.ParamType):  # type: ignore[type-arg]  # generic in click's stubs only
    """A value read by one of our parsers; what it does not take is wrong usage."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the value."""
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except Unreadable as error:
            self.fail(f"{error}.", param, ctx)


def _formats(text: str, known: tuple[str, ...] = FORMATS) -> tuple[str, ...]:
    formats = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    unknown = [name for name in formats if name not in known]
    if unknown or not formats:
        raise Unreadable(f"{text!r} is not a list of {', '.join(known)}")
    return formats


DAY = Words("day", parse_day_or_time)
DEADLINE = Words("duration", parse_deadline)
JITTER = Words("duration", parse_jitter)
FORMAT_LIST = Words("formats", _formats)
SHARD = Words("shard", read_shard)
TEXT_FORMAT_LIST = Words("formats", lambda text: _formats(text, TEXT_FORMATS))


class Folder(NamedPath):
    """A folder here; an address elsewhere belongs into the configuration."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the path."""
        if is_address(str(value)):
            self.fail(
                f"{value} is no folder; for an output elsewhere write"
                f' output = "{value}" into an [[export]] of calendar-sync.toml.',
                param,
                ctx,
            )
        return super().convert(value, param, ctx)


FOLDER = Folder(path_type=Path, file_okay=False)

calendar_option = click.option(
    "--calendar", "calendars", multiple=True, metavar="GLOB", help="Only these; names or ids."
)
format_option = click.option(
    "--format", "formats", type=FORMAT_LIST, metavar="F,F", help=f"Of {', '.join(FORMATS)}."
)
text_format_option = click.option(
    "--format",
    "formats",
    type=TEXT_FORMAT_LIST,
    metavar="F,F",
    help=f"Of {', '.join(TEXT_FORMATS)}.",
)
output_option = click.option("--output", type=FOLDER, metavar="DIR", help="Write there instead.")
jobs_option = click.option(
    "--jobs", type=click.IntRange(1, 64), metavar="N", help="Calendars read at once."
)
shard_option = click.option(
    "--shard",
    type=SHARD,
    metavar="I/N",
    help="Only this share of an organisation's users: 2/4 is the second one of four.",
)
deadline_option = click.option(
    "--deadline", type=DEADLINE, metavar="30m", help="End the run after this time (75)."
)


def folder_of(home: Home, asked: Path | None) -> Path | None:
    """Return `--output` as a whole path; folders of secrets and state are refused."""
    if asked is None:
        return None
    folder = whole_path(asked)
    refuse_what_is_no_text(folder)
    if is_private(folder, home.folder):
        raise WrongUsage(
            f"{folder} is no place for exports: credentials/ and state/ are private.",
            f"Choose another, for example: --output {home.exports}",
        )
    return folder


def deadline_of(config: Config, asked: dt.timedelta | None) -> float | None:
    """Return the seconds a run may take: those asked for, else the configured ones, else any."""
    if asked is None and config.deadline:
        asked = parse_duration(config.deadline)
    return None if asked is None else asked.total_seconds()
