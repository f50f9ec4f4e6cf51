"""The one-time yes, over real HTTP: whatever the browser does, the file and the page tell the truth."""

from __future__ import annotations

import http.client
import os
import pty
import signal
import socket
import stat
import subprocess
import time
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from grant_steps import consenting, data_calls, edit, stored, token_calls

from calendar_sync.emulator.grants import Client
from calendar_sync.emulator.local_google import ACCOUNT, LocalGoogle
from calendar_sync.emulator.person import click
from calendar_sync.emulator.scopes import PREFIX, READONLY

KEYS = {
    "token", "refresh_token", "token_uri", "client_id", "client_secret", "scopes", "expiry",
    "universe_domain", "account", "granted_scopes", "consented_at", "issued_at", "expires_in",
    "token_type", "version",
}  # fmt: skip


@pytest.fixture
def home(new_home: Callable[..., Any]) -> Any:
    """A home with a client and no grant yet."""
    return new_home(granted=False)


@pytest.fixture
def granted(new_home: Callable[..., Any]) -> Any:
    """A home with an older grant, which only a whole new one may replace."""
    return new_home("granted")


def get(port: int, path: str, method: str = "GET") -> tuple[int, str, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    page = answer.read().decode()
    connection.close()
    return answer.status, page, answer.msg


# -- the yes


def test_a_click_gives_a_whole_private_grant(home: Any, google: LocalGoogle) -> None:
    """0600 in 0700, every key of the contract, and an export right afterwards."""
    with consenting(home) as asked:
        page = asked.click()
        said = asked.end(0)
    assert "<h1>Granted</h1>" in page
    assert f"Granted; the refresh token is in {home.token}" in said
    assert "Next: calendar-sync export" in said
    assert stat.S_IMODE(home.token.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.token.parent.stat().st_mode) == 0o700
    token = stored(home.token)
    assert set(token) == KEYS
    assert token["account"] == "ada@example.com"
    assert token["scopes"] == token["granted_scopes"] == [READONLY]
    assert token["consented_at"].endswith("Z")
    assert token["expires_in"] == 3599
    assert [entry.name for entry in home.token.parent.iterdir() if entry.name[0] == "."] == []
    home.run("calendars")
    assert token_calls(google) == 1, "the access token of the consent is used"


def test_google_auth_reads_what_we_wrote(home: Any) -> None:
    from google.oauth2.credentials import Credentials

    with consenting(home) as asked:
        asked.click()
        asked.end(0)
    read = Credentials.from_authorized_user_file(str(home.token))
    token = stored(home.token)
    assert (read.refresh_token, read.token) == (token["refresh_token"], token["token"])
    assert read.scopes == [READONLY]
    assert read.valid


def test_the_address_asks_for_exactly_what_is_needed(home: Any, google: LocalGoogle) -> None:
    with consenting(home) as asked:
        assert asked.url.startswith(google.url + "/o/oauth2/auth?")
        query = asked.query
        assert " " not in asked.url
    assert query["scope"] == READONLY
    assert query["access_type"] == "offline"
    assert query["prompt"] == "consent"
    assert query["code_challenge_method"] == "S256"
    assert len(query["code_challenge"]) == 43
    assert len(query["state"]) >= 32
    assert query["response_type"] == "code"
    assert "include_granted_scopes" not in query


def test_two_consents_never_share_state_or_challenge(home: Any) -> None:
    with consenting(home) as one, consenting(home) as two:
        assert one.query["state"] != two.query["state"]
        assert one.query["code_challenge"] != two.query["code_challenge"]


def test_quiet_still_prints_the_address_alone_on_stdout(home: Any) -> None:
    """A pipe may take it: stdout holds the address and nothing else."""
    with consenting(home, "--quiet") as asked:
        asked.click()
        assert asked.end(0) == ""
        assert asked.process.stdout is not None
        assert asked.process.stdout.read() == ""


def test_a_pasted_address_is_accepted_at_once(home: Any) -> None:
    """The pipe stays open: nobody has to press Ctrl-D."""
    with consenting(home) as asked:
        asked.paste(asked.redirected())
        assert "Granted" in asked.end(0)
    home.run("calendars")


def test_a_whole_conversation_through_a_pipe(home: Any) -> None:
    """Nonsense and another consent's answer are named; the right one still counts."""
    with consenting(home) as asked, consenting(home) as other:
        asked.paste("")
        asked.paste("http://[::1/?code=x&state=y")
        asked.paste("4/0Abare-code")
        asked.paste(other.redirected())
        asked.paste("  " + asked.redirected() + "  ")
        said = asked.end(0)
    assert said.count("That address cannot be used:") == 3
    assert "it is not an address" in said
    assert "paste the whole address" in said
    assert "another consent" in said


def test_bytes_that_are_no_text_do_not_end_the_conversation(home: Any) -> None:
    with consenting(home, environment={"PYTHONIOENCODING": "utf-8:strict"}) as asked:
        assert asked.process.stdin is not None
        os.write(asked.process.stdin.fileno(), b"\xff\xfe\n")
        asked.paste(asked.redirected())
        asked.end(0)


def test_a_closed_stdin_still_waits_for_the_browser(home: Any) -> None:
    with consenting(home, stdin=subprocess.DEVNULL) as asked:
        asked.click()
        asked.end(0)


def test_a_paste_without_a_line_end(home: Any) -> None:
    """As `printf %s URL | calendar-sync consent --no-browser` sends it."""
    with consenting(home) as asked:
        assert asked.process.stdin is not None
        asked.process.stdin.write(asked.redirected())
        asked.process.stdin.close()
        asked.end(0)


def test_a_wrong_state_does_not_end_the_waiting(home: Any, google: LocalGoogle) -> None:
    with consenting(home) as asked:
        for query in ({"code": "4/0Aevil", "state": "guessed"}, {"code": "4/0Aevil"}):
            status, page, _ = get(asked.port, "/?" + urlencode(query))
            assert status == 404
            assert "Nothing here" in page
        assert token_calls(google) == 0, "a stranger's code is never exchanged"
        assert "Granted" in asked.click()
        asked.end(0)


def test_whatever_else_knocks_gets_404(home: Any) -> None:
    with consenting(home) as asked:
        for path in ("/favicon.ico", "/", "/?x=1", "//[", "/callback?code=1", "/../x", "/%"):
            assert get(asked.port, path)[0] == 404, path
        for method in ("POST", "HEAD", "OPTIONS"):
            assert get(asked.port, "/", method)[0] == 501
        asked.click()
        asked.end(0)


def test_idle_and_tls_connections_keep_nobody_waiting(home: Any) -> None:
    """Browsers open spare connections, and try TLS on their own."""
    with consenting(home) as asked:
        idle = [socket.create_connection(("127.0.0.1", asked.port)) for _ in range(10)]
        hello = socket.create_connection(("127.0.0.1", asked.port))
        hello.sendall(bytes.fromhex("16030100c8010000c40303") + b"\0" * 64 + b"\r\n\r\n")
        began = time.monotonic()
        assert "Granted" in asked.click()
        asked.end(0)
        assert time.monotonic() - began < 5
        for connection in [*idle, hello]:
            connection.close()


def test_the_page_keeps_its_address_to_itself(home: Any) -> None:
    with consenting(home) as asked:
        location = asked.redirected()
        with urllib.request.urlopen(location, timeout=20) as answer:
            page, headers = answer.read().decode(), answer.headers
        asked.end(0)
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Python" not in headers["Server"]
    assert "http" not in page, "nothing is loaded from anywhere"
    assert asked.query["state"] not in page


# -- the no, and the half yes: the old grant stays, and still works


def refused(home: Any, expect: int, *, decision: str = "allow", page: str = "") -> str:
    """Consent, be refused, and find the old file as it was, to the byte."""
    before = home.token.read_bytes()
    with consenting(home) as asked:
        shown = asked.click(decision)
        said = asked.end(expect)
    assert f"<h1>{page}</h1>" in shown
    assert home.token.read_bytes() == before
    assert list(home.token.parent.glob(".*")) == []
    home.run("calendars")
    return said


def test_a_denial(granted: Any) -> None:
    said = refused(granted, 77, decision="deny", page="Not granted")
    assert "declined; nothing was changed" in said
    assert "Run: calendar-sync consent" in said


def test_a_denial_in_a_new_home_leaves_no_file(home: Any) -> None:
    with consenting(home) as asked:
        asked.click("deny")
        asked.end(77)
    assert not home.token.exists()


def test_a_pasted_denial(granted: Any) -> None:
    with consenting(granted) as asked:
        asked.paste(asked.redirected("deny"))
        assert "declined" in asked.end(77)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        ("admin_policy_enforced", 78, "administrator"),
        ("org_internal", 78, "organisation"),
        ("temporarily_unavailable", 75, "not able to answer"),
        ("something_new<b>", 77, "ended the consent with an error"),
    ],
)
def test_a_policy_says_no(granted: Any, error: str, code: int, words: str) -> None:
    """Google said no: the page must not say that it said yes."""
    said = refused(granted, code, decision=error, page="Not granted")
    assert words in said
    assert "<b>" not in said


def test_too_narrow_a_scope(granted: Any, google: LocalGoogle) -> None:
    google.control("oauth", narrow_scopes=[PREFIX + "calendar.events.readonly"])
    google.control("oauth", widen_scopes=[PREFIX + "calendar.events.readonly"])
    said = refused(granted, 77, page="Not enough was granted")
    assert "does not include seeing the calendars" in said


def test_nothing_granted_at_all(granted: Any, google: LocalGoogle) -> None:
    google.control("oauth", narrow_scopes=["openid"])
    refused(granted, 77, page="Not enough was granted")


def test_no_refresh_token_in_the_reply(granted: Any, google: LocalGoogle) -> None:
    google.control("oauth", omit_refresh_token=True)
    said = refused(granted, 77, page="It did not work")
    assert "no refresh token" in said
    assert "https://myaccount.google.com/permissions" in said


@pytest.mark.parametrize("value", [None, "", 7])
def test_an_empty_refresh_token_in_the_reply(
    granted: Any, google: LocalGoogle, value: object
) -> None:
    google.faults.add("set_keys", on="token", keys={"refresh_token": value})
    assert "no refresh token" in refused(granted, 77, page="It did not work")


def test_more_than_asked_is_accepted(home: Any, google: LocalGoogle) -> None:
    google.control("oauth", widen_scopes=["openid", PREFIX + "userinfo.email"])
    with consenting(home) as asked:
        assert "Granted" in asked.click()
        asked.end(0)
    assert set(stored(home.token)["granted_scopes"]) == {
        READONLY,
        "openid",
        PREFIX + "userinfo.email",
    }
    home.run("calendars")


@pytest.mark.parametrize("keys", [["expires_in"], ["scope"], ["expires_in", "scope", "token_type"]])
def test_a_reply_that_says_less(home: Any, google: LocalGoogle, keys: list[str]) -> None:
    google.faults.add("remove_keys", on="token", keys=keys)
    with consenting(home) as asked:
        assert "Granted" in asked.click()
        asked.end(0)
    token = stored(home.token)
    assert token["granted_scopes"] == [READONLY]
    assert token["expires_in"] in (3599, 3600)
    home.run("calendars")


def test_a_grant_in_testing_is_said_to_end(home: Any, google: LocalGoogle) -> None:
    google.control("oauth", testing=True)
    with consenting(home) as asked:
        asked.click()
        assert "warning: Google ends this grant on" in asked.end(0)
    assert stored(home.token)["refresh_token_expires_at"].endswith("Z")


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("html_500", 75, "token server"),
        ("html_200", 75, "token server"),
        ("empty_200", 75, "token server"),
        ("empty_400", 75, "token server"),
        ("list_200", 75, "token server"),
        ("non_utf8", 75, "token server"),
        ("no_access_token", 75, "token server"),
        ("expires_in_text", 75, "token server"),
        ("rate_limit_429", 75, "token server"),
        ("server_error", 75, "token server"),
        ("reset", 75, "could not be reached"),
        ("lost_reply", 75, "could not be reached"),
        ("redirect", 75, "could not be reached"),
        ("short_body", 75, "token server"),
        ("invalid_client", 78, "OAuth client"),
        ("deleted_client", 78, "deleted"),
        ("unauthorized_client", 78, "another OAuth client"),
        ("org_internal", 78, "organisation"),
        ("admin_policy_enforced", 78, "administrator"),
        ("invalid_grant", 77, "does not accept the code"),
    ],
)
def test_the_exchange_fails(
    granted: Any, google: LocalGoogle, fault: str, code: int, words: str
) -> None:
    """Nothing is saved, the page does not say Granted, and the code tells whose turn it is."""
    google.faults.add(fault, on="token")
    said = refused(granted, code, page="It did not work")
    assert words in said
    assert google.requests.count("_elsewhere") == 0, "no redirect is followed"


@pytest.mark.parametrize("fault", ["html_200", "html_500", "empty_200", "rate_limit_429"])
def test_a_proxys_page_is_told_as_one(granted: Any, google: LocalGoogle, fault: str) -> None:
    """In our words, not oauthlib's; what to type next is another consent, no "next run"."""
    google.faults.add(fault, on="token")
    said = refused(granted, 75, page="It did not work")
    assert "missing_token" not in said
    assert "a proxy or a login page" in said or fault == "rate_limit_429"
    assert f"Nothing was changed. Run: calendar-sync consent --home {granted.folder}" in said


def test_google_is_down(granted: Any, google: LocalGoogle) -> None:
    before = granted.token.read_bytes()
    with consenting(granted) as asked:
        location = asked.redirected()
        google.stop()
        asked.paste(location)
        assert "could not be reached" in asked.end(75)
    assert granted.token.read_bytes() == before
    google.start()


def test_nobody_answers(granted: Any) -> None:
    before = granted.token.read_bytes()
    with consenting(granted, "--timeout", "1") as asked:
        said = asked.end(77)
    assert "Nobody answered within 1 second" in said
    assert granted.token.read_bytes() == before


def test_ctrl_c_at_the_prompt(granted: Any) -> None:
    before = granted.token.read_bytes()
    with consenting(granted) as asked:
        asked.process.send_signal(signal.SIGINT)
        asked.end(130)
    assert granted.token.read_bytes() == before


# -- the old grant and the new one


def test_a_new_consent_replaces_the_old_and_lives(granted: Any, google: LocalGoogle) -> None:
    """Nothing is revoked on the way: Google would end the new grant with the old one."""
    old = stored(granted.token)["refresh_token"]
    with consenting(granted) as asked:
        asked.click()
        asked.end(0)
    assert stored(granted.token)["refresh_token"] != old
    assert google.requests.count("revoke") == 0
    google.expire_access_tokens()
    granted.run("calendars")


@pytest.mark.parametrize(
    ("client_id", "is_ended"),
    [
        ("111111111111-other.apps.googleusercontent.com", True),
        ("000000000000-sister.apps.googleusercontent.com", False),  # of the same project
    ],
)
def test_a_replaced_grant_ends_where_that_cannot_end_the_new_one(
    granted: Any, google: LocalGoogle, client_id: str, is_ended: bool
) -> None:
    """Google revokes by account and project; so only what another project's client got is ended."""
    google.oauth.add_client(Client(client_id, "GOCSPX-other"))
    google.revoke_grants()
    old = google.oauth.new_grant(ACCOUNT, [READONLY], client_id)
    edit(granted.token, refresh_token=old.refresh_token, client_id=client_id)
    with consenting(granted) as asked:
        asked.click()
        assert google.requests.count("revoke") == 0
        asked.end(0)
    assert old.revoked is is_ended
    google.expire_access_tokens()
    granted.run("calendars")
    assert [grant.client_id for grant in google.oauth.grants()][-1] == google.client.id


@pytest.mark.parametrize("fault", ["html_500", "hang", "redirect"])
def test_a_replaced_grant_that_cannot_be_ended_is_a_warning(
    granted: Any, google: LocalGoogle, fault: str
) -> None:
    edit(granted.token, client_id="111111111111-other.apps.googleusercontent.com")
    google.faults.add(fault, on="revoke")
    with consenting(granted) as asked:
        asked.click()
        said = asked.end(0)
    assert "was not revoked: The revocation server" in said
    assert "https://myaccount.google.com/permissions" in said
    granted.run("calendars")


def test_a_replaced_grant_of_a_stranger_is_sent_nowhere(granted: Any, google: LocalGoogle) -> None:
    with LocalGoogle() as stranger:
        for uri in (stranger.url + "/token", "http://example.com/token"):
            edit(granted.token, client_id="111111111111-other", token_uri=uri)
            with consenting(granted) as asked:
                asked.click()
                assert "was not revoked" in asked.end(0)
        assert len(stranger.requests) == 0
    assert google.requests.count("revoke") == 0


@pytest.mark.parametrize("content", [b"", b'{"refresh_token": "1//0', b"[]", b"{}"])
def test_a_consent_cures_a_damaged_file(granted: Any, content: bytes) -> None:
    granted.token.write_bytes(content)
    with consenting(granted) as asked:
        asked.click()
        asked.end(0)
    granted.run("calendars")


def test_a_link_in_place_of_the_grant_is_refused_before_anybody_is_asked(
    granted: Any, google: LocalGoogle
) -> None:
    elsewhere = granted / "elsewhere.json"
    granted.token.rename(elsewhere)
    granted.token.symlink_to(elsewhere)
    done = granted.run("consent", "--no-browser", expect=78)
    assert "symbolic link" in done.stderr
    assert done.stdout == ""
    assert len(google.requests) == 0


@pytest.mark.parametrize("umask", [0, 0o777])
def test_no_umask_opens_or_closes_the_grant(home: Any, umask: int) -> None:
    folder = home.folder.parent / f"umask-{umask:o}"
    folder.mkdir()
    home.client_secrets.parent.rename(folder / "credentials")
    home.folder = folder
    with consenting(home, umask=umask) as asked:
        asked.click()
        asked.end(0)
    for path, mode in (
        (home.token, 0o600),
        (home.token.with_name("token.json.lock"), 0o600),
        (home.token.parent, 0o700),
    ):
        assert stat.S_IMODE(path.stat().st_mode) == mode, path
    home.run("calendars")


# -- where it listens, and who is asked


def test_a_taken_port_is_named_before_anybody_is_asked(home: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = home.run("consent", "--no-browser", "--port", str(port), expect=78)
    assert f"Cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr
    assert done.stdout == ""


def test_an_address_that_is_not_ours(home: Any) -> None:
    done = home.run("consent", "--no-browser", "--bind", "192.0.2.1", expect=78)
    assert "Cannot listen on 192.0.2.1:0" in done.stderr


def test_a_fixed_port_works_twice_in_a_row(home: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for _ in range(2):
        with consenting(home, "--port", str(port)) as asked:
            assert asked.redirect == f"http://127.0.0.1:{port}/"
            # A browser that keeps its connection leaves the port in TIME_WAIT.
            assert "Granted" in asked.click()
            asked.end(0)


def test_bind_never_changes_the_redirect_host(home: Any) -> None:
    """In a container it listens everywhere, and the browser still goes to 127.0.0.1."""
    with consenting(home, "--bind", "0.0.0.0") as asked:
        assert asked.redirect == f"http://127.0.0.1:{asked.port}/"
        asked.click()
        asked.end(0)


def test_no_terminal_and_no_flag_is_refused(home: Any, google: LocalGoogle) -> None:
    done = home.run("consent", expect=2)
    assert "there is no terminal" in done.stderr
    assert "--no-browser" in done.stderr
    assert done.stdout == ""
    assert len(google.requests) == 0


def test_no_client_says_where_it_was_looked_for(home: Any) -> None:
    home.client_secrets.unlink()
    done = home.run("consent", "--no-browser", expect=78)
    assert str(home.client_secrets) in done.stderr
    assert "from --home" in done.stderr
    assert "credentials/README.md" in done.stderr


def test_in_a_terminal_the_address_is_shown_before_the_browser_opens(home: Any) -> None:
    """The browser of $BROWSER gets the very address that was printed."""
    browser = home / "browser"
    opened = home / "opened"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}.part\nmv {opened}.part {opened}\n')
    browser.chmod(0o700)
    ours, theirs = pty.openpty()
    process = home.start("consent", stdin=theirs, environment={"BROWSER": f"{browser} %s"})
    os.close(theirs)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().rstrip("\n")
        until = time.monotonic() + 20
        while not opened.exists() and time.monotonic() < until:
            assert process.poll() is None
            os.sched_yield()
        assert opened.read_text() == url
        os.write(ours, click(url).encode() + b"\n")
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()
        os.close(ours)


def test_without_a_display_the_ssh_recipe_is_shown(home: Any) -> None:
    with consenting(home, environment={"DISPLAY": "", "WAYLAND_DISPLAY": ""}) as asked:
        asked.click()
        said = asked.end(0)
    assert f"ssh -L {asked.port}:127.0.0.1:{asked.port}" in said


def test_a_grant_that_cannot_be_saved_is_refused_before_anybody_is_asked(
    home: Any, google: LocalGoogle
) -> None:
    folder = home.token.with_name("token.json.lock")
    folder.mkdir()
    done = home.run("consent", "--no-browser", expect=73)
    assert str(folder) in done.stderr
    assert done.stdout == ""
    assert data_calls(google) == 0


def test_the_account_is_asked_for_only_after_the_grant_is_safe(
    home: Any, google: LocalGoogle
) -> None:
    """A Calendar API that fails costs the name of the account, not the grant."""
    google.faults.add("api_403_disabled", on="api")
    with consenting(home) as asked:
        asked.click()
        asked.end(0)
    assert stored(home.token).get("account", "") == ""
    home.run("calendars")


def test_a_calendar_api_that_hangs_keeps_nobody_from_the_good_news(
    home: Any, google: LocalGoogle
) -> None:
    """Granted is said when it is; the name of the account is not worth a minute."""
    google.faults.add("hang", on="api")
    with consenting(home) as asked:
        asked.click()
        assert asked.process.stderr is not None
        said = iter(asked.process.stderr.readline, "")
        assert any(line.startswith("Granted; ") for line in said)
        assert asked.process.poll() is None, "it still asks"
        assert asked.process.wait(30) == 0
