"""client_secrets.json decides where a user's token may go: Google, this machine, or nowhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from calendar_sync.errors import WrongConfiguration
from calendar_sync.grants.client_secrets import (
    Google,
    google_of_token_uri,
    parse_client_secrets,
    read_client_secrets,
)

PAIR = {"client_id": "id.apps.googleusercontent.com", "client_secret": "GOCSPX-invented"}
GOOGLE = {
    **PAIR,
    "project_id": "project",
    "auth_uri": "https://accounts.google.com/o/oauth2/auth",
    "token_uri": "https://oauth2.googleapis.com/token",
    "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
    "redirect_uris": ["http://localhost"],
}
LOCAL = {
    **PAIR,
    "auth_uri": "http://127.0.0.1:8085/o/oauth2/auth",
    "token_uri": "http://127.0.0.1:8085/token",
}


def parsed(client: dict[str, Any], kind: str = "installed") -> Any:
    return parse_client_secrets(json.dumps({kind: client}).encode(), "the file")


def refused(content: Any) -> str:
    """Parse, be refused, and find no secret in what is said."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(WrongConfiguration) as stopped:
        parse_client_secrets(data, "credentials/client_secrets.json")
    said = f"{stopped.value.message} {stopped.value.hint}"
    assert "client_secrets.json" in said
    assert PAIR["client_secret"] not in said
    return said


# -- accepted


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"token_uri": "https://accounts.google.com/o/oauth2/token"},
        {"token_uri": "https://www.googleapis.com/oauth2/v4/token"},
        {"token_uri": "https://oauth2.googleapis.com:443/token"},
        {"auth_uri": "HTTPS://Accounts.Google.Com/o/oauth2/v2/auth"},
        {"redirect_uris": ["urn:ietf:wg:oauth:2.0:oob", "http://localhost"]},
        {"revoke_uri": "https://accounts.google.com/o/oauth2/revoke"},
        {"api_endpoint": "https://www.googleapis.com/calendar/v3/"},
        {"unknown": {"key": 1}},
    ],
)
def test_googles_own_whatever_retired_address_it_names(changes: dict[str, Any]) -> None:
    secrets = parsed(GOOGLE | changes)
    assert secrets.google == Google()
    assert not secrets.google.is_local
    assert secrets.google.token_uri == "https://oauth2.googleapis.com/token"
    assert (secrets.client_id, secrets.kind) == (PAIR["client_id"], "installed")


def test_a_file_without_addresses_means_google() -> None:
    assert parsed(PAIR).google == Google()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_google_on_this_machine(host: str, scheme: str) -> None:
    base = f"{scheme}://{host}:8085"
    google = parsed(PAIR | {"auth_uri": base + "/auth", "token_uri": base + "/token"}).google
    assert google.is_local
    assert google.api_endpoint == base + "/calendar/v3/"
    assert google.revoke_uri == base + "/revoke"


def test_the_optional_addresses_of_a_local_google() -> None:
    more = {
        "api_endpoint": "http://127.0.0.1:9000/calendar/v3/",
        "revoke_uri": "http://127.0.0.1:8085/o/oauth2/revoke",
    }
    google = parsed(LOCAL | more).google
    assert (google.api_endpoint, google.revoke_uri) == tuple(more.values())


def test_a_web_client_and_a_byte_order_mark() -> None:
    assert parsed(GOOGLE, "web").kind == "web"
    both = {"web": GOOGLE, "installed": GOOGLE | {"client_id": "desktop"}}
    assert parse_client_secrets(json.dumps(both).encode(), "x").client_id == "desktop"
    marked = b"\xef\xbb\xbf" + json.dumps({"installed": GOOGLE}).encode()
    assert parse_client_secrets(marked, "x").google == Google()


# -- refused


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cannot be read"),
        (b'{"installed": {"client', "cannot be read"),
        (b"\xff\xfe{", "cannot be read"),
        (b"[" * 60_000, "cannot be read"),
        (b" " * 70_000, "larger"),
        ([], "not an OAuth client file"),
        ("text", "not an OAuth client file"),
        ({}, "not an OAuth client file"),
        ({"installed": None}, "not an OAuth client file"),
        ({"installed": []}, "cannot be read"),
        ({"installed": {**GOOGLE, "client_id": 7}}, "cannot be read"),
        (GOOGLE, "bare client"),
        ({"type": "service_account", "client_email": "a", "client_id": "1"}, "service-account key"),
        ({"refresh_token": "1//0a", "client_id": "a"}, "stored token"),
        ({"access_token": "ya29.a"}, "stored token"),
        ({"installed": {**GOOGLE, "client_secret": ""}}, "lacks 'client_secret'"),
        ({"installed": {"client_id": "a"}}, "lacks 'client_secret'"),
        ({"web": {"client_secret": PAIR["client_secret"]}}, "lacks 'client_id'"),
    ],
)
def test_what_is_no_client_is_named(content: Any, words: str) -> None:
    said = refused(content)
    assert words in said


STRANGE = [
    "http://accounts.google.com/token",
    "https://accounts.google.com:8443/token",
    "https://accounts.google.com.example.com/token",
    "https://accounts.google.com./token",
    "https://accounts-google.com/token",
    "https://example.com/accounts.google.com/token",
    "https://google.com/token",
    "http://example.com/token",
    "http://127.0.0.1.example.com/token",
    "http://127.0.0.1@example.com/token",
    "http://example.com@127.0.0.1/token",
    "http://127.0.0.1:8085@example.com/token",
    "http://127.0.0.1\\@example.com/token",
    "http://example.com\\@127.0.0.1/token",
    "http://127.0.0.1#@example.com/token",
    "http://127.0.0.1/token?next=http://example.com",
    "http://127.0.0.1:99999/token",
    "http://127.0.0.1:port/token",
    "http://127.0.0.1:-1/token",
    "http://127.0.0.2/token",
    "http://0.0.0.0/token",
    "http://127.1/token",
    "http://0x7f000001/token",
    "http://2130706433/token",
    "http://[::ffff:127.0.0.1]/token",
    "http://[::1/token",
    "http://localhost.example.com/token",
    "http://local\u200bhost/token",
    "http://127.0.0.1%2eexample.com/token",
    "http://１２７.0.0.1/token",
    "http:///token",
    "//127.0.0.1/token",
    "127.0.0.1/token",
    "ftp://127.0.0.1/token",
    "file:///etc/passwd",
    "javascript:alert(1)",
    " http://127.0.0.1/token",
    "http://127.0.0.1/token\n",
    "ht\ttp://127.0.0.1/token",
    "\x01http://127.0.0.1/token",
    "http://127.0.0.1/to\x7fken",
    "",
]


@pytest.mark.parametrize("uri", STRANGE)
@pytest.mark.parametrize("key", ["auth_uri", "token_uri", "revoke_uri", "api_endpoint"])
def test_a_strange_address_is_refused_wherever_it_stands(key: str, uri: str) -> None:
    said = refused({"installed": LOCAL | {key: uri}})
    assert key in said
    assert "neither Google" in said


@pytest.mark.parametrize("uri", [*STRANGE, 5])
def test_a_stored_token_is_judged_by_the_same_rules(uri: object) -> None:
    with pytest.raises(WrongConfiguration):
        google_of_token_uri(uri, "token.json")


@pytest.mark.parametrize("key", ["auth_uri", "token_uri", "revoke_uri", "api_endpoint"])
def test_two_googles_in_one_file_are_refused(key: str) -> None:
    theirs = "https://oauth2.googleapis.com/calendar/v3/"
    said = refused({"installed": LOCAL | {key: theirs}})
    assert "mixes" in said
    assert theirs in said
    ours = "http://127.0.0.1:8085/calendar/v3/"
    assert "mixes" in refused({"installed": GOOGLE | {key: ours}})


def test_an_endpoint_of_another_api_is_refused() -> None:
    said = refused({"installed": LOCAL | {"api_endpoint": "http://127.0.0.1:8085/drive/v3/"}})
    assert "/calendar/v3/" in said


# -- as the program meets it


def test_a_web_client_is_accepted_with_a_warning(home: Any) -> None:
    secrets = json.loads(home.client_secrets.read_text())
    home.client_secrets.write_text(json.dumps({"web": secrets["installed"]}))
    done = home.run("calendars")
    assert "'web' client" in done.stderr
    assert "Desktop app" in done.stderr


def test_a_byte_order_mark_is_accepted_without_a_warning(home: Any) -> None:
    home.client_secrets.write_bytes(b"\xef\xbb\xbf" + home.client_secrets.read_bytes())
    assert home.run("calendars").stderr == ""


@pytest.mark.parametrize("verb", ["calendars", "export", "revoke"])
def test_a_bad_client_file_ends_every_command_alike(home: Any, google: Any, verb: str) -> None:
    home.client_secrets.write_text("{")
    done = home.run(verb, expect=78)
    assert str(home.client_secrets) in done.stderr
    assert "credentials/README.md" in done.stderr
    assert len(google.requests) == 0


def test_no_variable_sends_a_token_elsewhere(home: Any, google: Any) -> None:
    """What Google's libraries would listen to."""
    names = (
        "GOOGLE_API_USE_MTLS_ENDPOINT",
        "GOOGLE_CLOUD_UNIVERSE_DOMAIN",
        "OAUTHLIB_INSECURE_TRANSPORT",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_API_USE_CLIENT_CERTIFICATE",
        "CLOUDSDK_CONFIG",
    )
    home.run("calendars", environment=dict.fromkeys(names, "http://127.0.0.1:9"))


def test_no_file_is_none_and_a_folder_is_an_error(tmp_path: Any) -> None:
    assert read_client_secrets(tmp_path / "nothing") is None
    with pytest.raises(WrongConfiguration, match="Cannot read"):
        read_client_secrets(tmp_path)
