"""Rules 8 and 9, the consent page, and every refusal of the token endpoint, over real HTTP."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2 import service_account
from google_auth_oauthlib.flow import Flow

from calendar_sync.emulator.grants import Click, Client, OAuthSwitches
from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.emulator.person import PageError, click, click_through
from calendar_sync.emulator.scopes import PREFIX, READONLY

REDIRECT = "http://127.0.0.1:45678/callback"
DATA = Path(__file__).parents[1] / "data"
EVENTS = PREFIX + "calendar.events.readonly"
LISTS = PREFIX + "calendar.calendarlist.readonly"
CredentialsFor = Callable[..., Any]


@pytest.fixture(autouse=True)
def _plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


def flow_for(google: LocalGoogle, scopes: tuple[str, ...] = (READONLY,)) -> Flow:
    """Google's own consent flow, PKCE on, pointed at the local Google."""
    return Flow.from_client_config(
        google.client_secrets(),
        list(scopes),
        redirect_uri=REDIRECT,
        autogenerate_code_verifier=True,
    )


def consent(
    google: LocalGoogle, scopes: tuple[str, ...] = (READONLY,), **parameters: str
) -> dict[str, Any]:
    """Consent with the real flow and a played person; return the token reply."""
    flow = flow_for(google, scopes)
    address, _ = flow.authorization_url(**parameters)
    flow.fetch_token(code=answer_of(click(address))["code"])
    return dict(flow.oauth2session.token)


def answer_of(location: str) -> dict[str, str]:
    """Read what a redirect carries."""
    assert location.startswith(REDIRECT + "?")
    return {key: values[0] for key, values in parse_qs(urlsplit(location).query).items()}


def post(google: LocalGoogle, path: str = "/token", **form: str) -> tuple[int, Any]:
    """Post a form as the client; return status and JSON."""
    mine = {"client_id": google.client.id, "client_secret": google.client.secret} | form
    answer = requests.post(google.url + path, data=mine, timeout=20)
    return answer.status_code, answer.json()


def refresh(google: LocalGoogle, token: str, **form: str) -> tuple[int, Any]:
    return post(google, grant_type="refresh_token", refresh_token=token, **form)


def fresh_code(google: LocalGoogle, challenge: str | None = None) -> str:
    return google.oauth.issue_code(
        client_id=google.client.id,
        redirect_uri=REDIRECT,
        account="ada@example.com",
        scopes=[READONLY],
        challenge=challenge,
        wants_refresh_token=True,
    )


def exchange(google: LocalGoogle, code: str, **form: str) -> tuple[int, Any]:
    mine = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    return post(google, **{**mine, **form})


# -- rule 8: the code exchange


def test_rule_8_the_real_flow_gets_a_grant(google: LocalGoogle) -> None:
    """google-auth-oauthlib: PKCE S256 and HTTP Basic."""
    flow = flow_for(google)
    address, state = flow.authorization_url(prompt="consent")
    carried = answer_of(click(address))
    assert carried["state"] == state
    flow.fetch_token(code=carried["code"])
    token = flow.oauth2session.token
    assert (token["expires_in"], token["token_type"]) == (3599, "Bearer")
    assert token["scope"] == [READONLY]
    assert token["refresh_token"].startswith("1//0")
    assert google.requests.to("token")[0].authorized


def test_rule_8_client_credentials_in_the_body(google: LocalGoogle) -> None:
    status, reply = exchange(google, fresh_code(google))
    assert status == 200
    assert list(reply) == ["access_token", "expires_in", "refresh_token", "scope", "token_type"]


def test_rule_8_client_credentials_by_basic_only(google: LocalGoogle) -> None:
    form = {
        "grant_type": "authorization_code",
        "code": fresh_code(google),
        "redirect_uri": REDIRECT,
    }
    auth = (google.client.id, google.client.secret)
    answer = requests.post(google.url + "/token", data=form, auth=auth, timeout=20)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": ""}, 400, "invalid_request"),
        ({"redirect_uri": REDIRECT + "/"}, 400, "redirect_uri_mismatch"),
        ({"code": "4/0Anonsense"}, 400, "invalid_grant"),
        ({"code": ""}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_rule_8_a_bad_exchange_is_refused(
    google: LocalGoogle, form: dict[str, str], status: int, error: str
) -> None:
    got, reply = exchange(google, form.pop("code", fresh_code(google)), **form)
    assert (got, reply["error"]) == (status, error)


def test_rule_8_a_wrong_basic_header_wins_over_a_good_body(google: LocalGoogle) -> None:
    """A stray ~/.netrc entry adds such a header to a refresh; Google would refuse it."""
    form = {"grant_type": "refresh_token", "refresh_token": google.grant()["refresh_token"]}
    mine = {"client_id": google.client.id, "client_secret": google.client.secret}
    answer = requests.post(google.url + "/token", {**form, **mine}, auth=("who", "x"), timeout=20)
    assert answer.status_code == 401


@pytest.mark.parametrize("verifier", [None, "x" * 43])
def test_rule_8_pkce_is_checked(google: LocalGoogle, verifier: str | None) -> None:
    code = fresh_code(google, challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
    form = {} if verifier is None else {"code_verifier": verifier}
    status, reply = exchange(google, code, **form)
    assert (status, reply["error"]) == (400, "invalid_grant")
    # RFC 7636, appendix B; a refused try does not use the code up
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert exchange(google, code, code_verifier=verifier)[0] == 200


def test_rule_8_a_code_works_once_and_a_second_try_kills_the_first_ones_grant(
    google: LocalGoogle,
) -> None:
    code = fresh_code(google)
    _, reply = exchange(google, code)
    assert exchange(google, code)[1]["error"] == "invalid_grant"
    assert refresh(google, reply["refresh_token"])[0] == 400


def test_rule_8_a_code_dies_after_ten_minutes(google: LocalGoogle) -> None:
    code = fresh_code(google)
    google.clock.advance(601)
    assert exchange(google, code)[1]["error"] == "invalid_grant"


# -- rule 8: when there is a refresh token


def test_rule_8_a_refresh_token_only_on_first_consent_or_prompt_consent(
    google: LocalGoogle,
) -> None:
    assert "refresh_token" in consent(google)
    assert "refresh_token" not in consent(google)
    assert "refresh_token" in consent(google, prompt="consent")
    google.revoke_grants()
    assert "refresh_token" in consent(google)


def test_rule_8_no_refresh_token_without_offline_access(google: LocalGoogle) -> None:
    assert "refresh_token" not in consent(google, access_type="online", prompt="consent")


def test_rule_8_the_refresh_token_can_be_withheld(google: LocalGoogle) -> None:
    google.oauth.switches.omit_refresh_token = True
    assert "refresh_token" not in consent(google, prompt="consent")


# -- rule 8: refresh


def test_rule_8_refresh_through_google_auth(
    google: LocalGoogle, credentials_for: CredentialsFor
) -> None:
    """google-auth posts client and scope in the body; the refresh token stays."""
    credentials = credentials_for(google)
    before = credentials.refresh_token
    credentials.refresh(Request())
    assert google.oauth.find_access(credentials.token)
    assert credentials.refresh_token == before
    assert credentials.granted_scopes == [READONLY]
    assert google.requests[-1].form["scope"] == (READONLY,)


def test_rule_8_a_refresh_may_ask_for_less_but_not_for_more(google: LocalGoogle) -> None:
    token = google.grant(scopes=(EVENTS, LISTS))["refresh_token"]
    status, reply = refresh(google, token, scope=EVENTS)
    assert (status, reply["scope"]) == (200, EVENTS)
    status, reply = refresh(google, token, scope=READONLY)
    assert (status, reply) == (400, {"error": "invalid_scope", "error_description": "Bad Request"})
    assert refresh(google, token)[1]["scope"] == f"{EVENTS} {LISTS}"


def test_rule_8_a_granted_calendar_does_not_cover_calendar_readonly(google: LocalGoogle) -> None:
    token = google.grant(scopes=(PREFIX + "calendar",))["refresh_token"]
    assert refresh(google, token, scope=READONLY)[1]["error"] == "invalid_scope"


def test_rule_8_the_lifetime_of_access_tokens_can_be_set(google: LocalGoogle) -> None:
    google.oauth.switches.access_token_lifetime = 5
    token = google.grant()
    assert token["expires_in"] == 5
    google.clock.advance(5)
    assert google.oauth.find_access(token["access_token"]) is None
    google.oauth.switches.access_token_lifetime = None
    assert "expires_in" not in google.grant()


# -- rule 9: dead refresh tokens


def test_rule_9_a_revoked_refresh_token(google: LocalGoogle) -> None:
    token = google.grant()["refresh_token"]
    google.revoke_grants()
    assert refresh(google, token) == (
        400,
        {"error": "invalid_grant", "error_description": "Token has been expired or revoked."},
    )


def test_rule_9_an_unknown_one_and_another_clients(google: LocalGoogle) -> None:
    assert refresh(google, "1//0nonsense")[1]["error_description"] == "Bad Request"
    token = google.grant()["refresh_token"]
    google.oauth.add_client(Client("other", "secret"))
    status, reply = refresh(google, token, client_id="other", client_secret="secret")
    assert (status, reply["error"]) == (401, "unauthorized_client")


def test_rule_9_testing_mode_grants_die_after_seven_days() -> None:
    with LocalGoogle(oauth=OAuthSwitches(refresh_token_lifetime=604799)) as google:
        granted = google.grant()
        assert granted["refresh_token_expires_in"] == 604799
        google.clock.advance(604700)
        _, reply = refresh(google, granted["refresh_token"])
        assert 90 <= reply["refresh_token_expires_in"] <= 99
        google.clock.advance(100)
        assert refresh(google, granted["refresh_token"])[1]["error"] == "invalid_grant"


def test_rule_9_the_hundred_and_first_grant_drops_the_oldest(google: LocalGoogle) -> None:
    tokens = [google.grant()["refresh_token"] for _ in range(101)]
    assert refresh(google, tokens[0])[0] == 400
    assert refresh(google, tokens[1])[0] == 200


# -- rotation


def test_rotation_replaces_the_token_and_a_replay_kills_the_family(google: LocalGoogle) -> None:
    google.oauth.switches.rotate_refresh_tokens = True
    first = google.grant()["refresh_token"]
    second = refresh(google, first)[1]["refresh_token"]
    third = refresh(google, second)[1]["refresh_token"]
    assert len({first, second, third}) == 3
    assert refresh(google, first)[1]["error"] == "invalid_grant"
    assert refresh(google, third)[1]["error"] == "invalid_grant"


def test_rotation_without_reuse_detection_only_refuses_the_old_one(google: LocalGoogle) -> None:
    google.control("oauth", rotate_refresh_tokens=True, reuse_detection=False)
    first = google.grant()["refresh_token"]
    second = refresh(google, first)[1]["refresh_token"]
    assert refresh(google, first)[0] == 400
    assert refresh(google, second)[0] == 200


def test_of_eight_unlocked_refreshers_one_wins_and_even_its_token_is_dead(
    google: LocalGoogle,
) -> None:
    """Facts 5.1: what our lock exists for."""
    google.oauth.switches.rotate_refresh_tokens = True
    token = google.grant()["refresh_token"]
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: refresh(google, token), range(8)))
    won = [reply for status, reply in replies if status == 200]
    assert len(won) == 1
    assert refresh(google, won[0]["refresh_token"])[1]["error"] == "invalid_grant"


def test_a_lost_reply_strands_a_rotating_client(google: LocalGoogle) -> None:
    google.oauth.switches.rotate_refresh_tokens = True
    token = google.grant()["refresh_token"]
    google.faults.add("lost_reply", on="token")
    with pytest.raises(requests.ConnectionError):
        refresh(google, token)
    assert refresh(google, token)[1]["error"] == "invalid_grant"


# -- revoke and tokeninfo


@pytest.mark.parametrize("which", ["refresh_token", "access_token"])
def test_revoking_either_token_ends_all_the_account_gave(google: LocalGoogle, which: str) -> None:
    granted, copy = google.grant(), google.grant()
    assert post(google, "/revoke", token=granted[which]) == (200, {})
    assert refresh(google, granted["refresh_token"])[0] == 400
    assert refresh(google, copy["refresh_token"])[0] == 400
    status, reply = post(google, "/revoke", token=granted[which])
    assert (status, reply["error"]) == (400, "invalid_token")


def test_tokeninfo_by_post_and_by_get(google: LocalGoogle) -> None:
    token = google.grant()["access_token"]
    status, described = post(google, "/tokeninfo", access_token=token)
    assert (status, described["scope"], described["aud"]) == (200, READONLY, google.client.id)
    assert 3590 <= int(described["expires_in"]) <= 3599
    address = google.url + "/tokeninfo"
    assert requests.get(address, {"access_token": token}, timeout=20).json()["scope"] == READONLY
    assert google.requests[-1].query == {"access_token": ("***",)}
    assert post(google, "/tokeninfo", access_token="x")[0] == 400


# -- the page


def ask(google: LocalGoogle, **changes: str | None) -> str:
    """Make an authorization address; None takes a parameter away."""
    parameters = {
        "client_id": google.client.id,
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": READONLY,
        "state": "s&t=<1>",
        "access_type": "offline",
        **changes,
    }
    given = {key: value for key, value in parameters.items() if value is not None}
    return f"{google.url}/o/oauth2/auth?{urlencode(given)}"


def page_of(address: str) -> str:
    with urllib.request.urlopen(address, timeout=20) as answer:
        return answer.read().decode()


def test_the_page_says_who_asks_for_what(google: LocalGoogle) -> None:
    page = page_of(ask(google))
    assert "calendar-sync wants to access" in page
    assert "See and download any calendar you can access using your Google Calendar" in page
    assert READONLY in page
    assert "ada@example.com" in page
    assert "hasn’t verified this app" in page
    assert 'type="checkbox"' not in page  # a single scope cannot be unticked
    assert "http" not in page.replace(READONLY, "")  # nothing is loaded from anywhere


def test_the_page_escapes_what_it_shows(google: LocalGoogle) -> None:
    page = page_of(ask(google, login_hint="<script>alert(1)</script>"))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("path", ["/o/oauth2/auth", "/o/oauth2/v2/auth", "/auth"])
def test_the_page_has_all_its_addresses(google: LocalGoogle, path: str) -> None:
    address = ask(google).replace("/o/oauth2/auth", path)
    assert answer_of(click(address))["state"] == "s&t=<1>"


def test_denying_sends_access_denied_and_the_state(google: LocalGoogle) -> None:
    assert answer_of(click(ask(google), "deny")) == {"error": "access_denied", "state": "s&t=<1>"}


def test_the_person_follows_the_redirect(google: LocalGoogle) -> None:
    page = click_through(ask(google, redirect_uri=google.url + "/_elsewhere"))
    assert "Please sign in." in page
    assert google.requests[-1].query["code"] == ("***",)


def test_an_unticked_scope_is_not_granted(google: LocalGoogle) -> None:
    address = ask(google, scope=f"{EVENTS} {LISTS}")
    carried = answer_of(click(address, untick=[LISTS]))
    assert carried["scope"] == EVENTS
    assert exchange(google, carried["code"])[1]["scope"] == EVENTS
    assert answer_of(click(address, untick=[EVENTS, LISTS]))["error"] == "access_denied"


def test_a_narrowed_grant_makes_the_real_flow_warn(google: LocalGoogle) -> None:
    google.control("oauth", narrow_scopes=[EVENTS])
    with warnings.catch_warnings(), pytest.raises(Warning, match="Scope has changed"):
        consent(google, (EVENTS, LISTS))


def test_a_widened_grant(google: LocalGoogle) -> None:
    google.control("oauth", widen_scopes=[PREFIX + "calendar"])
    code = answer_of(click(ask(google)))["code"]
    assert exchange(google, code)[1]["scope"] == f"{READONLY} {PREFIX}calendar"


def test_the_account_is_chosen_or_hinted(google: LocalGoogle) -> None:
    google.control("add_account", account="bob@example.com")
    exchange(google, answer_of(click(ask(google), account="bob@example.com"))["code"])
    exchange(google, answer_of(click(ask(google, login_hint="bob@example.com")))["code"])
    exchange(google, answer_of(click(ask(google)))["code"])
    accounts = [grant.account for grant in google.oauth.grants()]
    assert accounts == ["bob@example.com", "bob@example.com", "ada@example.com"]


def test_prompt_none_answers_by_itself(google: LocalGoogle) -> None:
    address = ask(google, prompt="none", login_hint="ada@example.com")
    assert answer_of(click(address))["error"] == "interaction_required"
    google.grant()
    assert "code" in answer_of(click(address))


def test_a_known_consent_can_skip_the_page(google: LocalGoogle) -> None:
    google.control("oauth", skip_known_consent=True)
    google.grant()
    address = ask(google, login_hint="ada@example.com")
    with requests.get(address, allow_redirects=False, timeout=20) as answer:
        assert answer.status_code == 302
    with requests.get(address + "&prompt=consent", allow_redirects=False, timeout=20) as answer:
        assert answer.status_code == 200


def test_a_deleted_client_is_unknown(google: LocalGoogle) -> None:
    token = google.grant()["refresh_token"]
    google.oauth.remove_client(google.client.id)
    assert refresh(google, token)[1]["error"] == "invalid_client"
    with pytest.raises(PageError, match="invalid_client"):
        click(ask(google))


def test_clicks_told_in_advance_answer_without_a_page(google: LocalGoogle) -> None:
    google.oauth.clicks.append(Click("deny"))
    google.control("click", decision="admin_policy_enforced")
    google.control("click", decision="allow", scopes=[EVENTS])
    address = ask(google, scope=f"{EVENTS} {LISTS}")
    carried = [answer_of(click(address)) for _ in range(3)]
    assert [c.get("error") for c in carried] == ["access_denied", "admin_policy_enforced", None]
    assert carried[2]["scope"] == EVENTS


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_id": None}, "invalid_request"),
        ({"redirect_uri": "https://evil.example/"}, "redirect_uri_mismatch"),
        ({"redirect_uri": "http://127.0.0.1.evil.example/"}, "redirect_uri_mismatch"),
        ({"redirect_uri": "http://localhost:99999/"}, "redirect_uri_mismatch"),
        ({"redirect_uri": "urn:ietf:wg:oauth:2.0:oob"}, "redirect_uri_mismatch"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"scope": None}, "invalid_request"),
        ({"scope": "https://www.googleapis.com/auth/calender"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": "x", "code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_a_wrong_request_shows_an_error_and_tells_the_redirect_nothing(
    google: LocalGoogle, changes: dict[str, str | None], error: str
) -> None:
    for decision in ("allow", "deny"):
        with pytest.raises(PageError, match=f'<code id="error">{error}</code>'):
            click(ask(google, **changes), decision)
    assert {entry.status for entry in google.requests} == {400}


def test_the_page_can_be_an_error_by_switch(google: LocalGoogle) -> None:
    google.control("oauth", page_error="org_internal")
    with pytest.raises(PageError, match="org_internal"):
        click(ask(google))


@pytest.mark.parametrize("host", ["localhost", "[::1]", "127.0.0.1"])
def test_all_loopback_redirects_are_good(google: LocalGoogle, host: str) -> None:
    location = click(ask(google, redirect_uri=f"http://{host}:8080/x?a=b"))
    assert location.startswith(f"http://{host}:8080/x?a=b&state=")


# -- every refusal of facts 4.4, through google-auth


@pytest.mark.parametrize(
    ("fault", "message", "calls"),
    [
        ("invalid_grant", "invalid_grant: Token has been expired or revoked.", 1),
        ("invalid_grant_bad_request", "invalid_grant: Bad Request", 1),
        ("invalid_rapt", "Reauthentication is needed.", 1),
        ("rapt_required", "Reauthentication is needed.", 1),
        ("invalid_client", "invalid_client: The OAuth client was not found.", 1),
        ("invalid_client_unauthorized", "invalid_client: Unauthorized", 1),
        ("deleted_client", "deleted_client: ", 1),
        ("unauthorized_client", "unauthorized_client: Unauthorized", 1),
        ("org_internal", "org_internal: ", 1),
        ("admin_policy_enforced", "admin_policy_enforced: ", 1),
        ("access_denied", "access_denied: Account restricted", 1),
        ("invalid_scope", "invalid_scope: Bad Request", 1),
        ("rate_limit_403", "rate_limit_exceeded: ", 1),
        ("html_502", "<!DOCTYPE html>", 1),
        ("html_400", "<!DOCTYPE html>", 1),
        ("empty_400", "", 1),
        ("error_object", "{'code': 400", 1),
        ("no_error_key", '{"message"', 1),
        ("no_access_token", "No access token in response.", 1),
    ],
)
def test_refusals_as_google_auth_raises_them(
    google: LocalGoogle,
    credentials_for: CredentialsFor,
    fault: str,
    message: str,
    calls: int,
) -> None:
    google.faults.add(fault, on="token", count=None)
    with pytest.raises(RefreshError) as caught:
        credentials_for(google).refresh(Request())
    shown = str(caught.value.args[0])
    assert shown.replace("\n", "").replace("{ ", "{").startswith(message)
    assert google.requests.count("token") == calls


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("html_200", TypeError),
        ("empty_200", TypeError),
        ("list_200", TypeError),
        ("list_400", AttributeError),
        ("expires_in_text", ValueError),
        ("non_utf8", UnicodeDecodeError),
        ("redirect", TypeError),
    ],
)
def test_replies_that_google_auth_cannot_read(
    google: LocalGoogle, credentials_for: CredentialsFor, fault: str, kind: type[Exception]
) -> None:
    google.faults.add(fault, on="token", count=None)
    with pytest.raises(kind):
        credentials_for(google).refresh(Request())


@pytest.mark.parametrize(
    ("fault", "options", "lost"),
    [("drop_refresh_token", {}, None), ("drop_refresh_token_empty", {}, "")],
)
def test_a_reply_can_take_the_refresh_token_away(
    google: LocalGoogle, credentials_for: CredentialsFor, fault: str, options: Any, lost: Any
) -> None:
    google.faults.add(fault, on="token", **options)
    credentials = credentials_for(google)
    credentials.refresh(Request())
    assert credentials.refresh_token == lost


# -- service accounts


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def test_a_service_account_gets_a_token_for_its_subject(
    google: LocalGoogle, private_key: str
) -> None:
    key = {
        "type": "service_account",
        "client_email": "robot@local-google.iam.gserviceaccount.com",
        "private_key": private_key,
        "token_uri": google.url + "/token",
    }
    robot = service_account.Credentials.from_service_account_info(
        key, scopes=[READONLY], subject="ada@example.com"
    )
    robot.refresh(Request())
    found = google.oauth.find_access(robot.token)
    assert found is not None
    assert (found.grant.account, found.scopes) == ("ada@example.com", (READONLY,))
    google.clock.advance(-86400)
    with pytest.raises(RefreshError, match="short-lived token"):
        robot.refresh(Request())
    google.faults.add("not_delegated", on="token")
    with pytest.raises(RefreshError, match="Client is unauthorized"):
        robot.refresh(Request())


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"aud": "https://elsewhere.example"}, "invalid_grant"),
        ({"sub": ""}, "invalid_grant"),
        ({"scope": ""}, "invalid_scope"),
        ({"exp": 0}, "invalid_grant"),
        ({"iat": "soon"}, "invalid_grant"),
    ],
)
def test_an_assertion_with_a_wrong_claim_is_refused(
    google: LocalGoogle, changes: dict[str, Any], error: str
) -> None:
    now = int(google.clock.now().timestamp())
    claims = {"iss": "r", "sub": "a", "scope": READONLY, "iat": now, "exp": now + 3600}
    claims["aud"] = "https://oauth2.googleapis.com/token"
    assert assert_claims(google, json.dumps(claims))[0] == 200
    status, reply = assert_claims(google, json.dumps(claims | changes))
    assert (status, reply["error"]) == (400, error)


@pytest.mark.parametrize("claims", ["[]", "no json", ""])
def test_an_unreadable_assertion_is_refused(google: LocalGoogle, claims: str) -> None:
    assert assert_claims(google, claims)[1]["error"] == "invalid_grant"


def assert_claims(google: LocalGoogle, claims: str) -> tuple[int, Any]:
    """Post an assertion; its signature is not looked at."""
    payload = base64.urlsafe_b64encode(claims.encode()).decode().rstrip("=")
    kind = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    return post(google, grant_type=kind, assertion=f"e30.{payload}.c2ln")


# -- files and secrets


def test_client_secrets_are_private_and_point_here(google: LocalGoogle, tmp_path: Path) -> None:
    path = google.write_client_secrets(tmp_path / "credentials" / "client_secrets.json")
    installed = json.loads(path.read_text())["installed"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert installed["api_endpoint"] == google.url + "/calendar/v3/"
    assert installed["revoke_uri"] == google.url + "/revoke"
    assert installed["token_uri"] == google.url + "/token"
    assert installed["redirect_uris"] == ["http://localhost"]


def test_calendar_dat_is_what_oauth2client_wrote_and_its_grant_lives(
    google: LocalGoogle, tmp_path: Path
) -> None:
    path = google.write_calendar_dat(tmp_path / "calendar.dat")
    stored = json.loads(path.read_text())
    sample = DATA / "tokens" / "o2c-4.1.3-calendar.dat"
    assert list(stored) == list(json.loads(sample.read_text()))
    assert list(stored["token_response"]) == (
        ["access_token", "expires_in", "refresh_token", "scope", "token_type"]
    )
    assert refresh(google, stored["refresh_token"], scope=stored["scopes"][0])[0] == 200


def test_a_token_file_can_be_refreshed(google: LocalGoogle, tmp_path: Path) -> None:
    stored = json.loads(google.write_token(tmp_path / "token.json").read_text())
    assert stored["token_uri"] == google.url + "/token"
    assert refresh(google, stored["refresh_token"])[0] == 200


def test_every_secret_issued_is_listed(google: LocalGoogle) -> None:
    flow = flow_for(google)
    address, _ = flow.authorization_url()
    code = answer_of(click(address))["code"]
    flow.fetch_token(code=code)
    token = flow.oauth2session.token
    pair = f"{google.client.id}:{google.client.secret}".encode()
    for secret in (
        code,
        token["access_token"],
        token["refresh_token"],
        google.client.secret,
        base64.b64encode(pair).decode(),
    ):
        assert secret in google.secrets_issued


def test_get_is_no_way_to_get_or_revoke_a_token(google: LocalGoogle) -> None:
    for path in ("/token", "/revoke"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            page_of(google.url + path)
        with caught.value as error:
            assert error.code == 405
