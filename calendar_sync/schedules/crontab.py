"""The crontab: one line a home, told apart from everybody else's by a mark at its end."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

from calendar_sync.errors import CannotWrite, WrongConfiguration

DEFAULT_SCHEDULE = "*/15 * * * *"
EVERY_FIVE_MINUTES = "*/5 * * * *"
_A_STEP_FROM = re.compile(r"(?:^|[\s,])\d+/")  # 5/15: cron refuses it, cronsim counts 5, 20, 35, 50
MARK = "# by: calendar-sync schedule install"


def why_cron_must_ask(expression: str, timezone: str | None) -> str:
    """Say why cron itself cannot keep this schedule; nothing when it can."""
    if timezone:
        return f"Cron counts in this machine's zone, the schedule {expression!r} in {timezone}."
    days = expression.upper().split()[2:5:2]  # of the month, of the week; none of "@daily"
    if any(sign in field for sign in "#L" for field in days) or _A_STEP_FROM.search(expression):
        return f"Cron itself does not know all of {expression!r}."
    return ""


def crontab_line(
    program: str, home: Path, expression: str, *, if_due: bool, dated: bool = True
) -> str:
    """Return the line: absolute paths, quiet, `%` escaped because cron cuts the command there.

    `dated` has what goes wrong written with its time; not, where calendar-sync.toml says how.

    The log is not in state/, which may be deleted: the shell opens it before the program runs, and
    a missing folder would end the job there.
    """
    when = EVERY_FIVE_MINUTES if if_due else " ".join(expression.split())
    flags = "--quiet" + (" --log-format logfmt" if dated else "") + (" --if-due" if if_due else "")
    folder, log = shlex.quote(str(home)), shlex.quote(str(home / "cron.log"))
    command = f"{program} export --home {folder} {flags} 2>>{log}"
    if "\n" in command:
        raise WrongConfiguration(f"{home} has a line break in its name, which no crontab can hold.")
    return f"{when} {command.replace('%', chr(92) + '%')}"


def install_line(line: str, home: Path) -> bool:
    """Put the line into this user's crontab; False when it was there already.

    Raises WrongConfiguration when a line that somebody wrote by hand runs this home already.
    """
    old = _read()
    kept = [other for other in old if not _is_ours(other, home)]
    by_hand = [other for other in kept if _runs(other, home)]
    if by_hand:
        raise WrongConfiguration(
            f"The crontab has a line for {home} already that 'schedule install' did not write.",
            "Remove it with crontab -e, then run the same command again.",
        )
    return _write(old, [*kept, f"{line} {MARK}"])


def remove_line(home: Path) -> bool:
    """Take this home's line out of the crontab; False when there was none of ours."""
    old = _read()
    return _write(old, [other for other in old if not _is_ours(other, home)])


def line_of_home(home: Path) -> str | None:
    """Return the line that runs this home, whoever wrote it. Raises WrongConfiguration without cron."""
    return next((line for line in _read() if _runs(line, home)), None)


def _runs(line: str, home: Path) -> bool:
    folder = shlex.quote(str(home)).replace("%", "\\%")
    return not line.lstrip().startswith("#") and f" export --home {folder} " in f"{line} "


def _is_ours(line: str, home: Path) -> bool:
    return line.rstrip().endswith(MARK) and _runs(line, home)


def _read() -> list[str]:
    done = _crontab("-l")
    if done.returncode == 0:
        text = done.stdout.decode("utf-8", "surrogateescape")
        return text.removesuffix("\n").split("\n") if text else []
    if b"no crontab" in done.stderr.lower():
        return []
    # Whatever this is, writing now could lose what is there.
    raise WrongConfiguration(f"Cannot read the crontab: {_why(done)}.")


def _write(old: list[str], new: list[str]) -> bool:
    if new == old:
        return False
    text = "".join(f"{line}\n" for line in new)
    done = _crontab("-", text.encode("utf-8", "surrogateescape"))
    if done.returncode:
        raise CannotWrite(f"The crontab was not changed: {_why(done)}.", "Look at it: crontab -l")
    return True


def _why(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stderr.decode("utf-8", "replace").strip() or "no reason given"


def _crontab(argument: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run crontab, whose messages are needed in English; foreign bytes go through unchanged."""
    try:
        return subprocess.run(
            ["crontab", argument],
            input=text,
            capture_output=True,
            env={**os.environ, "LC_ALL": "C"},
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WrongConfiguration(
            f"Cannot run crontab ({type(error).__name__}).",
            "Install cron, or use: calendar-sync schedule install --backend systemd",
        ) from error
