"""What every verb is given: the home, its configuration, the terminal, the clock."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import logging
import os
import re
from pathlib import Path
from typing import Any

from calendar_sync.errors import CalendarSyncError, WrongConfiguration, WrongUsage
from calendar_sync.home import Home, find_home, is_private
from calendar_sync.terminal import Terminal
from calendar_sync.verbs import COMMANDS

_COMMAND_IN_HINT = (  # compiled when there is one
    r"(?<!Usage: )\bcalendar-sync ([a-z]++)(?: (?:install|remove|show|test)\b)?+(?! --(?:home|account))"
)


class App:
    """What the global options say, looked up when it is first needed."""

    def __init__(self) -> None:
        self.options: dict[str, Any] = {}

    @functools.cached_property
    def terminal(self) -> Terminal:
        """The person, or the pipe, we talk to."""
        return Terminal(
            quiet=bool(self.options.get("quiet")),
            verbosity=int(self.options.get("verbose") or 0),
            as_json=bool(self.options.get("as_json")),
            as_typed=self.as_typed,
        )

    @functools.cached_property
    def home(self) -> Home:
        """The one home a verb works on. Of several accounts or users one has to be named."""
        if not self.config.is_organisation(self.account_home):
            return self.account_home
        raise WrongUsage(
            f"Which user? {self.account_home.account} reads for many.", "Add: --account ADDRESS"
        )

    @property
    def account_home(self) -> Home:
        """The one home of an account, or of an organisation as a whole."""
        if len(self.homes) == 1:
            return self.homes[0]
        names = ", ".join(home.account for home in self.homes)
        raise WrongUsage(f"Which account? There are {names}.", "Add for example: --account NAME")

    @functools.cached_property
    def homes(self) -> list[Home]:
        """The home as each account sees it: the one named by --account, else all of them."""
        names = [account.name for account in self.config.account]
        asked = self.options.get("account")
        if asked is None:
            return [self.whole.of_account(name) for name in names] or [self.whole]
        if asked in names:
            return [self.whole.of_account(asked)]
        user = self._user(asked)
        if user is None:
            known = f"There are {', '.join(names)}." if names else "There is no [[account]]."
            raise WrongUsage(f"No account is called {asked!r}. {known}")
        return [user]

    def _user(self, address: str) -> Home | None:
        """The home of one of an organisation's users."""
        homes = [self.whole.of_account(account.name) for account in self.config.account]
        organisations = [home for home in homes if self.config.is_organisation(home)]
        if not organisations:
            return None
        from calendar_sync.organisation.members import is_member

        of = next((home for home in organisations if is_member(home, self.config, address)), None)
        return of.of_user(address.strip().lower()) if of else None

    @functools.cached_property
    def whole(self) -> Home:
        """The home folder, by the rules of the README, whatever accounts it has."""
        try:
            here = Path.cwd()
        except OSError:  # a folder that was removed meanwhile
            here = Path("/")
        return find_home(self.options.get("home"), self.options.get("config"), os.environ, here)

    @functools.cached_property
    def config(self) -> Any:
        """The checked configuration of this home."""
        from calendar_sync.config import read_config

        path = self.whole.config
        if self.options.get("config") and not path.exists():
            raise WrongConfiguration(f"There is no {path}, which --config names.", f"ls -l {path}")
        return read_config(path, self.whole.folder)

    def set_up_logging(self, at_least: int = 0) -> None:
        """Log as the command line and calendar-sync.toml say; `at_least` so much, unless quiet."""
        from calendar_sync.logs import set_up_logging

        form, file = self.options.get("log_format"), self.options.get("log_file")
        if file is not None and is_private(file, self.whole.folder, ("credentials",)):
            raise WrongUsage(
                f"--log-file {file}: credentials/ holds secrets only.",
                f"Name a file elsewhere, for example: --log-file {self.whole.state / 'run.log'}",
            )
        if form is None:
            with contextlib.suppress(CalendarSyncError):  # the verb finds it again, if it needs it
                form = self.config.log_format
        verbosity = self.terminal.verbosity
        self.terminal.talks_in_events = form in ("logfmt", "json")
        set_up_logging(
            verbosity if self.terminal.quiet else max(verbosity, at_least),
            quiet=self.terminal.quiet,
            form=form,
            file=file,
            once=not (
                verbosity or at_least or self.terminal.talks_in_events or self.terminal.as_json
            ),
        )
        logging.getLogger("calendar_sync").filters = [self._completed]

    def _completed(self, record: logging.LogRecord) -> bool:
        """Complete the commands in an event, as in all that is said."""
        record.msg, record.args = self.as_typed(record.getMessage()), ()
        facts = getattr(record, "fields", {})
        if "error" in facts:
            record.fields = {**facts, "error": self.as_typed(str(facts["error"]))}
        return True

    def as_typed(self, hint: str, account: str = "") -> str:
        """Complete the commands in a hint, so that they work as they stand: same home, same account."""
        home, named = self.options.get("home"), account or self.options.get("account")

        def complete(found: re.Match[str]) -> str:
            import shlex  # most messages name no command

            if found[1] not in COMMANDS:
                return found[0]  # prose
            typed = found[0] + (f" --home {shlex.quote(str(home))}" if home else "")
            if not named:
                return typed
            if found[1] == "migrate":  # its own --account is another one's
                return typed.replace("migrate", f"--account {shlex.quote(named)} migrate", 1)
            return f"{typed} --account {shlex.quote(named)}"

        return re.sub(_COMMAND_IN_HINT, complete, hint) if "calendar-sync " in hint else hint

    def now(self) -> dt.datetime:
        """Return the time, aware, in UTC."""
        return dt.datetime.now(dt.UTC)
