"""The page, to where it belongs: whole or not at all, and not again when nothing changed in it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from calendar_sync.config import Config
from calendar_sync.files import make_folder, replace_file
from calendar_sync.home import Home, from_home
from calendar_sync.report_page.facts import collect
from calendar_sync.report_page.page import render_page

DEFAULT = "exports/report.html"


def write_report(home: Home, config: Config, now: dt.datetime, output: Path | None = None) -> Path:
    """Write the page and return where it is. Raises CannotWrite.

    Each account has a page of its own, in a folder of its name as for its files.
    """
    configured = from_home(home.folder, config.report or DEFAULT)
    path = output or configured.parent / home.account / configured.name
    content = render_page(collect(home, config, now))
    make_folder(path.parent)
    replace_file(path, content)
    return path
