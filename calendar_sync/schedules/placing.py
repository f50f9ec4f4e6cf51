"""What a template has to know, and how a word is written into each kind of file."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

_BLANK = re.compile(r"@([A-Z_]+)@")


@dataclass(frozen=True)
class Placing:
    """One installation: how the program is started, and for which home."""

    program: tuple[str, ...]
    home: Path
    if_due: bool = False  # started every five minutes, the program decides by its own schedule

    @property
    def command(self) -> list[str]:
        """The job as program and arguments."""
        return [*self.program, "export", "--home", str(self.home), "--quiet"] + (
            ["--if-due"] if self.if_due else []
        )


def program() -> tuple[str, ...]:
    """Return how this program is started: the script beside this Python, else Python with `-m`."""
    script = Path(sys.executable).with_name("calendar-sync")
    if script.is_file():
        return (str(script),)
    return (sys.executable, "-m", "calendar_sync")


def fill(template: str, **words: str) -> str:
    """Fill the blanks `@NAME@` of a template. Raises KeyError for a blank nobody fills."""
    return _BLANK.sub(lambda blank: words[blank[1]], template)


def shell_words(words: list[str] | tuple[str, ...]) -> str:
    """Write a command for a shell."""
    return " ".join(shlex.quote(word) for word in words)


def unit_words(words: list[str]) -> str:
    """Write a command for systemd, which has quotes, specifiers and variables of its own.

    https://www.freedesktop.org/software/systemd/man/systemd.service.html#Command%20lines
    """
    return " ".join(_unit_word(word) for word in words)


def _unit_word(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    escaped = escaped.replace("%", "%%").replace("$", "$$")
    is_plain = re.fullmatch(r"[\w@%+=:,./-]+", word, re.ASCII)
    return escaped if is_plain else f'"{escaped}"'
