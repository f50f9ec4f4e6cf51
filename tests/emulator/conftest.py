"""A local Google for every test, and Google's own client pointed at it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import google_auth_httplib2
import httplib2
import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build

from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.emulator.scopes import READONLY

ADA = "ada@example.com"


@pytest.fixture
def google() -> Iterator[LocalGoogle]:
    """A started local Google with the sample calendars; it must not crash in any test."""
    with LocalGoogle() as started:
        yield started
        assert started.crashes == []


@pytest.fixture
def credentials_for() -> Callable[..., Credentials]:
    """Lend `credentials_for(google, account, scopes, **changes)`: real google-auth credentials."""
    return _credentials_for


@pytest.fixture
def service() -> Callable[..., Any]:
    """Lend `service(google, account=…, scopes=…)`: the real client, pointed at the local Google.

    `credentials` replaces the fresh grant; `timeout` is the socket's, in seconds.
    """
    return _service


def _credentials_for(
    google: LocalGoogle, account: str = ADA, scopes: tuple[str, ...] = (READONLY,), **changes: Any
) -> Credentials:
    granted = google.grant(account, scopes)
    fields = {
        "token": granted["access_token"],
        "refresh_token": granted.get("refresh_token"),
        "token_uri": google.url + "/token",
        "client_id": granted["client_id"],
        "client_secret": granted["client_secret"],
        "scopes": list(scopes),
    }
    return Credentials(**(fields | changes))


def _service(
    google: LocalGoogle,
    account: str = ADA,
    scopes: tuple[str, ...] = (READONLY,),
    *,
    credentials: Credentials | None = None,
    timeout: float = 20,
) -> Any:
    http = google_auth_httplib2.AuthorizedHttp(
        credentials or _credentials_for(google, account, scopes),
        http=httplib2.Http(timeout=timeout),
    )
    return build(
        "calendar",
        "v3",
        static_discovery=True,
        http=http,
        client_options={"api_endpoint": google.api_endpoint},
    )


@pytest.fixture
def control(google: LocalGoogle) -> Callable[..., dict[str, Any]]:
    """Lend `control(action, **arguments)`, spoken over HTTP as another process would."""

    def call(action: str, **arguments: Any) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{google.url}/_control/{action}", json.dumps(arguments).encode(), method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{action}: {error.read().decode()}") from error

    return call
