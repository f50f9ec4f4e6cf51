"""From a home to a working connection: what every command that talks to Google does first."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from calendar_sync.config import Account as AccountEntry
from calendar_sync.config import Config
from calendar_sync.grants.client_secrets import ClientSecrets
from calendar_sync.grants.guard import guard_secrets, token_file_of
from calendar_sync.grants.scopes import READONLY
from calendar_sync.grants.token_file import close_to_others
from calendar_sync.home import Home
from calendar_sync.logs import warn_once
from calendar_sync.quota import process_quota
from calendar_sync.run import Account, Clock
from calendar_sync.stop import Stop

if TYPE_CHECKING:
    from calendar_sync.google_directory import GoogleDirectory
    from calendar_sync.grants.service_account import ServiceCredentials

log = logging.getLogger("calendar_sync")


def account_of(home: Home, config: Config, clock: Clock, stop: Stop) -> Callable[[], Account]:
    """Return how to connect with the home's grant; nothing is read or sent before it is called."""

    def connect() -> Account:
        secrets = guard_secrets(home, config)
        # Google's packages are most of the start-up time; a run that cannot start never loads them.
        from calendar_sync.google_calendar import GoogleCalendar

        allow = partial(process_quota(config.quota).take, str(home.state))
        account = config.account_of(home)
        if account is not None and account.service_account is not None:
            key = _service_account(home, config, account, secrets, clock)
            return GoogleCalendar(key, stop, allow)
        from calendar_sync.grants.credentials import load_credentials

        credentials = load_credentials(home, secrets, clock, token_file_of(home, config), stop)
        calendar = GoogleCalendar(credentials, stop, allow)
        warning = credentials.grant.warning(clock())
        if warning:
            log.warning("%s", warning)
            calendar.warnings = (warning,)
        return calendar

    return connect


def directory_of(
    home: Home, config: Config, account: AccountEntry, clock: Clock, stop: Stop
) -> GoogleDirectory:
    """Connect to the list of users of an organisation's domain, as its administrator."""
    from calendar_sync.google_directory import SCOPE, GoogleDirectory

    secrets = guard_secrets(home, config)
    credentials = _service_account(home, config, account, secrets, clock, SCOPE)
    allow = partial(process_quota(config.quota).take, str(home.state))
    return GoogleDirectory(credentials, stop, allow)


def _service_account(
    home: Home,
    config: Config,
    account: AccountEntry,
    secrets: ClientSecrets | None,
    clock: Clock,
    scope: str = READONLY,
) -> ServiceCredentials:
    from calendar_sync.grants.service_account import load_service_account

    key = home.folder / Path(account.service_account or "").expanduser()
    for warning in close_to_others([key], allow_open=config.allow_open_modes):
        warn_once(warning) if home.organisation else log.warning("%s", warning)
    google = secrets.google if secrets else None
    return load_service_account(key, account.subject or "", google, clock, scope)
