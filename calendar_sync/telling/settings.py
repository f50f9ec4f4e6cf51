"""`[tell]` and `[hooks]` of calendar-sync.toml, and the secrets they point to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from calendar_sync.durations import parse_duration
from calendar_sync.errors import WrongConfiguration

Occasion = Literal["failure", "recovery", "warning"]
Command = tuple[str, ...]
_LARGEST = 16 * 1024


class Tell(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is told. All but `metrics` and `on` name a secret: `file:PATH` or `env:NAME`."""

    ping: str | None = None
    webhook: str | None = None
    ntfy: str | None = None
    apprise: str | None = None
    metrics: str | None = None
    on: tuple[Occasion, ...] = ("failure", "recovery", "warning")

    def secrets(self) -> dict[str, str]:
        """Return the configured ways that need an address, by name."""
        ways = {"ping": self.ping, "webhook": self.webhook}
        ways |= {"ntfy": self.ntfy, "apprise": self.apprise}
        return {name: reference for name, reference in ways.items() if reference is not None}


class Hooks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Commands of the user's own, each a list of a program and its arguments; no shell."""

    before: Command = ()
    after: Command = ()
    on_error: Command = ()
    on_change: Command = ()
    timeout: str = "10s"


def problems(tell: Tell, hooks: Hooks) -> Iterator[tuple[str, str]]:
    """Yield what the types cannot say, each with the path of its key; never a value.

    It may be an address that should have been kept elsewhere.
    """
    for name, reference in tell.secrets().items():
        kind, _, where = reference.partition(":")
        if kind not in ("file", "env") or not where.strip():
            words = (
                'Expected "file:PATH" or "env:NAME": an address is a secret and is kept elsewhere'
            )
            yield words, f"$.tell.{name}"
    try:
        parse_duration(hooks.timeout)
    except ValueError as error:
        yield str(error), "$.hooks.timeout"


def addresses(reference: str, home: Path) -> list[str]:
    """Return the addresses a reference leads to, one a line; `#` begins a remark.

    Paths hang on the home. Raises WrongConfiguration, which names the place and not the content.
    """
    kind, _, where = reference.partition(":")
    text = os.environ.get(where.strip(), "") if kind == "env" else _content(home / where.strip())
    lines = [line.strip() for line in text.splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    if not found:
        what = (
            f"${where.strip()} is not set" if kind == "env" else f"{home / where.strip()} is empty"
        )
        raise WrongConfiguration(f"{what}; an address is expected there.")
    return found


def _content(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig") as file:
            return file.read(_LARGEST)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "no text"
        raise WrongConfiguration(f"Cannot read {path}: {why.lower()}.") from error
