"""Every way the token server, or Google itself, says no: whose turn it is, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from grant_steps import ago, edit, make_due, stored, token_calls

from calendar_sync.emulator.catalogue import NAMES
from calendar_sync.emulator.local_google import LocalGoogle


@dataclass(frozen=True)
class Case:
    """A fault at the token endpoint: exit code, a word of the message, and the token calls."""

    fault: str
    code: int
    words: str
    calls: int


# facts/google-oauth.md section 4.4, row by row. A refusal that google-auth tries again is asked
# three times; nothing that is a proxy's or a portal's answer ever counts as a dead grant.
CASES = [
    Case("invalid_grant", 77, "no longer accepts the grant", 1),
    Case("invalid_grant_bad_request", 77, "no longer accepts the grant", 1),
    Case("invalid_rapt", 77, "session control", 1),
    Case("rapt_required", 77, "session control", 1),
    Case("invalid_client", 78, "id or secret is wrong", 1),
    Case("invalid_client_unauthorized", 78, "id or secret is wrong", 1),
    Case("deleted_client", 78, "was deleted", 1),
    Case("unauthorized_client", 78, "another OAuth client", 1),
    Case("not_delegated", 78, "another OAuth client", 1),
    Case("org_internal", 78, "organisation", 1),
    Case("admin_policy_enforced", 78, "administrator", 1),
    Case("access_denied", 78, "administrator", 1),
    Case("invalid_scope", 77, "does not hold the scope", 2),
    Case("rate_limit_429", 75, "rate_limit_exceeded", 3),
    Case("rate_limit_403", 75, "rate_limit_exceeded", 1),
    Case("internal_failure", 75, "internal_failure", 3),
    Case("server_error", 75, "server_error", 3),
    Case("temporarily_unavailable", 75, "temporarily_unavailable", 3),
    Case("html_500", 75, "makes no sense", 3),
    Case("html_504", 75, "makes no sense", 3),
    Case("html_503", 75, "makes no sense", 3),
    Case("html_502", 75, "makes no sense", 1),
    Case("html_400", 75, "makes no sense", 1),
    Case("empty_400", 75, "makes no sense", 1),
    Case("error_object", 75, "makes no sense", 1),
    Case("no_error_key", 75, "makes no sense", 1),
    Case("no_access_token", 75, "makes no sense", 1),
    Case("html_200", 75, "makes no sense", 1),
    Case("empty_200", 75, "makes no sense", 1),
    Case("list_200", 75, "makes no sense", 1),
    Case("list_400", 75, "makes no sense", 1),
    Case("expires_in_text", 75, "makes no sense", 1),
    Case("non_utf8", 75, "makes no sense", 1),
    Case("non_utf8_400", 75, "makes no sense", 1),
    Case("truncated_json", 75, "makes no sense", 1),
    Case("redirect", 75, "makes no sense", 1),
    Case("reset", 75, "could not be reached", 1),
    Case("close", 75, "could not be reached", 1),
    Case("lost_reply", 75, "could not be reached", 1),
    Case("short_body", 75, "", 1),
    Case("truncated_chunk", 75, "", 1),
    Case("truncated_gzip", 75, "", 1),
    Case("corrupt_gzip", 75, "", 1),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.fault)
def test_a_refusal_at_the_token_endpoint(home: Any, google: LocalGoogle, case: Case) -> None:
    """The file stays as it is to the byte: no error ever costs the grant."""
    make_due(home.token)
    before = home.token.read_bytes()
    google.faults.add(case.fault, on="token", count=None)
    done = home.run("calendars", expect=case.code)
    assert case.words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert token_calls(google) == case.calls
    assert home.token.read_bytes() == before
    for secret in google.secrets_issued:
        assert secret not in done.stderr


def test_every_refusal_that_the_emulator_can_play_is_in_the_table() -> None:
    at_the_token_endpoint = {
        name
        for name in NAMES
        if not name.startswith("api_") and name not in _SWITCHES and name not in _OTHERS
    }
    assert at_the_token_endpoint == {case.fault for case in CASES}


# not failures, or told elsewhere
_SWITCHES = {
    "status", "slow", "hang", "trickle", "gzip_bomb", "set_keys", "remove_keys", "no_expires_in",
    "drop_refresh_token", "drop_refresh_token_empty", "short_content_length",
}  # fmt: skip
_OTHERS = {"invalid_jwt_signature", "invalid_email", "invalid_token"}  # of service accounts, revoke


def test_a_passing_disturbance_is_over_when_it_is_over(home: Any, google: LocalGoogle) -> None:
    make_due(home.token)
    google.faults.add("html_500", on="token", count=2)
    home.run("calendars")
    assert token_calls(google) == 3


def test_google_is_down(home: Any, google: LocalGoogle) -> None:
    make_due(home.token)
    before = home.token.read_bytes()
    google.stop()
    done = home.run("calendars", expect=75)
    assert "could not be reached" in done.stderr
    assert home.token.read_bytes() == before
    google.start()
    home.run("calendars")


@pytest.mark.parametrize("days", [6, 7, 8])
def test_a_grant_that_died_after_a_week_explains_testing(
    home: Any, google: LocalGoogle, days: int
) -> None:
    google.revoke_grants()
    edit(home.token, consented_at=ago(timedelta(days=days, hours=1)))
    make_due(home.token)
    done = home.run("calendars", expect=77)
    assert f"It is {days} days old" in done.stderr
    assert "'Testing'" in done.stderr
    assert "'Production'" in done.stderr
    assert "calendar-sync consent" in done.stderr


@pytest.mark.parametrize("days", [1, 5, 9, 400, None])
def test_a_grant_that_died_at_another_age_names_what_can_have_been(
    home: Any, google: LocalGoogle, days: int | None
) -> None:
    google.revoke_grants()
    if days is not None:
        edit(home.token, consented_at=ago(timedelta(days=days, hours=1)))
    make_due(home.token)
    done = home.run("calendars", expect=77)
    assert "days old" not in done.stderr
    assert "revoked" in done.stderr
    assert "six months" not in done.stderr, "its last access token ended an hour ago"
    assert ("'Testing'" in done.stderr) is (days is None)


def test_session_control_advises_against_a_new_consent(home: Any, google: LocalGoogle) -> None:
    make_due(home.token)
    google.faults.add("invalid_rapt", on="token")
    done = home.run("calendars", expect=77)
    assert "A new consent will not hold" in done.stderr
    assert "administrator" in done.stderr
    assert "service account" in done.stderr
    assert "gcloud" not in done.stderr, "google-auth's own advice is misleading"


def test_an_unknown_error_word_is_not_repeated_as_it_is(home: Any, google: LocalGoogle) -> None:
    make_due(home.token)
    body = {"error": "<script>" + stored(home.token)["refresh_token"]}
    google.faults.add("status", on="token", status=400, body=body)
    done = home.run("calendars", expect=75)
    assert "an unknown error" in done.stderr
    assert "script" not in done.stderr


@dataclass(frozen=True)
class DataCase:
    """A fault at the data endpoint."""

    fault: str
    code: int
    words: str


@pytest.mark.parametrize(
    "case",
    [
        DataCase("api_403_scope", 77, "insufficient scope"),
        DataCase("api_403_disabled", 78, "not enabled"),
        DataCase("api_403_no_calendar", 78, "no Google Calendar"),
        DataCase("api_403_forbidden", 78, "Workspace policy"),
        DataCase("api_401", 75, "doctor"),
        DataCase("api_403_quota", 75, "quota"),
        DataCase("api_403_daily", 75, "quota"),
    ],
    ids=lambda case: case.fault,
)
def test_a_refusal_at_the_data_endpoint(home: Any, google: LocalGoogle, case: DataCase) -> None:
    google.faults.add(case.fault, on="calendarList", count=None)
    done = home.run("export", expect=case.code)
    assert case.words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_grant_without_the_scope_is_known_without_a_request(
    new_home: Callable[..., Any], google: LocalGoogle
) -> None:
    home = new_home()
    google.write_token(home.token, scopes=["https://www.googleapis.com/auth/calendar.events"])
    done = home.run("export", expect=77)
    assert "does not allow reading calendars" in done.stderr
    assert len(google.requests) == 0
