"""Which version of the world's zone rules this process works with: files depend on them.

Governments change rules, and the next tzdata moves events that nobody touched at Google.
"""

from __future__ import annotations

import zoneinfo
from functools import cache
from pathlib import Path


@cache
def version_of_zone_rules() -> str:
    """Name the versions of all sources of zones, in the order in which they are looked through.

    Read once, as zoneinfo reads each zone once: a daemon takes new rules when it starts.
    """
    return " ".join([*(_version_in(Path(folder)) for folder in zoneinfo.TZPATH), _of_package()])


def _version_in(folder: Path) -> str:
    """Return what a folder of zones says of itself, else when its files were put there last."""
    for name in ("tzdata.zi", "+VERSION"):  # the source's own name, and that of the BSDs
        try:
            with (folder / name).open("rb") as file:
                return file.readline(80).decode("ascii", "replace").strip()
        except OSError:
            continue
    try:
        return str(folder.stat().st_mtime_ns)
    except OSError:
        return "-"


def _of_package() -> str:
    try:
        import tzdata
    except ImportError:  # where the system has every zone, it can be left out
        return "-"
    return str(tzdata.__version__)
