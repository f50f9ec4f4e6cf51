"""The mirror's own troubles: damaged, truncated, of another version, on a full disk."""

from __future__ import annotations

import datetime as dt
import os
import resource
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from export_steps import ADA, TEAM, add_singles, check_manifest, contents, report, stamps

from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.mirror import DamagedMirror, Mirror
from calendar_sync.mirror_file import check_mirror, open_mirror, was_left_open, with_mirror
from calendar_sync.schema import upgrade, version_of

if TYPE_CHECKING:
    from conftest import HomeFolder


@pytest.mark.parametrize("umask", [0, 0o777])
def test_nobody_else_can_read_the_mirror_nor_its_companions(tmp_path: Path, umask: int) -> None:
    """Whatever the umask, and from the first byte; one that was made open is closed."""
    path = tmp_path / "state" / "mirror.sqlite3"
    modes: list[int] = []

    def look(event: str, arguments: tuple[object, ...]) -> None:
        if event == "sqlite3.connect" and str(arguments[0]) == str(path):
            modes.append(path.stat().st_mode & 0o777)

    sys.addaudithook(look)
    before = os.umask(umask)
    try:
        for _ in range(2):
            with closing(open_mirror(path)) as mirror, mirror.transaction():
                found = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
            path.chmod(0o644)
    finally:
        os.umask(before)
    assert found == dict.fromkeys([path.name, f"{path.name}-wal", f"{path.name}-shm"], 0o600)
    assert modes == [0o600, 0o600]


def _garbage(path: Path) -> None:
    path.write_bytes(b"this is no database at all\n" * 4000)


def _truncated(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def _spoiled_inside(path: Path) -> None:
    """Leave the header: it opens, and breaks when the first resource is looked at."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))


def _without_tables(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE something_else (key INTEGER)")


def _of_a_later_version(path: Path) -> None:
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize(
    "damage", [_garbage, _truncated, _spoiled_inside, _without_tables, _of_a_later_version]
)
def test_a_damaged_mirror_is_moved_aside_and_all_is_read_anew(
    home: HomeFolder, google: LocalGoogle, damage: Callable[[Path], None]
) -> None:
    """Named in a warning, kept for whoever wants to look; the same run ends well, files unchanged."""
    add_singles(google, TEAM, 40)
    home.run("export")
    before = stamps(home.exports)
    damage(home / "state/mirror.sqlite3")
    found = report(home)
    assert "mirror was damaged" in found["stderr"]
    assert any("mirror.damaged-" in warning for warning in found["warnings"])
    assert {calendar["read"] for calendar in found["calendars"]} == {"full (first read)"}
    assert stamps(home.exports) == before
    [aside] = (home / "state").glob("mirror.damaged-*.sqlite3")
    assert aside.stat().st_size > 0
    assert report(home)["warnings"] == []


def test_a_mirror_that_breaks_in_the_middle_of_a_run_is_replaced_in_the_same_run(
    home: HomeFolder, google: LocalGoogle
) -> None:
    """The damage lies where only a change makes us look."""
    google.control("load_events", calendar=TEAM, count=400, seed=1)
    home.run("export")
    mirror = home / "state/mirror.sqlite3"
    with sqlite3.connect(mirror) as opened:
        [(page,)] = opened.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'resources_of_series'"
        )
        [(size,)] = opened.execute("PRAGMA page_size")
    with mirror.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)
    add_singles(google, TEAM, 1)
    found = report(home)
    assert "mirror was damaged" in found["stderr"]
    assert found["by_id"][TEAM]["read"] == "full (first read)"
    assert check_manifest(home.exports)
    fresh = contents(home.exports)
    home.run("export", "--full")
    assert contents(home.exports) == fresh


def test_a_backfill_survives_a_damaged_mirror_too(home: HomeFolder) -> None:
    home.run("export")
    _garbage(home / "state/mirror.sqlite3")
    done = home.run("backfill", "--from", "2026-03-01", "--to", "2026-04-01")
    assert "mirror was damaged" in done.stderr


# -- upgrades and checks ---------------------------------------------------------------------------

VERSION_1 = Path(__file__).parent / "data" / "mirror_version_1.sql"


def _as_version_1_had_it(path: Path) -> None:
    """Put what a mirror holds into a file that version 1 made."""
    older = path.with_name("older.sqlite3")
    with closing(sqlite3.connect(older)) as made:
        made.executescript(VERSION_1.read_text(encoding="utf-8"))
        made.execute("ATTACH ? AS newer", (str(path),))
        for table in ("calendars", "resources", "runs", "slices", "published"):
            made.execute(f"INSERT INTO {table} SELECT * FROM newer.{table}")
        made.commit()
    for companion in path.parent.glob(f"{path.name}*"):
        companion.unlink()
    older.rename(path)


def test_a_mirror_of_version_1_is_kept(home: HomeFolder, google: LocalGoogle) -> None:
    """Nothing is read anew, its history stays, and from now on changes are listed."""
    home.run("export")
    before = stamps(home.exports)
    _as_version_1_had_it(home / "state/mirror.sqlite3")
    assert home.run("history").stdout.count("\n") == 1
    assert home.run("changes").stdout == ""
    found = report(home)
    assert found["warnings"] == []
    assert {calendar["read"] for calendar in found["calendars"]} == {"changes"}
    assert stamps(home.exports) == before
    add_singles(google, TEAM, 1)
    home.run("export")
    assert home.run("changes").stdout.count("\n") == 1
    assert home.run("history").stdout.count("\n") == 3


def test_a_new_mirror_is_the_one_that_an_old_one_grows_into(tmp_path: Path) -> None:
    old, new = tmp_path / "old.sqlite3", tmp_path / "new.sqlite3"
    with closing(sqlite3.connect(old)) as made:
        made.executescript(VERSION_1.read_text(encoding="utf-8"))
    schemas = []
    for path in (old, new):
        with closing(open_mirror(path)) as mirror:
            rows = mirror.connection.execute("SELECT name, sql FROM sqlite_schema ORDER BY name")
            schemas.append(rows.fetchall())
    assert schemas[0] == schemas[1]


def test_an_upgrade_that_is_killed_leaves_the_old_version(tmp_path: Path) -> None:
    """All tables or none, and the version with them."""
    path = tmp_path / "mirror.sqlite3"
    with closing(sqlite3.connect(path)) as made:
        made.executescript(VERSION_1.read_text(encoding="utf-8"))
        made.execute("CREATE TABLE marks (other TEXT)")  # the last step of the upgrade fails
        with pytest.raises(sqlite3.OperationalError):
            upgrade(made)
    with closing(sqlite3.connect(path)) as found:
        assert version_of(found) == 1
        tables = {name for (name,) in found.execute("SELECT name FROM sqlite_schema")}
    assert "changes" not in tables


NOW = dt.datetime(2026, 6, 10, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("hours", "was_left_open", "is_found"),
    [(1, False, False), (25, False, True), (-1, False, True), (1, True, True)],
    ids=["an hour later", "a day later", "the clock was set back", "after a kill"],
)
def test_the_whole_file_is_looked_through_once_a_day_and_after_an_unclean_end(
    tmp_path: Path, hours: int, was_left_open: bool, is_found: bool
) -> None:
    """Damage where no run would look is found all the same, but not at the cost of every run."""
    path = tmp_path / "mirror.sqlite3"
    with closing(open_mirror(path)) as mirror:
        check_mirror(mirror, NOW, was_left_open=False)
        [(page,)] = mirror.connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'slices'"
        )
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xa5" * 4096)
    later = NOW + dt.timedelta(hours=hours)
    with closing(open_mirror(path)) as mirror:
        if is_found:
            with pytest.raises(DamagedMirror):
                check_mirror(mirror, later, was_left_open=was_left_open)
        else:
            check_mirror(mirror, later, was_left_open=was_left_open)


def test_who_only_reads_leaves_no_doubt_about_the_mirror(home: HomeFolder) -> None:
    """`status` has SQLite make a log beside the file and leave it there, empty."""
    home.run("export")
    home.run("status")
    log = home / "state/mirror.sqlite3-wal"
    assert log.exists()
    assert not was_left_open(home / "state/mirror.sqlite3")
    log.write_bytes(b"something")
    assert was_left_open(home / "state/mirror.sqlite3")


# -- a new one ---------------------------------------------------------------------------------------


def _mark(mirror: Mirror, value: str) -> None:
    with mirror.transaction():
        mirror.connection.execute("INSERT OR REPLACE INTO marks VALUES ('test', ?)", (value,))


def _marked(mirror: Mirror) -> str:
    query = "SELECT value FROM marks WHERE name = 'test'"
    return str(mirror.connection.execute(query).fetchone()[0])


def test_a_new_mirror_is_made_beside_its_place_and_moved_there_when_settled(tmp_path: Path) -> None:
    """Without a log there, so that its first listing is written once; with one from then on."""
    path = tmp_path / "state" / "mirror.sqlite3"

    def work(mirror: Mirror, _: list[str]) -> list[str]:
        _mark(mirror, "kept")
        [draft] = path.parent.iterdir()
        assert draft.name.startswith(".calendar-sync-") and draft.stat().st_mode & 0o777 == 0o600
        mirror.settle()
        return [_marked(mirror), *mirror.connection.execute("PRAGMA journal_mode").fetchone()]

    assert with_mirror(path, lambda: NOW, work) == ["kept", "wal"]
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o777 == 0o600
    assert with_mirror(path, lambda: NOW, lambda mirror, _: _marked(mirror)) == "kept"


def test_what_is_closed_without_being_settled_is_kept_too(tmp_path: Path) -> None:
    """A first run that fails before its first listing leaves its history."""
    path = tmp_path / "mirror.sqlite3"
    with_mirror(path, lambda: NOW, lambda mirror, _: _mark(mirror, "kept"))
    with closing(open_mirror(path)) as mirror:
        assert _marked(mirror) == "kept"


def test_what_a_killed_run_and_a_lost_mirror_left_does_not_touch_a_new_one(tmp_path: Path) -> None:
    """SQLite would take the log of a lost mirror for the new one's, and spoil it."""
    path = tmp_path / "mirror.sqlite3"
    with closing(open_mirror(path)) as mirror:
        _mark(mirror, "old " * 10_000)
        log = path.with_name(f"{path.name}-wal").read_bytes()
        (tmp_path / ".calendar-sync-mirror.sqlite3").write_bytes(path.read_bytes())
    path.unlink()
    path.with_name(f"{path.name}-wal").write_bytes(log)
    with_mirror(path, lambda: NOW, lambda mirror, _: _mark(mirror, "new"))
    with closing(open_mirror(path)) as mirror:
        assert _marked(mirror) == "new"
        assert mirror.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert list(tmp_path.glob(".calendar-sync-*")) == []


# -- no room, no permission ------------------------------------------------------------------------


def _at_most(size: int) -> Callable[[], None]:
    """Let the program write no file that is larger; the system then refuses as on a full disk."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_file_that_cannot_be_written_is_73_and_the_last_good_ones_stay(
    home: HomeFolder, google: LocalGoogle
) -> None:
    """The limit stops the CSV, after the mirror took everything; the next run publishes it."""
    home.run("export")
    before = stamps(home.exports)
    [event] = add_singles(google, ADA, 1)
    done = home.run("export", expect=73, preexec_fn=_at_most(160_000))
    assert "ada-lovelace.csv" in done.stderr and "larger than" in done.stderr
    assert "Traceback" not in done.stderr
    after = stamps(home.exports)
    assert {name for name in before if before[name] != after[name]} <= {"ada-lovelace.ics"}
    assert after.keys() == before.keys()
    home.run("export")
    check_manifest(home.exports)
    assert event.encode() in contents(home.exports)["ada-lovelace.csv"]


def test_a_mirror_that_cannot_grow_is_73_and_nothing_is_lost(
    home: HomeFolder, google: LocalGoogle
) -> None:
    home.run("export")
    before = contents(home.exports)
    google.control("load_events", calendar=TEAM, count=2000, seed=5)
    done = home.run("export", expect=73, preexec_fn=_at_most(300_000))
    assert "mirror.sqlite3" in done.stderr and "Traceback" not in done.stderr
    assert contents(home.exports) == before
    home.run("export")
    check_manifest(home.exports)
    home.run("export", "--full")


def test_a_first_run_without_room_is_73_and_the_next_one_is_whole(home: HomeFolder) -> None:
    for limit in (0, 1000, 30_000, 60_000):
        done = home.run("export", expect=73, preexec_fn=_at_most(limit))
        assert "Traceback" not in done.stderr and "bug" not in done.stderr
    home.run("export")
    assert len(check_manifest(home.exports)) == 5
    assert list(home.exports.glob(".calendar-sync-*")) == []


@pytest.mark.parametrize("folder", ["exports", "state"])
def test_a_read_only_folder_is_73_and_names_it(
    home: HomeFolder, google: LocalGoogle, folder: str
) -> None:
    home.run("export")
    before = contents(home.exports)
    add_singles(google, TEAM, 1)
    (home / folder).chmod(0o500)
    if folder == "state":
        (home / "state/mirror.sqlite3").chmod(0o400)
    try:
        done = home.run_obeying_modes("export", expect=73)
    finally:
        (home / folder).chmod(0o700)
    assert f"/{folder}" in done.stderr and "Traceback" not in done.stderr
    assert contents(home.exports) == before
    (home / "state/mirror.sqlite3").chmod(0o600)
    home.run("export")
    assert contents(home.exports) != before
