"""From a home to a working connection: what every command that talks to Google does first."""

from __future__ import annotations

import logging
from collections.abc import Callable

from calendar_sync.config import Config
from calendar_sync.grants.client_secrets import ClientSecrets, read_client_secrets
from calendar_sync.grants.token_file import close_to_others
from calendar_sync.home import Home
from calendar_sync.run import Account, Clock
from calendar_sync.stop import Stop

log = logging.getLogger("calendar_sync")


def guard_secrets(home: Home, config: Config) -> ClientSecrets | None:
    """Close the secrets to others, then read the client; None when there is no file of it."""
    paths = [home.credentials, home.client_secrets, home.token]
    for warning in close_to_others(paths, allow_open=config.allow_open_modes):
        log.warning("%s", warning)
    secrets = read_client_secrets(home.client_secrets)
    if secrets is not None and secrets.kind == "web":
        log.warning(
            "%s is a 'web' client; a 'Desktop app' client needs no registered redirect address.",
            home.client_secrets,
        )
    return secrets


def account_of(home: Home, config: Config, clock: Clock, stop: Stop) -> Callable[[], Account]:
    """Return how to connect with the home's grant; nothing is read or sent before it is called."""

    def connect() -> Account:
        secrets = guard_secrets(home, config)
        # Google's packages are most of the start-up time; a run that cannot start never loads them.
        from calendar_sync.google_calendar import GoogleCalendar
        from calendar_sync.grants.credentials import load_credentials

        credentials = load_credentials(home, secrets, clock)
        warning = credentials.grant.warning(clock())
        if warning:
            log.warning("%s", warning)
        return GoogleCalendar(credentials, stop)

    return connect
