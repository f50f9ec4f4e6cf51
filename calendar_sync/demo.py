"""The whole story in one command, on a local Google: consent, export, change, incremental export.

Every step is the real command in a process of its own, over real HTTP; the demo only plays the
person's click and edits the calendars in between.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.emulator.person import click_through
from calendar_sync.errors import CalendarSyncError, WrongUsage
from calendar_sync.files import make_folder
from calendar_sync.home import HOME_VARIABLE
from calendar_sync.publish import read_manifest
from calendar_sync.terminal import Terminal

TEAM = "team@group.calendar.google.com"


class DemoFailed(CalendarSyncError):
    """A step of the demo did not do what it is there to show."""


def run_demo(terminal: Terminal, *, folder: Path | None, browser: bool) -> int:
    """Play the story in `folder`, else in a new folder that stays; return the exit code."""
    if browser and not sys.stdin.isatty():
        raise WrongUsage(
            "--browser lets a person click, and there is no terminal.",
            "Without it the demo clicks by itself: calendar-sync demo",
        )
    home = _folder_of_its_own(folder)
    with LocalGoogle() as google:
        google.write_client_secrets(home / "credentials" / "client_secrets.json")
        story = _Story(google, home, terminal)
        story.tell("A Google of our own runs at 127.0.0.1; its client_secrets.json is in place.")
        story.consent(by_a_person=browser)
        story.step("export", says="The first run reads everything and writes CSV and ICS.")
        story.change()
        story.step("export", says="The second run reads the changes only.")
        story.step("export", says="The third one finds nothing to do and rewrites no file.")
        story.step("status", says="Is it healthy? The exit code says so, too.")
        story.show_files()
    terminal.show(f"\nEverything is in {home}; delete it when you have seen enough.")
    return 0


def _folder_of_its_own(folder: Path | None) -> Path:
    """Return an empty folder. One with files may be a home, whose grant the demo would replace."""
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="calendar-sync-demo-"))
    home = folder.absolute()
    make_folder(home)
    if any(home.iterdir()):
        raise WrongUsage(f"{home} is not empty; the demo wants a folder of its own.")
    return home


class _Story:
    """One telling; each step is checked, so that a demo that lies fails."""

    def __init__(self, google: LocalGoogle, home: Path, terminal: Terminal) -> None:
        self._google, self._home, self._terminal = google, home, terminal

    def tell(self, text: str) -> None:
        self._terminal.show(f"\n# {text}")

    def step(self, *arguments: str, says: str) -> None:
        """Run one command as a person would, and show what it prints."""
        self.tell(says)
        self._terminal.show(f"$ calendar-sync {' '.join(arguments)}")
        requests = len(self._google.requests)
        done = subprocess.run(
            self._command(*arguments), env=self._environment(), capture_output=True, text=True
        )
        for line in (done.stdout + done.stderr).splitlines():
            self._terminal.show(f"  {line}".replace(str(self._home), "HOME"))
        if done.returncode:
            raise DemoFailed(f"'{arguments[0]}' ended with exit code {done.returncode}.")
        seen = len(self._google.requests) - requests
        if seen:
            self._terminal.show(f"  ({seen} HTTP requests seen by Google)")

    def consent(self, *, by_a_person: bool) -> None:
        """Consent once; the click is a person's, or played over HTTP."""
        self.tell("Consent, once. The refresh token lands in credentials/token.json, mode 0600.")
        flags = ["consent"] if by_a_person else ["consent", "--no-browser"]
        self._terminal.show(f"$ calendar-sync {' '.join(flags)}")
        with subprocess.Popen(
            self._command(*flags),
            env=self._environment(),
            stdin=None if by_a_person else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                self._click(process, by_a_person=by_a_person)
                _, talk = process.communicate()
            finally:
                process.kill()  # it would wait ten minutes for a click that never comes
        for line in talk.splitlines():
            if line.startswith("Granted"):
                self._terminal.show(f"  {line}".replace(str(self._home), "HOME"))
        token = self._home / "credentials" / "token.json"
        if process.returncode or not token.exists():
            raise DemoFailed(f"'consent' ended with exit code {process.returncode}.", talk)

    def _click(self, process: subprocess.Popen[str], *, by_a_person: bool) -> None:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        if not address:
            return  # it ended early; its exit code says the rest
        if by_a_person:
            self._terminal.show(f"  Open this address and click Allow:\n{address}")
            return
        click_through(address)
        self._terminal.show("  (the demo opened the address and clicked Allow)")

    def change(self) -> None:
        """Edit the team's calendar behind the job's back."""
        self.tell("Somebody works in the calendar: one event is added, another one is deleted.")
        state = self._google.control("list_state", calendar=TEAM)
        doomed = next(e for e in state["items"] if "recurrence" not in e and _is_plain(e))
        added = self._google.control("add_event", calendar=TEAM, event=_LUNCH)
        self._google.control("delete_event", calendar=TEAM, id=doomed["id"])
        self._terminal.show(
            f"  added {_LUNCH['summary']!r} ({added['id']}), deleted {doomed['summary']!r}"
        )

    def show_files(self) -> None:
        """List what was made, as the manifest has it."""
        self.tell("What you have now:")
        manifest = read_manifest(self._home / "exports")
        files = [file for calendar in manifest["calendars"] for file in calendar["files"]]
        widest = max(len(file["path"]) for file in files)
        for file in files:
            name = file["path"].ljust(widest)
            self._terminal.show(
                f"  exports/{name}  {file['rows']:>4} rows  {file['bytes']:>7} bytes"
            )
        first = next(iter(sorted((self._home / "exports").glob("team*.csv"))), None)
        if first is None:
            raise DemoFailed("The team's calendar was not exported.")

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "calendar_sync", *arguments]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, HOME_VARIABLE: str(self._home)}


def _is_plain(event: dict[str, object]) -> bool:
    return event.get("status") == "confirmed" and "recurringEventId" not in event


_LUNCH = {
    "summary": "Lunch with Charles",
    "start": {"dateTime": "2026-12-01T12:30:00+00:00", "timeZone": "Europe/London"},
    "end": {"dateTime": "2026-12-01T13:30:00+00:00", "timeZone": "Europe/London"},
}
