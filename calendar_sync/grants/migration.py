"""An old token file -> token.json, proven by one real refresh before anything is written.

The source is only read; it should be deleted by hand afterwards, because two stores of one rotating
refresh token are a reuse alarm waiting to happen.
"""

from __future__ import annotations

import os
import shlex
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from calendar_sync.config import Config
from calendar_sync.errors import (
    ConsentNeeded,
    DamagedInput,
    WrongConfiguration,
    WrongUsage,
)
from calendar_sync.grants.client_secrets import (
    HOW_TO_GET_ONE,
    ClientSecrets,
    Google,
    google_of_token_uri,
)
from calendar_sync.grants.grant import Grant
from calendar_sync.grants.guard import guard_secrets, token_file_of
from calendar_sync.grants.scopes import in_words, is_broader, is_sufficient
from calendar_sync.grants.token_file import TokenFile
from calendar_sync.home import Home, whole_path
from calendar_sync.legacy.kinds import LARGEST
from calendar_sync.legacy.reading import FoundGrant, find_candidates, read_grant
from calendar_sync.mirror_account import forget_account
from calendar_sync.terminal import Terminal, counted

if TYPE_CHECKING:
    from calendar_sync.grants.token_server import Clock


@dataclass(frozen=True)
class MigrationOptions:
    """What the command line asks for."""

    file: Path
    dry_run: bool = False
    force: bool = False
    account: str | None = None
    with_client: bool = False
    from_pickle: bool = False


def run_migration(
    home: Home, config: Config, options: MigrationOptions, clock: Clock, terminal: Terminal
) -> None:
    """Migrate `options.file` into the home; a folder is searched for candidates instead."""
    if options.file.is_dir():
        _suggest(options.file, terminal)
    name = str(options.file)
    if options.file.exists() and home.token.exists() and options.file.samefile(home.token):
        raise WrongUsage(f"{name} is this home's grant already.", "calendar-sync doctor")
    found = read_grant(
        _content(options.file),
        account=options.account,
        from_pickle=options.from_pickle,
        name=name,
    )
    secrets = guard_secrets(home, config)
    grant = _grant_of(found, options, secrets, home)
    google = _google_of(found, secrets, name)
    terminal.say(f"{name} is {found.kind}.")
    for note in (*found.notes, *_notes(options.file, found, grant)):
        terminal.say(f"  {note}")
    file = token_file_of(home, config)
    if file.exists() and not options.force:
        raise WrongUsage(
            f"{home.token} exists already; nothing was changed.",
            f"To replace it: calendar-sync migrate --force {shlex.quote(name)}",
        )
    if options.dry_run:
        terminal.say(f"Dry run: it would be proven by one refresh and written to {home.token}.")
        return
    _prove_and_write(file, grant, google, clock, terminal)
    forget_account(home.mirror)
    terminal.say(f"Proven by one refresh and written to {home.token}. Next: calendar-sync export")
    terminal.say(f"When that works, delete {name}: two copies of one grant end badly.")


def _prove_and_write(
    file: TokenFile, grant: Grant, google: Google, clock: Clock, terminal: Terminal
) -> None:
    from calendar_sync.grants.credentials import renew  # loads google-auth

    file.read_replaced()  # refuses a link, and what was encrypted with another key
    with file.locked_for(terminal.say):
        renew(file, grant, google, clock, _check_scopes)


def _check_scopes(grant: Grant) -> None:
    if grant.granted_scopes and not is_sufficient(grant.granted_scopes):
        raise ConsentNeeded(
            f"The grant lives, but covers only {in_words(grant.granted_scopes)}, not calendars."
        )


def _suggest(folder: Path, terminal: Terminal) -> None:
    """List what in a folder could be migrated; choosing is the person's."""
    candidates = find_candidates(folder)
    if not candidates:
        raise WrongUsage(f"{folder} is a folder without any token file that is known here.")
    for path, kind in candidates:
        terminal.data(f"{path}\t{kind.value}")
    raise WrongUsage(
        f"{folder} is a folder, with {counted(len(candidates), 'token file')} in it; name the one.",
        f"calendar-sync migrate {shlex.quote(str(candidates[0][0]))}",
    )


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise DamagedInput(f"{path} is not a regular file.")
            return file.read(LARGEST + 1)
    except FileNotFoundError as error:
        raise WrongUsage(f"There is no file {path} (looked for {whole_path(path)}).") from error
    except OSError as error:
        why = (error.strerror or "unknown reason").lower()
        raise WrongUsage(f"Cannot read {path}: {why}.", f"ls -l {path}") from error


def _grant_of(
    found: FoundGrant, options: MigrationOptions, secrets: ClientSecrets | None, home: Home
) -> Grant:
    """Make the grant, with the token's own client, else the one a person vouched for."""
    client_id, client_secret = found.client_id, found.client_secret
    if not found.has_client:
        if not options.with_client:
            raise WrongConfiguration(
                f"{options.file} is {found.kind}, which does not name its OAuth client.",
                f"If it is the client of {home.client_secrets}: calendar-sync migrate"
                f" --with-client {shlex.quote(str(options.file))}",
            )
        if secrets is None:
            raise WrongConfiguration(
                f"--with-client takes the client of {home.client_secrets}, which does not exist;"
                f" {home.describe()}.",
                HOW_TO_GET_ONE,
            )
        if client_id not in (None, secrets.client_id):
            raise WrongConfiguration(
                f"{options.file} belongs to the client {client_id}, but {home.client_secrets} is of"
                f" {secrets.client_id}.",
                "Put the client_secrets.json of that client there.",
            )
        client_id, client_secret = secrets.client_id, secrets.client_secret
    return Grant(
        refresh_token=found.refresh_token,
        client_id=client_id,
        client_secret=client_secret,
        scopes=found.scopes,
        granted_scopes=found.granted_scopes,
        account=found.account or "",
    )


def _google_of(found: FoundGrant, secrets: ClientSecrets | None, name: str) -> Google:
    """Return where the proof goes: the client file's Google; the token's address must agree."""
    issued_by = google_of_token_uri(found.token_uri, name)
    if secrets is None:
        return issued_by
    if found.token_uri and not secrets.google.is_same_as(issued_by):
        raise WrongConfiguration(
            f"{name} belongs to {issued_by}, but client_secrets.json to {secrets.google}.",
            "Use the client_secrets.json of the same Google.",
        )
    return secrets.google


def _notes(path: Path, found: FoundGrant, grant: Grant) -> list[str]:
    notes = []
    if os.name != "nt" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        notes.append("Others could read that file; if that worries you, consent anew instead.")
    if grant.scopes and is_broader(grant.scopes):
        notes.append("Its scope is broader than needed; `calendar-sync consent` would narrow it.")
    return [note for note in notes if note not in found.notes]
