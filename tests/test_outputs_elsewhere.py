"""Outputs in object stores: put once, the manifest last, never a part; by the real program on S3."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from export_steps import TEAM, add_calendar
from in_process import Hasty, _now

from calendar_sync.config import Config, Export
from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.errors import CannotWrite, Stopped, TryLater, WrongConfiguration
from calendar_sync.home import Home
from calendar_sync.options import RunOptions
from calendar_sync.remote import Remote
from calendar_sync.run import run_export
from calendar_sync.session import account_of

if TYPE_CHECKING:
    from conftest import HomeFolder

fsspec = pytest.importorskip("fsspec")


class Elsewhere:
    """A home whose exports go to an address, run in this process."""

    def __init__(self, folder: Path, google: LocalGoogle, url: str) -> None:
        self.home = Home(folder, "a test", folder / "calendar-sync.toml")
        google.write_client_secrets(self.home.client_secrets)
        google.write_token(self.home.token)
        self.config = Config(export=(Export(output=url, formats=("csv",)),))
        self.fs, self.root = fsspec.core.url_to_fs(url)

    def export(self, pause: Any = lambda: None) -> int:
        connect = account_of(self.home, self.config, _now, Hasty())
        options = RunOptions()
        return run_export(self.home, self.config, options, connect, _now, pause).exit_code

    def contents(self) -> dict[str, bytes]:
        start = len(self.root.rstrip("/")) + 1
        return {path[start:]: self.fs.cat_file(path) for path in self.fs.find(self.root)}

    def outbox(self) -> dict[str, bytes]:
        folder = self.home.output(self.config.export[0].output)
        return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(params=["memory", "file"])
def elsewhere(request: Any, tmp_path: Path, google: LocalGoogle) -> Iterator[Elsewhere]:
    folder = tmp_path / "elsewhere"
    url = f"file://{folder}" if request.param == "file" else f"memory://{tmp_path.name}"
    made = Elsewhere(tmp_path / "home", google, url)
    yield made
    if request.param == "memory" and made.fs.exists(made.root):
        made.fs.rm(made.root, recursive=True)


@pytest.fixture
def puts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that are put, in order."""
    from calendar_sync.remote import Remote

    found: list[str] = []
    put = Remote.put

    def noted(remote: Remote, local: Path, name: str) -> Any:
        found.append(name)
        return put(remote, local, name)

    monkeypatch.setattr(Remote, "put", noted)
    return found


def test_what_is_put_is_what_was_made_and_the_manifest_comes_last(
    elsewhere: Elsewhere, puts: list[str], google: LocalGoogle
) -> None:
    assert elsewhere.export() == 0
    assert elsewhere.contents() == elsewhere.outbox()
    assert puts[-1] == "manifest.json" and len(puts) == 6
    assert not elsewhere.home.exports.exists()
    puts.clear()
    assert elsewhere.export() == 0
    assert puts == []
    google.control("add_event", calendar=TEAM, event=_EVENT)
    assert elsewhere.export() == 0
    assert puts == ["team-friends.csv", "manifest.json"]
    assert elsewhere.contents() == elsewhere.outbox()


_EVENT = {
    "summary": "New",
    "start": {"dateTime": "2026-05-01T10:00:00Z"},
    "end": {"dateTime": "2026-05-01T11:00:00Z"},
}


def test_what_somebody_changed_or_removed_there_is_put_again(
    elsewhere: Elsewhere, puts: list[str]
) -> None:
    elsewhere.export()
    good = elsewhere.contents()
    elsewhere.fs.rm_file(f"{elsewhere.root}/team-friends.csv")
    elsewhere.fs.pipe_file(f"{elsewhere.root}/ada-lovelace.csv", b"mine")
    puts.clear()
    elsewhere.export()
    assert puts == ["ada-lovelace.csv", "team-friends.csv"]
    assert elsewhere.contents() == good


def test_without_the_state_slugs_and_gone_calendars_come_from_the_manifest_there(
    elsewhere: Elsewhere, google: LocalGoogle
) -> None:
    gone = add_calendar(google, "Passing")
    elsewhere.export()
    before = elsewhere.contents()
    shutil.rmtree(elsewhere.home.state)
    google.control("rename_calendar", calendar=TEAM, summary="Renamed")
    google.control("unshare_calendar", calendar=gone)
    elsewhere.export()
    after = elsewhere.contents()
    assert {*after} == {*before}
    assert after["passing.csv"] == before["passing.csv"]
    entries = {e["id"]: e for e in json.loads(after["manifest.json"])["calendars"]}
    assert entries[TEAM]["slug"] == "team-friends"
    assert "gone" in entries[gone]


@pytest.mark.parametrize(
    ("error", "expected"),
    [(PermissionError(13, "x"), CannotWrite), (OSError(28, "full"), CannotWrite),
     (ConnectionError("x"), TryLater)],
    ids=["refused", "full", "cut"],
)  # fmt: skip
def test_a_put_that_fails_leaves_the_last_good_files(
    elsewhere: Elsewhere,
    google: LocalGoogle,
    monkeypatch: pytest.MonkeyPatch,
    error: OSError,
    expected: type[Exception],
) -> None:
    """It breaks off in the middle of the file; the next run puts what is missing."""
    elsewhere.export()
    good = elsewhere.contents()
    google.control("add_event", calendar=TEAM, event=_EVENT)

    def put_file(_fs: Any, local: str, remote: str, **_: Any) -> None:
        _fs.pipe_file(remote, Path(local).read_bytes()[:100])
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(type(elsewhere.fs), "put_file", put_file)
        with pytest.raises(expected) as raised:
            elsewhere.export()
    assert elsewhere.config.export[0].output in str(raised.value)
    assert elsewhere.contents() == good  # and no part of a file under another name
    assert elsewhere.export() == 0
    assert elsewhere.contents() == elsewhere.outbox()


def test_a_stop_does_not_wait_for_the_network(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    from threading import Event

    reached, released = Event(), Event()

    def put_file(*_: Any, **__: Any) -> None:
        reached.set()
        released.wait(30)

    def pause() -> None:
        if reached.is_set():
            raise Stopped(143)  # type: ignore[arg-type]

    monkeypatch.setattr(type(elsewhere.fs), "put_file", put_file)
    with pytest.raises(Stopped):
        elsewhere.export(pause)
    assert not released.is_set()
    released.set()


# -- a local S3, and the real program --------------------------------------------------------------


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket on a local S3, named by the environment as for every other program of S3's."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "an-id",
        "AWS_SECRET_ACCESS_KEY": "a-secret-of-s3",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "*",
    }.items():
        monkeypatch.setenv(name, value)
    import boto3

    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")
    for key in keys(client):  # of another test: moto's buckets are the process's
        client.delete_object(Bucket="bucket", Key=key)
    yield client
    server.stop()


def keys(s3: Any) -> dict[str, Any]:
    found = s3.list_objects_v2(Bucket="bucket").get("Contents", [])
    return {each["Key"]: each["LastModified"] for each in found}


def test_s3_by_the_real_program(home: HomeFolder, google: LocalGoogle, s3: Any) -> None:
    home.configure('[[export]]\noutput = "s3://bucket/calendars"\nper_uid = true\n')
    home.run("export")
    before = keys(s3)
    assert {"calendars/manifest.json", "calendars/team-friends.ics"} < {*before}
    assert [key for key in before if not key.startswith("calendars/")] == []
    assert not any("token" in key or "sqlite" in key for key in before)
    assert "no difference" in home.run("verify").stderr
    home.run("export")
    assert keys(s3) == before
    item = google.control("list_state", calendar=TEAM)["items"][0]
    google.control("delete_event", calendar=TEAM, id=item["id"])
    home.run("export")
    after = keys(s3)
    assert len(after) == len(before) - 1  # the file of its UID is removed
    s3.put_object(Bucket="bucket", Key="calendars/team-friends.csv", Body=b"changed")
    assert "s3://bucket/calendars/team-friends.csv" in home.run("verify", expect=65).stdout
    told = home.run("status").stdout
    assert "fresh" in told


def test_s3_that_refuses_or_is_away(home: HomeFolder, google: LocalGoogle, s3: Any) -> None:
    home.configure('[[export]]\noutput = "s3://no-such-bucket/x"\n')
    done = home.run("export", expect=73)
    assert "s3://no-such-bucket/x" in done.stderr and "no such bucket" in done.stderr
    assert "failing" in home.run("status", expect=1).stdout
    home.configure('[[export]]\noutput = "s3://bucket/x"\n')
    away = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    done = home.run("export", expect=75, environment=away)
    assert "s3://bucket/x could not be reached" in done.stderr
    assert "a-secret-of-s3" not in done.stderr
    home.run("export")
    assert "x/manifest.json" in keys(s3)


@pytest.mark.parametrize(("scheme", "package"), [("gs", "gcsfs"), ("abfs", "adlfs")])
def test_a_store_whose_package_is_missing_says_which(
    scheme: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(WrongConfiguration) as raised:
        Remote(f"{scheme}://bucket/x", lambda: None)
    assert f"{scheme}://bucket/x" in raised.value.message
    assert package in f"{raised.value.message} {raised.value.hint}"


def test_an_address_on_the_command_line_is_refused(home: HomeFolder) -> None:
    done = home.run("export", "--output", "s3://bucket/x", expect=2)
    assert "calendar-sync.toml" in done.stderr
    home.configure('[[export]]\noutput = "sftp://me:word@host/x"\n')
    assert "password" in home.run("export", expect=78).stderr
    home.configure('[[export]]\noutput = "nothing://host/x"\n')
    assert "nothing://host/x" in home.run("export", expect=78).stderr
