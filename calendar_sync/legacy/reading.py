"""The grant inside a token file that another program wrote.

Read from oauth2client (every version), google-auth, Go, Node, PHP and vdirsyncer, without any of
their code and without a request. What is found is only a description: whether the grant lives is
proven by the caller with one real refresh, and the stored access token is dropped.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from calendar_sync.errors import ConsentNeeded, DamagedInput, WrongUsage
from calendar_sync.grants import scopes as scope_table
from calendar_sync.legacy.kinds import (
    ADVICE,
    CONSENT,
    ONE_GRANT,
    STORES,
    WITHOUT_CLIENT,
    Fields,
    Kind,
    examine,
    kind_of_object,
    recognise,
)
from calendar_sync.legacy.pickles import read_pickle
from calendar_sync.legacy.search import find_candidates
from calendar_sync.legacy.stores import account_names, choose

__all__ = ["FoundGrant", "Kind", "accounts_in", "find_candidates", "read_grant", "recognise"]

THE_FILE = "the file"


@dataclass(frozen=True)
class FoundGrant:
    """A grant as its file describes it; None means that the file does not say."""

    kind: str
    refresh_token: str = field(repr=False)
    client_id: str | None
    client_secret: str | None = field(repr=False)
    token_uri: str | None  # data: never followed unless the caller knows the host
    scopes: tuple[str, ...] | None  # asked for, verbatim
    granted_scopes: tuple[str, ...] | None
    account: str | None
    notes: tuple[str, ...]  # sentences for the person who migrates

    @property
    def has_client(self) -> bool:
        """Say whether the file carries the whole client; if not, --with-client is needed."""
        return bool(self.client_id and self.client_secret)


def read_grant(
    data: bytes, *, account: str | None = None, from_pickle: bool = False, name: str = THE_FILE
) -> FoundGrant:
    """Describe the grant in `data`, the content of the file that messages call `name`.

    Raises DamagedInput for a damaged file, an unknown kind, another tool's file or a pickle
    without `from_pickle`; ConsentNeeded where there is no usable refresh token or its scopes do
    not cover calendars; WrongUsage where `account` has to choose. Reads nothing but its arguments.
    """
    kind, fields = examine(data)
    words, extra = kind.value, list[str]()
    if kind in STORES:
        others = len(account_names(kind, fields)) - 1
        fields = choose(kind, fields, account, name)
        kind, account = _kind_of_entry(kind, fields, name), None
        if others:
            extra.append(f"The file's other accounts ({others}) stay where they are.")
    if kind is Kind.PICKLE:
        _demand_leave(from_pickle, name)
        fields = {key.removeprefix("_"): value for key, value in read_pickle(data, name).items()}
    elif kind not in ONE_GRANT:
        raise _refusal(kind, name)
    return _Reading(words, _in_our_words(kind, fields), name).grant(account, extra)


def accounts_in(data: bytes) -> tuple[str, ...]:
    """Name the accounts to choose from; empty for a file that holds one grant or none."""
    kind, fields = examine(data)
    return account_names(kind, fields) if kind in STORES else ()


def _kind_of_entry(store: Kind, fields: Fields, name: str) -> Kind:
    kind = kind_of_object(fields)
    if kind is Kind.UNKNOWN:
        raise DamagedInput(
            f"Cannot use {name}: it is {store.value}, and that account's entry is no credential.",
            CONSENT,
        )
    return kind


def _demand_leave(from_pickle: bool, name: str) -> None:
    if not from_pickle:
        raise DamagedInput(
            f"Not opened: {name} is {Kind.PICKLE.value}, a format that can run programs.",
            "If you trust where it is from, calendar-sync reads it without running anything: "
            f"calendar-sync migrate {_typed(name)} --from-pickle",
        )


def _refusal(kind: Kind, name: str) -> DamagedInput | ConsentNeeded:
    if kind is Kind.EMPTY:
        return ConsentNeeded(f"Nothing to migrate in {name}: it is empty, so the grant is lost.")
    return DamagedInput(f"Cannot use {name}: it is {kind.value}.", ADVICE.get(kind, CONSENT))


def _typed(name: str) -> str:
    return "FILE" if name == THE_FILE else shlex.quote(name)


def _in_our_words(kind: Kind, fields: Fields) -> Fields:
    """Rename what `kind` calls otherwise; google-auth's names are ours."""
    if kind is Kind.OAUTH2CLIENT:
        response, claims = fields.get("token_response"), fields.get("id_token")
        return fields | {
            "token": fields.get("access_token"),
            "expiry": fields.get("token_expiry"),
            "granted_scopes": response.get("scope") if isinstance(response, dict) else None,
            "account": claims.get("email") if isinstance(claims, dict) else None,
        }
    if kind in WITHOUT_CLIENT:
        expiries = (fields.get(key) for key in ("expiry", "expiry_date", "created", "expires_at"))
        return fields | {
            "token": fields.get("access_token"),
            "expiry": next((expiry for expiry in expiries if expiry is not None), None),
            "scopes": fields.get("scope"),
            "granted_scopes": fields.get("scope"),
        }
    return fields


class _Reading:
    """One file's fields on their way to a FoundGrant; a field of a wrong type is damage."""

    def __init__(self, words: str, fields: Fields, name: str) -> None:
        self.words, self.fields, self.name = words, fields, name

    def grant(self, account: str | None, extra: list[str]) -> FoundGrant:
        """Return the grant, checked; raise as `read_grant` says."""
        found = FoundGrant(
            kind=self.words,
            refresh_token=self.refresh_token(),
            client_id=self.text("client_id"),
            client_secret=self.text("client_secret"),
            token_uri=self.text("token_uri"),
            scopes=self.scopes("scopes"),
            granted_scopes=self.scopes("granted_scopes"),
            account=self.account(account),
            notes=(),
        )
        self.demand_calendars(found.granted_scopes or found.scopes)
        return replace(found, notes=(*self.notes(found, account), *extra))

    def refresh_token(self) -> str:
        """Return the refresh token; only a usable one is one."""
        token = self.text("refresh_token")
        if self.fields.get("invalid") not in (None, False):
            raise self.consent_needed(
                "the old program marked it invalid: Google had refused its grant"
            )
        if not token:
            raise self.consent_needed("it holds no refresh token, so its access ended long ago")
        if self.fields.get("universe_domain") not in (None, "", "googleapis.com"):
            raise DamagedInput(
                f"Cannot use {self.name}: its grant is for another cloud than Google's public one.",
                CONSENT,
            )
        return token

    def text(self, key: str) -> str | None:
        """Return a field's text, None where it is absent, null or blank.

        OAuth's values are printable ASCII (RFC 6749, appendix A).
        """
        value = self.fields.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.damaged(key)
        stripped = value.strip()
        if not all(" " <= character <= "~" for character in stripped):
            raise self.damaged(key)
        return stripped or None

    def scopes(self, key: str) -> tuple[str, ...] | None:
        """Return scopes from a list or from one text with blanks; None where there are none."""
        value = self.fields.get(key)
        parts = [value] if isinstance(value, str) else value or []
        if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
            raise self.damaged(key)
        words = tuple(word for part in parts for word in part.split())
        if not all("!" <= character <= "~" for word in words for character in word):
            raise self.damaged(key)
        return words or None

    def account(self, wanted: str | None) -> str | None:
        """Return whose grant it is, if the file says so; refuse another than the `wanted`."""
        value = self.fields.get("account")
        account = value if isinstance(value, str) and value.isprintable() and value else None
        if wanted and account and wanted != account:
            raise WrongUsage(
                f"Cannot use {self.name}: its one grant is of {account}, not of {wanted!r}.",
                f"Run: calendar-sync migrate {_typed(self.name)}",
            )
        return account

    def demand_calendars(self, scopes: tuple[str, ...] | None) -> None:
        """Raise ConsentNeeded for scopes that are known and do not cover calendars."""
        if scopes and not scope_table.is_sufficient(scopes):
            given = scope_table.in_words(scopes)
            raise self.consent_needed(
                f"it was given for {given}, which does not cover the list of calendars and their "
                "events"
            )

    def notes(self, found: FoundGrant, wanted: str | None) -> Iterator[str]:
        """Say what a person should know about `found`."""
        scopes = found.granted_scopes or found.scopes
        if wanted and found.account is None:
            yield "The file does not say whose grant it is, so --account could not be checked."
        if self.fields.get("token"):
            yield "The stored access token is dropped; the first refresh brings a new one."
        if not _is_readable(self.fields.get("expiry")):
            yield "The stored expiry cannot be read; that does no harm."
        if scopes is None:
            yield "The file does not say what the grant covers; the first refresh will tell."
        elif scope_table.is_broader(scopes):
            yield (
                f"The grant covers {scope_table.in_words(scopes)}: more than an export needs. "
                "To narrow it later: calendar-sync consent"
            )

    def consent_needed(self, why: str) -> ConsentNeeded:
        """Return the error for a whole file whose grant cannot be used."""
        return ConsentNeeded(f"Cannot migrate {self.name}: it is {self.words}, but {why}.")

    def damaged(self, key: str) -> DamagedInput:
        """Return the error for a field with a value that cannot be one; never the value."""
        return DamagedInput(
            f"Cannot use {self.name}: it is {self.words}, and its {key} is damaged.",
            ADVICE[Kind.DAMAGED],
        )


def _is_readable(expiry: object) -> bool:
    """Say whether `expiry` is a time: RFC 3339 text, a number, or a pickle's datetime."""
    if isinstance(expiry, bool):
        return False
    if isinstance(expiry, float):
        return math.isfinite(expiry)
    if not isinstance(expiry, str):
        return not isinstance(expiry, list | dict)
    try:
        return bool(datetime.fromisoformat(expiry))
    except ValueError:
        return False
