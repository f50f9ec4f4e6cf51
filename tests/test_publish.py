"""A file is replaced whole and durably, or not at all; modes, links, no needless rewriting."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from export_steps import stamps

from calendar_sync.errors import CannotWrite
from calendar_sync.files import (
    TEMPORARY_PREFIX,
    draft,
    make_folder,
    remove_leftovers,
    replace_file,
)
from calendar_sync.publish import publish, publish_manifest, read_manifest

if TYPE_CHECKING:
    from conftest import HomeFolder


def test_a_draft_replaces_its_target_only_when_published(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    target.write_bytes(b"old")
    with draft(target) as new:
        new.file.write(b"new")
        new.file.flush()
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"old"
    with pytest.raises(ZeroDivisionError), draft(target) as new:
        new.file.write(b"%d" % (1 // 0))
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv"}
    with draft(target) as new:
        new.file.write(b"new")
        new.publish()
    assert target.read_bytes() == b"new"
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv"}


def test_who_has_the_old_file_open_keeps_it(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    target.write_bytes(b"old")
    with target.open("rb") as reader:
        replace_file(target, b"new")
        assert reader.read() == b"old"
    assert target.read_bytes() == b"new"


def test_the_same_bytes_are_not_written_again(tmp_path: Path) -> None:
    for _ in range(2):
        before = stamps(tmp_path)
        with draft(tmp_path / "a.csv") as new:
            new.file.write(b"same")
            found = publish(new, "csv", 3)
        assert (found.path, found.format, found.bytes, found.rows) == ("a.csv", "csv", 4, 3)
    assert stamps(tmp_path)["a.csv"] == before["a.csv"]


def test_a_manifest_is_written_again_only_for_the_data(tmp_path: Path) -> None:
    calendar = {"id": "a", "slug": "a", "events": 1, "synced_at": "2026-01-01T00:00:00Z"}
    assert publish_manifest(tmp_path, "1", "2026-01-01T00:00:00Z", [calendar])
    later = {**calendar, "synced_at": "2026-01-02T00:00:00Z"}
    assert not publish_manifest(tmp_path, "2", "2026-01-02T00:00:00Z", [later])
    assert read_manifest(tmp_path)["run_id"] == "1"
    assert publish_manifest(tmp_path, "3", "2026-01-02T00:00:00Z", [{**later, "events": 2}])
    assert read_manifest(tmp_path)["run_id"] == "3"


def test_leftovers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / f"{TEMPORARY_PREFIX}abc").touch()
    (tmp_path / ".hidden").touch()
    (tmp_path / "mine.txt").touch()
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".hidden", "mine.txt"}


def test_what_cannot_be_written_is_said_in_our_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match=r"Cannot write .*file"):
        make_folder(tmp_path / "file")
    with pytest.raises(CannotWrite), draft(tmp_path / "missing" / "a.csv"):
        pass


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_exports_have_the_users_modes_and_state_is_private(
    home: HomeFolder, mask: int, mode: int
) -> None:
    home.run("export", preexec_fn=lambda: os.umask(mask))
    modes = {stat.S_IMODE(path.stat().st_mode) for path in home.exports.iterdir()}
    assert modes == {mode}
    assert stat.S_IMODE((home / "state").stat().st_mode) == 0o700
    assert stat.S_IMODE(home.token.stat().st_mode) == 0o600
