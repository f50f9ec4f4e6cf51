"""The users of a Workspace domain, from the Admin SDK's Directory API, for an administrator.

https://developers.google.com/workspace/admin/directory/reference/rest/v1/users/list
"""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
from googleapiclient.errors import HttpError

from calendar_sync.answers import NOT_ENABLED, PageTokenRefused, check_page, reasons_in
from calendar_sync.decoding import decoded
from calendar_sync.errors import CalendarSyncError, WrongConfiguration
from calendar_sync.google_calendar import GoogleCalendar, collection_of
from calendar_sync.retrying import MOST_RESTARTS, forgetful

SCOPE = "https://www.googleapis.com/auth/admin.directory.user.readonly"
_PAGE_SIZE = 500  # the most Google gives


class DirectoryUser(msgspec.Struct, rename="camel", frozen=True):
    """One user, as far as it concerns us."""

    primary_email: str
    suspended: bool = False
    archived: bool = False

    @property
    def is_active(self) -> bool:
        """Whether anybody may read for this user: for a suspended one Google gives no token."""
        return not (self.suspended or self.archived)


@decoded
class _UsersPage(msgspec.Struct, rename="camel"):
    kind: str
    users: list[DirectoryUser] = []
    next_page_token: str | None = None


class GoogleDirectory(GoogleCalendar):
    """Lists a domain's users; retries, limits and stops are as for calendars."""

    def users(self) -> list[DirectoryUser]:
        """List every user of the administrator's domains. Raises our errors."""
        try:
            for _ in range(MOST_RESTARTS):
                with contextlib.suppress(PageTokenRefused):
                    return self._list_users()
        except CalendarSyncError as error:
            raise _in_our_words(error) from error
        raise forgetful()

    def _list_users(self) -> list[DirectoryUser]:
        found: dict[str, DirectoryUser] = {}
        page_token: str | None = None
        while True:
            page = self._get(
                "users",
                {
                    "customer": "my_customer",
                    "maxResults": _PAGE_SIZE,
                    "orderBy": "email",
                    "fields": "kind,nextPageToken,users(primaryEmail,suspended,archived)",
                    "pageToken": page_token,
                },
                lambda body: check_page(body, _UsersPage, "admin#directory#users"),
                has_page_token=page_token is not None,
            )
            found |= {user.primary_email: user for user in page.users}
            page_token = page.next_page_token
            if not page_token:
                return [*found.values()]

    def _collection(self, name: str) -> Any:
        return collection_of("admin", "directory_v1", name, self.google.directory_endpoint)


def _in_our_words(error: CalendarSyncError) -> CalendarSyncError:
    """Say of the directory what was said of calendars, where a refusal of Google's is behind it."""
    if not isinstance(error.__cause__, HttpError) or error.__cause__.resp.status != 403:
        return error
    if reasons_in(error.__cause__.content) & NOT_ENABLED:
        return WrongConfiguration(
            "The Admin SDK API is not enabled in the Google Cloud project of the key.",
            "Enable it (APIs and services > Library > Admin SDK API), wait some minutes.",
        )
    return WrongConfiguration(
        "Google does not let the account's subject list the users of its domain.",
        'subject must be an administrator who may read users; or list them yourself: users = ["…"].',
    )
