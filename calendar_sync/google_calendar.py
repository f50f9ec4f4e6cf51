"""Google Calendar as pages: the only user of Google's API client. Its errors become ours here.

https://developers.google.com/workspace/calendar/api/v3/reference
"""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import threading
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Protocol

import msgspec

from calendar_sync.answers import (
    BadAnswer,
    CalendarGone,
    PageTokenRefused,
    SyncTokenRefused,
    check_page,
    explain_http_error,
)
from calendar_sync.decoding import decoded
from calendar_sync.deferring import deferred
from calendar_sync.errors import CalendarSyncError, TryLater
from calendar_sync.grants.client_secrets import Google
from calendar_sync.model import CalendarEntry
from calendar_sync.retrying import MOST_RESTARTS, forgetful, retry
from calendar_sync.stop import Stop
from calendar_sync.sync import (
    PAGE_SIZE,
    EventsPage,
    Fetch,
    IncrementalFetch,
    WindowFetch,
)
from calendar_sync.transport import TIMEOUT, Http, http_to

# What the client imports for other ways to connect: asyncio, cryptography, a parser of passwords'
# challenges. It would be two fifths of a run that finds nothing changed.
with deferred("google.auth.credentials", "google.oauth2.service_account"):
    import google_auth_httplib2
    from googleapiclient.discovery import build
    from googleapiclient.errors import HttpError
    from googleapiclient.model import JsonModel


@decoded
class _CalendarsPage(msgspec.Struct, rename="camel"):
    kind: str
    items: list[CalendarEntry] = []
    next_page_token: str | None = None


class Bearer(Protocol):
    """Credentials of google-auth's kind that know which Google they belong to."""

    @property
    def google(self) -> Google:
        """Where they may be sent."""
        ...


class _BytesModel(JsonModel):  # type: ignore[misc]  # googleapiclient is untyped
    """Hand bodies over as bytes: the client's own parser returns HTML as a `str`, silently."""

    def deserialize(self, content: bytes) -> bytes:
        return content


class GoogleCalendar:
    """Reads one account's calendars. Safe for many threads: each has a connection of its own."""

    def __init__(
        self, credentials: Bearer, stop: Stop, allow: Callable[[Stop], None] = lambda _: None
    ) -> None:
        """`allow` waits until one more request keeps the quota."""
        self._credentials, self.google = credentials, credentials.google
        self._allow = allow
        self._stop = stop
        self._local = threading.local()
        self._https: list[Any] = []  # one for each thread, replaced when its connection failed
        self.requests = 0
        self.warnings: tuple[str, ...] = ()  # about the grant, for the run's report
        stop.cuts(self._cut)

    def calendars(self) -> list[CalendarEntry]:
        """List every calendar of the account, hidden ones too. Raises our errors."""
        for _ in range(MOST_RESTARTS):
            with contextlib.suppress(PageTokenRefused):
                return self._list_calendars()
        raise forgetful()

    def _list_calendars(self) -> list[CalendarEntry]:
        entries: dict[str, CalendarEntry] = {}  # should one come twice, the last wins
        page_token: str | None = None
        while True:
            page = self._get(
                "calendarList",
                {"maxResults": 250, "showHidden": True, "pageToken": page_token},
                lambda body: check_page(body, _CalendarsPage, "calendar#calendarList"),
                has_page_token=page_token is not None,
            )
            entries |= {entry.id: entry for entry in page.items}
            page_token = page.next_page_token
            if not page_token:
                return [entry for entry in entries.values() if not entry.deleted]

    def pages(self, calendar_id: str, fetch: Fetch | WindowFetch) -> Iterator[EventsPage]:
        """Yield every page of a listing; the last one of a Fetch carries the next sync token.

        Raises SyncTokenRefused, CalendarGone, or our errors. Raises PageTokenRefused when the
        listing has to be begun anew by the caller, who must drop the pages already taken.
        """
        parameters = _parameters(fetch)
        page_token: str | None = None
        while True:
            page = self._get(
                "events",
                {"calendarId": calendar_id, "pageToken": page_token, **parameters},
                lambda body: check_page(body, EventsPage, "calendar#events"),
                calendar_id=calendar_id,
                has_sync_token=isinstance(fetch, IncrementalFetch),
                has_page_token=page_token is not None,
            )
            if not page.next_page_token and not page.next_sync_token and _must_sync(fetch):
                raise TryLater(
                    "Google's last page carries no sync token; the listing is not whole."
                )
            yield page
            page_token = page.next_page_token
            if not page_token:
                return

    def _get(
        self,
        collection: str,
        parameters: dict[str, Any],
        read: Callable[[bytes], Any],
        *,
        calendar_id: str = "",
        has_sync_token: bool = False,
        has_page_token: bool = False,
    ) -> Any:
        def attempt() -> Any:
            self._allow(self._stop)
            self.requests += 1
            try:
                http = self._http()
                request = self._collection(collection).list(prettyPrint=False, **parameters)
                return read(request.execute(http=http, num_retries=0))
            except HttpError as error:
                raise explain_http_error(
                    error.resp.status,
                    error.content,
                    error.resp,
                    calendar_id=calendar_id,
                    has_sync_token=has_sync_token,
                    has_page_token=has_page_token,
                ) from error
            except (CalendarSyncError, BadAnswer, CalendarGone, SyncTokenRefused, PageTokenRefused):
                raise
            except Exception as error:
                # httplib2, http.client, ssl and sockets raise classes without a common parent;
                # a fresh connection is the cure for all of them.
                self._drop_connection()
                raise BadAnswer(f"the connection failed ({type(error).__name__})") from error

        return retry(attempt, self._stop)

    def close(self) -> None:
        """Give up every connection: an organisation's run would come to have thousands."""
        while self._https:
            self._https.pop().close()
        self._local = threading.local()

    def _http(self) -> Any:
        """Return this thread's connection. No answer on it is waited for past the deadline."""
        authorized = getattr(self._local, "authorized", None)
        if authorized is None:
            http = http_to(self.google, self._stop.check)
            self._https.append(http)
            authorized = self._local.authorized = google_auth_httplib2.AuthorizedHttp(
                self._credentials, http=http, max_refresh_attempts=1
            )
        self._limit_waiting(authorized.http)
        return authorized

    def _drop_connection(self) -> None:
        authorized = getattr(self._local, "authorized", None)
        if authorized is not None:
            self._local.authorized = None
            with contextlib.suppress(ValueError):  # all were closed meanwhile
                self._https.remove(authorized.http)
            authorized.http.close()

    def _collection(self, name: str) -> Any:
        return collection_of("calendar", "v3", name, self.google.api_endpoint)

    def _limit_waiting(self, http: Any) -> None:
        http.timeout = max(0.001, min(TIMEOUT, self._stop.remaining))
        for connection in http.connections.values():
            connection.timeout = http.timeout
            if connection.sock is not None:
                connection.sock.settimeout(http.timeout)

    def _cut(self) -> None:
        """End every wait for an answer: a stop must not take as long as Google's slowest one.

        Called by signal handlers, so it only touches sockets. httplib2 connects again by itself
        when a connection breaks; with so short a timeout that fails. A request that has no socket
        yet finds out before it waits (`Http`).
        """
        for http in [*self._https]:
            for connection in [*http.connections.values()]:
                connection.timeout = 0.001
                if connection.sock is not None:
                    with contextlib.suppress(OSError):
                        socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


@cache
def collection_of(api: str, version: str, name: str, endpoint: str) -> Any:
    """Return a collection of one of Google's APIs, whose answers come as bytes.

    It makes requests for any thread, to be executed on that thread's own connection. Making it anew
    for each request takes longer than the request.
    """
    made = build(
        api,
        version,
        http=Http(),  # never used
        model=_BytesModel(),
        static_discovery=True,
        cache_discovery=False,
        # Both named: a variable of the environment must not choose either.
        client_options={"api_endpoint": endpoint, "universe_domain": "googleapis.com"},
    )
    return getattr(made, name)()


def _parameters(fetch: Fetch | WindowFetch) -> dict[str, Any]:
    if isinstance(fetch, WindowFetch):
        return {
            "maxResults": PAGE_SIZE,
            "singleEvents": True,
            "orderBy": "startTime",
            "timeMin": fetch.start.astimezone(dt.UTC).isoformat(),
            "timeMax": fetch.end.astimezone(dt.UTC).isoformat(),
        }
    token = {"syncToken": fetch.sync_token} if isinstance(fetch, IncrementalFetch) else {}
    return {"maxResults": PAGE_SIZE, "singleEvents": False, **token}


def _must_sync(fetch: Fetch | WindowFetch) -> bool:
    return not isinstance(fetch, WindowFetch)


def account_name(google: Google, access_token: str) -> str:
    """Return whose calendars a fresh access token reads: the primary calendar's id is the address.

    Empty when Google does not say now; nothing depends on it but what people are shown.
    """
    from google.oauth2.credentials import Credentials

    plain = http_to(google)
    plain.timeout = 10.0  # a person waits
    http = google_auth_httplib2.AuthorizedHttp(
        Credentials(access_token), http=plain, max_refresh_attempts=0
    )
    try:
        calendars = collection_of("calendar", "v3", "calendarList", google.api_endpoint)
        body = calendars.get(calendarId="primary").execute(http=http)
        return msgspec.json.decode(body, type=CalendarEntry).id
    except Exception:  # any failure means the same here; the next run will say it in full
        return ""
