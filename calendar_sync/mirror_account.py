"""Whose calendars a mirror holds, for people to read: a mark in its file."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from calendar_sync.mirror import Mirror, open_to_look


def remember_account(mirror: Mirror, account: str | None) -> None:
    """Note whose calendars these are: the primary calendar's id is the account's address."""
    if account is not None:
        mirror.connection.execute("INSERT OR REPLACE INTO marks VALUES ('account', ?)", (account,))


def account_in(path: Path) -> str:
    """Return whose calendars the mirror at `path` holds, empty when it does not know; reads only."""
    if not path.exists():
        return ""
    query = "SELECT value FROM marks WHERE name = 'account'"
    try:
        connection = open_to_look(path)
        with contextlib.closing(connection):
            row = connection.execute(query).fetchone()
    except sqlite3.Error:
        return ""
    return str(row[0]) if row else ""


def forget_account(path: Path) -> None:
    """Forget whose calendars they are, because another grant came; the next run tells anew."""
    if not path.exists():
        return
    with contextlib.suppress(sqlite3.Error):
        connection = sqlite3.connect(path, isolation_level=None)
        with contextlib.closing(connection):
            connection.execute("DELETE FROM marks WHERE name = 'account'")
