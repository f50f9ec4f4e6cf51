"""Steps that the stories about the grant share: a consent on its way, the stored file, its clock."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.emulator.person import click, click_through

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class Consent:
    """A consent that waits for its answer: the printed address, and ways to answer."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process, self.url = process, url
        self.query = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
        self.redirect = self.query["redirect_uri"]
        self.port = urlsplit(self.redirect).port or 0

    def click(self, decision: str = "allow", **options: Any) -> str:
        """Answer in a browser; return the page it ends on."""
        return click_through(self.url, decision, **options)

    def redirected(self, decision: str = "allow") -> str:
        """Answer in a browser that cannot reach us; return the address to paste."""
        return click(self.url, decision)

    def paste(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self, expect: int) -> str:
        """Wait for the end, stdin still open; return what was said."""
        self.process.wait(60)
        assert self.process.stderr is not None
        said = self.process.stderr.read()
        assert self.process.returncode == expect, f"{self.process.returncode}\n{said}"
        assert "Traceback" not in said
        return said


@contextmanager
def consenting(home: Any, *arguments: str, **options: Any) -> Iterator[Consent]:
    """Start a consent without a browser; the address comes alone on a line of stdout."""
    process = home.start("consent", "--no-browser", *arguments, **options)
    try:
        url = process.stdout.readline()
        assert url.startswith("http"), process.stderr.read()
        yield Consent(process, url.rstrip("\n"))
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()


def stored(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_bytes())
    return value


def edit(path: Path, *drop: str, **changes: Any) -> None:
    """Change the stored grant by hand, keeping its mode."""
    value = stored(path) | changes
    path.write_text(json.dumps({key: item for key, item in value.items() if key not in drop}))


def instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ago(time: timedelta) -> str:
    return instant(datetime.now(UTC) - time)


def make_due(path: Path) -> None:
    """Let the stored access token be an hour past its end, so that a refresh is due."""
    edit(path, expiry=ago(HOUR))


def wait_until_asked(google: LocalGoogle) -> None:
    """Wait until every armed fault has met its request, which is being answered now."""
    until = time.monotonic() + 20
    while google.faults.pending():
        assert time.monotonic() < until, google.faults.pending()
        time.sleep(0.005)


def token_calls(google: LocalGoogle) -> int:
    return google.requests.count("^/token$")


def data_calls(google: LocalGoogle) -> int:
    return google.requests.count("^/calendar/")
