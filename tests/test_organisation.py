"""One service account that reads for many users: who they are, and one run for all of them."""

from __future__ import annotations

import datetime as dt
import gc
import json
import os
import subprocess
from collections.abc import Callable
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest
from export_steps import check_manifest, place
from organisation_steps import ADMIN, add_users, organisation, write_key

from calendar_sync.config import parse_config, read_config
from calendar_sync.daemon import Daemon
from calendar_sync.durations import Unreadable
from calendar_sync.errors import WrongConfiguration
from calendar_sync.home import Home
from calendar_sync.options import RunOptions
from calendar_sync.organisation.whole_run import run_organisation
from calendar_sync.stop import Stop
from calendar_sync.users import read_address, read_users_file

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import HomeFolder

DIRECTORY = f'subject = "{ADMIN}"\n'


@pytest.fixture
def acme(new_home: Callable[..., HomeFolder]) -> HomeFolder:
    """A home with a key and no grant; three users beside Ada, who is in another home's stories."""
    home = new_home(granted=False)
    write_key(home)
    home.users = add_users(home.google, 3)  # type: ignore[attr-defined]
    home.configure(organisation(home.users))  # type: ignore[attr-defined]
    return home


def lines(home: HomeFolder, *arguments: str, expect: int = 0) -> tuple[dict[str, Any], Any]:
    """Run an export; return the users' lines by user, and the totals."""
    done = home.run("export", "--json", *arguments, expect=expect)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(line["version"] == 1 for line in found)
    return {line["user"]: line for line in found[:-1]}, found[-1]["totals"]


# -- one run for all -------------------------------------------------------------------------------


def test_every_user_has_a_mirror_and_exports_of_their_own(acme: HomeFolder) -> None:
    """Read with the one key, in folders of their addresses; then the totals."""
    users, totals = lines(acme)
    assert [*sorted(users)] == [
        "user0000@example.com",
        "user0001@example.com",
        "user0002@example.com",
    ]
    assert {key: totals[key] for key in ("users", "updated", "failed", "calendars", "events")} == {
        "users": 3, "updated": 3, "failed": 0, "calendars": 3, "events": 9,
    }  # fmt: skip
    for user in users:
        entries = check_manifest(acme.exports / user)
        assert [*entries] == [user]
        assert (acme / f"state/{user}/mirror.sqlite3").exists()
    assert not (acme.exports / "manifest.json").exists()
    assert totals["requests"] == 6
    again, totals = lines(acme)
    assert totals["unchanged"] == 3
    assert again["user0001@example.com"]["report"]["calendars"][0]["result"] == "unchanged"


def test_a_failing_user_is_named_and_stops_nobody(acme: HomeFolder) -> None:
    """One suspended, one without a Calendar licence: 1, each by name and reason; the third is whole."""
    gone, bare, fine = acme.users  # type: ignore[attr-defined]
    acme.google.control("oauth", suspended=[gone])
    acme.google.control("api", without_calendar=[bare])
    users, totals = lines(acme, expect=1)
    assert (users[gone]["exit_code"], users[bare]["exit_code"]) == (78, 78)
    assert "suspended" in users[gone]["message"]
    assert "no Google Calendar" in users[bare]["message"]
    assert [failed["user"] for failed in totals["failed_users"]] == [gone, bare]
    check_manifest(acme.exports / fine)
    said = acme.run("export", expect=1).stderr
    assert f"{gone}: The domain knows no user {gone}" in said
    assert "3 users: 1 unchanged, 2 failed" in said
    acme.google.control("oauth", suspended=[])
    acme.google.control("api", without_calendar=[])
    assert lines(acme)[1]["updated"] == 2


def test_what_all_of_them_share_is_the_code(acme: HomeFolder) -> None:
    """No delegation at all: 78, not 1."""
    acme.google.faults.add("not_delegated", on="token", count=None)
    _, totals = lines(acme, expect=78)
    assert totals["failed"] == 3


def test_a_second_run_of_the_whole_finds_the_lock_and_a_locked_user_fails_alone(
    acme: HomeFolder,
) -> None:
    """One lock for the organisation, one for each mirror."""
    from filelock import FileLock

    acme.run("export")
    with FileLock(acme / "state/acme/run.lock"):
        assert "Another run" in acme.run("export", expect=75).stderr
    with FileLock(acme / "state/user0001@example.com/run.lock"):
        users, totals = lines(acme, expect=1)
    assert users["user0001@example.com"]["exit_code"] == 75
    assert totals["unchanged"] == 2


def test_a_deadline_leaves_the_rest_for_the_next_run(acme: HomeFolder) -> None:
    """75; whoever was reached is whole, the others are counted."""
    acme.configure(organisation(acme.users, "workers = 1"))  # type: ignore[attr-defined]
    acme.google.faults.add("slow", on="calendarList", skip=1, delay=30)
    _, totals = lines(acme, "--deadline", "4s", expect=1)
    assert totals["updated"] == 1
    assert totals["failed"] + totals["not_reached"] == 2
    assert lines(acme)[1]["updated"] == 2


def test_a_deadline_ends_an_answer_that_trickles_in(acme: HomeFolder) -> None:
    """No time-out of a connection ends it: there is always another byte."""
    acme.google.faults.add("trickle", on=place("user0001@example.com"), count=None)
    _, totals = lines(acme, "--deadline", "4s", expect=1)
    assert totals["updated"] == 2
    (failed,) = totals["failed_users"]
    assert (failed["user"], failed["exit_code"]) == ("user0001@example.com", 75)


def test_a_dry_run_writes_nothing(acme: HomeFolder) -> None:
    """Not even the organisation's history."""
    said = acme.run("export", "--dry-run").stderr
    assert "Dry run, nothing was written: 3 users: 3 updated" in said
    assert not (acme / "state").exists()
    assert not acme.exports.exists()


def test_a_users_connections_end_with_the_users_run(acme: HomeFolder) -> None:
    """Thousands of users must not come to thousands of open files, whenever garbage is searched."""
    config = read_config(acme / "calendar-sync.toml")
    home = Home(acme.folder, "a test", acme / "calendar-sync.toml").of_account("acme")
    now = lambda: dt.datetime.now(dt.UTC)  # noqa: E731
    gc.collect()
    gc.disable()
    try:
        report, _ = run_organisation(home, config, RunOptions(), now, Stop(), lambda _: None)
        kept = [each for each in gc.get_objects() if isinstance(each, HTTPConnection) and each.sock]
    finally:
        gc.enable()
    assert (report.exit_code, kept) == (0, [])


def test_a_backfill_is_for_every_user(acme: HomeFolder) -> None:
    """One after the other, resumable as ever; one failing stops nobody."""
    bad = "user0001@example.com"
    acme.google.control("oauth", suspended=[bad])
    asked = ["backfill", "--from", "2026-05-01", "--to", "2026-07-01"]
    done = acme.run(*asked, "--json", expect=1)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["account"] for line in found] == ["user0000@example.com", "user0002@example.com"]
    assert f"{bad}: The domain knows no user" in done.stderr
    slices = acme.exports / "user0002@example.com/backfill/user0002-example-com"
    assert {"2026-05.csv", "2026-06.ics"} < {path.name for path in slices.iterdir()}
    acme.google.control("oauth", suspended=[])
    shards = [acme.run(*asked, "--shard", f"{n}/2", "--dry-run").stderr for n in (1, 2)]
    for user in acme.users:  # type: ignore[attr-defined]
        assert [f"[{user}]" in said for said in shards].count(True) == 1
    said = acme.run(*asked).stderr
    assert said.count("0 slices written, 2 were there already") == 2
    assert said.count("2 slices written, 0 were there already") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_key_that_a_mount_leaves_open_is_told_once(acme: HomeFolder) -> None:
    """As Kubernetes lends it; not once for each of thousands of users."""
    lent = acme.folder / "lent"
    lent.mkdir()
    key = (acme / "key.json").rename(lent / "key.json")
    key.chmod(0o440)
    text = organisation(acme.users, "allow_open_modes = true")  # type: ignore[attr-defined]
    acme.configure(text.replace("key.json", "lent/key.json"))
    script = f'mount --bind "{lent}" "{lent}" && mount -o remount,bind,ro "{lent}" && exec "$@"'
    wrapped = ["unshare", "--mount", "sh", "-c", script, "sh"]
    if subprocess.run([*wrapped, "true"]).returncode != 0:
        pytest.skip("this machine allows no mount namespaces")
    command = [*wrapped, *acme.command("export")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("as allow_open_modes permits") == 1


# -- looking at it ---------------------------------------------------------------------------------


def test_one_user_can_be_named(acme: HomeFolder) -> None:
    """For every verb; the organisation's name stands for all, where that makes sense."""
    acme.run("export", "--account", "USER0001@example.com")
    assert [path.name for path in acme.exports.iterdir()] == ["user0001@example.com"]
    acme.run("verify", "--account", "user0001@example.com")
    assert "Which user?" in acme.run("verify", expect=2).stderr
    assert "acme" in acme.run("export", "--account", "eve@example.com", expect=2).stderr
    acme.run("export", "--account", "acme")
    assert len([*acme.exports.iterdir()]) == 3


def test_status_and_history_tell_of_the_run_as_a_whole(acme: HomeFolder) -> None:
    """Totals and the failing ones, whatever the number of users."""
    acme.run("export")
    assert json.loads(acme.run("status", "--json").stdout)["accounts"][0]["failed_users"] == []
    acme.google.control("oauth", suspended=["user0002@example.com"])
    acme.run("export", expect=1)
    said = acme.run("status", expect=1).stdout
    assert "failing" in said
    assert "3 users" in said
    assert said.count("user0002@example.com") >= 1
    assert "user0001@example.com" not in said
    (account,) = json.loads(acme.run("status", "--json", expect=1).stdout)["accounts"]
    assert [each["id"] for each in account["failed_users"]] == ["user0002@example.com"]
    assert acme.run("history").stdout.count("3 users") == 2
    acme.run("status", "--account", "user0001@example.com")


@pytest.mark.parametrize("shards", [(), ("1/2", "2/2")], ids=["whole", "shards"])
def test_the_organisations_page_is_refreshed(acme: HomeFolder, shards: tuple[str, ...]) -> None:
    """In a folder of its name; the health of the whole, and who failed."""
    acme.configure(organisation(acme.users, 'report = "exports/report.html"'))  # type: ignore[attr-defined]
    acme.google.control("oauth", suspended=["user0002@example.com"])
    for shard in shards:
        acme.run("export", "--shard", shard, expect=None)
    if not shards:
        acme.run("export", expect=1)
    page = acme.exports / "acme/report.html"
    text = page.read_text()
    assert "Failing" in text
    assert "a service account reads" in text
    failed = text.partition("Users who failed")[2]
    assert "user0002@example.com" in failed
    assert "user0001@example.com" in failed  # had changes
    assert acme.run("report").stdout.strip() == str(page)


def test_the_log_tells_of_the_run_and_of_every_user(acme: HomeFolder) -> None:
    """Whose line it is stands in each: many users are read at once."""
    acme.google.control("oauth", suspended=["user0002@example.com"])
    said = acme.run("-v", "--log-format", "json", "export", expect=1).stderr
    events = [json.loads(line) for line in said.splitlines()]
    assert len({event["run_id"] for event in events if "run_id" in event}) == 1
    assert [event["message"] for event in events if event["message"].startswith("run ")] == [
        "run begins", "run done",
    ]  # fmt: skip
    (done,) = [event for event in events if event["message"] == "run done"]
    assert (done["users"], done["updated"], done["failed"]) == (3, 2, 1)
    for message in ("user done", "calendar done"):
        users = sorted(event["user"] for event in events if event["message"] == message)
        assert users == ["user0000@example.com", "user0001@example.com"]


def test_the_daemon_reads_for_everybody_too(
    acme: HomeFolder, caplog: pytest.LogCaptureFixture
) -> None:
    """One run for all of them, remembered as one; who failed is in the log by name."""
    config = read_config(acme / "calendar-sync.toml")
    whole = Home(acme.folder, "a test", acme / "calendar-sync.toml")
    home = whole.of_account("acme")
    daemon = Daemon([home], config, lambda: dt.datetime.now(dt.UTC))
    (report,) = daemon.run_once()
    assert report is not None
    assert report.exit_code == 0
    assert (acme.exports / "user0001@example.com" / "manifest.json").exists()
    bad = place("user0001@example.com")
    acme.google.faults.add("api_403_disabled", on=bad, count=None)
    (report,) = daemon.run_once()
    assert report is not None
    assert report.exit_code == 1
    (failed,) = [record for record in caplog.records if record.message == "user failed"]
    assert failed.fields["user"] == "user0001@example.com"  # type: ignore[attr-defined]
    history = json.loads(acme.run("history", "--json").stdout)["runs"]
    assert [run["command"] for run in history] == ["daemon", "daemon"]


def test_calendars_lists_everybodys(acme: HomeFolder) -> None:
    """One who cannot be asked is named; the others are listed."""
    acme.google.control("oauth", suspended=["user0000@example.com"])
    done = acme.run("calendars", "--json", expect=1)
    rows = json.loads(done.stdout)["calendars"]
    assert [row["account"] for row in rows] == ["user0001@example.com", "user0002@example.com"]
    assert "user0000@example.com" in done.stderr


def test_doctor_tries_the_first_user_and_names_those_who_failed(acme: HomeFolder) -> None:
    """It does not ask for everybody: that is what the run is for."""
    acme.google.control("oauth", suspended=["user0002@example.com"])
    acme.run("export", expect=1)
    acme.google.requests.clear()
    said = acme.run("doctor", expect=0).stdout
    assert "3 users" in said
    assert "user0002@example.com" in said
    assert acme.google.requests.count("token") == 1
    acme.run("doctor", "--offline")


# -- who they are ----------------------------------------------------------------------------------


def test_users_come_from_a_file(acme: HomeFolder) -> None:
    """One address a line; remarks, blank lines, another case and a BOM are no trouble."""
    (acme / "credentials").mkdir(exist_ok=True)
    text = "\ufeff# staff\r\nUser0000@Example.com\r\n\r\nuser0000@example.com  # twice\n"
    text += "user0002@example.com"
    (acme / "credentials/users.txt").write_text(text, encoding="utf-8")
    acme.configure(organisation("file:credentials/users.txt"))
    users, _ = lines(acme)
    assert [*sorted(users)] == ["user0000@example.com", "user0002@example.com"]
    (acme / "credentials/users.txt").write_text("fine@example.com\n../../etc\n")
    assert "line 2" in acme.run("export", expect=78).stderr
    (acme / "credentials/users.txt").unlink()
    assert "users.txt" in acme.run("export", expect=78).stderr


def test_who_left_is_told_once_and_a_spoilt_memory_stops_nothing(acme: HomeFolder) -> None:
    """What was exported stays; the list in the state can be deleted, or written over."""
    acme.run("export")
    acme.configure(organisation(acme.users[:2]))  # type: ignore[attr-defined]
    said = acme.run("export").stderr
    assert "No longer among the users: user0002@example.com; their files stay." in said
    check_manifest(acme.exports / "user0002@example.com")
    assert "No longer" not in acme.run("export").stderr
    (acme / "state/acme/users.txt").write_bytes(b"\xff\xfe../x")
    assert lines(acme)[1]["unchanged"] == 2


def test_users_come_from_the_directory(acme: HomeFolder) -> None:
    """All pages of it; suspended and archived ones are left out, and counted."""
    acme.configure(organisation("directory") + DIRECTORY)
    acme.google.control("oauth", suspended=["user0000@example.com"])
    acme.google.control("directory", archived=["user0001@example.com"])
    acme.google.control("api", without_calendar=[ADMIN])
    acme.google.requests.clear()
    users, totals = lines(acme, expect=1)
    assert {"ada@example.com", "user0002@example.com", ADMIN} <= set(users)
    assert {"user0000@example.com", "user0001@example.com"}.isdisjoint(users)
    assert totals["left_out"] == 2
    assert [failed["user"] for failed in totals["failed_users"]] == [ADMIN]
    assert acme.google.requests.count("/admin/directory/") == 1
    listed = read_users_file(acme / "state/acme/users.txt")
    assert set(listed) == set(users)
    acme.google.requests.clear()
    acme.run("status", expect=1)
    assert acme.google.requests.count("") == 0


def test_pages_of_the_directory_are_retried_and_a_dead_page_token_begins_anew(
    acme: HomeFolder,
) -> None:
    """As for calendars."""
    add_many = [f"x{number:03}@example.com" for number in range(520)]
    for address in add_many:
        acme.google.control("add_account", account=address)
    acme.google.control("oauth", suspended=add_many)  # listed, and nothing more to read
    acme.configure(organisation("directory") + DIRECTORY)
    acme.google.faults.add("api_503", on="/admin/directory/", count=1)
    acme.google.faults.add("api_400", on="/admin/directory/", query="pageToken", count=1)
    acme.google.control("api", without_calendar=[ADMIN])
    _, totals = lines(acme, expect=1)
    assert totals["left_out"] == 520
    assert totals["failed"] == 1


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda google: google.control("directory", disabled=True), "Admin SDK API"),
        (lambda google: google.control("directory", admins=["boss@example.com"]), "administrator"),
        (lambda google: google.faults.add("not_delegated", on="token"), "admin.directory.user"),
        (lambda google: google.control("oauth", suspended=[ADMIN]), "knows no user"),
    ],
)
def test_a_directory_that_may_not_be_read_is_configuration(
    acme: HomeFolder, spoil: Callable[[Any], object], word: str
) -> None:
    """Each with its own cure; no user was read."""
    acme.configure(organisation("directory") + DIRECTORY)
    spoil(acme.google)
    assert word in acme.run("export", expect=78).stderr
    assert not acme.exports.exists()


@pytest.mark.parametrize(
    "text",
    [
        "", "ada", "@example.com", "ada@", "../x@example.com", "a/b@example.com", "a\\b@example.com",
        "a b@example.com", "a\n@example.com", "ada@exa mple.com", ".ada@example.com",
        "ada.@example.com", "ada@example.com.", "ada@../..", "ädä@example.com",
        "\u212ada@example.com", "a\0@example.com",
        f"{'a' * 200}@example.com", "-rf@example.com", "CON@example.com:stream", "ada@example..com",
    ],
)  # fmt: skip
def test_what_cannot_name_a_folder_is_no_user(text: str) -> None:
    """Refused before any folder is made of it."""
    with pytest.raises(Unreadable):
        read_address(text)


@pytest.mark.parametrize(
    "text", ["ada@example.com", "o'brien+cal@sub.example.co.uk", "_x-1.y@a-b.c", "A@B"]
)
def test_addresses_are_the_same_in_any_case(text: str) -> None:
    """So no two users' folders are one on a disk that ignores case."""
    assert read_address(text) == read_address(text.upper()) == text.lower()


def test_a_file_that_cannot_be_read_is_configuration(tmp_path: Path) -> None:
    """No text, no file, a folder."""
    (tmp_path / "latin").write_bytes(b"\xff\xfe\xe9")
    for name in ("latin", "missing", "."):
        with pytest.raises(WrongConfiguration):
            read_users_file(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (organisation(["../x@example.com"]), "no address"),
        (organisation([]), "No users"),
        (organisation("everybody"), "directory"),
        (organisation("file: "), "directory"),
        (organisation("directory"), "administrator"),
        (organisation(["a@b.example"]) + DIRECTORY, "administrator"),
        ('[[account]]\nname = "a"\nusers = ["a@b.example"]\n', "Only a service account"),
        (organisation(["a@b.example"], 'engine = "ray"'), "threads"),
        (organisation(["a@b.example"], 'engine = "dask:http://x"'), "threads"),
        (organisation(["a@b.example"], "workers = 0"), "workers"),
    ],
)
def test_odd_organisations_are_wrong_configuration(text: str, word: str) -> None:
    """Told with the key's path and line, before anything is read."""
    with pytest.raises(WrongConfiguration, match=word):
        parse_config(text, "calendar-sync.toml")


def test_a_user_may_not_share_an_accounts_folders(acme: HomeFolder) -> None:
    """An [[account]] can be called like an address."""
    acme.configure(
        organisation(["user0000@example.com"]) + '[[account]]\nname = "user0000@example.com"\n'
    )
    assert "share" in acme.run("export", "--account", "acme", expect=78).stderr
