"""What a grant says of itself: its life, its age, its warnings; and never its secrets."""

from __future__ import annotations

import contextlib
import json
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_sync.errors import CalendarSyncError
from calendar_sync.grants.client_secrets import parse_client_secrets
from calendar_sync.grants.credentials import load_credentials
from calendar_sync.grants.grant import Grant, parse_grant, read_instant, write_instant
from calendar_sync.grants.receiver import Redirect, parse_redirect
from calendar_sync.home import find_home

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECRETS = {"refresh_token": "1//0-refresh", "token": "ya29.access", "client_secret": "GOCSPX-x"}


def grant(**fields: Any) -> Grant:
    return Grant(**{**SECRETS, **fields})


def in_seconds(seconds: float) -> str:
    return write_instant(NOW + timedelta(seconds=seconds))


# -- the access token's life


@pytest.mark.parametrize(
    ("left", "expires_in", "lives"),
    [
        (3599, 3599, True),
        (226, 3599, True),
        (225, 3599, False),
        (0, 3599, False),
        (-86_400, 3599, False),
        (3599 + 300, 3599, True),
        (3599 + 301, 3599, False),  # our clock was or is wrong
        (86_400, None, False),
        (3_900, None, True),
        (40, 60, True),  # shorter than the margin: half of it is the margin
        (30, 60, False),
    ],
)
def test_how_long_it_may_be_used(left: int, expires_in: int | None, lives: bool) -> None:
    stored = grant(expiry=in_seconds(left), expires_in=expires_in)
    assert stored.access_token_lives(NOW) is lives


def test_without_token_or_readable_expiry_it_is_dead() -> None:
    assert not grant(expiry=None).access_token_lives(NOW)
    assert not grant(expiry="tomorrow").access_token_lives(NOW)
    assert not grant(token=None, expiry=in_seconds(1000)).access_token_lives(NOW)
    assert not grant(token="", expiry=in_seconds(1000)).access_token_lives(NOW)


@given(st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)))
def test_an_instant_is_read_as_it_was_written(moment: datetime) -> None:
    whole = moment.replace(microsecond=0, tzinfo=UTC)
    assert read_instant(write_instant(whole)) == whole
    assert read_instant(whole.replace(tzinfo=None).isoformat()) == whole, "google-auth's form"
    assert read_instant(moment.replace(tzinfo=UTC).isoformat()) == moment.replace(tzinfo=UTC)


@given(st.text())
def test_no_text_is_an_accident(text: str) -> None:
    moment = read_instant(text)
    assert moment is None or moment.utcoffset() == timedelta(0)


@given(st.binary(max_size=300))
def test_no_content_is_an_accident(content: bytes) -> None:
    with contextlib.suppress(CalendarSyncError):
        assert isinstance(parse_grant(content, "x"), Grant)


@given(st.dictionaries(st.sampled_from(Grant.__struct_fields__), st.from_type(object) | st.none()))
def test_no_object_is_an_accident(value: dict[str, Any]) -> None:
    content = json.dumps({"refresh_token": "a", **value}, default=str).encode()
    try:
        read = parse_grant(content, "x")
    except CalendarSyncError:
        return
    assert parse_grant(read.to_json(), "x") == msgspec.structs.replace(
        read, universe_domain=read.universe_domain or "googleapis.com"
    )


# -- its age


@pytest.mark.parametrize(
    ("days_left", "word"), [(2.1, None), (2, "ends"), (0.5, "ends"), (-1, "ended"), (None, None)]
)
def test_it_warns_two_days_before_its_end(days_left: float | None, word: str | None) -> None:
    """From the fifth day of the seven of an app in Testing."""
    ends = None if days_left is None else in_seconds(days_left * 86_400)
    warning = grant(refresh_token_expires_at=ends, issued_at=in_seconds(0)).warning(NOW)
    if word is None:
        assert warning is None
    else:
        assert warning is not None
        assert f"The grant {word} on" in warning
        assert "'Testing'" in warning
        assert "calendar-sync consent" in warning


@pytest.mark.parametrize(("days", "warns"), [(149, False), (150, True), (200, True)])
def test_it_warns_when_it_was_long_unused(days: int, warns: bool) -> None:
    warning = grant(issued_at=in_seconds(-days * 86_400)).warning(NOW)
    assert (warning is not None) is warns
    if warning:
        assert "six unused months" in warning


def test_its_age_is_in_whole_days_and_never_negative() -> None:
    assert grant().age_days(NOW) is None
    assert grant(consented_at=in_seconds(-86_399)).age_days(NOW) == 0
    assert grant(consented_at=in_seconds(-86_400)).age_days(NOW) == 1
    assert grant(consented_at=in_seconds(86_400)).age_days(NOW) == 0


TESTING, UNUSED, REVOKED = "'Testing'", "unused for six months", "revoked"


@pytest.mark.parametrize(
    ("given", "used", "causes"),
    [
        (None, None, {REVOKED, UNUSED, TESTING}),
        (None, 1, {REVOKED, TESTING}),
        (2, None, {REVOKED}),
        (5, 1, {REVOKED}),
        (7, 0, {TESTING}),
        (30, 23, {TESTING}),  # found dead late: it worked until it was 7 days old
        (30, 1, {REVOKED}),
        (30, 29, {REVOKED, TESTING}),  # and was not tried on its seventh day
        (400, 1, {REVOKED}),
        (400, 200, {REVOKED, UNUSED}),
    ],
)
def test_a_death_is_explained_by_what_can_have_been(
    given: int | None, used: int | None, causes: set[str]
) -> None:
    """No 30-day-old grant that worked yesterday died of the seven days of Testing."""
    dead = grant(
        consented_at=None if given is None else in_seconds(-given * 86_400),
        issued_at=None if used is None else in_seconds(-used * 86_400),
    )
    why = dead.why_it_may_have_died(NOW)
    assert {cause for cause in (TESTING, UNUSED, REVOKED) if cause in why} == causes


def test_a_grant_that_ended_as_google_had_said_says_so() -> None:
    half_a_year = {"consented_at": in_seconds(-181 * 86_400), "issued_at": in_seconds(-86_400)}
    dead = grant(refresh_token_expires_at=in_seconds(-86_400), **half_a_year)
    assert "given for 180 days only" in dead.why_it_may_have_died(NOW)
    assert REVOKED not in dead.why_it_may_have_died(NOW)


# -- its file


def test_it_is_a_superset_of_google_auths() -> None:
    written = json.loads(grant(client_id="id", scopes=("a",), expiry=in_seconds(9)).to_json())
    assert written["universe_domain"] == "googleapis.com"
    assert written["account"] == ""
    assert written["version"] == 1
    assert None not in written.values()


# -- its secrets


def test_no_object_shows_a_secret(home: Any, google: Any) -> None:
    """Not by repr, str or format, nor in a traceback, nor in what is raised."""
    folder = find_home(home.folder, None, {}, home.folder)
    client = parse_client_secrets(home.client_secrets.read_bytes(), "the file")
    credentials = load_credentials(folder, client, lambda: datetime.now(UTC))
    redirect = parse_redirect("http://127.0.0.1/?code=4/0Asecret&state=s", "s")
    shown = [
        f"{thing!r} {thing!s} {[thing]}"
        for thing in (client, client.google, credentials, credentials.grant, redirect)
    ]
    google.revoke_grants()
    try:
        credentials.refresh(None)
    except CalendarSyncError as error:
        shown += [repr(error), str(error), "".join(traceback.format_exception(error))]
    assert len(shown) == 8
    for secret in (*google.secrets_issued, "4/0Asecret"):
        assert secret not in "\n".join(shown)


def test_a_redirect_of_another_consent_is_not_ours() -> None:
    assert parse_redirect(" /?state=s&code=c ", "s") == Redirect(state="s", code="c")
    for address in ("/?state=x&code=c", "/?code=c", "/?state=s", "", "http://[", "c"):
        with pytest.raises(ValueError, match=r"another|no code|not an address"):
            parse_redirect(address, "s")


@pytest.mark.parametrize(
    ("lived", "named", "expected"),
    [
        (timedelta(days=7), None, "2026-05-08T00:00:00Z"),
        (timedelta(days=6, hours=1), None, "2026-05-08T00:00:00Z"),
        (timedelta(days=8), None, "2026-05-08T00:00:00Z"),
        (timedelta(days=5, hours=23), None, None),
        (timedelta(days=40), None, None),
        (timedelta(days=7), "2026-10-01T00:00:00Z", "2026-10-01T00:00:00Z"),
    ],
)
def test_a_grant_after_one_that_died_at_seven_days_is_expected_to_die_so(
    lived: timedelta, named: str | None, expected: str | None
) -> None:
    """Google said nothing, but the app is probably in Testing; what Google says wins."""
    consented = datetime(2026, 4, 1, tzinfo=UTC)
    before = Grant("1//old", consented_at="2026-04-01T00:00:00Z")
    new = Grant("1//new", consented_at="2026-05-01T00:00:00Z", refresh_token_expires_at=named)
    assert new.with_probable_end(before, consented + lived).refresh_token_expires_at == expected
    assert new.with_probable_end(None, consented + lived).refresh_token_expires_at == named
    assert new.with_probable_end(before, None).refresh_token_expires_at == named


def test_null_is_nothing_said() -> None:
    """Other tools write it for what they do not know."""
    unknown = dict.fromkeys(["account", "universe_domain", "version", "expiry", "scopes"])
    grant = parse_grant(json.dumps({"refresh_token": "1//x", **unknown}).encode(), "token.json")
    assert (grant.account, grant.universe_domain, grant.version) == ("", "", 1)
