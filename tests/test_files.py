"""Replacing a file: whole, durable, and closed to others from its first byte."""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from calendar_sync.errors import CannotWrite, ExitCode
from calendar_sync.files import draft, make_folder, replace_file

OLD, NEW = b"old\n", b"new\n" * 50_000


def _child(code: str, *arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, with the names it needs imported."""
    head = "import os, sys\nfrom pathlib import Path\nfrom calendar_sync.files import *\n"
    command = [sys.executable, "-c", head + code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)  # type: ignore[call-overload, no-any-return]


def test_the_new_file_is_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    """Old bytes, then new ones; no draft stays."""
    target = tmp_path / "a.csv"
    target.write_bytes(OLD)
    replace_file(target, NEW)
    assert target.read_bytes() == NEW
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_a_draft_that_is_not_published_vanishes(tmp_path: Path) -> None:
    """Whatever ended the writing early costs nothing but the work."""
    target = tmp_path / "a.csv"
    target.write_bytes(OLD)
    with draft(target) as new:
        new.file.write(NEW)
    assert target.read_bytes() == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


# Prints the mode of every file in the folder at each step the system is asked for while replacing.
_WATCHING = """
folder = Path(sys.argv[1])
os.umask(0)
modes = set()
def watch(frame, event, argument):
    if not busy:
        busy.append(1)
        for entry in os.scandir(folder):
            modes.add(oct(entry.stat().st_mode & 0o777))
        busy.clear()
    return watch
busy = []
sys.setprofile(watch)
replace_file(folder / "token.json", b"x" * 300_000, secret=sys.argv[2] == "secret")
sys.setprofile(None)
print(sorted(modes))
"""


def test_a_secret_is_closed_from_its_first_byte(tmp_path: Path) -> None:
    """Even where the umask is 0: looked at before and after every call that is made."""
    done = _child(_WATCHING, tmp_path, "secret")
    assert done.stdout.strip() == "['0o600']", done.stderr


def test_an_export_gets_what_the_umask_gives(tmp_path: Path) -> None:
    """Others may read exports where the user lets them."""
    code = "os.umask(int(sys.argv[2], 8)); replace_file(Path(sys.argv[1]) / 'a', b'x')"
    for umask, wanted in (("022", 0o644), ("002", 0o664), ("077", 0o600)):
        assert _child(code, tmp_path, umask).returncode == 0
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == wanted


def test_a_secret_replaces_an_open_file_by_a_closed_one(tmp_path: Path) -> None:
    """The mode of what was there before does not matter."""
    target = tmp_path / "token.json"
    target.write_bytes(OLD)
    target.chmod(0o644)
    replace_file(target, NEW, secret=True)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_secret_folders_are_closed(tmp_path: Path) -> None:
    """0700 whatever the umask; made once, left alone afterwards."""
    _child("os.umask(0); make_folder(Path(sys.argv[1]), secret=True)", tmp_path / "state")
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    make_folder(tmp_path / "state", secret=True)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With the next thing to look at."""
    with pytest.raises(CannotWrite) as caught:
        replace_file(tmp_path / "no" / "a.csv", NEW)
    assert str(tmp_path / "no" / "a.csv") in caught.value.message
    assert caught.value.exit_code is ExitCode.CANNOT_WRITE
    assert caught.value.hint


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    """An exports/ that is a file is a person's mistake, not a bug."""
    (tmp_path / "exports").write_bytes(OLD)
    with pytest.raises(CannotWrite, match="exports: it is no folder"):
        make_folder(tmp_path / "exports")


@pytest.mark.parametrize("name", ["exports", "exports/next-7-days"])
def test_a_link_to_a_disk_that_is_not_mounted_is_told_as_one(tmp_path: Path, name: str) -> None:
    """Nothing is written on the wrong disk; mounted, the files go there."""
    nas = tmp_path / "nas" / "calendars"
    (tmp_path / "exports").symlink_to(nas)
    with pytest.raises(CannotWrite, match=f"exports: it is a link to {nas}, which is not there"):
        make_folder(tmp_path / name)
    assert not nas.parent.exists()
    nas.mkdir(parents=True)
    make_folder(tmp_path / name)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may search and read; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="changes to another user, which takes root")
def test_a_folder_without_permission_keeps_the_old_file(open_folder: Path) -> None:
    """Somebody else's folder: CannotWrite, and nothing has happened."""
    target = open_folder / "a.csv"
    target.write_bytes(OLD)
    code = (
        "from calendar_sync.errors import CannotWrite\n"
        "import tempfile, calendar_sync.hashing  # nobody may not read the library\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try: replace_file(Path(sys.argv[1]), b'new')\n"
        "except CannotWrite as error: print(error.message)\n"
    )
    done = _child(code, target)
    assert "permission denied" in done.stdout, done.stderr
    assert target.read_bytes() == OLD
    assert [path.name for path in open_folder.iterdir()] == ["a.csv"]


def test_a_file_larger_than_allowed_keeps_the_old_one(tmp_path: Path) -> None:
    """EFBIG arrives in the middle of the bytes; the draft goes, the old file stays."""
    target = tmp_path / "a.csv"
    target.write_bytes(OLD)
    code = (
        "import resource\n"
        "from calendar_sync.errors import CannotWrite\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: replace_file(Path(sys.argv[1]), b'new' * 100_000)\n"
        "except CannotWrite as error: print(error.message)\n"
    )
    done = _child(code, target)
    assert "larger than this system allows" in done.stdout, done.stderr
    assert target.read_bytes() == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_a_full_disk_keeps_the_old_file(tmp_path: Path) -> None:
    """A file system of 64 kB, really full: the message says so, the old file is whole."""
    full = tmp_path / "full"
    full.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(full)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small file system takes root and the right to mount")
    try:
        (full / "a.csv").write_bytes(OLD)
        with pytest.raises(CannotWrite, match="the disk is full"):
            replace_file(full / "a.csv", NEW)
        assert (full / "a.csv").read_bytes() == OLD
        assert [path.name for path in full.iterdir()] == ["a.csv"]
    finally:
        subprocess.run(["umount", str(full)], check=True)


@pytest.mark.parametrize("step", ["os.rename", "os.replace", "fsync"])
def test_killed_before_the_rename_leaves_the_old_file(tmp_path: Path, step: str) -> None:
    """kill -9 as late as can be: the draft is on the disk, its name is not yet the target's."""
    target = tmp_path / "a.csv"
    target.write_bytes(OLD)
    code = (
        "step = sys.argv[2]\n"
        "die = lambda *a: os.kill(os.getpid(), 9)\n"
        "if step == 'fsync':\n"
        "    os.fsync = die\n"
        "else:\n"
        "    sys.addaudithook(lambda event, _: event in ('os.rename', step) and die())\n"
        "replace_file(Path(sys.argv[1]), b'new' * 100_000)\n"
    )
    done = _child(code, target, step)
    assert done.returncode == -signal.SIGKILL
    assert target.read_bytes() == OLD


def test_readers_see_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    """Read again and again by another process while it is replaced: never a part."""
    target = tmp_path / "a.csv"
    target.write_bytes(b"a" * 100_000)
    code = (
        "for number in range(300):\n"
        "    replace_file(Path(sys.argv[1]), b'ab'[number % 2:][:1] * 100_000)\n"
    )
    head = "import sys\nfrom pathlib import Path\nfrom calendar_sync.files import replace_file\n"
    with subprocess.Popen([sys.executable, "-c", head + code, str(target)]) as writer:
        while writer.poll() is None:
            content = target.read_bytes()
            assert len(content) == 100_000
            assert len(set(content)) == 1
    assert writer.returncode == 0


def test_a_draft_knows_the_hash_of_what_was_written(tmp_path: Path) -> None:
    with draft(tmp_path / "file") as new:
        new.file.writelines([b"one", b"two" * 200_000])
        assert new.file.write(memoryview(b"three")) == 5
        digest, size = new.file.digest()
        new.publish()
    content = (tmp_path / "file").read_bytes()
    assert (digest, size) == (hashlib.sha256(content).hexdigest(), len(content))


def test_a_draft_that_was_not_written_in_order_has_no_hash(tmp_path: Path) -> None:
    with draft(tmp_path / "file") as new:
        new.file.write(b"one")
        new.file.seek(0)
        with pytest.raises(AssertionError):
            new.file.digest()
