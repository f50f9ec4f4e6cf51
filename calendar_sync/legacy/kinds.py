"""Which kind of file this is, by its content alone; a name proves nothing.

`~/.gcalcli_oauth` holds JSON or a pickle depending on the year, and an oauth2client file looks like
a google-auth one to google-auth. The order of the questions is the contract: first match wins, so
that every file is of exactly one kind.
"""

from __future__ import annotations

import json
import re
from enum import Enum

LARGEST = 64 * 1024

Fields = dict[str, object]


class Kind(Enum):
    """The kinds we can name; the value is what a person is told: "it is …"."""

    EMPTY = "an empty file"
    TOO_LARGE = "larger than any token file (64 KiB)"
    DAMAGED = "damaged: cut off, mixed up, or not text at all"
    UNKNOWN = "of no kind that calendar-sync knows"

    OAUTH2CLIENT = "an oauth2client file (calendar.dat)"
    OAUTH2CLIENT_OTHER = "an oauth2client file of a class that calendar-sync does not know"
    MULTISTORE = "an oauth2client multistore file"
    MULTIPROCESS = "an oauth2client multiprocess store"
    GOOGLE_AUTH = "a google-auth token file (token.json)"
    AUTHORIZED_USER = "an authorized-user file (Node quickstart)"
    PICKLE = "a Python pickle (token.pickle, gcalcli)"

    GO = "a Go oauth2 token"
    NODE = "a Node token"
    PHP = "a PHP token"
    OAUTHLIB = "an oauthlib token (vdirsyncer)"
    TOKEN_RESPONSE = "a bare token response"  # noqa: S105  words, not a password

    CLIENT_SECRETS = "an OAuth client file (client_secrets.json), not a token"
    CLIENT_SECRETS_FLAT = "the inner part of a client_secrets.json, not a token"
    SERVICE_ACCOUNT = "a service account's key, not a person's token"
    MACHINE_ACCOUNT = "the identity of a machine or workload, not a person's token"
    GCLOUD = "gcloud's own login (application default credentials)"
    RCLONE = "an rclone configuration"
    RCLONE_ENCRYPTED = "an encrypted rclone configuration"
    JAVA = "a Java StoredCredential"
    RUBY = "a Ruby token store (tokens.yaml)"


STORES = {Kind.MULTISTORE, Kind.MULTIPROCESS}
WITHOUT_CLIENT = {Kind.GO, Kind.NODE, Kind.PHP, Kind.OAUTHLIB, Kind.TOKEN_RESPONSE}
ONE_GRANT = WITHOUT_CLIENT | {Kind.OAUTH2CLIENT, Kind.GOOGLE_AUTH, Kind.AUTHORIZED_USER}
TOKEN_KINDS = ONE_GRANT | STORES | {Kind.PICKLE}

CONSENT = "Run: calendar-sync consent"
ADVICE = {
    Kind.TOO_LARGE: "Look for calendar.dat or token.json where the old job ran.",
    Kind.DAMAGED: "Restore it from a backup and migrate that, or run: calendar-sync consent",
    Kind.UNKNOWN: "Known are tokens of oauth2client, google-auth, Go, Node, PHP and vdirsyncer. "
    f"{CONSENT}",
    Kind.OAUTH2CLIENT_OTHER: f"Nothing that it names was imported. {CONSENT}",
    Kind.CLIENT_SECRETS: "Put it at credentials/client_secrets.json in the home, then run: "
    "calendar-sync consent",
    Kind.CLIENT_SECRETS_FLAT: 'Wrap it as {"installed": …}, or download it again from Google '
    "Cloud; put it at credentials/client_secrets.json, then run: calendar-sync consent",
    Kind.SERVICE_ACCOUNT: "Share the calendars with a person's account and, as that person, run: "
    "calendar-sync consent",
    Kind.MACHINE_ACCOUNT: "As the person whose calendars these are, run: calendar-sync consent",
    Kind.GCLOUD: f"It belongs to gcloud's client and was not given for calendars. {CONSENT}",
    Kind.RCLONE: f"rclone's tokens are for Drive and its like, not for calendars. {CONSENT}",
    Kind.RCLONE_ENCRYPTED: f"rclone's tokens are for Drive, not for calendars. {CONSENT}",
    Kind.JAVA: f"Java's serialised objects are not read here. {CONSENT}",
    Kind.RUBY: "Save the JSON inside the quotes as a file of its own and migrate that, or run: "
    "calendar-sync consent",
}

_PICKLE = re.compile(rb"\x80[\x02-\x05]|c[A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n|\(")
_JAVA = b"\xac\xed\x00\x05"
# Anchored to a line and without nested repeats: no text can make them slow.
_RCLONE_ENCRYPTED = re.compile(r"^RCLONE_ENCRYPT_V0:", re.MULTILINE)
_SECTION = re.compile(r"^\[[^\]\n]+\]", re.MULTILINE)
_TOKEN_SETTING = re.compile(r"^[ \t]*token[ \t]*=[ \t]*\{", re.MULTILINE)
_YAML_OF_JSON = re.compile(r"^[^\s#:{]+: +['\"]?\{", re.MULTILINE)

# The clients of `gcloud auth application-default login` and of `gcloud auth login`.
_GCLOUD_CLIENTS = ("764086051850-", "32555940559.")


def recognise(data: bytes) -> Kind:
    """Name the kind of `data`."""
    return examine(data)[0]


def examine(data: bytes) -> tuple[Kind, Fields]:
    """Name the kind of `data`, with the fields of the JSON object it is, if it is one."""
    if len(data) > LARGEST:
        return Kind.TOO_LARGE, {}
    if data.startswith(_JAVA):
        return Kind.JAVA, {}
    if _PICKLE.match(data):
        return Kind.PICKLE, {}
    text = _text(data)
    if text is None:
        return Kind.DAMAGED, {}
    if not text.strip():
        return Kind.EMPTY, {}
    if text.lstrip().startswith("{"):
        fields = json_object(text)
        return (Kind.DAMAGED, {}) if fields is None else (kind_of_object(fields), fields)
    return _kind_of_text(text), {}


def json_object(text: str) -> Fields | None:
    """Return the one JSON object that `text` is, or None.

    The parser's exceptions never leave here: they carry the whole text, tokens and all.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def kind_of_object(fields: Fields) -> Kind:
    """Name the kind of a JSON object."""
    if "installed" in fields or "web" in fields:
        return Kind.CLIENT_SECRETS
    if kind := _kind_by_type(fields):
        return kind
    if "_module" in fields and "_class" in fields:
        return _kind_by_class(fields["_module"], fields["_class"])
    if isinstance(fields.get("data"), list) and fields.get("file_version") == 1:
        return Kind.MULTISTORE
    if isinstance(fields.get("credentials"), dict) and fields.get("file_version") == 2:
        return Kind.MULTIPROCESS
    return _kind_by_keys(fields)


def _text(data: bytes) -> str | None:
    try:
        text = data.decode("utf-8-sig")  # Notepad adds a mark that json refuses
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _kind_by_type(fields: Fields) -> Kind | None:
    match fields.get("type"):
        case "service_account":
            return Kind.SERVICE_ACCOUNT
        case (
            "external_account"
            | "external_account_authorized_user"
            | "impersonated_service_account"
            | "gdch_service_account"
        ):
            return Kind.MACHINE_ACCOUNT
        case "authorized_user":
            client = fields.get("client_id")
            is_gcloud = isinstance(client, str) and client.startswith(_GCLOUD_CLIENTS)
            return Kind.GCLOUD if is_gcloud else Kind.AUTHORIZED_USER
    return None


def _kind_by_class(module: object, name: object) -> Kind:
    """Judge what an oauth2client file says of itself; oauth2client imported it, we compare."""
    if not (isinstance(module, str) and module.startswith("oauth2client.")):
        return Kind.OAUTH2CLIENT_OTHER
    match name:
        case "OAuth2Credentials" | "GoogleCredentials" | "AccessTokenCredentials":
            is_exact = module == "oauth2client.client"
            return Kind.OAUTH2CLIENT if is_exact else Kind.OAUTH2CLIENT_OTHER
        case (
            "ServiceAccountCredentials" | "_JWTAccessCredentials" | "SignedJwtAssertionCredentials"
        ):
            return Kind.SERVICE_ACCOUNT
        case "AppAssertionCredentials" | "DevshellCredentials":
            return Kind.MACHINE_ACCOUNT
    return Kind.OAUTH2CLIENT_OTHER


def _kind_by_keys(fields: Fields) -> Kind:
    keys = fields.keys()
    if "client_id" in keys and "auth_uri" in keys:
        return Kind.CLIENT_SECRETS_FLAT
    # `refresh_token` alone: what people type by hand, and google-auth reads.
    if "client_id" in keys and "access_token" not in keys:
        if keys & {"token", "token_uri", "refresh_token"}:
            return Kind.GOOGLE_AUTH
        return Kind.UNKNOWN
    if "access_token" not in keys:
        return Kind.UNKNOWN
    told_by = {"expiry": Kind.GO, "expiry_date": Kind.NODE, "created": Kind.PHP}
    told_by["expires_at"] = Kind.OAUTHLIB
    return next((kind for key, kind in told_by.items() if key in keys), Kind.TOKEN_RESPONSE)


def _kind_of_text(text: str) -> Kind:
    if _RCLONE_ENCRYPTED.search(text):
        return Kind.RCLONE_ENCRYPTED
    if _SECTION.search(text) and _TOKEN_SETTING.search(text):
        return Kind.RCLONE
    if _YAML_OF_JSON.search(text) and "_token" in text:
        return Kind.RUBY
    return Kind.UNKNOWN
