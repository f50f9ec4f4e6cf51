"""A refresh happens once, is saved before it is used, and never loses the grant."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from grant_steps import (
    DAY,
    HOUR,
    ago,
    data_calls,
    edit,
    instant,
    make_due,
    stored,
    token_calls,
    wait_until_asked,
)

from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.errors import CannotWrite, ConsentNeeded, ExitCode, Stopped, TryLater
from calendar_sync.google_calendar import GoogleCalendar
from calendar_sync.grants.client_secrets import google_of_token_uri
from calendar_sync.grants.credentials import StoredCredentials
from calendar_sync.grants.token_file import TokenFile
from calendar_sync.stop import Stop


def now() -> datetime:
    return datetime.now(UTC)


def paths(google: LocalGoogle) -> list[str]:
    return [entry.path for entry in google.requests]


def credentials_of(
    home: Any,
    clock: Callable[[], datetime] = now,
    patience: float = 90.0,
    stop: Stop | None = None,
) -> StoredCredentials:
    """The credentials as a run has them."""
    file = TokenFile(home.token, patience)
    grant = file.read()
    google = google_of_token_uri(grant.token_uri, "the file")
    return StoredCredentials(file, grant, google, clock, stop)


def headers_of(credentials: StoredCredentials) -> dict[str, str]:
    """What a data request would carry; a refresh happens when one is due."""
    headers: dict[str, str] = {}
    credentials.before_request(None, "GET", "http://127.0.0.1/", headers)
    return headers


@contextmanager
def lock_of(home: Any) -> Iterator[None]:
    """Hold the grant's lock as another process would."""
    path = home.token.with_name("token.json.lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield
    finally:
        os.close(descriptor)


# -- when


def test_a_fresh_token_costs_no_token_call(home: Any, google: LocalGoogle) -> None:
    before = home.token.read_bytes()
    home.run("calendars")
    assert token_calls(google) == 0
    assert home.token.read_bytes() == before


def test_a_due_refresh_is_one_call_and_is_on_the_disk_before_it_is_used(
    home: Any, google: LocalGoogle
) -> None:
    """The data request hangs; the file already holds the new token."""
    make_due(home.token)
    old = stored(home.token)
    google.faults.add("hang", on="api")
    process = home.start("calendars")
    try:
        google.requests.wait_for(lambda entry: entry.path == "/token")
        until = time.monotonic() + 20
        while not google.requests.count("/calendar/") and google.faults.pending():
            assert time.monotonic() < until
            os.sched_yield()
        fresh = stored(home.token)
        assert fresh["token"] != old["token"]
        assert fresh["refresh_token"] == old["refresh_token"]
        process.kill()  # at the worst moment
    finally:
        process.kill()
        process.communicate()
        google.faults.clear()
    google.requests.clear()
    home.run("calendars")
    assert token_calls(google) == 0, "the refreshed token is used by the next process"


def test_the_order_on_the_wire(home: Any, google: LocalGoogle) -> None:
    make_due(home.token)
    home.run("export")
    assert paths(google)[0] == "/token"
    assert token_calls(google) == 1
    assert data_calls(google) > 3
    token = stored(home.token)
    assert token["expires_in"] == 3599
    assert token["version"] == 1
    assert token["account"] == ""


@pytest.mark.parametrize(("left", "calls"), [(225 - 2, 1), (225 + 20, 0)])
def test_the_margin_is_225_seconds(home: Any, google: LocalGoogle, left: int, calls: int) -> None:
    edit(home.token, expiry=instant(now() + timedelta(seconds=left)))
    headers_of(credentials_of(home))
    assert token_calls(google) == calls


def test_the_margin_to_the_second(home: Any, google: LocalGoogle) -> None:
    """With a clock that stands still."""
    moment = now().replace(microsecond=0)
    for left, is_due in ((224, True), (225, True), (226, False)):
        edit(home.token, expiry=instant(moment + timedelta(seconds=left)))
        assert credentials_of(home, lambda: moment).expired is is_due


@pytest.mark.parametrize("jump", [-DAY, DAY, -400 * DAY, 400 * DAY])
def test_a_clock_that_jumped_costs_one_refresh(
    home: Any, google: LocalGoogle, jump: timedelta
) -> None:
    """An expiry further away than the token's life is as unbelievable as one long past."""
    token = stored(home.token)
    edit(home.token, expiry=instant(now() + jump))
    home.run("calendars")
    assert token_calls(google) == 1
    assert stored(home.token)["token"] != token["token"]
    home.run("calendars")
    assert token_calls(google) == 1


@pytest.mark.parametrize("lifetime", [0, 1, 60, 225, 300])
def test_a_token_that_lives_shorter_than_the_margin_still_serves(
    home: Any, google: LocalGoogle, lifetime: int
) -> None:
    google.faults.add("set_keys", on="token", keys={"expires_in": lifetime}, count=None)
    make_due(home.token)
    home.run("calendars")
    assert token_calls(google) == 1


def test_a_reply_without_expires_in_lives_an_hour(home: Any, google: LocalGoogle) -> None:
    google.faults.add("no_expires_in", on="token")
    make_due(home.token)
    home.run("calendars")
    assert stored(home.token)["expires_in"] == 3600


# -- rotation


@pytest.mark.parametrize("value", [None, "", "  ", 7])
def test_a_reply_with_no_real_refresh_token_keeps_the_old(
    home: Any, google: LocalGoogle, value: object
) -> None:
    google.faults.add("set_keys", on="token", keys={"refresh_token": value})
    make_due(home.token)
    old = stored(home.token)["refresh_token"]
    home.run("calendars")
    assert stored(home.token)["refresh_token"] == old
    make_due(home.token)
    home.run("calendars")


def test_a_rotated_token_is_kept_and_used(home: Any, google: LocalGoogle) -> None:
    """With reuse detection a single use of the old one would end everything."""
    google.control("oauth", rotate_refresh_tokens=True)
    seen = {stored(home.token)["refresh_token"]}
    for _ in range(3):
        make_due(home.token)
        home.run("calendars")
        seen.add(stored(home.token)["refresh_token"])
    assert len(seen) == 4
    assert len(google.oauth.grants()) == 1


def test_the_access_token_is_dropped_when_the_reply_has_an_odd_one(
    home: Any, google: LocalGoogle
) -> None:
    google.faults.add("set_keys", on="token", keys={"access_token": 12345})
    make_due(home.token)
    before = home.token.read_bytes()
    home.run("calendars", expect=75)
    assert home.token.read_bytes() == before


# -- 401 on data


def test_a_401_is_answered_by_one_refresh_and_one_more_try(home: Any, google: LocalGoogle) -> None:
    google.expire_access_tokens()
    home.run("calendars")
    assert [entry.status for entry in google.requests] == [401, 200, 200]
    assert token_calls(google) == 1


def test_a_401_that_stays_ends_after_one_refresh(home: Any, google: LocalGoogle) -> None:
    google.faults.add("api_401", on="api", count=None)
    done = home.run("calendars", expect=75)
    assert (data_calls(google), token_calls(google)) == (2, 1)
    assert "doctor" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_401_while_the_file_holds_a_newer_token_costs_no_token_call(
    home: Any, google: LocalGoogle
) -> None:
    """Another process refreshed meanwhile; its token is adopted."""
    credentials = credentials_of(home)
    fresh = google.grant()
    edit(home.token, token=fresh["access_token"])
    google.oauth.expire_access_tokens("nobody@example.com")
    rejected = headers_of(credentials)["authorization"]
    del google.oauth._access[rejected.removeprefix("Bearer ")]
    GoogleCalendar(credentials, Stop()).calendars()
    assert (data_calls(google), token_calls(google)) == (2, 0)


def test_a_401_with_a_dead_grant_asks_for_consent(home: Any, google: LocalGoogle) -> None:
    google.revoke_grants()
    done = home.run("export", expect=77)
    assert "calendar-sync consent" in done.stderr
    assert token_calls(google) == 1


# -- many at once


@pytest.mark.parametrize("start", ["expired", "refused"])
def test_eight_processes_make_one_token_call(home: Any, google: LocalGoogle, start: str) -> None:
    """On a server that rotates and detects reuse, a second call would kill the grant."""
    google.control("oauth", rotate_refresh_tokens=True)
    google.latency = 0.3  # all are at the lock before the first is done
    if start == "expired":
        make_due(home.token)
    else:
        google.expire_access_tokens()
    running = [home.start("calendars", stdin=subprocess.DEVNULL) for _ in range(8)]
    ended = [(process.communicate(timeout=100), process.returncode) for process in running]
    assert [code for _, code in ended] == [0] * 8, ended
    assert token_calls(google) == 1
    google.latency = 0
    make_due(home.token)
    home.run("calendars")


def test_eight_threads_on_one_object_make_one_token_call(home: Any, google: LocalGoogle) -> None:
    make_due(home.token)
    google.latency = 0.1
    credentials = credentials_of(home)
    sent = in_threads(8, lambda: headers_of(credentials)["authorization"])
    assert len(set(sent)) == 1
    assert token_calls(google) == 1


def test_eight_threads_that_all_got_401_make_one_token_call(home: Any, google: LocalGoogle) -> None:
    """A thread that comes late must not refuse the token that the first one just got."""
    credentials = credentials_of(home)
    all_sent = threading.Barrier(8)

    def be_refused() -> str:
        headers_of(credentials)
        all_sent.wait(20)
        credentials.refresh(None)
        return headers_of(credentials)["authorization"]

    sent = in_threads(8, be_refused)
    assert len(set(sent)) == 1
    assert token_calls(google) == 1


def test_a_thread_that_comes_late_takes_what_is_there(home: Any, google: LocalGoogle) -> None:
    credentials = credentials_of(home)
    first = headers_of(credentials)["authorization"]
    refreshed = in_threads(1, lambda: credentials.refresh(None))
    assert refreshed == [None]
    assert token_calls(google) == 1
    credentials.refresh(None)  # this thread's token is the old one, and there is a newer
    assert token_calls(google) == 1
    assert headers_of(credentials)["authorization"] != first


def in_threads(count: int, work: Callable[[], Any]) -> list[Any]:
    results: list[Any] = []
    threads = [threading.Thread(target=lambda: results.append(work())) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == count
    return results


# -- the lock


def test_a_held_lock_does_not_matter_while_the_token_lives(home: Any, google: LocalGoogle) -> None:
    with lock_of(home):
        home.run("calendars", timeout=30)
    assert token_calls(google) == 0


def test_a_held_lock_and_an_expired_token_is_to_be_tried_later(
    home: Any, google: LocalGoogle
) -> None:
    make_due(home.token)
    credentials = credentials_of(home, patience=0.2)
    with lock_of(home), pytest.raises(TryLater) as stopped:
        headers_of(credentials)
    assert "token.json.lock" in stopped.value.message
    assert "fuser" in stopped.value.hint
    assert token_calls(google) == 0, "never without the lock"


def test_a_held_lock_inside_the_margin_goes_on_with_what_is_left(
    home: Any, google: LocalGoogle
) -> None:
    edit(home.token, expiry=instant(now() + timedelta(seconds=100)))
    credentials = credentials_of(home, patience=0.2)
    with lock_of(home):
        sent = headers_of(credentials)["authorization"]
    assert sent == "Bearer " + stored(home.token)["token"]
    assert token_calls(google) == 0


def test_a_held_lock_and_a_refused_token_is_to_be_tried_later(
    home: Any, google: LocalGoogle
) -> None:
    credentials = credentials_of(home, patience=0.2)
    headers_of(credentials)
    with lock_of(home), pytest.raises(TryLater):
        credentials.refresh(None)
    assert token_calls(google) == 0


def test_a_wait_for_the_lock_ends_with_the_deadline(home: Any, google: LocalGoogle) -> None:
    make_due(home.token)
    with lock_of(home):
        home.run("export", "--deadline", "1s", expect=75, timeout=60)
    assert token_calls(google) == 0


def test_a_wait_for_the_lock_ends_with_a_signal(home: Any, google: LocalGoogle) -> None:
    """Not after 90 seconds: a service manager would have killed the run by then."""
    make_due(home.token)
    stop = Stop()
    credentials = credentials_of(home, stop=stop)
    with lock_of(home):
        timer = threading.Timer(0.2, stop.request, [ExitCode.TERMINATED])
        timer.start()
        with pytest.raises(Stopped):
            headers_of(credentials)
        assert timer.finished.is_set()
    assert token_calls(google) == 0


def test_a_signal_while_the_token_server_hangs_is_a_clean_stop(
    home: Any, google: LocalGoogle
) -> None:
    """The answer is waited for, because it may rotate the grant; then the signal counts."""
    make_due(home.token)
    google.faults.add("hang", on="token")
    process = home.start("export", stdin=subprocess.DEVNULL)
    wait_until_asked(google)
    process.send_signal(signal.SIGTERM)
    google.stop()
    process.communicate(timeout=60)
    google.start()
    assert process.returncode == 143


def test_another_process_has_90_seconds(home: Any) -> None:
    """It may ask the token server three times, 20 seconds each, with pauses between."""
    assert TokenFile(home.token).patience == 90


def test_a_stop_just_before_a_request_has_its_socket_is_not_lost(
    home: Any, google: LocalGoogle
) -> None:
    """It comes after the last look before a request, and finds no socket that it could cut."""
    google.faults.add("hang", on="calendarList", count=None)
    stop = Stop()
    account = GoogleCalendar(
        credentials_of(home, stop=stop), stop, lambda _: stop.request(ExitCode.TERMINATED)
    )
    started = time.monotonic()
    with pytest.raises(Stopped):
        account.calendars()
    assert time.monotonic() - started < 20  # a connection's patience is a minute


def test_the_lock_dies_with_its_owner(home: Any, google: LocalGoogle) -> None:
    """kill -9 in the middle of a refresh leaves no lock behind."""
    make_due(home.token)
    google.faults.add("hang", on="token")
    process = home.start("calendars")
    until = time.monotonic() + 20
    while google.faults.pending() and time.monotonic() < until:
        os.sched_yield()
    process.kill()
    process.communicate()
    google.faults.clear()
    home.run("calendars", timeout=30)


# -- the disk


def test_a_grant_that_could_not_be_saved_is_not_refreshed(home: Any, google: LocalGoogle) -> None:
    """A file-size limit stands for a full disk: 73 before the token server is called."""
    make_due(home.token)
    before = home.token.read_bytes()

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    done = home.run("calendars", expect=73, preexec_fn=no_room)
    assert str(home.token) in done.stderr
    assert len(google.requests) == 0
    assert home.token.read_bytes() == before
    assert list(home.token.parent.glob(".*")) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_read_only_folder_is_not_refreshed_in(home: Any, google: LocalGoogle) -> None:
    """Root ignores modes, so a read-only mount in a namespace of its own."""
    make_due(home.token)
    before = home.token.read_bytes()
    folder = home.token.parent
    script = (
        f'mount --bind "{folder}" "{folder}" && mount -o remount,bind,ro "{folder}" && exec "$@"'
    )
    command = ["unshare", "--mount", "sh", "-c", script, "sh", *home.command("calendars")]
    if subprocess.run([*command[:5], f'mount --bind "{folder}" "{folder}"']).returncode != 0:
        pytest.skip("this machine allows no mount namespaces")
    done = subprocess.run(command, capture_output=True, text=True, env=home.environment())
    assert done.returncode == 73, done.stderr
    assert "read-only" in done.stderr
    assert len(google.requests) == 0
    assert home.token.read_bytes() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_keeps_the_old_grant(home: Any, google: LocalGoogle) -> None:
    make_due(home.token)
    folder = home.token.parent
    script = (
        f'mount -t tmpfs -o size=64k,mode=700 none "{folder}.new" &&'
        f' cp -p "{folder}"/*.json "{folder}.new" && mount --move "{folder}.new" "{folder}" &&'
        f' head -c 1m /dev/zero > "{folder}/filler"; "$@"; echo "code $?";'
        f' cat "{folder}/token.json"'
    )
    Path(f"{folder}.new").mkdir()
    before = home.token.read_bytes()
    command = ["unshare", "--mount", "sh", "-c", script, "sh", *home.command("calendars")]
    probe = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", f"{folder}.new"]
    if subprocess.run(probe).returncode != 0:
        pytest.skip("this machine allows no mount namespaces")
    done = subprocess.run(command, capture_output=True, text=True, env=home.environment())
    assert "code 73" in done.stdout, done.stderr
    assert "the disk is full" in done.stderr
    assert before.decode() in done.stdout
    assert len(google.requests) == 0


def test_at_object_level_the_error_is_ours(home: Any, google: LocalGoogle) -> None:
    make_due(home.token)
    credentials = credentials_of(home)
    home.token.with_name("token.json.lock").mkdir()
    with pytest.raises(CannotWrite):
        headers_of(credentials)
    assert token_calls(google) == 0


# -- what surrounds a request


@pytest.mark.slow
def test_no_redirect_is_followed(home: Any, google: LocalGoogle) -> None:
    """A captive portal gets neither the refresh token nor the access token."""
    make_due(home.token)
    with LocalGoogle() as portal:
        for place in ("token", "revoke"):
            for status in (302, 308):
                to = f"{portal.url}/{place}"
                google.faults.add("redirect", on=place, to=to, status=status)
                home.run("calendars" if place == "token" else "revoke", expect=75)
        google.faults.add("redirect", on="api", to=f"{portal.url}/calendar/v3/x", count=None)
        home.run("calendars", expect=75)
        assert len(portal.requests) == 0
    assert "refresh_token" in stored(home.token)


@pytest.mark.parametrize("place", ["127.0.0.1", "default"])
def test_netrc_adds_nothing(home: Any, google: LocalGoogle, place: str) -> None:
    """The emulator refuses a token request that a ~/.netrc entry adorned."""
    machine = f"machine {place}" if place != "default" else "default"
    netrc = home / ".netrc"
    netrc.write_text(f"{machine} login somebody password netrc-word\n")
    netrc.chmod(0o600)
    make_due(home.token)
    surroundings = {"HOME": str(home.folder), "NETRC": str(netrc)}
    home.run("calendars", environment=surroundings)
    assert [entry.authorized for entry in google.requests.to("^/token$")] == [False]
    home.run("revoke", environment=surroundings)
    assert [entry.authorized for entry in google.requests.to("^/revoke$")] == [False]


def test_a_proxy_of_the_environment_does_not_stand_between(home: Any, google: LocalGoogle) -> None:
    make_due(home.token)
    proxy = "http://127.0.0.1:9"  # nothing listens there
    names = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
    surroundings = dict.fromkeys(names, proxy) | {"no_proxy": "", "NO_PROXY": ""}
    home.run("calendars", environment=surroundings)
    home.run("revoke", environment=surroundings)


def test_the_scopes_are_sent_as_they_were_stored(home: Any, google: LocalGoogle) -> None:
    make_due(home.token)
    home.run("calendars")
    sent = google.requests.to("^/token$")[0].form
    assert sent["scope"] == tuple(stored(home.token)["scopes"])
    edit(home.token, "scopes", "granted_scopes")
    make_due(home.token)
    home.run("calendars")
    assert "scope" not in google.requests.to("^/token$")[1].form


def test_a_scope_that_was_never_granted_is_asked_for_once_only(
    home: Any, google: LocalGoogle
) -> None:
    """`calendar` is asked for, `calendar.readonly` was granted: the second try names none."""
    edit(home.token, scopes=["https://www.googleapis.com/auth/calendar"], expiry=ago(HOUR))
    home.run("calendars")
    assert [entry.status for entry in google.requests.to("^/token$")] == [400, 200]


def test_the_run_after_a_dead_grant_is_cured_by_a_consent(home: Any, google: LocalGoogle) -> None:
    google.revoke_grants()
    make_due(home.token)
    with pytest.raises(ConsentNeeded):
        headers_of(credentials_of(home))
    google.write_token(home.token)
    headers_of(credentials_of(home))


def test_an_unwritten_field_survives_no_refresh_but_the_known_ones_do(
    home: Any, google: LocalGoogle
) -> None:
    edit(home.token, consented_at="2026-01-02T03:04:05Z", account="ada@example.com")
    make_due(home.token)
    home.run("calendars")
    after = json.loads(home.token.read_text())
    assert after["consented_at"] == "2026-01-02T03:04:05Z"
    assert after["account"] == "ada@example.com"
