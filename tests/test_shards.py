"""An organisation divided among several machines: who is whose, and what each of them remembers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from export_steps import check_manifest
from hypothesis import given
from hypothesis import strategies as st
from organisation_steps import ADMIN, add_users, organisation, write_key

from calendar_sync.errors import WrongConfiguration
from calendar_sync.organisation.members import Members
from calendar_sync.shard import Shard, read_shard, shard_of_folder, shard_of_job
from calendar_sync.windows import Unreadable

if TYPE_CHECKING:
    from conftest import HomeFolder

ADDRESSES = st.lists(st.emails().map(str.lower), unique=True, max_size=60)


@given(ADDRESSES, st.integers(1, 12))
def test_every_user_is_in_exactly_one_shard(addresses: list[str], count: int) -> None:
    """Nobody is left out, nobody is read twice."""
    members = Members(tuple(addresses), left_out=tuple(addresses[:3]), odd=tuple(addresses[3:5]))
    shares = [members.in_shard(Shard(number, count)) for number in range(1, count + 1)]
    for kind in ("addresses", "left_out", "odd"):
        together = [each for share in shares for each in getattr(share, kind)]
        assert sorted(together) == sorted(getattr(members, kind))
    assert members.in_shard(None) == members


@given(ADDRESSES, ADDRESSES, st.integers(1, 12), st.data())
def test_nobody_moves_when_others_come_or_go(
    some: list[str], others: list[str], count: int, data: Any
) -> None:
    """A share depends on the address alone."""
    shard = Shard(data.draw(st.integers(1, count)), count)
    alone = Members(tuple(some)).in_shard(shard).addresses
    among = Members(tuple(dict.fromkeys([*others, *some]))).in_shard(shard).addresses
    assert set(among) & set(some) == set(alone)


def test_shares_are_the_same_in_every_version_and_about_as_large() -> None:
    """Pinned: another hash would read everybody's calendars anew on other machines' disks."""
    people = [f"user{number:04}@example.com" for number in range(2000)]
    shards = [Shard(number, 8) for number in range(1, 9)]
    found = ["".join(str(s.number) for s in shards if s.has(who)) for who in people[:12]]
    assert "".join(found) == "631584718171"
    assert all(200 < sum(map(shard.has, people)) < 300 for shard in shards)


def test_a_shard_is_written_and_read() -> None:
    assert read_shard(" 2/4 ") == Shard(2, 4)
    assert str(Shard(2, 4)) == "2/4"
    assert shard_of_folder(Shard(2, 4).folder) == Shard(2, 4)
    assert shard_of_folder("outbox") is None
    for text in ("", "2", "0/4", "5/4", "1/0", "-1/4", "1/1001", "a/b", "1/4/2", "\u0662/4"):
        with pytest.raises(Unreadable):
            read_shard(text)


def test_a_pod_of_an_indexed_job_knows_its_share() -> None:
    """Kubernetes counts from 0, and tells only which one it is."""
    job = {"JOB_COMPLETION_INDEX": "0", "JOB_COMPLETION_COUNT": "4"}
    assert shard_of_job(job) == Shard(1, 4)
    assert shard_of_job(job | {"JOB_COMPLETION_INDEX": "3"}) == Shard(4, 4)
    assert shard_of_job({"JOB_COMPLETION_COUNT": "4"}) is None
    for wrong in ({"JOB_COMPLETION_INDEX": "4"}, {"JOB_COMPLETION_COUNT": "x"}):
        with pytest.raises(WrongConfiguration, match="JOB_COMPLETION_COUNT"):
            shard_of_job(job | wrong)
    with pytest.raises(WrongConfiguration, match="JOB_COMPLETION_COUNT is not set"):
        shard_of_job({"JOB_COMPLETION_INDEX": "0"})


# -- the real program ------------------------------------------------------------------------------


@pytest.fixture
def acme(new_home: Callable[..., HomeFolder]) -> HomeFolder:
    """A home of an organisation of six users."""
    home = new_home(granted=False)
    write_key(home)
    home.users = add_users(home.google, 6)  # type: ignore[attr-defined]
    home.configure(organisation(home.users))  # type: ignore[attr-defined]
    return home


def share(home: HomeFolder, shard: Shard) -> set[str]:
    return {user for user in home.users if shard.has(user)}  # type: ignore[attr-defined]


def export(home: HomeFolder, *arguments: str, expect: int = 0, **environment: str) -> Any:
    """Run an export; return the users it told of, and the totals."""
    done = home.run("export", "--json", *arguments, expect=expect, environment=environment)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["user"] for line in lines[:-1]}, lines[-1]["totals"]


def test_two_machines_read_everybody_once(acme: HomeFolder) -> None:
    """Each with a lock and a history of its own; the files are where they would be without shards."""
    one, two = Shard(1, 2), Shard(2, 2)
    users, totals = export(acme, "--shard", "1/2")
    assert users == share(acme, one)
    assert 0 < totals["users"] == len(users) < 6
    assert {path.name for path in acme.exports.iterdir()} == users
    from filelock import FileLock

    with FileLock(acme / f"state/acme/{one.folder}/run.lock"):
        assert "Another run" in acme.run("export", "--shard", "1/2", expect=75).stderr
        job = {"JOB_COMPLETION_INDEX": "1", "JOB_COMPLETION_COUNT": "2"}
        assert export(acme, **job)[0] == share(acme, two)
    for user in acme.users:  # type: ignore[attr-defined]
        assert [*check_manifest(acme.exports / user)] == [user]
    _, totals = export(acme)
    assert (totals["users"], totals["unchanged"]) == (6, 6)


def test_status_and_history_show_every_shard(acme: HomeFolder) -> None:
    """Until the organisation is read as a whole again, or is divided otherwise."""
    acme.run("export")
    acme.run("export", "--shard", "1/2")
    acme.google.control("oauth", suspended=[*share(acme, Shard(2, 2))])
    acme.run("export", "--shard", "2/2", expect=78)
    accounts = json.loads(acme.run("status", "--json", expect=1).stdout)["accounts"]
    assert [(each["shard"], each["health"]) for each in accounts] == [
        ("1/2", "fresh"), ("2/2", "failing"),
    ]  # fmt: skip
    assert {each["id"] for each in accounts[1]["failed_users"]} == share(acme, Shard(2, 2))
    assert "account acme, shard 1/2" in acme.run("status", expect=1).stdout
    assert len(json.loads(acme.run("history", "--json").stdout)["runs"]) == 2
    assert "shard 2/2 failing" in acme.run("doctor", "--offline").stdout
    acme.google.control("oauth", suspended=[])
    acme.run("export")
    (account,) = json.loads(acme.run("status", "--json").stdout)["accounts"]
    assert account["health"] == "fresh"
    assert "shard" not in account


def test_a_share_without_anybody_is_done_at_once(acme: HomeFolder) -> None:
    """More shards than users: nothing is wrong with that."""
    (user, *_) = acme.users  # type: ignore[attr-defined]
    acme.configure(organisation([user]))
    (other,) = [number for number in (1, 2) if not Shard(number, 2).has(user)]
    users, totals = export(acme, "--shard", f"{other}/2")
    assert (users, totals["users"]) == (set(), 0)
    (account,) = json.loads(acme.run("status", "--json").stdout)["accounts"]
    assert account["health"] == "fresh"


def test_who_left_is_told_once_by_the_shard_that_read_for_them(acme: HomeFolder) -> None:
    """What was exported stays."""
    gone = acme.users.pop()  # type: ignore[attr-defined]
    (number,) = [n for n in (1, 2) if Shard(n, 2).has(gone)]
    for shard in ("1/2", "2/2"):
        acme.run("export", "--shard", shard)
    acme.configure(organisation(acme.users))  # type: ignore[attr-defined]
    told = [export(acme, "--shard", f"{n}/2")[1]["no_longer_listed"] for n in (1, 2)]
    assert told[number - 1] == [gone]
    assert told[2 - number] == []
    assert export(acme, "--shard", f"{number}/2")[1]["no_longer_listed"] == []
    check_manifest(acme.exports / gone)


def test_the_directory_is_divided_as_a_list_is(acme: HomeFolder) -> None:
    """Whoever is left out or odd is counted by one shard only."""
    acme.configure(organisation("directory") + f'subject = "{ADMIN}"\n')
    acme.google.control("oauth", suspended=["user0000@example.com"])
    acme.google.control("api", without_calendar=[ADMIN])
    totals = [export(acme, "--shard", f"{n}/3", expect=None)[1] for n in (1, 2, 3)]
    assert sum(each["left_out"] for each in totals) == 1
    listed = (acme / "state/acme/users.txt").read_text().splitlines()
    assert sum(each["users"] for each in totals) == len(listed)
    acme.run("export", "--account", "user0001@example.com")


def test_only_an_organisation_is_divided(
    acme: HomeFolder, new_home: Callable[..., HomeFolder]
) -> None:
    """A plain home in an Indexed Job is exported as ever; asking for a share of it is a mistake."""
    home = new_home("plain")
    assert "users = [" in home.run("export", "--shard", "1/2", expect=2).stderr
    home.run("export", environment={"JOB_COMPLETION_INDEX": "0"})
    acme.run("export", "--account", "user0000@example.com", "--shard", "1/2", expect=2)
    assert "2/4" in acme.run("export", "--shard", "5/4", expect=2).stderr
    said = acme.run("export", expect=78, environment={"JOB_COMPLETION_INDEX": "0"}).stderr
    assert "JOB_COMPLETION_COUNT" in said
    assert not acme.exports.exists()
