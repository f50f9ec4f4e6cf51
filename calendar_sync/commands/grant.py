"""The grant's life: `consent`, `migrate`, `revoke`."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calendar_sync.app import App
from calendar_sync.cli import NamedPath, command
from calendar_sync.errors import CannotWrite, WrongConfiguration, WrongUsage
from calendar_sync.grants.guard import token_file_of
from calendar_sync.grants.token_file import LockIsHeld, TokenFile
from calendar_sync.terminal import Terminal

if TYPE_CHECKING:
    from calendar_sync.grants.client_secrets import ClientSecrets
    from calendar_sync.grants.grant import Grant


@command("consent")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Listen on this port.")
@click.option("--bind", default="127.0.0.1", metavar="ADDR", help="Listen on this address.")
@click.option("--no-browser", is_flag=True, help="Only print the address; a pipe may paste.")
@click.option(
    "--timeout", type=click.FloatRange(1), default=600, metavar="S", help="Wait so long: 600."
)
def consent(app: App, port: int, bind: str, no_browser: bool, timeout: float) -> None:
    """Ask a person, once, in a browser; store the grant."""
    if not no_browser and not (sys.stdin and sys.stdin.isatty()):
        raise WrongUsage(
            "A consent needs a person, and there is no terminal.",
            "Run it in a terminal, or with --no-browser to paste the redirected address.",
        )
    secrets = _client(app)
    file = token_file_of(app.home, app.config)
    old = file.read_replaced()
    say = app.terminal.say
    with file.locked_for(say), file.reserve():
        pass  # cannot be saved: say so before anybody is asked

    from calendar_sync.google_calendar import account_name
    from calendar_sync.grants.consent import ConsentOptions, ask_for_consent
    from calendar_sync.grants.revocation import end_replaced
    from calendar_sync.health import grant_died_at
    from calendar_sync.mirror_account import forget_account

    died_at = grant_died_at(app.home.mirror)

    def save(grant: Grant) -> None:
        with file.locked_for(say), file.reserve() as reserved:
            file.replace(grant.with_probable_end(old, died_at), reserved)

    person = _Person(app.terminal, with_browser=not no_browser, timeout=timeout)
    grant = ask_for_consent(secrets, ConsentOptions(port, bind, timeout), person, app.now, save)
    app.terminal.say(f"Granted; the refresh token is in {app.home.token}.")
    forget_account(app.home.mirror)
    _name_account(file, account_name(secrets.google, grant.token or ""))
    ends = file.read().refresh_token_expires_at
    if ends:
        how = "ends" if grant.refresh_token_expires_at else "probably ends, like the last one,"
        app.terminal.warn(
            f"Google {how} this grant on {ends}: see step 5 of credentials/README.md."
        )
    if old is not None and (trouble := end_replaced(old, grant, secrets.google)):
        app.terminal.warn(trouble)
    app.terminal.say("Next: calendar-sync export")


def _name_account(file: TokenFile, account: str) -> None:
    """Note whose grant it is, now that it is safe: asking takes a request, and may take long."""
    import msgspec

    if not account:
        return
    with suppress(LockIsHeld, CannotWrite), file.locked(), file.reserve() as reserved:
        file.replace(msgspec.structs.replace(file.read(), account=account), reserved)


def _client(app: App) -> ClientSecrets:
    from calendar_sync.grants.client_secrets import HOW_TO_GET_ONE
    from calendar_sync.grants.guard import guard_secrets

    secrets = guard_secrets(app.home, app.config)
    if secrets is None:
        raise WrongConfiguration(
            f"There is no {app.home.client_secrets}; {app.home.describe()}.",
            HOW_TO_GET_ONE,
        )
    return secrets


class _Person:
    """The conversation in a terminal."""

    def __init__(self, terminal: Terminal, *, with_browser: bool, timeout: float) -> None:
        self._terminal, self._with_browser = terminal, with_browser
        self._timeout = timeout

    def show_address(self, url: str, redirect_port: int) -> None:
        """Print the address on a line of its own, so that it can be copied or piped."""
        self._terminal.say("Open this address in a browser and allow access to the calendars:")
        self._terminal.data(url)
        if _is_remote():
            self._terminal.say(
                "No display here? On the machine with the browser run\n"
                f"  ssh -L {redirect_port}:127.0.0.1:{redirect_port} THIS-MACHINE\n"
                "and open the address there."
            )
        self._terminal.say(
            "If the browser ends on a page that cannot be reached, paste that page's address here."
            f"\nWaiting up to {self._timeout:.0f} seconds; Ctrl-C ends it."
        )

    def open_browser(self, url: str) -> None:
        """Open a graphical browser where there is one; a text browser would take the terminal."""
        if not self._with_browser or (_is_remote() and not os.environ.get("BROWSER")):
            return
        import webbrowser

        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

    def pasted_lines(self) -> Iterator[str]:
        """Yield lines until the end of input; bytes that are no text are no reason to stop.

        Not through sys.stdin: a thread that waits in its buffer makes Python abort at the end.
        """
        rest = b""
        while sys.stdin is not None and (new := os.read(sys.stdin.fileno(), 4096)):
            *lines, rest = (rest + new).split(b"\n")
            yield from (line.decode("utf-8", "replace") for line in lines)
        yield rest.decode("utf-8", "replace")

    def say(self, text: str) -> None:
        """Tell the person."""
        self._terminal.say(text)


def _is_remote() -> bool:
    has_display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return sys.platform.startswith("linux") and not has_display


@command("migrate")
@click.argument("file", type=NamedPath(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would be done; ask nobody, write nothing.")
@click.option("--force", is_flag=True, help="Replace an existing token.json.")
@click.option("--account", metavar="NAME", help="Which account of a store of several.")
@click.option(
    "--with-client", is_flag=True, help="The token is of the client in client_secrets.json."
)
@click.option("--from-pickle", is_flag=True, help="Read a pickle (nothing in it is executed).")
def migrate(
    app: App,
    file: Path,
    dry_run: bool,
    force: bool,
    account: str | None,
    with_client: bool,
    from_pickle: bool,
) -> None:
    """Turn an old calendar.dat (or another token file) into token.json."""
    from calendar_sync.grants.migration import MigrationOptions, run_migration

    options = MigrationOptions(
        file=file,
        dry_run=dry_run,
        force=force,
        account=account,
        with_client=with_client,
        from_pickle=from_pickle,
    )
    run_migration(app.home, app.config, options, app.now, app.terminal)


@command("revoke")
def revoke(app: App) -> None:
    """End the grant at Google, then remove the local copy."""
    from calendar_sync.grants.revocation import revoke_grant

    file = token_file_of(app.home, app.config)
    if not file.exists():
        app.terminal.say(f"Nothing to revoke: there is no {app.home.token}; {app.home.describe()}.")
        return
    from calendar_sync.grants.guard import guard_secrets

    secrets = guard_secrets(app.home, app.config)
    with file.locked_for(app.terminal.say):
        revoke_grant(app.home, file, secrets)
    app.terminal.say("Revoked; the local copy is removed. Exports and state stay.")
