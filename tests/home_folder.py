"""A home for tests, and the real program as a user starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calendar_sync.emulator.local_google import LocalGoogle

Done = subprocess.CompletedProcess[str]


@dataclass
class HomeFolder:
    """A home for tests: its files, and `run`, which is the program as a user starts it."""

    folder: Path
    google: LocalGoogle

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    @property
    def exports(self) -> Path:
        return self.folder / "exports"

    @property
    def token(self) -> Path:
        return self.folder / "credentials" / "token.json"

    @property
    def client_secrets(self) -> Path:
        return self.folder / "credentials" / "client_secrets.json"

    def configure(self, text: str) -> None:
        (self.folder / "calendar-sync.toml").write_text(text, encoding="utf-8")

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "calendar_sync", "--home", str(self.folder), *arguments]

    def environment(self, **changes: str) -> dict[str, str]:
        return {**os.environ, **changes}

    def run(self, *arguments: str, expect: int | None = 0, **options: Any) -> Done:
        """Run one command to its end; the exit code must be `expect` (None: any)."""
        environment = self.environment(**options.pop("environment", {}))
        options = {"stdin": subprocess.DEVNULL, "timeout": 120, **options}
        if "input" in options:
            del options["stdin"]
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, env=environment, **options
        )
        if expect is not None:
            assert done.returncode == expect, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def run_obeying_modes(self, *arguments: str, expect: int | None = 0) -> Done:
        """Run one command without the right to pass over file modes, which root has."""
        command = self.command(*arguments)
        if os.geteuid() == 0:
            command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment())
        assert expect in (None, done.returncode), f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start one command; the caller ends it."""
        options = {
            "stdin": subprocess.PIPE,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "env": self.environment(**options.pop("environment", {})),
            **options,
        }
        return subprocess.Popen(self.command(*arguments), text=True, **options)
