"""Which folder is home, and which file is where in it. Never the current directory by accident.

Cron starts a job elsewhere, as somebody else, with an empty environment; so every path hangs on one
folder, found by one rule, and every message about a missing file can say which rule won.
"""

from __future__ import annotations

import os.path
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

if TYPE_CHECKING:
    from calendar_sync.shard import Shard

from calendar_sync.errors import WrongConfiguration, WrongUsage

HOME_VARIABLE = "CALENDAR_SYNC_HOME"
_PRIVATE = ("credentials", "state")


class Home(msgspec.Struct, frozen=True):
    """The folder that holds credentials, configuration, exports and state."""

    folder: Path
    rule: str  # in words: how this folder was chosen
    config: Path
    account: str = ""  # the name of one of several `[[account]]`, or a user of an organisation's
    organisation: str = ""  # the `[[account]]` that reads for this user and many others
    shard: Shard | None = None  # of an organisation that several machines share: lock and history

    @property
    def credentials(self) -> Path:
        """The folder of secrets, 0700."""
        return self.folder / "credentials"

    @property
    def client_secrets(self) -> Path:
        """The OAuth client, downloaded from Google Cloud."""
        return self.credentials / "client_secrets.json"

    @property
    def token(self) -> Path:
        """The grant; each account's is in a folder of its name."""
        return self.credentials / self.account / "token.json"

    @property
    def state(self) -> Path:
        """Mirror, locks and history; safe to delete."""
        return self.folder / "state" / self.account / (self.shard.folder if self.shard else "")

    @property
    def mirror(self) -> Path:
        """The one SQLite file."""
        return self.state / "mirror.sqlite3"

    @property
    def run_lock(self) -> Path:
        """Held by whoever fetches or writes exports."""
        return self.state / "run.lock"

    @property
    def exports(self) -> Path:
        """What the user came for."""
        return self.output("exports")

    def output(self, name: str) -> Path:
        """Return the folder of an export's `output`; each account has one of its name in it.

        For an address (`s3://…`) it is where files wait to be put there.
        """
        if is_address(name):
            import hashlib  # loads OpenSSL

            readable = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
            mark = hashlib.sha256(name.encode()).hexdigest()[:8]
            return self.state / "outbox" / f"{readable}-{mark}"
        return from_home(self.folder, name) / self.account

    def remote(self, name: str) -> str:
        """Return the address of an export's `output` for this account; nothing for a folder."""
        return f"{name.rstrip('/')}/{self.account}".rstrip("/") if is_address(name) else ""

    def of_account(self, name: str) -> Home:
        """Return this home as one account sees it: a grant, a state and exports of its own."""
        return replace(self, account=name)

    def of_user(self, address: str) -> Home:
        """Return an organisation's home as one of its users sees it."""
        return replace(self, account=address, organisation=self.account, shard=None)

    def describe(self) -> str:
        """Say which folder it is and why, for messages about files that are not there."""
        account = f", account {self.account}" if self.account else ""
        shard = f", shard {self.shard}" if self.shard else ""
        return f"home {self.folder} ({self.rule}){account}{shard}"


def from_home(folder: Path, name: str) -> Path:
    """Return what a path in calendar-sync.toml means: one in the home, `~/x`, or a whole one."""
    return folder / (Path(name).expanduser() if name.startswith("~/") else name)


def is_private(path: Path, home: Path, names: tuple[str, ...] = _PRIVATE) -> bool:
    """Whether a path is, or is in, one of a home's folders that nobody else may read."""
    place = Path(os.path.realpath(path))
    return any(place.is_relative_to(os.path.realpath(home / name)) for name in names)


def refuse_what_is_no_text(path: Path) -> None:
    """Refuse a path of bytes that no character stands for: neither SQLite nor JSON can take it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise WrongConfiguration(
            f"The path {path} is no text in the encoding of this system"
            f" ({sys.getfilesystemencoding()}).",
            "Rename it; or, if its name is UTF-8, start with: LC_ALL=C.UTF-8",
        ) from None


def is_address(output: str) -> bool:
    """Whether an output is elsewhere, as `s3://bucket/folder` is, rather than a folder here."""
    return "://" in output


def find_home(
    flag: Path | None, config_flag: Path | None, environment: Mapping[str, str], here: Path
) -> Home:
    """Choose the home by the four rules of the README; nothing is created, nothing must exist.

    Raises WrongConfiguration when its path is no text.
    """
    folder, rule = _choose(flag, environment, here)
    refuse_what_is_no_text(folder)
    config = (here / config_flag) if config_flag else folder / "calendar-sync.toml"
    return Home(folder=folder, rule=rule, config=config)


def _choose(flag: Path | None, environment: Mapping[str, str], here: Path) -> tuple[Path, str]:
    if flag is not None:
        return _absolute(here, flag), "from --home"
    named = environment.get(HOME_VARIABLE)
    if named:
        return _absolute(here, Path(named)), f"from ${HOME_VARIABLE}"
    for folder in (here, *here.parents):
        for sign in ("calendar-sync.toml", "credentials/client_secrets.json"):
            if _is_file(folder / sign):
                return folder, f"the nearest folder with {sign}, looking up from {here}"
    from platformdirs import user_data_path  # its import costs more than the three rules above

    try:
        folder = user_data_path("calendar-sync", appauthor=False)
    except RuntimeError:  # older ones of platformdirs leave a "~" in it
        folder = Path("~")
    if not folder.is_absolute():
        raise WrongConfiguration(
            "No home is named, and this user has no folder: there is no $HOME.",
            "Name one, for example: --home /srv/calendar",
        )
    return folder, "the user's own folder; no other rule"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # after "sudo -u" the current folder is often one that may not be searched
        return False


def _absolute(here: Path, folder: Path) -> Path:
    try:
        return (here / folder.expanduser()).resolve()
    except RuntimeError:
        raise WrongConfiguration(f"Nobody knows whose folder {folder} is.") from None


def whole_path(path: Path) -> Path:
    """Return what a path on the command line means. Raises WrongUsage where nothing is current."""
    try:
        return path if path.is_absolute() else Path.cwd() / path
    except OSError:
        hint = "The current folder is gone: give a whole path."
        raise WrongUsage(f"Nobody knows where {path} is.", hint) from None
