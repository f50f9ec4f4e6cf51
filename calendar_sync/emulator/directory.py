"""The Admin SDK's Directory API, as far as listing a domain's users: users.list for administrators.

https://developers.google.com/workspace/admin/directory/reference/rest/v1/users/list
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from calendar_sync.emulator.api import ApiAnswer, ApiError, front_end_error, legacy_error
from calendar_sync.emulator.gate import PROJECT_NUMBER
from calendar_sync.emulator.scopes import PREFIX, Method
from calendar_sync.emulator.tokens import pack, short_hash, unpack
from calendar_sync.emulator.wire import Query, first

PATH = "/admin/directory/v1/users"
SERVICE = "admin.googleapis.com"
LIST_USERS = Method(
    "directory.v1.Users.List",
    ("users",),
    frozenset(PREFIX + "admin.directory." + end for end in ("user", "user.readonly")),
)
_LARGEST_PAGE = 500  # 100 unless asked


@dataclass
class DirectorySwitches:
    """Who is who; every field may be changed while it runs."""

    disabled: bool = False  # the project never enabled the Admin SDK API
    admins: tuple[str, ...] = ("admin@example.com",)
    archived: tuple[str, ...] = ()


@dataclass
class Directory:
    """The users of the domain that an administrator belongs to."""

    accounts: Callable[[], Sequence[str]]
    suspended: Callable[[], Sequence[str]]
    switches: DirectorySwitches = field(default_factory=DirectorySwitches)

    def answer(self, account: str, query: Query) -> ApiAnswer:
        """Answer users.list; raises ApiError."""
        if self.switches.disabled:
            raise _disabled()
        if account not in self.switches.admins:
            raise legacy_error(403, "forbidden", "Not Authorized to access this resource/api")
        if not first(query, "customer") and not first(query, "domain"):
            raise legacy_error(400, "badRequest", "Bad Request")
        if (first(query, "customer") or "my_customer") != "my_customer":
            raise legacy_error(404, "notFound", "Resource Not Found: customer")
        return self._page(self._users(account.partition("@")[2]), query)

    def _users(self, domain: str) -> list[str]:
        people = {*self.accounts(), *self.suspended(), *self.switches.admins}
        return sorted(each for each in people if each.endswith(f"@{domain}"))

    def _page(self, users: list[str], query: Query) -> ApiAnswer:
        size = min(_size(first(query, "maxResults") or "100"), _LARGEST_PAGE)
        begin, bound_to = 0, short_hash(f"users|{size}")
        token = first(query, "pageToken")
        if token:
            numbers = unpack(token)
            if len(numbers) != 2 or numbers[1] != bound_to:
                raise legacy_error(400, "invalid", "Invalid Input: pageToken")
            begin = numbers[0]
        body: dict[str, Any] = {
            "kind": "admin#directory#users",
            "etag": f'"users-{len(users)}"',
            "users": [self._resource(each) for each in users[begin : begin + size]],
        }
        if begin + size < len(users):
            body["nextPageToken"] = pack(begin + size, bound_to)
        return ApiAnswer(200, body)

    def _resource(self, email: str) -> dict[str, Any]:
        name = email.partition("@")[0]
        suspended = email in self.suspended()
        return {
            "kind": "admin#directory#user",
            "id": str(short_hash(email)),
            "primaryEmail": email,
            "name": {"givenName": name.title(), "familyName": "Invented", "fullName": name.title()},
            "isAdmin": email in self.switches.admins,
            "isDelegatedAdmin": False,
            "suspended": suspended,
            **({"suspensionReason": "ADMIN"} if suspended else {}),
            "archived": email in self.switches.archived,
            "customerId": "C00000000",
            "orgUnitPath": "/",
            "isMailboxSetup": True,
        }


def _size(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise legacy_error(400, "invalid", "Invalid Input: maxResults")
    return int(text)


def _disabled() -> ApiError:
    return front_end_error(
        403,
        "accessNotConfigured",
        f"Admin SDK API has not been used in project {PROJECT_NUMBER} before or it is disabled. "
        f"Enable it by visiting https://console.developers.google.com/apis/api/{SERVICE}/overview"
        f"?project={PROJECT_NUMBER} then retry.",
        domain="usageLimits",
        rpc_status="PERMISSION_DENIED",
        details=[
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "SERVICE_DISABLED",
                "domain": "googleapis.com",
                "metadata": {"service": SERVICE, "consumer": f"projects/{PROJECT_NUMBER}"},
            }
        ],
    )
