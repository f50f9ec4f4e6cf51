"""What the stories of service accounts and organisations share: a key, and a domain of users."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from calendar_sync.emulator.local_google import LocalGoogle

if TYPE_CHECKING:
    from conftest import HomeFolder

ADMIN = "admin@example.com"


def write_key(home: HomeFolder, **changes: Any) -> Path:
    """Write a genuine-looking service-account key into a home on its local Google."""
    return write_key_of(home.google, home.folder, **changes)


def write_key_of(google: LocalGoogle, folder: Path, **changes: Any) -> Path:
    """Write a genuine-looking service-account key that belongs to the local Google."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    content = {
        "type": "service_account",
        "project_id": "invented",
        "private_key_id": "0" * 40,
        "private_key": pem,
        "client_email": "exporter@invented.iam.gserviceaccount.com",
        "client_id": "0" * 21,
        "token_uri": google.url + "/token",
        **changes,
    }
    path = folder / "key.json"
    path.write_text(json.dumps(content))
    path.chmod(0o600)
    return path


def add_users(google: LocalGoogle, count: int, events: int = 3) -> list[str]:
    """Add people with a small calendar each: some events, one of them a series."""
    people = [f"user{number:04}@example.com" for number in range(count)]
    for person in people:
        google.control("add_account", account=person)
        google.control("add_calendar", account=person, calendar=person, summary=person)
        google.control("add_events", calendar=person, events=_events(person, events))
    return people


def _events(person: str, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for number in range(count):
        day = f"2026-05-{number % 28 + 1:02}"
        event: dict[str, Any] = {
            "summary": f"Meeting {number} of {person}",
            "start": {"dateTime": f"{day}T10:00:00+02:00", "timeZone": "Europe/Berlin"},
            "end": {"dateTime": f"{day}T11:00:00+02:00", "timeZone": "Europe/Berlin"},
        }
        if number == 0:
            event["recurrence"] = ["RRULE:FREQ=WEEKLY;COUNT=10"]
        found.append(event)
    return found


def organisation(users: object, *more: str) -> str:
    """The configuration of an organisation called acme."""
    lines = ["[[account]]", 'name = "acme"', 'service_account = "key.json"']
    return "\n".join([*more, *lines, f"users = {json.dumps(users)}"]) + "\n"
