"""Files that hold the grants of several accounts: their names, and the one a person chose.

Two exist: oauth2client's multistore_file (a list of key and credential) and its
multiprocess_file_storage (a name and base64 of the credential's text).
"""

from __future__ import annotations

import base64
import shlex
from collections import Counter

from calendar_sync.errors import ConsentNeeded, DamagedInput, WrongUsage
from calendar_sync.grants.scopes import in_words
from calendar_sync.legacy.kinds import Fields, Kind, json_object

_LONGEST_NAME = 120
_MOST_LISTED = 50


def account_names(kind: Kind, fields: Fields) -> tuple[str, ...]:
    """Name the accounts of a store, each differently, in the file's order.

    A name is the one the old program gave, else the account's address, else client and scopes.
    """
    names: dict[str, None] = {}
    times: Counter[str] = Counter()
    for wish in _wishes(kind, fields):
        name = unnumbered = _printable(wish)
        while name in names:
            times[unnumbered] += 1
            name = f"{unnumbered} #{times[unnumbered] + 1}"
        names[name] = None
    return tuple(names)


def choose(kind: Kind, fields: Fields, account: str | None, name: str) -> Fields:
    """Return the credential of `account`, or the only one there is.

    `account` is one of `account_names`, or a part that only one of them has. Raises WrongUsage
    with the list when it names none or several, ConsentNeeded for a store without accounts,
    DamagedInput for an entry that cannot be read.
    """
    names = account_names(kind, fields)
    if not names:
        raise ConsentNeeded(f"Nothing to migrate in {name}: it is {kind.value} without accounts.")
    credential = _credentials(kind, fields)[_position(names, account, name)]
    found = _decoded(credential) if kind is Kind.MULTIPROCESS else credential
    if not isinstance(found, dict):
        raise DamagedInput(
            f"Cannot use {name}: it is {kind.value}, and the entry of that account is damaged.",
            "Choose another account with --account, or run: calendar-sync consent",
        )
    return found


def _position(names: tuple[str, ...], account: str | None, name: str) -> int:
    if not account and len(names) == 1:
        return 0
    if account in names:
        return names.index(account)
    like = [index for index, each in enumerate(names) if account and account in each]
    if len(like) == 1:
        return like[0]
    problem = f"it holds no account {account!r}" if account else "it holds several accounts"
    if len(like) > 1:
        problem = f"it holds several accounts like {account!r}"
    listed = "".join(f"\n  {each}" for each in names[:_MOST_LISTED])
    if len(names) > _MOST_LISTED:
        listed += f"\n  and {len(names) - _MOST_LISTED} more"
    example = shlex.quote(names[like[0] if like else 0])
    raise WrongUsage(
        f"Cannot choose in {name}: {problem}. There are:{listed}",
        f"Add the one you want, for example: --account {example}",
    )


def _wishes(kind: Kind, fields: Fields) -> list[object]:
    if kind is Kind.MULTIPROCESS:
        credentials = fields.get("credentials")
        return list(credentials) if isinstance(credentials, dict) else []
    return [_multistore_name(entry) for entry in _entries(fields)]


def _credentials(kind: Kind, fields: Fields) -> list[object]:
    if kind is Kind.MULTIPROCESS:
        credentials = fields.get("credentials")
        return list(credentials.values()) if isinstance(credentials, dict) else []
    return [entry.get("credential") for entry in _entries(fields)]


def _entries(fields: Fields) -> list[Fields]:
    entries = fields.get("data")
    found = entries if isinstance(entries, list) else []
    return [entry if isinstance(entry, dict) else {} for entry in found]


def _multistore_name(entry: Fields) -> object:
    """Return the custom key, the address in the id token, or the client's id and its scopes."""
    key, credential = _object(entry.get("key")), _object(entry.get("credential"))
    claims = _object(credential.get("id_token"))
    client, scope = key.get("clientId"), key.get("scope")
    if isinstance(client, str) and isinstance(scope, str):
        client = f"{client} ({in_words(scope.split())})"
    return key.get("key") or claims.get("email") or client


def _object(value: object) -> Fields:
    return value if isinstance(value, dict) else {}


def _printable(wish: object) -> str:
    """Make a name that a terminal shows as it is and a shell can be given."""
    text = wish if isinstance(wish, str) else ""
    return "".join(c if c.isprintable() else "?" for c in text[:_LONGEST_NAME]) or "unnamed"


def _decoded(credential: object) -> Fields | None:
    """Return the object whose text `credential` is in base64, or None."""
    if not isinstance(credential, str):
        return None
    try:
        text = base64.b64decode(credential, validate=True).decode()
    except ValueError:
        return None
    return json_object(text)
