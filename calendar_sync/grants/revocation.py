"""End a grant at Google (RFC 7009): the stored one, or the one that a consent has replaced.

Google knows a consent by account and project, not by token: revoking any one of them ends all that
the account gave to the project, the newest included. So a replaced grant is ended only where it was
given to a client of another project. For one project it stays, whoever's it is: another home may
live on it, and Google drops the oldest of a hundred by itself.
"""

from __future__ import annotations

import msgspec

from calendar_sync.errors import CalendarSyncError, ConsentNeeded, TryLater, cannot_write
from calendar_sync.files import sync_folder
from calendar_sync.grants.client_secrets import ClientSecrets, Google, google_of_token_uri
from calendar_sync.grants.credentials import check_google
from calendar_sync.grants.grant import Grant
from calendar_sync.grants.token_file import TokenFile
from calendar_sync.home import Home

TIMEOUT = 20.0  # seconds
SHORT_TIMEOUT = 5.0  # for what a person need not wait for


def revoke_grant(home: Home, file: TokenFile, secrets: ClientSecrets | None) -> None:
    """Revoke the stored grant; the caller holds its lock. Raises TryLater when Google is down.

    A grant Google does not know any more counts as revoked.
    """
    try:
        grant = file.read()
    except ConsentNeeded:  # whole, but without a refresh token: nothing lives at Google
        _remove(file)
        return
    _end(grant, check_google(grant, secrets, home), TIMEOUT)
    _remove(file)


def end_replaced(old: Grant, new: Grant, google: Google) -> str:
    """End the grant that a consent has replaced, where that is safe; return what to warn of.

    Called when the new one is stored. Nothing is ever sent to another Google than the new one's.
    """
    if not old.client_id or _project_of(old.client_id) == _project_of(new.client_id):
        return ""
    try:
        if not google.is_same_as(google_of_token_uri(old.token_uri, "the replaced grant")):
            return "The grant it replaces belongs to another Google and was not revoked."
        _end(old, google, SHORT_TIMEOUT)
    except CalendarSyncError as error:
        where = "https://myaccount.google.com/permissions"
        return f"The grant it replaces was not revoked: {error.message} End it at {where}"
    return ""


def _project_of(client_id: str | None) -> str:
    """Return the project's number, which begins the ids of all its clients."""
    return (client_id or "").partition("-")[0]


def _end(grant: Grant, google: Google, timeout: float) -> None:
    import requests

    session = requests.Session()
    session.trust_env = not google.is_local
    session.auth = lambda prepared: prepared  # no ~/.netrc adds a header of its own
    try:
        answer = session.post(
            google.revoke_uri,
            data={"token": grant.refresh_token},  # in the body: addresses end up in logs
            timeout=timeout,
            allow_redirects=False,
        )
    except requests.RequestException:
        raise _not_now("cannot be reached") from None
    if not _is_over(answer.status_code, answer.content):
        raise _not_now(f"answers {answer.status_code}, not in Google's way")


def _is_over(status: int, body: bytes) -> bool:
    """Say whether the answer means that the grant lives no more; a login page means nothing."""
    if status == 200 and not body.strip():  # RFC 7009 section 2.2 asks for no body
        return True
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    if not isinstance(value, dict) or status not in (200, 400):
        return False
    return status == 200 or value.get("error") in ("invalid_token", "invalid_grant")


def _not_now(why: str) -> TryLater:
    return TryLater(
        f"The revocation server {why}.",
        "So the local copy stays. Run again later, or remove the app at https://myaccount.google.com/permissions",
    )


def _remove(file: TokenFile) -> None:
    try:
        file.path.unlink(missing_ok=True)
        sync_folder(file.path.parent)
    except OSError as error:
        raise cannot_write(file.path, error) from error
