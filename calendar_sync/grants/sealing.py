"""Optional encryption of token.json at rest: protects backups and snapshots, not a stolen host.

Fernet (AES-128-CBC with HMAC-SHA256), from `cryptography`, which google-auth brings anyway. The key
comes from a file, or from systemd's credentials; it is never stored beside what it locks.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from calendar_sync.decoding import decoded
from calendar_sync.errors import WrongConfiguration

_MARK = "calendar-sync-sealed"


@decoded
class Sealed(msgspec.Struct):
    """What an encrypted token.json holds."""

    format: str
    content: str
    version: int = 1


class Seal:
    """Locks and unlocks with one key."""

    def __init__(self, key: bytes, origin: str) -> None:
        from cryptography.fernet import Fernet  # a tenth of a second, only for those who encrypt

        self.origin = origin
        try:
            self._fernet = Fernet(key)
        except ValueError:
            raise WrongConfiguration(
                f"{origin} holds no key for encryption.",
                "Make one: python3 -c 'from cryptography.fernet import Fernet;"
                " print(Fernet.generate_key().decode())'",
            ) from None

    def close(self, content: bytes) -> bytes:
        """Encrypt."""
        sealed = Sealed(_MARK, self._fernet.encrypt(content).decode())
        return msgspec.json.encode(sealed) + b"\n"

    def open(self, content: bytes, name: str) -> bytes:
        """Decrypt. A wrong key raises WrongConfiguration and never leads to a new consent."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(msgspec.json.decode(content, type=Sealed).content)
        except (InvalidToken, msgspec.MsgspecError):
            raise WrongConfiguration(
                f"{self.origin} does not open {name}: it is the wrong key, or the file is damaged.",
                "Bring back the key it was encrypted with; nothing was changed.",
            ) from None


def is_sealed(content: bytes) -> bool:
    """Whether the content is an encrypted token.json."""
    try:
        return msgspec.json.decode(content, type=Sealed).format == _MARK
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def read_key(where: str, home: Path) -> Seal:
    """Read the key that `token_key` names: a file, or `systemd:NAME`. Raises WrongConfiguration."""
    if where.startswith("systemd:"):
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise WrongConfiguration(
                f"token_key is {where!r}, but this is no systemd service with credentials.",
                "Add LoadCredential= to the unit, or name a file.",
            )
        path = Path(folder) / where.removeprefix("systemd:")
    else:
        path = home / Path(where).expanduser()
    try:
        return Seal(path.read_bytes().strip(), str(path))
    except OSError as error:
        why = (error.strerror or "unknown reason").lower()
        raise WrongConfiguration(f"Cannot read the key {path}: {why}.", f"ls -l {path}") from error
