"""The local Google in one object: start it, point a client at it, look at what happened."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from calendar_sync.emulator.api import CalendarApi
from calendar_sync.emulator.catalogue import make_fault
from calendar_sync.emulator.clock import Clock
from calendar_sync.emulator.directory import Directory
from calendar_sync.emulator.faults import Faults
from calendar_sync.emulator.gate import Gate
from calendar_sync.emulator.grants import Client, OAuthSwitches
from calendar_sync.emulator.oauth import OAuth
from calendar_sync.emulator.remote_control import act, answer_control
from calendar_sync.emulator.request_log import RequestLog
from calendar_sync.emulator.routes import Routes
from calendar_sync.emulator.scopes import READONLY
from calendar_sync.emulator.server import Server, run
from calendar_sync.emulator.token_endpoint import token_reply

ACCOUNT = "ada@example.com"
CLIENT = Client("000000000000-local.apps.googleusercontent.com", "GOCSPX-local-invented-secret")


class LocalGoogle:
    """A Google on 127.0.0.1, from `start()` or `with` until `stop()`.

    `world` answers the Calendar API; without one, ada@example.com has the sample calendars.
    """

    def __init__(
        self,
        world: CalendarApi | None = None,
        *,
        port: int = 0,
        clock: Clock | None = None,
        client: Client = CLIENT,
        oauth: OAuthSwitches | None = None,
        latency: float = 0.0,
    ) -> None:
        self.clock = clock or Clock()
        self.client = client
        self.world: Any = _sample_world() if world is None else world
        self.secrets_issued: list[str] = []
        self.oauth = OAuth(self.clock, client, self.secrets_issued.append, oauth or OAuthSwitches())
        self.gate = Gate(self.oauth)
        self.directory = Directory(self.accounts, lambda: self.oauth.switches.suspended)
        self.faults = Faults(make_fault)
        self.requests = RequestLog()
        self._routes = Routes(
            self.oauth,
            self.gate,
            self.world,
            self.directory,
            self.accounts,
            lambda request: answer_control(self, request),
        )
        self._latency = latency
        self._wanted_port = port
        self._server: Server | None = None
        self._stop: Callable[[], None] = lambda: None

    # -- life

    def start(self) -> LocalGoogle:
        """Listen and serve; raises OSError when the port is taken."""
        self._server = Server(self._wanted_port, self._routes, self.faults, self.requests)
        self._server.latency = self._latency
        self._stop = run(self._server)
        return self

    def stop(self) -> None:
        """Stop serving and cut every connection. The grants stay; start() again is possible."""
        if self._server is not None:
            self._wanted_port = self.port  # a restart is found at the same address
            self._stop()
            self._server = None

    def __enter__(self) -> LocalGoogle:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port it listens on, or will again."""
        return self._server.server_port if self._server else self._wanted_port

    @property
    def url(self) -> str:
        """The address without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def api_endpoint(self) -> str:
        """The base of the Calendar API, as client_options.api_endpoint wants it."""
        return self.url + "/calendar/v3/"

    @property
    def crashes(self) -> list[str]:
        """Tracebacks of the emulator's own bugs; a test may assert that there are none."""
        return self._routes.crashes

    @property
    def latency(self) -> float:
        """Seconds that each answer takes at least."""
        return self._latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._latency = seconds
        if self._server is not None:
            self._server.latency = seconds

    # -- people

    def accounts(self) -> Sequence[str]:
        """List who can sign in."""
        known = getattr(self.world, "accounts", None)
        return list(known()) if known else [ACCOUNT]

    def grant(
        self,
        account: str = ACCOUNT,
        scopes: Iterable[str] = (READONLY,),
        *,
        offline: bool = True,
    ) -> dict[str, Any]:
        """Consent without a browser: the token endpoint's reply, and which client it is for."""
        grant = self.oauth.new_grant(account, tuple(scopes), self.client.id, offline=offline)
        reply = token_reply(self.oauth, self.oauth.issue_access(grant), grant.refresh_token)
        return reply | {"client_id": self.client.id, "client_secret": self.client.secret}

    def expire_access_tokens(self, account: str | None = None) -> int:
        """Make access tokens die now; says how many."""
        return self.oauth.expire_access_tokens(account)

    def revoke_grants(self, account: str | None = None) -> int:
        """Take back consents, as at myaccount.google.com; says how many."""
        return self.oauth.revoke_grants(account)

    def control(self, action: str, **arguments: Any) -> dict[str, Any]:
        """Do what `POST /_control/<action>` does."""
        return act(self, action, arguments)

    def control_world(self, action: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Hand an action to the calendar half, at this Google's time."""
        answer: dict[str, Any] = self.world.control(action, arguments, now=self.clock.now())
        return answer

    # -- files that point at this Google

    def client_secrets(self) -> dict[str, Any]:
        """Describe this Google as a client_secrets.json."""
        return {
            "installed": {
                "client_id": self.client.id,
                "project_id": self.client.project,
                "auth_uri": self.url + "/o/oauth2/auth",
                "token_uri": self.url + "/token",
                "auth_provider_x509_cert_url": self.url + "/oauth2/v1/certs",
                "client_secret": self.client.secret,
                "redirect_uris": ["http://localhost"],
                "api_endpoint": self.api_endpoint,
                "revoke_uri": self.url + "/revoke",
            }
        }

    def write_client_secrets(self, path: Path | str) -> Path:
        """Write client_secrets.json, 0600 in a folder of 0700."""
        return _write_private(path, json.dumps(self.client_secrets(), indent=2) + "\n")

    def write_token(
        self, path: Path | str, account: str = ACCOUNT, scopes: Iterable[str] = (READONLY,)
    ) -> Path:
        """Write a fresh grant in the shape of google-auth's to_json."""
        granted = self.grant(account, scopes)
        token = {
            "token": granted["access_token"],
            "refresh_token": granted["refresh_token"],
            "token_uri": self.url + "/token",
            "client_id": self.client.id,
            "client_secret": self.client.secret,
            "scopes": granted["scope"].split(),
            "universe_domain": "googleapis.com",
            "account": "",
            "expiry": self._expiry(granted),
        }
        return _write_private(path, json.dumps(token))

    def write_calendar_dat(
        self, path: Path | str, account: str = ACCOUNT, scopes: Iterable[str] = (READONLY,)
    ) -> Path:
        """Write a live grant as oauth2client 4.1.3's file.Storage wrote calendar.dat."""
        granted = self.grant(account, scopes)
        response = {key: granted[key] for key in granted if not key.startswith("client_")}
        stored = {
            "access_token": granted["access_token"],
            "client_id": self.client.id,
            "client_secret": self.client.secret,
            "refresh_token": granted["refresh_token"],
            "token_expiry": self._expiry(granted),
            "token_uri": self.url + "/token",
            "user_agent": None,
            "revoke_uri": self.url + "/revoke",
            "id_token": None,
            "id_token_jwt": None,
            "token_response": response,
            "scopes": granted["scope"].split(),
            "token_info_uri": self.url + "/tokeninfo",
            "invalid": False,
            "_class": "OAuth2Credentials",
            "_module": "oauth2client.client",
        }
        return _write_private(path, json.dumps(stored), keep_folder=True)

    def _expiry(self, granted: dict[str, Any]) -> str:
        token = self.oauth.find_access(granted["access_token"])
        moment = token.expires if token else self.clock.now()
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _write_private(path: Path | str, text: str, *, keep_folder: bool = False) -> Path:
    """Write a file of secrets, never readable by others, not even for a moment."""
    path = Path(path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not keep_folder:
        path.parent.chmod(0o700)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def _sample_world() -> CalendarApi:
    from calendar_sync.emulator.world import World  # the other half; heavy, and not always wanted

    return World()
