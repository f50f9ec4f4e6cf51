"""What one run is asked for: the command line over the configuration, and the views they make."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import msgspec

from calendar_sync.config import MERGED_FORMATS, Config, Export, Format
from calendar_sync.errors import WrongUsage
from calendar_sync.home import Home
from calendar_sync.views import ALWAYS, Period, View


@dataclass(frozen=True)
class RunOptions:
    """What the command line asks of one run, over what the configuration says."""

    calendars: tuple[str, ...] = ()
    formats: tuple[Format, ...] = ()
    output: Path | None = None
    period: Period = ALWAYS
    full: bool = False
    dry_run: bool = False
    allow_shrink: bool = False
    verify: bool = False  # read every draft back before it is published
    jobs: int | None = None
    command: str = "export"
    run_id: str = ""  # else a new one


def views_of(home: Home, config: Config, options: RunOptions, now: dt.datetime) -> list[View]:
    """Make the configured exports concrete for one run."""
    return [
        View(
            export,
            _folder(export, home, config, options),
            now,
            config.timezone,
            options.period,
            home.remote(export.output) if options.output is None else "",
        )
        for export in _exports(config, options)
    ]


def _exports(config: Config, options: RunOptions) -> list[Export]:
    """Apply the command line to the configured exports."""
    formats = options.formats
    if any(export.merge for export in config.export) and not {*formats} <= {*MERGED_FORMATS}:
        raise WrongUsage("Only ics and csv can be merged, and an [[export]] says merge = true.")
    return [
        msgspec.structs.replace(export, formats=formats) if formats else export
        for export in config.export
    ]


def _folder(export: Export, home: Home, config: Config, options: RunOptions) -> Path:
    """Return the export's folder; several exports share `--output` by their names."""
    if options.output is None:
        return home.output(export.output)
    output = options.output / home.account
    names = [export.name for export in config.export]
    if len(set(names)) < len(names):
        raise WrongUsage("With --output every [[export]] needs a name of its own.")
    return output if len(names) == 1 else output / export.name
