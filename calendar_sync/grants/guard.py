"""The secrets of a home, made safe before they are read."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from calendar_sync.config import Config
from calendar_sync.errors import WrongConfiguration
from calendar_sync.grants.sealing import read_key
from calendar_sync.grants.token_file import TokenFile, close_to_others
from calendar_sync.home import Home
from calendar_sync.logs import warn_once

if TYPE_CHECKING:
    from calendar_sync.grants.client_secrets import ClientSecrets

log = logging.getLogger("calendar_sync")


def guard_secrets(home: Home, config: Config) -> ClientSecrets | None:
    """Close the secrets to others, then read the client; None when there is no file of it."""
    from calendar_sync.grants.client_secrets import read_client_secrets  # `status` needs none

    paths = [home.credentials, home.client_secrets, home.token.parent, home.token]
    if config.token_key and not config.token_key.startswith("systemd:"):
        paths.append(home.folder / Path(config.token_key).expanduser())
    paths = [*dict.fromkeys(paths)]
    for warning in close_to_others(paths, allow_open=config.allow_open_modes):
        warn_once(warning) if home.organisation else log.warning("%s", warning)
    path = client_secrets_path(home, config)
    secrets = read_client_secrets(path)
    if secrets is None and path != home.client_secrets:
        raise WrongConfiguration(
            f"credentials_from is {config.credentials_from!r}, but there is no {path}.",
            f"Correct it in {home.config}, or the service that should provide the file.",
        )
    if secrets is not None and secrets.kind == "web":
        log.warning(
            "%s is a 'web' client; a 'Desktop app' client needs no registered redirect address.",
            path,
        )
    return secrets


def client_secrets_path(home: Home, config: Config) -> Path:
    """Return where the OAuth client is: in the home, or where `credentials_from` points.

    A service manager lends read-only files (systemd: LoadCredential=); their modes are its matter.
    Raises WrongConfiguration when the environment does not say what it should.
    """
    source = config.credentials_from
    if source is None:
        return home.client_secrets
    variable = "CREDENTIALS_DIRECTORY" if source == "systemd" else source.removeprefix("env:")
    value = os.environ.get(variable)
    if not value:
        raise WrongConfiguration(
            f"credentials_from is {source!r}, but the environment has no ${variable}.",
            "Add LoadCredential=client_secrets.json:… to the unit."
            if source == "systemd"
            else f"Set ${variable} to the path of client_secrets.json.",
        )
    return Path(value) / "client_secrets.json" if source == "systemd" else Path(value)


def token_file_of(home: Home, config: Config) -> TokenFile:
    """Return the home's token store, with the key that opens it where one is configured."""
    if config.token_key is None:
        return TokenFile(home.token)
    return TokenFile(home.token, seal=read_key(config.token_key, home.folder))
