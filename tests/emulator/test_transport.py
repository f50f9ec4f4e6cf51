"""Rules 1 to 7 of the facts' behaviour table: the frame around every answer."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import threading
import urllib.error
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import httplib2
import pytest
from googleapiclient.errors import HttpError

from calendar_sync.emulator.catalogue import BREAKAGES, NAMES
from calendar_sync.emulator.fields import parse_fields, select
from calendar_sync.emulator.local_google import LocalGoogle

Service = Callable[..., Any]
Outcome = Callable[..., Any]
LIST = "/calendar/v3/users/me/calendarList"
GZIP = {"Accept-Encoding": "gzip", "User-Agent": "test (gzip)"}


class Wire:
    """A bare HTTP/1.1 client with a good access token: it shows what the real client hides."""

    def __init__(self, google: LocalGoogle) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", google.port, timeout=20)
        self.bearer = {"Authorization": "Bearer " + google.grant()["access_token"]}

    def get(
        self,
        path: str,
        headers: dict[str, str] | None = None,
        method: str = "GET",
        body: Any = None,
    ) -> tuple[http.client.HTTPResponse, bytes]:
        self.connection.request(method, path, body, {**self.bearer, **(headers or {})})
        answer = self.connection.getresponse()
        return answer, answer.read()


@pytest.fixture
def wire(google: LocalGoogle) -> Wire:
    return Wire(google)


def test_rule_1_json_is_pretty_unless_told_otherwise(wire: Wire) -> None:
    _, pretty = wire.get(LIST)
    _, compact = wire.get(LIST + "?prettyPrint=false")
    assert pretty.startswith(b'{\n "kind": "calendar#calendarList"')
    assert b"\n" not in compact
    assert compact.startswith(b'{"kind":"calendar#calendarList"')
    assert json.loads(pretty) == json.loads(compact)


def test_rule_1_errors_are_pretty_too(wire: Wire) -> None:
    _, body = wire.get("/calendar/v3/calendars/nobody/events")
    assert body.startswith(b'{\n "error": {\n')


def test_rule_1_a_connection_is_kept_alive(google: LocalGoogle, wire: Wire) -> None:
    for _ in range(3):
        answer, _ = wire.get(LIST)
        assert answer.version == 11
    assert len({entry.connection for entry in google.requests}) == 1


def test_rule_1_http_1_0_gets_a_length_and_a_closed_connection(google: LocalGoogle) -> None:
    with socket.create_connection(("127.0.0.1", google.port), timeout=20) as connection:
        connection.sendall(f"GET {LIST} HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b"Content-Length:" in answer
    assert b"Connection: close" in answer


@pytest.mark.parametrize(
    ("accept", "agent", "compressed"),
    [
        ("gzip", "x (gzip)", True),
        ("gzip, deflate", "gzip", True),
        ("gzip", "x", False),
        ("identity", "x (gzip)", False),
    ],
)
def test_rule_2_gzip_needs_both_headers(
    wire: Wire, accept: str, agent: str, compressed: bool
) -> None:
    answer, body = wire.get(LIST, {"Accept-Encoding": accept, "User-Agent": agent})
    assert (answer.getheader("content-encoding") == "gzip") is compressed
    if compressed:
        assert answer.getheader("transfer-encoding") == "chunked"
        assert answer.getheader("content-length") is None
        body = gzip.decompress(body)
    assert json.loads(body)["kind"] == "calendar#calendarList"


def test_rule_3_a_long_get_arrives_as_post_with_override(
    google: LocalGoogle, service: Service
) -> None:
    """The real client turns a URI of more than 2,048 characters into a POST."""
    query = "word " * 1000
    page = service(google).events().list(calendarId="primary", q=query, maxResults=7).execute()
    assert page["kind"] == "calendar#events"
    entry = google.requests[-1]
    assert (entry.method, entry.query["maxResults"]) == ("GET", ("7",))
    assert entry.query["q"] == (query,)


def test_rule_3_a_write_is_refused(wire: Wire) -> None:
    answer, body = wire.get("/calendar/v3/calendars/primary/events", method="POST", body=b"{}")
    assert answer.status == 501
    assert json.loads(body)["error"]["code"] == 501


def test_rule_4_fields_select_through_the_real_client(
    google: LocalGoogle, service: Service
) -> None:
    page = service(google).calendarList().list(fields="kind,items(id,accessRole)").execute()
    assert set(page) == {"kind", "items"}
    assert {key for item in page["items"] for key in item} == {"id", "accessRole"}


SAMPLE = {
    "kind": "k",
    "items": [{"id": "1", "start": {"date": "d", "timeZone": "z"}, "etag": "e"}, {"id": "2"}],
    "extendedProperties": {"private": {"my key": "v"}},
    "nextPageToken": "n",
}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("kind", {"kind": "k"}),
        ("items/id,nextPageToken", {"items": [{"id": "1"}, {"id": "2"}], "nextPageToken": "n"}),
        ("items(id,start/date)", {"items": [{"id": "1", "start": {"date": "d"}}, {"id": "2"}]}),
        (
            "items/start(date),items/etag",
            {"items": [{"start": {"date": "d"}, "etag": "e"}, {}]},
        ),
        ("items,items/id", {"items": SAMPLE["items"]}),
        ("items/id,items", {"items": SAMPLE["items"]}),
        ("*", SAMPLE),
        (
            "items/*/date",
            {"items": [{"id": "1", "start": {"date": "d"}, "etag": "e"}, {"id": "2"}]},
        ),
        ("items ( id , etag )", {"items": [{"id": "1", "etag": "e"}, {"id": "2"}]}),
        ("extendedProperties/private/anything", {"extendedProperties": {"private": {}}}),
        ("summary", {}),
    ],
)
def test_rule_4_nesting_parentheses_and_star(selector: str, expected: Any) -> None:
    assert select(SAMPLE, parse_fields(selector)) == expected


@pytest.mark.parametrize(
    "selector",
    ["items(id", "items)", "items(", ",", "items//id", "nosuchfield", "items/nope", "a;b"],
)
def test_rule_4_a_bad_selector_is_400_invalid_parameter(
    google: LocalGoogle, selector: str, service: Service
) -> None:
    with pytest.raises(HttpError) as caught:
        service(google).events().list(calendarId="primary", fields=selector).execute()
    error = json.loads(caught.value.content)["error"]
    assert (error["code"], error["errors"][0]["reason"]) == (400, "invalidParameter")
    assert error["errors"][0]["location"] == "fields"


def test_rule_5_unknown_parameters_are_ignored_and_repeated_ones_kept(
    google: LocalGoogle, wire: Wire
) -> None:
    path = "/calendar/v3/calendars/primary/events?eventTypes=default&eventTypes=birthday&nonsense=1"
    answer, _ = wire.get(path + "&quotaUser=me&key=abc&alt=json")
    assert answer.status == 200
    assert google.requests[-1].query["eventTypes"] == ("default", "birthday")
    assert google.requests[-1].query["key"] == ("***",)


def test_rule_6_headers_are_googles(wire: Wire) -> None:
    answer, _ = wire.get(LIST)
    assert answer.getheader("content-type") == "application/json; charset=UTF-8"
    assert answer.getheader("server") == "ESF"
    assert answer.getheader("vary") == "Origin, X-Origin, Referer"
    assert "no-store" in answer.getheader("cache-control", "")
    assert answer.getheader("x-content-type-options") == "nosniff"
    assert answer.getheader("x-frame-options") == "SAMEORIGIN"
    assert answer.getheader("x-xss-protection") == "0"
    assert (answer.getheader("alt-svc") or "").startswith("h3=")


def test_rule_6_the_date_is_the_emulators(google: LocalGoogle, wire: Wire) -> None:
    google.clock.advance(3600)
    answer, _ = wire.get(LIST)
    said = parsedate_to_datetime(answer.getheader("date") or "")
    assert abs((said - google.clock.now()).total_seconds()) < 60


@pytest.mark.parametrize("header", ["Content-Length: x", "Transfer-Encoding: chunked"])
def test_a_body_without_length_is_refused(google: LocalGoogle, header: str) -> None:
    with socket.create_connection(("127.0.0.1", google.port), timeout=20) as connection:
        connection.sendall(f"POST /token HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 411 ")


def test_rule_6_an_unknown_path_is_a_404_page(wire: Wire) -> None:
    answer, body = wire.get("/calendar/v3/nonsense")
    assert (answer.status, answer.getheader("content-type")) == (404, "text/html; charset=UTF-8")
    assert b"Error 404 (Not Found)!!1" in body


# -- rule 7: the matrix of facts 4.6, through the real client; the last number is requests made


@pytest.fixture
def outcome(google: LocalGoogle, service: Service) -> Callable[..., Any]:
    """Ask for the calendar list under a fault that stays; lend the result or the exception."""

    def ask(fault: str, timeout: float = 20) -> Any:
        google.faults.add(fault, on="api", count=None)
        try:
            return service(google, timeout=timeout).calendarList().list().execute()
        except Exception as error:  # the test looks at it
            return error
        finally:
            google.faults.clear()

    return ask


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("api_500", 500),
        ("api_503", 503),
        ("html_502", 502),
        ("html_504", 504),
        ("api_429", 429),
        ("api_403_rate_limit", 403),
        ("api_403_user_rate_limit", 403),
        ("api_403_quota", 403),
        ("api_403_without_errors", 403),
        ("api_404", 404),
        ("api_408", 408),
        ("api_410", 410),
    ],
)
def test_rule_7_refusals(fault: str, status: int, outcome: Outcome) -> None:
    error = outcome(fault)
    assert isinstance(error, HttpError)
    assert error.status_code == status


@pytest.mark.parametrize("fault", ["html_200", "empty_200", "truncated_json", "truncated_gzip"])
def test_rule_7_a_body_that_is_not_json_comes_back_as_text(fault: str, outcome: Outcome) -> None:
    assert isinstance(outcome(fault), str)


@pytest.mark.parametrize(
    ("fault", "kind", "requests"),
    [
        ("non_utf8", UnicodeDecodeError, 1),
        ("truncated_chunk", http.client.IncompleteRead, 1),
        ("short_body", http.client.IncompleteRead, 1),
        ("corrupt_gzip", httplib2.error.FailedToDecompressContent, 1),
        ("gzip_bomb", Exception, 1),
        ("reset", ConnectionResetError, 1),
        ("close", http.client.RemoteDisconnected, 2),
        ("lost_reply", http.client.RemoteDisconnected, 2),
    ],
)
def test_rule_7_broken_answers(
    google: LocalGoogle, fault: str, kind: type[Exception], requests: int, outcome: Outcome
) -> None:
    assert isinstance(outcome(fault), kind)
    assert google.requests.count("calendarList") == requests


def test_rule_7_hang_until_the_client_gives_up(outcome: Outcome) -> None:
    assert isinstance(outcome("hang", timeout=0.2), TimeoutError)


def test_rule_7_hang_until_released(google: LocalGoogle, wire: Wire) -> None:
    google.faults.add("hang", on="calendarList")
    caught: list[Exception] = []

    def ask() -> None:
        try:
            wire.get(LIST)
        except http.client.RemoteDisconnected as error:
            caught.append(error)

    asker = threading.Thread(target=ask)
    asker.start()
    google.requests.wait_for(lambda entry: entry.fault == "hang")
    google.faults.release()
    asker.join(10)
    assert len(caught) == 1


def test_rule_7_a_trickle_is_always_about_to_end(google: LocalGoogle, wire: Wire) -> None:
    """Byte by byte, faster than any time-out of a connection, until released."""
    google.faults.add("trickle", on="calendarList")
    wire.connection.timeout = 5
    wire.connection.request("GET", LIST, headers=wire.bearer)
    assert [wire.connection.sock.recv(100) for _ in range(4)] == [b"H", b"T", b"T", b"P"]
    google.faults.release()
    assert wire.connection.sock.recv(100) == b""


def test_rule_7_a_redirect_leads_elsewhere_and_the_log_sees_it(
    google: LocalGoogle, outcome: Outcome
) -> None:
    assert isinstance(outcome("redirect"), str)
    assert google.requests[-1].path == "/_elsewhere"


def test_rule_7_short_content_length_cuts_the_json(outcome: Outcome) -> None:
    assert isinstance(outcome("short_content_length"), str)


def test_rule_7_faults_are_matched_skipped_and_counted(google: LocalGoogle, wire: Wire) -> None:
    google.faults.add("api_503", on="events", skip=1, count=2)
    google.faults.add("status", on="calendarList", status=418, body={"tea": True})
    events = "/calendar/v3/calendars/primary/events"
    assert [wire.get(events)[0].status for _ in range(4)] == [200, 503, 503, 200]
    assert [wire.get(LIST)[0].status for _ in range(2)] == [418, 200]
    assert google.faults.pending() == []


def test_rule_7_a_fault_can_wait_for_a_query(google: LocalGoogle, wire: Wire) -> None:
    google.faults.add("api_500", on="events", query="pageToken=")
    assert wire.get("/calendar/v3/calendars/primary/events")[0].status == 200
    assert wire.get("/calendar/v3/calendars/primary/events?pageToken=x")[0].status == 500


def test_rule_7_retry_after_can_be_said(google: LocalGoogle, wire: Wire) -> None:
    google.faults.add("api_429", retry_after=7)
    answer, _ = wire.get(LIST)
    assert (answer.status, answer.getheader("retry-after")) == (429, "7")


def test_rule_7_true_answers_can_be_edited(google: LocalGoogle, service: Service) -> None:
    google.faults.add("set_keys", on="calendarList", keys={"kind": "calendar#nonsense"})
    google.faults.add("remove_keys", on="calendarList", keys=["items"])
    client = service(google)
    assert client.calendarList().list().execute()["kind"] == "calendar#nonsense"
    assert "items" not in client.calendarList().list().execute()


def test_rule_7_every_fault_by_name_is_served_and_breaks_nothing_else(
    google: LocalGoogle, wire: Wire
) -> None:
    """Each is served once over HTTP; the request after it is answered as if nothing had been."""
    options = {
        "status": {"status": 599},
        "set_keys": {"keys": {}},
        "remove_keys": {"keys": []},
        "slow": {"seconds": 0.01},
    }
    for name in sorted(set(NAMES) - {"hang", "trickle"}):
        google.faults.add(name, on="calendarList", **options.get(name, {}))
        try:
            wire.get(LIST)
        except (http.client.HTTPException, ConnectionError):
            assert name in BREAKAGES
        if name in BREAKAGES:
            wire.connection.close()
        assert google.faults.pending() == []
        assert wire.get(LIST)[0].status == 200, name


def test_an_unknown_fault_names_the_known_ones(google: LocalGoogle) -> None:
    with pytest.raises(ValueError, match=r"no fault 'nonsense'.*api_500"):
        google.faults.add("nonsense")


# -- the frame's other promises


def test_a_client_that_goes_away_leaves_no_traceback(
    google: LocalGoogle, capfd: pytest.CaptureFixture[str]
) -> None:
    google.faults.add("slow", on="calendarList", seconds=30)
    connection = socket.create_connection(("127.0.0.1", google.port), timeout=20)
    connection.sendall(f"GET {LIST} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    while google.faults.pending():  # taken: the server is in it now
        threading.Event().wait(0.005)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()
    google.faults.release()
    google.requests.wait_for(lambda entry: entry.fault == "slow")
    google.stop()
    assert capfd.readouterr().err == ""


def test_a_bug_behind_the_frame_becomes_a_500(capfd: pytest.CaptureFixture[str]) -> None:
    class Broken:
        def answer(self, request: object) -> Any:
            raise RuntimeError("a bug")

    with LocalGoogle(Broken()) as google:
        assert Wire(google).get(LIST)[0].status == 500
        assert "a bug" in google.crashes[0]
    assert "a bug" in capfd.readouterr().err


def test_stopping_cuts_kept_connections_and_a_restart_is_at_the_same_address(
    google: LocalGoogle, wire: Wire
) -> None:
    wire.get(LIST)
    address = google.url
    google.stop()
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        wire.get(LIST)
    wire.connection.close()
    google.start()
    assert google.url == address
    assert wire.get(LIST)[0].status == 200


def test_control_is_for_this_machine_and_not_for_web_pages(wire: Wire) -> None:
    post = {"method": "POST", "body": b"{}"}
    assert wire.get("/_control/secrets", **post)[0].status == 200
    assert (
        wire.get("/_control/secrets", {"Origin": "https://evil.example"}, **post)[0].status == 403
    )
    assert wire.get("/_control/secrets", {"Host": "evil.example:80"}, **post)[0].status == 403
    assert wire.get("/_control/secrets")[0].status == 403


def test_control_over_http(
    google: LocalGoogle, wire: Wire, control: Callable[..., dict[str, Any]]
) -> None:
    control("add_fault", fault="api_503", on="events", count=1)
    control("api", quota_exceeded=True)
    control("oauth", testing=True, access_token_lifetime=60)
    assert google.oauth.switches.refresh_token_lifetime == 604799
    assert wire.get(LIST)[0].status == 403
    assert wire.get("/calendar/v3/calendars/primary/events")[0].status == 503
    seen = control("requests", to="events")
    assert (seen["count"], seen["requests"][0]["fault"]) == (1, "api_503")
    assert google.grant()["refresh_token"] in control("secrets")["secrets"]
    with pytest.raises(AssertionError, match="no switch"):
        control("api", nonsense=1)


def test_every_control_action_over_http(
    google: LocalGoogle, control: Callable[..., dict[str, Any]]
) -> None:
    before = google.clock.now()
    assert control("grant", account="ada@example.com")["scope"].endswith("calendar.readonly")
    assert control("expire_access_tokens") == {"expired": 1}
    assert control("revoke_grants", account="ada@example.com") == {"revoked": 1}
    assert control("advance", seconds=3600)["now"] > before.isoformat()
    assert control("click", decision="deny") == {"waiting": 1}
    assert control("add_fault", fault="hang", on="token") == {"pending": ["hang"]}
    assert control("release") == control("clear_faults") == control("clear_requests") == {}
    assert control("latency", milliseconds=1) == {"milliseconds": 1}
    assert "calendars" in control("stats")  # the calendar half's
    with pytest.raises(AssertionError, match="no fault"):
        control("add_fault", fault="nonsense")


def test_an_action_nobody_knows_is_a_400(control: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(AssertionError, match="nonsense"):
        control("nonsense")


def test_latency_delays_answers_but_not_the_control(google: LocalGoogle, wire: Wire) -> None:
    google.control("latency", milliseconds=30)
    assert google.latency == 0.03
    assert wire.get(LIST)[0].status == 200
    google.latency = 0


def test_the_log_holds_no_secret(google: LocalGoogle, service: Service) -> None:
    client = service(google)
    client.calendarList().list().execute()
    google.expire_access_tokens()
    client.calendarList().list().execute()
    text = json.dumps([entry.as_json() for entry in google.requests])
    assert google.requests.to("token")[0].form["grant_type"] == ("refresh_token",)
    assert not [secret for secret in google.secrets_issued if secret in text]
    assert google.requests[0].account == "ada@example.com"


def test_no_request_comes_in_time(google: LocalGoogle) -> None:
    with pytest.raises(TimeoutError):
        google.requests.wait_for(lambda entry: True, timeout=0.01)


def test_urls_are_on_this_machine(google: LocalGoogle) -> None:
    assert google.url.startswith("http://127.0.0.1:")
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen("http://127.0.0.2:" + str(google.port), timeout=1)
