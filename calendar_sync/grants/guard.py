"""The secrets of a home, made safe before they are read."""

from __future__ import annotations

import logging

from calendar_sync.config import Config
from calendar_sync.grants.client_secrets import ClientSecrets, read_client_secrets
from calendar_sync.grants.token_file import close_to_others
from calendar_sync.home import Home

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
