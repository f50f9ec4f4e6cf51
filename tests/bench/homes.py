"""A home that is exported into: anew, again, or with a hundred changes."""

from __future__ import annotations

import shutil
from pathlib import Path

from measuring import PROGRAM, Cost, run
from replay import Address


class Home:
    """One home of the program that reads from a replay."""

    def __init__(self, address: Address, folder: Path, configuration: str = "") -> None:
        self.address, self.folder, self.configuration = address, folder, configuration

    def export(self, *options: str) -> Cost:
        """Export what has changed."""
        return run([*PROGRAM, "--home", str(self.folder), "export", *options])

    def first_read(self, *options: str) -> Cost:
        """Export into an empty home, from a Google where nothing has changed yet."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.address.change(on=False)
        self.address.write_home(self.folder)
        if self.configuration:
            (self.folder / "calendar-sync.toml").write_text(self.configuration, encoding="utf-8")
        return self.export(*options)

    def changes(self) -> Cost:
        """Export a hundred changes; only the next first read begins without them."""
        self.address.change(on=True)
        return self.export()

    def verb(self, *arguments: str) -> Cost:
        """Run a verb; what it prints is not of interest here."""
        home = ["--home", str(self.folder)] if arguments == ("status",) else []
        quoted = " ".join([*PROGRAM[:-1], *arguments, *home])
        return run(["/bin/sh", "-c", f"exec {quoted} >/dev/null || true"])

    @property
    def exported(self) -> int:
        """The bytes of the files that were made."""
        return sum(path.stat().st_size for path in (self.folder / "exports").iterdir())
