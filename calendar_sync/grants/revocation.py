"""End the grant at Google (RFC 7009), then remove the local copy; in this order, never half."""

from __future__ import annotations

import msgspec

from calendar_sync.errors import ConsentNeeded, TryLater, cannot_write
from calendar_sync.files import sync_folder
from calendar_sync.grants.client_secrets import ClientSecrets
from calendar_sync.grants.credentials import check_google
from calendar_sync.grants.token_file import TokenFile
from calendar_sync.home import Home

TIMEOUT = 20.0


def revoke_grant(home: Home, file: TokenFile, secrets: ClientSecrets | None) -> None:
    """Revoke the stored grant; the caller holds its lock. Raises TryLater when Google is down.

    A grant Google does not know any more counts as revoked.
    """
    import requests

    try:
        grant = file.read()
    except ConsentNeeded:  # whole, but without a refresh token: nothing lives at Google
        _remove(file)
        return
    google = check_google(grant, secrets, home)
    session = requests.Session()
    session.trust_env = not google.is_local
    session.auth = lambda prepared: prepared  # no ~/.netrc adds a header of its own
    try:
        answer = session.post(
            google.revoke_uri,
            data={"token": grant.refresh_token},  # in the body: addresses end up in logs
            timeout=TIMEOUT,
            allow_redirects=False,
        )
    except requests.RequestException:
        raise _not_now("cannot be reached") from None
    if not _is_over(answer.status_code, answer.content):
        raise _not_now(f"answers {answer.status_code}, not in Google's way")
    _remove(file)


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
        f"The revocation server {why}; the local copy stays.",
        "Run again later, or remove the app at https://myaccount.google.com/permissions",
    )


def _remove(file: TokenFile) -> None:
    try:
        file.path.unlink(missing_ok=True)
        sync_folder(file.path.parent)
    except OSError as error:
        raise cannot_write(file.path, error) from error
