"""Rules 8 to 16 of the facts' behaviour table: who may call the API, and how often."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import googleapiclient
import httplib2
import pytest
from google.auth.exceptions import RefreshError
from googleapiclient.errors import HttpError

from calendar_sync.emulator.clock import Clock, utc_now
from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.emulator.scopes import METHODS, PREFIX, WORDS

Service = Callable[..., Any]
LIST = "calendar/v3/users/me/calendarList"
DISCOVERY = Path(googleapiclient.__file__).parent / "discovery_cache/documents/calendar.v3.json"


def raw(google: LocalGoogle, path: str = LIST, bearer: str | None = None) -> tuple[Any, Any]:
    """Ask without any library's refreshes; return the answer and its error."""
    headers = {} if bearer is None else {"authorization": f"Bearer {bearer}"}
    answer, body = httplib2.Http(timeout=20).request(f"{google.url}/{path}", headers=headers)
    return answer, json.loads(body).get("error")


def test_rule_10_no_credentials(google: LocalGoogle) -> None:
    answer, error = raw(google)
    assert (answer.status, error["status"]) == (401, "UNAUTHENTICATED")
    assert error["errors"][0]["reason"] == "required"
    assert error["errors"][0]["message"] == "Login Required."
    assert error["details"][0]["reason"] == "CREDENTIALS_MISSING"
    assert answer["www-authenticate"] == 'Bearer realm="https://accounts.google.com/"'
    assert not google.requests[0].authorized


def test_rule_11_an_unknown_access_token(google: LocalGoogle) -> None:
    answer, error = raw(google, bearer="ya29.nonsense")
    assert answer.status == 401
    assert error == {
        "code": 401,
        "message": "Request had invalid authentication credentials. Expected OAuth 2 access token, "
        "login cookie or other valid authentication credential. See "
        "https://developers.google.com/identity/sign-in/web/devconsole-project.",
        "errors": [
            {
                "message": "Invalid Credentials",
                "domain": "global",
                "reason": "authError",
                "location": "Authorization",
                "locationType": "header",
            }
        ],
        "status": "UNAUTHENTICATED",
    }
    assert 'error="invalid_token"' in answer["www-authenticate"]


def test_rule_11_an_access_token_expires_with_the_clock(google: LocalGoogle) -> None:
    token = google.grant()["access_token"]
    google.clock.advance(3598)
    assert raw(google, bearer=token)[0].status == 200
    google.clock.advance(2)
    assert raw(google, bearer=token)[0].status == 401


def test_rule_11_a_revoked_grant_kills_its_access_tokens(google: LocalGoogle) -> None:
    token = google.grant()["access_token"]
    assert google.revoke_grants("ada@example.com") == 1
    assert raw(google, bearer=token)[0].status == 401


def test_rule_11_the_real_client_refreshes_after_a_401(
    google: LocalGoogle, service: Service
) -> None:
    client = service(google)
    google.expire_access_tokens()
    assert client.calendarList().list().execute()["items"]
    assert [entry.status for entry in google.requests] == [401, 200, 200]
    assert google.requests.count("token") == 1


def test_rule_11_a_401_that_stays_is_retried_twice_by_the_real_client(
    google: LocalGoogle, service: Service
) -> None:
    google.faults.add("api_401", on="api", count=None)
    with pytest.raises(HttpError):
        service(google).calendarList().list().execute()
    assert (google.requests.count("calendarList"), google.requests.count("token")) == (3, 2)


def test_rule_12_the_wrong_scope(google: LocalGoogle, service: Service) -> None:
    client = service(google, scopes=(PREFIX + "calendar.events.readonly",))
    with pytest.raises(HttpError) as caught:
        client.calendarList().list().execute()
    assert json.loads(caught.value.content) == {
        "error": {
            "code": 403,
            "message": "Request had insufficient authentication scopes.",
            "errors": [
                {
                    "message": "Insufficient Permission",
                    "domain": "global",
                    "reason": "insufficientPermissions",
                }
            ],
            "status": "PERMISSION_DENIED",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                    "domain": "googleapis.com",
                    "metadata": {
                        "service": "calendar-json.googleapis.com",
                        "method": "calendar.v3.CalendarList.List",
                    },
                }
            ],
        }
    }
    assert 'error="insufficient_scope", scope="' in caught.value.resp["www-authenticate"]


def discovered() -> dict[str, tuple[str, set[str]]]:
    """Read path and scopes of every method from the discovery document."""
    resources = json.loads(DISCOVERY.read_text(encoding="utf-8"))["resources"].values()
    return {
        method["id"].lower(): (method["path"], set(method["scopes"]))
        for resource in resources
        for method in resource["methods"].values()
    }


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_rule_13_the_scope_matrix_is_the_discovery_documents(method: Any) -> None:
    path, scopes = discovered()[method.name.replace("calendar.v3.", "calendar.").lower()]
    assert method.scopes == scopes
    assert [part for part in method.path if part != "*"] == [
        part for part in path.split("/") if not part.startswith("{")
    ]


def test_rule_13_every_scope_has_its_words(google: LocalGoogle) -> None:
    scopes = json.loads(DISCOVERY.read_text(encoding="utf-8"))["auth"]["oauth2"]["scopes"]
    assert {scope: WORDS[scope] for scope in scopes} == {
        scope: described["description"] for scope, described in scopes.items()
    }


def test_rule_13_events_readonly_lists_events_but_no_calendars(
    google: LocalGoogle, service: Service
) -> None:
    client = service(google, scopes=(PREFIX + "calendar.events.readonly",))
    assert client.events().list(calendarId="primary").execute()["kind"] == "calendar#events"
    for refused in (client.calendarList().list(), client.calendars().get(calendarId="primary")):
        with pytest.raises(HttpError) as caught:
            refused.execute()
        assert caught.value.status_code == 403


def test_rule_14_the_api_is_disabled(google: LocalGoogle, service: Service) -> None:
    google.gate.switches.disabled = True
    with pytest.raises(HttpError) as caught:
        service(google).calendarList().list().execute()
    error = json.loads(caught.value.content)["error"]
    assert (error["code"], error["status"]) == (403, "PERMISSION_DENIED")
    assert error["errors"][0]["reason"] == "accessNotConfigured"
    assert error["errors"][0]["domain"] == "usageLimits"
    assert error["details"][0]["reason"] == "SERVICE_DISABLED"
    assert "Enable it by visiting https://console.developers.google.com/" in error["message"]


@pytest.fixture
def still_google() -> Any:
    """A local Google whose clock stands still until advanced."""
    moment = utc_now()
    with LocalGoogle(clock=Clock(lambda: moment)) as google:
        yield google


def test_rule_15_the_minute_slides_and_refusals_alternate(still_google: LocalGoogle) -> None:
    google = still_google
    google.gate.switches.per_user = 2
    token = google.grant()["access_token"]
    statuses = []
    for seconds in (0, 30, 0, 0, 0, 29.9, 0.2, 0):
        google.clock.advance(seconds)
        statuses.append(raw(google, bearer=token)[0].status)
    # The request of second 0 leaves the window at 60, the one of second 30 at 90.
    assert statuses == [200, 200, 403, 429, 403, 429, 200, 403]


def test_rule_15_the_two_shapes_and_retry_after(still_google: LocalGoogle) -> None:
    google = still_google
    google.gate.switches.per_user = 0
    google.gate.switches.retry_after = 9
    token = google.grant()["access_token"]
    first_answer, first_error = raw(google, bearer=token)
    second_answer, second_error = raw(google, bearer=token)
    assert first_error["errors"][0]["reason"] == "rateLimitExceeded"
    assert "limit 'Queries per minute per user'" in first_error["message"]
    assert second_error["errors"][0]["reason"] == "rateLimitExceeded"
    assert "status" not in second_error
    assert (first_answer["retry-after"], second_answer["retry-after"]) == ("9", "9")


def test_rule_15_the_project_has_a_limit_over_all_users(still_google: LocalGoogle) -> None:
    google = still_google
    google.control("add_account", account="bob@example.com")
    google.gate.switches.per_project = 1
    ada, bob = (
        google.grant(name)["access_token"] for name in ("ada@example.com", "bob@example.com")
    )
    assert raw(google, bearer=ada)[0].status == 200
    answer, error = raw(google, bearer=bob)
    assert answer.status == 403
    assert "limit 'Queries per minute' of" in error["message"]


def test_rule_16_quota_exceeded(google: LocalGoogle, service: Service) -> None:
    google.gate.switches.quota_exceeded = True
    with pytest.raises(HttpError) as caught:
        service(google).calendarList().list().execute(num_retries=2)
    assert json.loads(caught.value.content) == {
        "error": {
            "errors": [
                {
                    "domain": "usageLimits",
                    "reason": "quotaExceeded",
                    "message": "Calendar usage limits exceeded.",
                }
            ],
            "code": 403,
            "message": "Calendar usage limits exceeded.",
        }
    }
    assert len(google.requests) == 1


def test_rule_9_a_revoked_refresh_token_surfaces_in_a_data_call(
    google: LocalGoogle, service: Service
) -> None:
    client = service(google)
    google.revoke_grants()
    with pytest.raises(RefreshError, match="Token has been expired or revoked"):
        client.calendarList().list().execute()
