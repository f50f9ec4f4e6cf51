"""The grant ends at Google first, then on the disk; never half."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from grant_steps import edit, stored

from calendar_sync.emulator.local_google import LocalGoogle


def test_the_grant_is_dead_and_the_file_is_gone(home: Any, google: LocalGoogle) -> None:
    home.run("export")
    exported = sorted(home.exports.iterdir())
    done = home.run("revoke")
    assert "Revoked" in done.stderr
    assert not home.token.exists()
    assert home.client_secrets.exists()
    assert google.oauth.grants() == []
    assert sorted(home.exports.iterdir()) == exported
    home.run("export", expect=77)
    assert google.requests.to("revoke")[0].query == {}, "no token in an address"


def test_nothing_to_revoke(new_home: Callable[..., Any], google: LocalGoogle) -> None:
    home = new_home(granted=False)
    done = home.run("revoke")
    assert "Nothing to revoke" in done.stderr
    assert str(home.token) in done.stderr
    assert "from --home" in done.stderr
    assert len(google.requests) == 0


def test_twice(home: Any) -> None:
    home.run("revoke")
    assert "Nothing to revoke" in home.run("revoke").stderr


def test_a_grant_that_google_does_not_know_any_more(home: Any, google: LocalGoogle) -> None:
    google.revoke_grants()
    home.run("revoke")
    assert google.requests[-1].status == 400
    assert not home.token.exists()


@pytest.mark.parametrize("content", [{"refresh_token": None}, {"refresh_token": ""}])
def test_a_file_without_a_refresh_token(
    home: Any, google: LocalGoogle, content: dict[str, Any]
) -> None:
    edit(home.token, **content)
    home.run("revoke")
    assert not home.token.exists()
    assert len(google.requests) == 0


@pytest.mark.parametrize(
    "fault",
    ["html_500", "html_502", "html_400", "html_200", "empty_400", "non_utf8_400", "reset",
     "redirect", "list_400", "error_object", "no_error_key", "invalid_client", "rate_limit_429"],
)  # fmt: skip
def test_a_failure_keeps_the_local_copy(home: Any, google: LocalGoogle, fault: str) -> None:
    before = home.token.read_bytes()
    google.faults.add(fault, on="revoke")
    done = home.run("revoke", expect=75)
    assert "So the local copy stays" in done.stderr
    assert "https://myaccount.google.com/permissions" in done.stderr
    assert home.token.read_bytes() == before
    home.run("calendars")
    home.run("revoke")


def test_google_is_down(home: Any, google: LocalGoogle) -> None:
    before = home.token.read_bytes()
    google.stop()
    done = home.run("revoke", expect=75)
    assert "cannot be reached" in done.stderr
    assert home.token.read_bytes() == before
    google.start()
    home.run("revoke")


def test_a_damaged_file_is_not_removed(home: Any, google: LocalGoogle) -> None:
    """It may be all that is left of a grant that lives."""
    home.token.write_bytes(home.token.read_bytes()[:-5])
    home.run("revoke", expect=65)
    assert home.token.exists()
    assert len(google.requests) == 0


def test_the_grant_of_another_google_is_not_sent_to_this_one(
    home: Any, google: LocalGoogle
) -> None:
    with LocalGoogle() as other:
        other.write_token(home.token)
        home.run("revoke", expect=78)
        assert len(other.requests) == len(google.requests) == 0
    assert home.token.exists()


def test_without_a_client_file(home: Any, google: LocalGoogle) -> None:
    home.client_secrets.unlink()
    home.run("revoke")
    assert google.oauth.grants() == []


def test_a_consent_after_a_revocation_starts_anew(home: Any, google: LocalGoogle) -> None:
    from grant_steps import consenting

    old = stored(home.token)["refresh_token"]
    home.run("revoke")
    with consenting(home) as asked:
        asked.click()
        asked.end(0)
    assert stored(home.token)["refresh_token"] != old
    home.run("calendars")
