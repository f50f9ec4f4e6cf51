"""The job inside the test's own process: many runs cost no interpreter's start each."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from export_steps import contents, manifest

from calendar_sync.config import Config, Format
from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.history import Report
from calendar_sync.home import Home
from calendar_sync.options import RunOptions
from calendar_sync.run import run_export
from calendar_sync.session import account_of
from calendar_sync.stop import Stop


class Hasty(Stop):
    """Waits less long between attempts; all else of a run is as it is."""

    def wait(self, seconds: float) -> None:
        super().wait(min(seconds, 0.01))


class Job:
    """One home, and its export."""

    def __init__(self, folder: Path, google: LocalGoogle, *, keeps_deleted: bool = False) -> None:
        self.config = Config(keep_deleted=keeps_deleted)
        self.formats: tuple[Format, ...] = ("ics", "csv", "jsonl")
        self.clock = _now
        self.home = Home(folder, "a test", folder / "calendar-sync.toml")
        google.write_client_secrets(self.home.client_secrets)
        google.write_token(self.home.token)

    def run(self) -> Report:
        """Run as `export --allow-shrink` does: people may delete what they like."""
        options = RunOptions(formats=self.formats, allow_shrink=True)
        connect = account_of(self.home, self.config, self.clock, Hasty())
        return run_export(self.home, self.config, options, connect, self.clock)

    def contents(self) -> dict[str, bytes]:
        """Every file but the manifest, by calendar id and format: slugs keep a former name."""
        of_slug = {entry["slug"]: id_ for id_, entry in manifest(self.home.exports).items()}
        found = contents(self.home.exports)
        return {f"{of_slug[Path(name).stem]}{Path(name).suffix}": found[name] for name in found}

    def whole_manifest(self) -> dict[str, Any]:
        """What the manifest says of the data, by calendar id; not when, and under which slug."""
        entries = json.loads(json.dumps(manifest(self.home.exports)))
        for entry in entries.values():
            for key in ("synced_at", "slug"):
                del entry[key]
            for file in entry["files"]:
                del file["path"]
        return dict(entries)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
