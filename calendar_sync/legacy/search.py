"""Token files of other programs lying in a folder: the only part of the migration that looks.

sample_tools wrote `calendar.dat` into the folder a cron job happened to run in, so people have to
search for it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from calendar_sync.errors import WrongUsage
from calendar_sync.legacy.kinds import LARGEST, TOKEN_KINDS, Kind, recognise


def find_candidates(folder: Path) -> list[tuple[Path, Kind]]:
    """List the token files in `folder` and its direct subfolders, ordered by path.

    Looks at regular files up to 64 KiB, follows no link, skips what it may not read. Raises
    WrongUsage if `folder` itself cannot be listed.
    """
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise WrongUsage(f"Cannot look into {folder}: {error.strerror}.") from error
    paths = sorted([*entries, *(path for entry in entries for path in _inside(entry))])
    kinds = [(path, _token_kind(_content(path))) for path in paths]
    return [(path, kind) for path, kind in kinds if kind]


def _token_kind(data: bytes) -> Kind | None:
    kind = recognise(data)
    if kind is Kind.PICKLE and b"google.oauth2" not in data:
        return None  # anybody's cache
    return kind if kind in TOKEN_KINDS else None


def _inside(entry: Path) -> Iterator[Path]:
    try:
        if entry.is_dir() and not entry.is_symlink():
            yield from entry.iterdir()
    except OSError:
        return


def _content(path: Path) -> bytes:
    """Return what a small regular file holds, and nothing for all else."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
            return b""
        # O_NONBLOCK: it may have become a pipe since.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(LARGEST + 1)
    except OSError:
        return b""
