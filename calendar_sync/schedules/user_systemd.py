"""A user's units, into and out of that user's systemd."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from calendar_sync.errors import WrongConfiguration, cannot_write
from calendar_sync.files import make_folder, replace_file


def unit_folder(environment: Mapping[str, str]) -> Path:
    """Return where a user's own units live."""
    base = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "systemd" / "user"


def install_units(units: Mapping[str, str], timer: str) -> bool:
    """Write the units and start the timer; False when they were there already.

    The timer is enabled in any case: somebody may have stopped it.
    """
    folder = unit_folder(os.environ)
    _systemctl("--version")  # before anything is written
    make_folder(folder)
    changed = [name for name, text in units.items() if _content(folder / name) != text]
    for name in changed:
        replace_file(folder / name, units[name].encode("utf-8", "surrogateescape"))
    _systemctl("daemon-reload")
    _systemctl("enable", "--now", timer)
    return bool(changed)


def remove_units(names: list[str], timer: str) -> bool:
    """Stop the timer and remove the units; False when there were none."""
    folder = unit_folder(os.environ)
    present = [folder / name for name in names if (folder / name).exists()]
    if not present:
        return False
    _systemctl("disable", "--now", timer)
    for path in present:
        try:
            path.unlink()
        except OSError as error:
            raise cannot_write(path, error) from error
    _systemctl("daemon-reload")
    return True


def _content(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None


def _systemctl(*arguments: str) -> None:
    command = ["systemctl", "--user", *arguments]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        why = type(error).__name__
    else:
        if done.returncode == 0:
            return
        why = done.stderr.strip() or f"exit code {done.returncode}"
    raise WrongConfiguration(
        f"{' '.join(command)} did not work: {why}.",
        "Is this a login of a machine with systemd? Else: calendar-sync schedule install",
    )
