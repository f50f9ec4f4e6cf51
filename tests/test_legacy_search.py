"""A person who does not know where the old job wrote its token can point at a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from calendar_sync.errors import WrongUsage
from calendar_sync.legacy.kinds import LARGEST
from calendar_sync.legacy.reading import Kind, find_candidates

TOKENS = Path(__file__).parent / "data" / "tokens"


def sample(name: str) -> bytes:
    return (TOKENS / name).read_bytes()


def test_token_files_are_found_one_level_down_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "cron" / "deep").mkdir(parents=True)
    for place in ("calendar.dat", "cron/calendar.dat", "cron/deep/calendar.dat"):
        (tmp_path / place).write_bytes(sample("o2c-4.1.3-calendar.dat"))
    (tmp_path / "oauth").write_bytes(sample("google-auth-2.17.3-py310-token.pickle"))
    (tmp_path / "cache.pickle").write_bytes(b"\x80\x04}.")
    (tmp_path / "client_secrets.json").write_bytes(sample("client_secrets-installed.json"))
    (tmp_path / "empty.dat").touch()
    (tmp_path / "large").write_bytes(b"{}".ljust(LARGEST + 1))
    (tmp_path / "link").symlink_to(tmp_path / "calendar.dat")
    (tmp_path / "folder-link").symlink_to(tmp_path / "cron")
    assert find_candidates(tmp_path) == [
        (tmp_path / "calendar.dat", Kind.OAUTH2CLIENT),
        (tmp_path / "cron" / "calendar.dat", Kind.OAUTH2CLIENT),
        (tmp_path / "oauth", Kind.PICKLE),
    ]


def test_a_folder_that_cannot_be_listed_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match="Cannot look into"):
        find_candidates(tmp_path / "absent")
