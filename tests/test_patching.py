"""A few changes in a large calendar: all but the touched blocks of its files are copied."""

from __future__ import annotations

import hashlib
import io
import os
import random
from pathlib import Path

import pytest
from in_process import Job

from calendar_sync.blocks import Index, IndexWriter, Key, Keyed, StaleIndex
from calendar_sync.emulator.local_google import LocalGoogle

LOAD = "load@group.calendar.google.com"
COUNT = 2200  # resources; a calendar of less than 2000 has no index


@pytest.fixture
def job(tmp_path: Path, google: LocalGoogle) -> Job:
    google.control("add_calendar", calendar=LOAD, summary="Load")
    google.control("load_events", calendar=LOAD, count=COUNT, seed=3)
    return Job(tmp_path / "home", google)


def indexes(job: Job) -> dict[str, int]:
    """The indexes of the large calendar's files, by name, with the inode that tells of a new one."""
    return {path.name: path.stat().st_ino for path in (job.home.state / "blocks").iterdir()}


def test_a_patched_file_is_the_one_that_is_made_anew(
    job: Job, google: LocalGoogle, tmp_path: Path
) -> None:
    """Whatever was edited, and whatever it was before: bytes, rows, counts and warnings."""
    job.run()
    assert len(indexes(job)) == 2
    for seed in range(8):
        for step in range(5):
            google.control("random_edit", calendar=LOAD, seed=seed * 10 + step)
        assert job.run().exit_code == 0
    fresh = Job(tmp_path / "fresh", google)
    fresh.run()
    assert job.contents() == fresh.contents()
    assert job.whole_manifest() == fresh.whole_manifest()


def test_a_file_that_rotted_is_made_anew(job: Job, google: LocalGoogle) -> None:
    """What is copied is read, so that bytes nobody wrote are not published again."""
    job.run()
    [csv] = [path for path in job.home.exports.iterdir() if path.name == "load.csv"]
    rows = csv.read_bytes().split(b"\r\n")
    event = google.control("list_state", calendar=LOAD)["items"][-1]["id"].partition("_")[0]
    google.control("edit_event", calendar=LOAD, id=event, changes={"summary": "New title"})
    status = csv.stat()
    spoiled = csv.read_bytes().replace(rows[1][-20:], b"x" * 20, 1)
    with csv.open("r+b") as file:
        file.write(spoiled)
    os.utime(csv, ns=(status.st_atime_ns, status.st_mtime_ns))  # nobody would notice
    job.run()
    assert b"x" * 20 not in csv.read_bytes()
    assert b"New title" in csv.read_bytes()


# -- the index itself ------------------------------------------------------------------------------


def split(block: bytes, keys: list[Key]) -> list[bytes]:
    return [line + b"\n" for line in block.split(b"\n")[:-1]]


def publish(folder: Path, records: list[Keyed], size: int) -> tuple[Path, Path]:
    """Write records and their index, in blocks of `size`."""
    path, index = folder / "body", folder / "index"
    body = b"".join(content for _, content in records)
    with IndexWriter(index) as writer:
        for at in range(0, len(records), size):
            part = records[at : at + size]
            writer.add([key for key, _ in part], sum(len(content) for _, content in part))
        path.write_bytes(b"head\n" + body)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        writer.finish(digest, len(b"head\n"), {"rows": len(records)})
    return path, index


def patched(folder: Path, gone: list[Key], come: list[Keyed]) -> bytes:
    new = io.BytesIO(b"head\n")
    new.seek(0, io.SEEK_END)
    with (
        (folder / "body").open("rb") as old,
        (folder / "index").open("rb") as file,
        IndexWriter(folder / "next") as writer,
    ):
        Index.read(file).patch(old, new, writer, gone, come, split)
    return new.getvalue()


@pytest.mark.parametrize("size", [1, 3, 64])
@pytest.mark.parametrize("seed", range(6))
def test_records_are_exchanged_in_order(tmp_path: Path, size: int, seed: int) -> None:
    draw = random.Random(seed)
    keys = draw.sample(range(500), 60)
    records: list[Keyed] = [((key, "a"), f"{key}\n".encode()) for key in sorted(keys)]
    publish(tmp_path, records, size)
    gone = draw.sample(records, 20)
    come = [((key, "a"), f"{key}+\n".encode()) for key in draw.sample(range(-50, 600), 25)]
    come = [record for record in come if record[0] not in dict(records) or record[0] in dict(gone)]
    left = {**dict(records)}
    for key, _ in gone:
        del left[key]
    left |= dict(come)
    expected = b"head\n" + b"".join(content for _, content in sorted(left.items()))
    assert patched(tmp_path, [key for key, _ in gone], come) == expected


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    records: list[Keyed] = [((key, "a"), f"{key}\n".encode()) for key in range(10)]
    path, _ = publish(tmp_path, records, 4)
    with pytest.raises(StaleIndex):  # not there
        patched(tmp_path, [(3, "b")], [])
    with pytest.raises(StaleIndex):  # there already
        patched(tmp_path, [], [((3, "a"), b"again\n")])
    path.write_bytes(path.read_bytes().replace(b"9", b"8"))
    with pytest.raises(StaleIndex):  # another file
        patched(tmp_path, [(3, "a")], [])
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(StaleIndex):  # a shorter one
        patched(tmp_path, [(3, "a")], [])
    (tmp_path / "index").write_bytes(b"")
    with pytest.raises(StaleIndex):
        patched(tmp_path, [(3, "a")], [])
