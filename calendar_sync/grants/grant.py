"""What the user gave: the content of token.json, a superset of google-auth's authorized-user JSON.

Google's rules about a grant's life: https://developers.google.com/identity/protocols/oauth2#expiration
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from calendar_sync.decoding import decoded
from calendar_sync.errors import ConsentNeeded, DamagedInput

FRESH_FOR = 225  # seconds an access token must still live to be used; google-auth's own margin
TESTING_DAYS = 7
UNUSED_DAYS, UNUSED_WARNING_DAYS = 180, 150  # Google ends a grant not used for six months
WARN_BEFORE = dt.timedelta(days=2)  # from the fifth day of seven
WARN_LONG_BEFORE = dt.timedelta(days=14)  # of a grant that a person limited to half a year


@decoded
class Grant(msgspec.Struct, frozen=True, omit_defaults=True):
    """A refresh token and what we know of it. Times are RFC 3339 in UTC. Secrets never in `repr`."""

    refresh_token: str
    token: str | None = None
    token_uri: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    scopes: tuple[str, ...] | None = None
    expiry: str | None = None
    universe_domain: str = ""
    account: str = ""
    granted_scopes: tuple[str, ...] | None = None
    consented_at: str | None = None
    refresh_token_expires_at: str | None = None
    issued_at: str | None = None
    expires_in: int | None = None
    token_type: str | None = None
    version: int = 1

    def __repr__(self) -> str:
        return f"Grant(account={self.account!r}, consented_at={self.consented_at!r})"

    def to_json(self) -> bytes:
        """Serialise for token.json; google-auth reads it back."""
        value = {key: item for key, item in msgspec.to_builtins(self).items() if item is not None}
        value["universe_domain"] = self.universe_domain or "googleapis.com"
        value["account"] = self.account
        value["version"] = self.version
        return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"

    def access_token_lives(self, now: dt.datetime) -> bool:
        """Whether the stored access token can still be used, by clocks that may have jumped."""
        expiry = read_instant(self.expiry)
        if not self.token or expiry is None:
            return False
        lifetime = self.expires_in or 3600
        left = (expiry - now).total_seconds()
        # A token that lives shorter than the margin would be refreshed before every request; one
        # that lives longer than it was given says that our clock was wrong then or is now.
        return min(FRESH_FOR, lifetime / 2) < left <= lifetime + 300

    def warning(self, now: dt.datetime) -> str | None:
        """Say that the grant will end soon and why, None when nothing is known to end it."""
        ends = read_instant(self.refresh_token_expires_at)
        if ends is not None and ends - now <= self._warn_before(ends):
            word = "ended" if ends <= now else "ends"
            return f"The grant {word} on {ends:%Y-%m-%d %H:%M} UTC: {self._why_it_ends(ends)}"
        used = self._last_used()
        if used is not None and now - used >= dt.timedelta(days=UNUSED_WARNING_DAYS):
            return (
                f"The grant was last used on {used:%Y-%m-%d}; Google ends it after six unused months."
                " Run: calendar-sync export"
            )
        return None

    def _last_used(self) -> dt.datetime | None:
        """Return when it was refreshed last, within an hour; google-auth writes only the expiry."""
        return read_instant(self.issued_at) or read_instant(self.expiry)

    def _lives_days(self, ends: dt.datetime) -> float | None:
        given = read_instant(self.consented_at)
        return None if given is None else (ends - given) / dt.timedelta(days=1)

    def _warn_before(self, ends: dt.datetime) -> dt.timedelta:
        days = self._lives_days(ends) or 0
        return WARN_BEFORE if days <= TESTING_DAYS + 1 else WARN_LONG_BEFORE

    def _why_it_ends(self, ends: dt.datetime) -> str:
        days = self._lives_days(ends)
        if days is not None and days > TESTING_DAYS + 1:
            return (
                f"it was given for {days:.0f} days only. Allow it without an end next time:"
                " calendar-sync consent"
            )
        return (
            "Google limits it, probably because the app's publishing status is 'Testing'. Publish it"
            " to 'Production', then run: calendar-sync consent"
        )

    def with_probable_end(self, before: Grant | None, died_at: dt.datetime | None) -> Grant:
        """Expect the end of a seven-day grant where Google names none but the last one died so.

        That is what an app in Testing status gives; a wrong guess costs a warning.
        """
        given = read_instant(before.consented_at) if before else None
        now = read_instant(self.consented_at)
        if self.refresh_token_expires_at or given is None or died_at is None or now is None:
            return self
        if not TESTING_DAYS - 1 <= (died_at - given).total_seconds() / 86400 <= TESTING_DAYS + 1:
            return self
        end = now + dt.timedelta(days=TESTING_DAYS)
        return msgspec.structs.replace(self, refresh_token_expires_at=write_instant(end))

    def age_days(self, now: dt.datetime) -> int | None:
        """Count whole days since the consent, None when its date is unknown."""
        consented = read_instant(self.consented_at)
        return None if consented is None else max(0, (now - consented).days)

    def why_it_may_have_died(self, now: dt.datetime) -> str:
        """Explain a dead grant by its age, and by how long it is known to have lived."""
        age, last_used = self.age_days(now), self._last_used()
        lived = self.age_days(last_used) if last_used else None
        for days, words in ((age, "It is {} days old"), (lived, "It last worked at {} days")):
            if days is not None and TESTING_DAYS - 1 <= days <= TESTING_DAYS + 1:
                return (
                    f"{words.format(days)}: while an app's publishing status is 'Testing', Google ends"
                    " every grant after 7 days. Publish the app to 'Production' in Google Cloud (it may"
                    " stay unverified), then consent once more; see credentials/README.md."
                )
        ends = read_instant(self.refresh_token_expires_at)
        if ends is not None and ends <= now:
            return f"It ended on {ends:%Y-%m-%d %H:%M} UTC: {self._why_it_ends(ends)}."
        causes = ["revoked (by the user, or by an administrator)", "replaced by many newer ones"]
        used = last_used or read_instant(self.consented_at)
        if used is None or now - used >= dt.timedelta(days=UNUSED_DAYS):
            causes.append("unused for six months")
        if age is None or (age > TESTING_DAYS + 1 and (lived is None or lived < TESTING_DAYS - 1)):
            causes.append("given to an app in 'Testing' status, whose grants live 7 days")
        return f"It was {', or '.join(causes)}."


def parse_grant(content: bytes, name: str) -> Grant:
    """Read token.json. Raises DamagedInput for what is no grant file, ConsentNeeded without a grant.

    Accepts what google-auth wrote in any version, also `scopes` as one string.
    """
    try:
        value = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        what = "is empty" if not content.strip() else "is damaged (not whole JSON)"
        raise _damaged(f"{name} {what}.") from error
    if not isinstance(value, dict):
        raise _damaged(f"{name} is not a token store: it holds no JSON object.")
    if "installed" in value or "web" in value:
        raise _damaged(f"{name} is a client_secrets.json, not a token store.")
    if "_module" in value or "data" in value or "credentials" in value:
        raise DamagedInput(
            f"{name} is an old oauth2client file.",
            f"Move it away, then: calendar-sync migrate {name}",
        )
    if value.get("type") == "service_account":
        raise _damaged(f"{name} is a service-account key, not a token store.")
    refresh_token = value.get("refresh_token")
    if not isinstance(refresh_token, str) or not refresh_token.strip():
        raise ConsentNeeded(f"{name} holds no refresh token, so nothing can be refreshed.")
    return _convert(value, name)


def _convert(value: dict[str, Any], name: str) -> Grant:
    for key in ("scopes", "granted_scopes"):
        if isinstance(value.get(key), str):
            value[key] = value[key].split()
    known = {key: item for key, item in value.items() if item is not None}
    try:
        return msgspec.convert(known, Grant, strict=False)
    except msgspec.MsgspecError as error:
        raise _damaged(f"{name} has a field of the wrong type: {error}.") from error


def _damaged(message: str) -> DamagedInput:
    hint = "Nothing was changed. Move the file away and run: calendar-sync consent"
    return DamagedInput(message, hint)


def read_instant(text: str | None) -> dt.datetime | None:
    """Read any RFC 3339 time, also google-auth's zoneless UTC; None for what cannot be read."""
    if not text:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return moment.replace(tzinfo=dt.UTC)
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:
        return None


def write_instant(moment: dt.datetime) -> str:
    """Write a time as RFC 3339 in UTC with `Z`, whole seconds."""
    utc = moment.astimezone(dt.UTC).replace(microsecond=0, tzinfo=None)
    return utc.isoformat() + "Z"
