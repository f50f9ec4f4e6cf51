"""client_secrets.json: which OAuth client we are, and which Google we talk to.

This file alone decides where a user's token may be sent: Google's own hosts over https, or, all of
them together, a Google played on this machine. Anything else is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from calendar_sync.decoding import decoded
from calendar_sync.errors import WrongConfiguration

GOOGLE_HOSTS = frozenset(["accounts.google.com", "oauth2.googleapis.com", "www.googleapis.com"])
LOOPBACK_HOSTS = frozenset(["127.0.0.1", "::1", "localhost"])
API_PATH = "/calendar/v3/"
HOW_TO_GET_ONE = (
    "Make an OAuth client (Desktop app) at https://console.cloud.google.com/auth/clients and download"
    " its JSON; step by step: credentials/README.md, beside calendar-sync's own README.md"
)
_LARGEST = 64 * 1024


@dataclass(frozen=True)
class Google:
    """The addresses of one Google: the real one, or one on this machine."""

    auth_uri: str = "https://accounts.google.com/o/oauth2/auth"
    token_uri: str = "https://oauth2.googleapis.com/token"  # noqa: S105  # an address, no secret
    revoke_uri: str = "https://oauth2.googleapis.com/revoke"
    api_endpoint: str = "https://www.googleapis.com/calendar/v3/"
    directory_endpoint: str = "https://admin.googleapis.com/"

    @property
    def is_local(self) -> bool:
        """Whether it is played on this machine; then no proxy may come between."""
        return urlsplit(self.token_uri).hostname in LOOPBACK_HOSTS

    def is_same_as(self, other: Google) -> bool:
        """Whether both are Google's own, or both answer at the same local port."""
        if self.is_local and other.is_local:
            return urlsplit(self.token_uri).port == urlsplit(other.token_uri).port
        return self.is_local == other.is_local

    def __str__(self) -> str:
        return f"the local Google at {self.token_uri}" if self.is_local else "Google"


@dataclass(frozen=True)
class ClientSecrets:
    """The OAuth client: its pair, its kind (`installed` or `web`) and its Google."""

    client_id: str
    client_secret: str = field(repr=False)
    kind: str
    google: Google
    project_id: str = ""


class _Client(msgspec.Struct):
    client_id: str = ""
    client_secret: str = ""
    auth_uri: str = Google.auth_uri
    token_uri: str = Google.token_uri
    revoke_uri: str | None = None
    api_endpoint: str | None = None
    project_id: str = ""


@decoded
class _File(msgspec.Struct):
    installed: _Client | None = None
    web: _Client | None = None


def read_client_secrets(path: Path) -> ClientSecrets | None:
    """Read the file, None when there is none. Raises WrongConfiguration."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        why = (error.strerror or "unknown reason").lower()
        raise WrongConfiguration(f"Cannot read {path}: {why}.", f"ls -l {path}") from error
    return parse_client_secrets(content, str(path))


def parse_client_secrets(content: bytes, name: str) -> ClientSecrets:
    """Check and normalise the content of a client_secrets.json; `name` is for messages."""
    if len(content) > _LARGEST:
        raise WrongConfiguration(f"{name} is larger than any client file of Google's.")
    try:
        value = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
        file = msgspec.convert(value, _File) if isinstance(value, dict) else _File()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WrongConfiguration(f"{name} cannot be read: {error}.", HOW_TO_GET_ONE) from error
    client, kind = (file.installed, "installed") if file.installed else (file.web, "web")
    if client is None:
        raise WrongConfiguration(_what_it_is(value, name), HOW_TO_GET_ONE)
    for key in ("client_id", "client_secret"):
        if not getattr(client, key):
            raise WrongConfiguration(f"{name} lacks {key!r}.", HOW_TO_GET_ONE)
    google = _which_google(client, name)
    return ClientSecrets(client.client_id, client.client_secret, kind, google, client.project_id)


def _what_it_is(value: object, name: str) -> str:
    if isinstance(value, dict):
        if value.get("type") == "service_account":
            return f"{name} is a service-account key, not an OAuth client."
        if "refresh_token" in value or "access_token" in value:
            return f"{name} is a stored token, not an OAuth client."
        if "client_id" in value:
            return f'{name} holds a bare client; Google wraps it in {{"installed": …}}.'
    return f"{name} is not an OAuth client file of Google's (no 'installed', no 'web')."


def _which_google(client: _Client, name: str) -> Google:
    addresses = {
        key: uri
        for key in ("auth_uri", "token_uri", "revoke_uri", "api_endpoint")
        if (uri := getattr(client, key)) is not None
    }
    kinds = {key: _kind_of(uri) for key, uri in addresses.items()}
    for key, kind in kinds.items():
        if kind is None:
            raise WrongConfiguration(
                f"{name}: {key} is {addresses[key]!r}, which is neither Google over https nor this"
                " machine. No token will be sent there.",
                HOW_TO_GET_ONE,
            )
    if set(kinds.values()) == {"google"}:
        return Google()  # whatever (perhaps retired) address the file has, today's are used
    if set(kinds.values()) != {"local"}:
        raise WrongConfiguration(
            f"{name} mixes Google's addresses with this machine's: {', '.join(addresses.values())}."
            " All of them must belong to one Google."
        )
    endpoint = client.api_endpoint or _beside(client.token_uri, API_PATH)
    if not endpoint.endswith(API_PATH):
        raise WrongConfiguration(f"{name}: api_endpoint must end in {API_PATH}, not {endpoint!r}.")
    return Google(
        auth_uri=client.auth_uri,
        token_uri=client.token_uri,
        revoke_uri=client.revoke_uri or client.token_uri.rpartition("/")[0] + "/revoke",
        api_endpoint=endpoint,
        directory_endpoint=_beside(endpoint, "/"),
    )


def google_of_token_uri(token_uri: object, name: str) -> Google:
    """Tell which Google a stored token belongs to. Raises WrongConfiguration for a stranger.

    A token's own addresses are data: nothing is ever sent to them because the token says so, but
    a local Google's is used when there is no client_secrets.json beside it.
    """
    if token_uri is None:
        return Google()
    kind = _kind_of(token_uri) if isinstance(token_uri, str) else None
    if kind is None or not isinstance(token_uri, str):
        raise WrongConfiguration(
            f"{name} was issued by {token_uri!r}, which is neither Google nor this machine.",
            "Run: calendar-sync consent",
        )
    if kind == "google":
        return Google()
    return Google(
        auth_uri=_beside(token_uri, "/o/oauth2/auth"),
        token_uri=token_uri,
        revoke_uri=token_uri.rpartition("/")[0] + "/revoke",
        api_endpoint=_beside(token_uri, API_PATH),
        directory_endpoint=_beside(token_uri, "/"),
    )


def _kind_of(uri: str) -> str | None:
    """Return `google`, `local` or, for every other or oddly written address, None."""
    if not (uri.isascii() and uri.isprintable()) or any(sign in uri for sign in "\\ \t\r\n@?#"):
        return None
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if host in GOOGLE_HOSTS and parts.scheme == "https" and port in (None, 443):
        return "google"
    if host in LOOPBACK_HOSTS and parts.scheme in ("http", "https"):
        return "local"
    return None


def _beside(uri: str, path: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}{path}"
