"""From a home to a working connection: what every command that talks to Google does first."""

from __future__ import annotations

import logging
from collections.abc import Callable

from calendar_sync.config import Config
from calendar_sync.grants.guard import guard_secrets, token_file_of
from calendar_sync.home import Home
from calendar_sync.run import Account, Clock
from calendar_sync.stop import Stop

log = logging.getLogger("calendar_sync")


def account_of(home: Home, config: Config, clock: Clock, stop: Stop) -> Callable[[], Account]:
    """Return how to connect with the home's grant; nothing is read or sent before it is called."""

    def connect() -> Account:
        secrets = guard_secrets(home, config)
        # Google's packages are most of the start-up time; a run that cannot start never loads them.
        from calendar_sync.google_calendar import GoogleCalendar
        from calendar_sync.grants.credentials import load_credentials

        credentials = load_credentials(home, secrets, clock, token_file_of(home, config))
        warning = credentials.grant.warning(clock())
        if warning:
            log.warning("%s", warning)
        return GoogleCalendar(credentials, stop)

    return connect
