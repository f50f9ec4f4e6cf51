"""`calendar-sync emulator`: run the local Google and say how to point the job at it."""

from __future__ import annotations

import errno
import itertools
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click

from calendar_sync.emulator.grants import TESTING_LIFETIME, OAuthSwitches
from calendar_sync.emulator.local_google import ACCOUNT, LocalGoogle

CONFIGURATION = 78  # EX_CONFIG, as everywhere in calendar-sync
_LOADED = "load@group.calendar.google.com"
_SEEDED = "seed@group.calendar.google.com"
_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("emulator")
@click.option("--port", type=click.IntRange(0, 65535), default=8085, show_default=True)
@click.option(
    "--home", type=_FOLDER, metavar="DIR", help="Write DIR/credentials/client_secrets.json."
)
@click.option("--calendar-dat", type=_FILE, help="Write an old calendar.dat with a live grant.")
@click.option(
    "--seed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Load event resources, one JSON a line.",
)
@click.option("--load", type=click.IntRange(1), metavar="N", help="Make N varied events.")
@click.option(
    "--edits",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Edit every SECONDS.",
)
@click.option("--latency", type=click.FloatRange(0), default=0, metavar="MS", help="Delay answers.")
@click.option("--rotate-refresh-tokens", is_flag=True, help="Replace the refresh token each time.")
@click.option("--access-token-lifetime", type=click.IntRange(1), default=3599, metavar="S")
@click.option("--testing", is_flag=True, help="Grants die after 7 days, as of an app in Testing.")
@click.pass_context
def emulator(context: click.Context, /, **options: Any) -> None:
    """Run a local Google: OAuth and the Calendar API, read side.

    For trying things and for tests; its calendars are invented. Ends on Ctrl-C or SIGTERM.
    """
    google = _build(options)
    try:
        google.start()
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        _say(
            f"Port {options['port']} is not free ({error.strerror}). Try --port 0 for any free one."
        )
        context.exit(CONFIGURATION)
    try:
        with _signals() as ended:
            _prepare(google, options)
            _edit_until(ended, google, options["edits"])
    finally:
        google.stop()
    _say("Ended.")


def _build(options: dict[str, Any]) -> LocalGoogle:
    switches = OAuthSwitches(
        access_token_lifetime=options["access_token_lifetime"],
        refresh_token_lifetime=TESTING_LIFETIME if options["testing"] else None,
        rotate_refresh_tokens=options["rotate_refresh_tokens"],
    )
    return LocalGoogle(port=options["port"], oauth=switches, latency=options["latency"] / 1000)


def _prepare(google: LocalGoogle, options: dict[str, Any]) -> None:
    """Fill the world and write the files; a bad seed or folder is the person's mistake."""
    try:
        _fill(google, options)
        _explain(google, options)
    except (ValueError, LookupError, TypeError, AttributeError, OSError) as error:
        raise click.UsageError(f"{type(error).__name__}: {error}") from error


def _fill(google: LocalGoogle, options: dict[str, Any]) -> None:
    if options["seed"]:
        google.world.load_jsonl(options["seed"], account=ACCOUNT, calendar_id=_SEEDED)
    if options["load"]:
        google.control("add_calendar", account=ACCOUNT, calendar=_LOADED, summary="Load")
        google.control(
            "load_events", account=ACCOUNT, calendar=_LOADED, count=options["load"], seed=0
        )


def _explain(google: LocalGoogle, options: dict[str, Any]) -> None:
    """Say how to point the job here; talk goes to stderr."""
    _say(f"A local Google at {google.url} for {', '.join(google.accounts())}.")
    if options["calendar_dat"]:
        path = google.write_calendar_dat(options["calendar_dat"])
        _say(f"Wrote {path}, an old token file with a live grant.")
    if options["home"]:
        folder = options["home"]
        path = google.write_client_secrets(folder / "credentials" / "client_secrets.json")
        _say(f"Wrote {path}. Now, in another terminal:")
        old = options["calendar_dat"]
        _say(f"  calendar-sync --home {folder} {f'migrate {old}' if old else 'consent'}")
        _say(f"  calendar-sync --home {folder} export")
    else:
        _say("Start it with --home DIR to have DIR/credentials/client_secrets.json written, or put")
        _say("this there yourself (mode 0600), then run `calendar-sync --home DIR consent`:")
        _say(json.dumps(google.client_secrets(), indent=2))
    _say("Ctrl-C ends it.")


def _edit_until(ended: threading.Event, google: LocalGoogle, pause: float | None) -> None:
    """Wait for the end, editing one event after each pause if asked."""
    for seed in itertools.count():
        if ended.wait(pause):
            return
        google.control("random_edit", account=ACCOUNT, seed=seed)


@contextmanager
def _signals() -> Iterator[threading.Event]:
    """Turn Ctrl-C and SIGTERM into an event, from before anybody is told to press it."""
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ended
    finally:
        for number, former in before.items():
            signal.signal(number, former)


def _say(text: str) -> None:
    click.echo(text, err=True)
