"""Every row of facts/google-calendar-api.md 4.6: what Google's client makes of it, and what we do.

A listing whose every answer is of that kind: how often it is asked, what it ends with. And with one
such answer at its beginning: all that is worth another try ends well. And pages of odd layouts.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from export_steps import TEAM, add_singles, place
from in_process import Hasty, Job

from calendar_sync.answers import (
    _PIECE,
    BadAnswer,
    CalendarGone,
    SyncTokenRefused,
    check_page,
)
from calendar_sync.config import Config
from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.errors import CalendarSyncError, ConsentNeeded, SomeFailed, TryLater
from calendar_sync.retrying import ATTEMPTS
from calendar_sync.run import Account
from calendar_sync.session import account_of
from calendar_sync.sync import EventsPage, Fetch, FullFetch, IncrementalFetch

WHOLE = FullFetch()
ONCE, ALWAYS = 1, ATTEMPTS
TWICE_EACH = 2 * ATTEMPTS  # httplib2 sends once more by itself when a connection is closed


@dataclass(frozen=True)
class Answer:
    """One kind of answer in a row of the table."""

    row: int
    fault: str
    options: dict[str, Any] = field(default_factory=dict)
    requests: int = ALWAYS
    ends: type[Exception] = TryLater
    fetch: Fetch = WHOLE
    token_fault: str = ""
    token_calls: int = 0

    def __str__(self) -> str:
        return "-".join([f"row {self.row:02}", self.fault, *map(str, self.options.values())])


ROWS = (
    "500, 502, 503, 504 (JSON or HTML)",
    "429 (with or without Retry-After)",
    "403 rateLimitExceeded, userRateLimitExceeded",
    "403 quotaExceeded, dailyLimitExceeded, forbidden, insufficientPermissions",
    "403 ESF without `errors` (status RESOURCE_EXHAUSTED)",
    "400, 404, 408, 409, 410, 412",
    "401, token endpoint healthy",
    "401, refresh gives 400 invalid_grant",
    "401, refresh gives 503",
    "401, no refresh token",
    "200 HTML / truncated JSON / empty body",
    "200 non-UTF-8 body",
    "Content-Length longer than body; chunked cut",
    "truncated gzip, correct framing",
    "corrupted gzip",
    "gzip output >10 MiB and ratio >100",
    "connection reset",
    "server closes without answer",
    "no answer within timeout",
    "302",
)
NO_REFRESH_TOKEN = ROWS.index("401, no refresh token") + 1  # a story of its own, below
TOKEN = IncrementalFetch("a sync token")


def _status(status: int, reason: str) -> dict[str, Any]:
    return {"status": status, "reason": reason}


ANSWERS = [
    Answer(1, "api_500"),
    Answer(1, "status", _status(502, "backendError")),
    Answer(1, "api_503"),
    Answer(1, "status", _status(504, "backendError")),
    Answer(1, "html_500"),
    Answer(1, "html_502"),
    Answer(1, "html_503"),
    Answer(1, "html_504"),
    Answer(2, "api_429"),
    Answer(2, "api_429", {"retry_after": 7}),
    Answer(3, "api_403_rate_limit"),
    Answer(3, "api_403_rate_limit_legacy"),
    Answer(3, "api_403_user_rate_limit"),
    Answer(4, "api_403_quota", requests=ONCE),
    Answer(4, "api_403_daily", requests=ONCE),
    Answer(4, "api_403_forbidden", requests=ONCE, ends=SomeFailed),
    Answer(4, "api_403_scope", requests=ONCE, ends=ConsentNeeded),
    Answer(5, "api_403_without_errors"),
    Answer(6, "api_400", requests=ONCE, ends=CalendarSyncError),
    Answer(6, "api_400", requests=ONCE, ends=SyncTokenRefused, fetch=TOKEN),
    Answer(6, "api_404", requests=ONCE, ends=CalendarGone),
    Answer(6, "api_408"),
    Answer(6, "status", _status(409, "conflict"), requests=ONCE),
    Answer(6, "api_410", requests=ONCE),
    Answer(6, "api_410", requests=ONCE, ends=SyncTokenRefused, fetch=TOKEN),
    Answer(6, "status", _status(412, "conditionNotMet"), requests=ONCE),
    Answer(7, "api_401", requests=2, token_calls=1),
    Answer(8, "api_401", requests=ONCE, ends=ConsentNeeded, token_fault="invalid_grant",
           token_calls=1),
    Answer(9, "api_401", requests=ONCE, token_fault="temporarily_unavailable", token_calls=3),
    Answer(11, "html_200"),
    Answer(11, "truncated_json"),
    Answer(11, "empty_200"),
    Answer(12, "non_utf8"),
    Answer(13, "short_body"),
    Answer(13, "truncated_chunk"),
    Answer(14, "truncated_gzip"),
    Answer(15, "corrupt_gzip"),
    Answer(16, "gzip_bomb"),
    Answer(17, "reset"),
    Answer(18, "close", requests=TWICE_EACH),
    Answer(19, "hang"),
    Answer(20, "redirect"),
    Answer(20, "redirect", {"to": "https://example.com/"}),
]  # fmt: skip


class Impatient(Hasty):
    """Gives an answer half a second, without ever reaching a deadline."""

    @property
    def remaining(self) -> float:
        return 0.5


def _account(google: LocalGoogle, folder: Path) -> Account:
    home = Job(folder / "home", google).home
    return account_of(home, Config(), lambda: dt.datetime.now(dt.UTC), Impatient())()


@pytest.mark.parametrize("answer", ANSWERS, ids=str)
def test_an_answer_that_stays(google: LocalGoogle, tmp_path: Path, answer: Answer) -> None:
    """It is asked for as often as it is worth, and ends with an error of ours."""
    account = _account(google, tmp_path)
    google.faults.add(answer.fault, on=place(TEAM), count=None, **answer.options)
    if answer.token_fault:
        google.faults.add(answer.token_fault, on="token", count=None)
    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one is compared below
        [*account.pages(TEAM, answer.fetch)]
    assert type(raised.value) is answer.ends, raised.value
    assert google.requests.count(place(TEAM)) == answer.requests
    assert google.requests.count("token") == answer.token_calls


@pytest.mark.parametrize(
    "answer", [a for a in ANSWERS if a.requests > 1 and not a.token_fault], ids=str
)
def test_an_answer_that_comes_once(google: LocalGoogle, tmp_path: Path, answer: Answer) -> None:
    """The next one is good: nothing is lost and nothing doubled."""
    account = _account(google, tmp_path)
    ids = add_singles(google, TEAM, 5)
    google.faults.add(answer.fault, on=place(TEAM), **answer.options)
    pages = [*account.pages(TEAM, WHOLE)]
    found = [json.loads(bytes(item))["id"] for page in pages for item in page.items]
    assert len(found) == len(set(found)) and set(found) >= set(ids)
    assert google.faults.pending() == []


def test_an_access_token_without_a_refresh_token_is_not_even_tried(
    google: LocalGoogle, tmp_path: Path
) -> None:
    job = Job(tmp_path / "home", google)
    value = json.loads(job.home.token.read_bytes())
    del value["refresh_token"]
    job.home.token.write_text(json.dumps(value))
    with pytest.raises(ConsentNeeded):
        job.run()
    assert len(google.requests) == 0


@pytest.mark.parametrize("layout", [{"indent": 2}, {}], ids=["pretty", "with spaces"])
def test_a_page_in_another_layout_is_read_as_the_one_asked_for(layout: dict[str, Any]) -> None:
    item = {"id": "a", "summary": 'He wrote "b": c\n', "n": [1, 2]}
    body = json.dumps({"kind": "calendar#events", "items": [item]}, **layout).encode()
    page = check_page(body, EventsPage, "calendar#events")
    assert bytes(page.items[0]) == json.dumps(item, separators=(",", ":")).encode()


@pytest.mark.parametrize("before", range(_PIECE - 5, _PIECE + 2))
def test_a_page_is_text_wherever_it_is_cut(before: int) -> None:
    """It is looked at in pieces; a character that lies across two of them is one."""

    def page(text: bytes) -> bytes:
        head = b'{"kind":"k","items":["'
        return head + b"x" * (before - len(head)) + text + b'"]}'

    [item] = check_page(page("🎉".encode()), EventsPage, "k").items
    assert bytes(item).endswith('🎉"'.encode())  # as it was sent
    for broken in (b"\xf0\x9f\x8e", b"\xff"):
        with pytest.raises(BadAnswer):
            check_page(page(broken), EventsPage, "k")


def test_no_row_is_missing() -> None:
    assert {answer.row for answer in ANSWERS} == {*range(1, len(ROWS) + 1)} - {NO_REFRESH_TOKEN}
