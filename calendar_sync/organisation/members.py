"""Who an organisation's users are: whom its `[[account]]` names, or whom Google's directory lists."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from calendar_sync.config import Account, Config
from calendar_sync.durations import Unreadable
from calendar_sync.errors import WrongConfiguration
from calendar_sync.files import make_folder, replace_file
from calendar_sync.history import last_reports
from calendar_sync.home import Home
from calendar_sync.run import Clock
from calendar_sync.session import directory_of
from calendar_sync.shard import Shard, shard_of_folder
from calendar_sync.stop import Stop
from calendar_sync.users import DIRECTORY, FILE, distinct, read_address, read_users_file

if TYPE_CHECKING:
    from calendar_sync.google_directory import DirectoryUser

_REMEMBERED = "users.txt"  # in the organisation's state: whom the directory listed last


@dataclass(frozen=True)
class Members:
    """An organisation's users.

    `left_out` are suspended or archived: nobody may read for them. The address of an `odd` one cannot
    name a folder.
    """

    addresses: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()

    def in_shard(self, shard: Shard | None) -> Members:
        """Return one shard's share of them; all without a shard."""
        if shard is None:
            return self
        groups = (self.addresses, self.left_out, self.odd)
        return Members(*(tuple(each for each in group if shard.has(each)) for group in groups))


def list_members(home: Home, config: Config, clock: Clock, stop: Stop) -> Members:
    """Return whom to read for; the directory is asked if they are listed there. Raises our errors."""
    account = organisation_of(home, config)
    if account.users == DIRECTORY:
        with closing(directory_of(home, config, account, clock, stop)) as directory:
            members = _fit(directory.users())
    else:
        members = Members(known_members(home, config))
    if not members.addresses:
        raise WrongConfiguration(f"{home.account} has no users to read for.")
    accounts = {account.name for account in config.account}
    for address in members.addresses:
        if address in accounts:
            raise WrongConfiguration(
                f"{address} is both an [[account]] and a user of {home.account}; they would share"
                " their folders.",
                f"Give the [[account]] another name in {home.config}",
            )
    return members


def known_members(home: Home, config: Config) -> tuple[str, ...]:
    """Return whom the configuration names, or whom the directory listed last; asks nobody."""
    users = organisation_of(home, config).users
    if isinstance(users, tuple):
        return distinct(users)
    if users == DIRECTORY:
        remembered = home.state / _REMEMBERED
        return read_users_file(remembered) if remembered.exists() else ()
    return read_users_file(home.folder / (users or "").removeprefix(FILE).strip())


def remember_members(home: Home, members: Members) -> tuple[str, ...]:
    """Keep a list for who looks without asking; return who was on the last one and is no more.

    A shard keeps its own share beside it: it compares with that. Raises CannotWrite.
    """
    mine = members.in_shard(home.shard)
    own = home.state / _REMEMBERED
    before: tuple[str, ...] = ()
    with suppress(WrongConfiguration):  # no list yet, or one that somebody spoilt
        before = read_users_file(own)
    for folder, these in {replace(home, shard=None).state: members, home.state: mine}.items():
        make_folder(folder, secret=True)
        content = "".join(f"{address}\n" for address in these.addresses)
        replace_file(folder / _REMEMBERED, content.encode())
    here = {*mine.addresses}
    return tuple(address for address in before if address not in here)


def shards_here(home: Home) -> list[Home]:
    """Return an organisation's home once for each shard that this disk knows of; else itself.

    Only those of the newest run count: it may have been divided otherwise before, or not at all.
    """
    home = replace(home, shard=None)
    found = [home]
    for folder in sorted(home.state.glob("shard-*")):
        shard = shard_of_folder(folder.name)
        found += [replace(home, shard=shard)] if shard else []
    ended = {each: last_reports(each.mirror)[0] for each in found}
    ran = {each: report.finished_at for each, report in ended.items() if report}
    newest = max(ran, key=lambda each: ran[each], default=home)
    if newest.shard is None:
        return [home]
    count = newest.shard.count
    shards = [each for each in ran if each.shard and each.shard.count == count]
    return sorted(shards, key=lambda each: each.shard.number if each.shard else 0)


def is_member(home: Home, config: Config, address: str) -> bool:
    """Whether an organisation reads for this address, as far as that is known without asking."""
    try:
        user = read_address(address)
    except Unreadable:
        return False
    known = known_members(home, config)
    return user in known or (not known and organisation_of(home, config).users == DIRECTORY)


def organisation_of(home: Home, config: Config) -> Account:
    """Return the `[[account]]` of an organisation's home."""
    account = config.account_of(home)
    assert account is not None
    return account


def _fit(listed: list[DirectoryUser]) -> Members:
    """Choose the users who can be read for, and whose address can name a folder."""
    addresses: dict[str, None] = {}
    odd: list[str] = []
    active = [user.primary_email for user in listed if user.is_active]
    left_out = [user.primary_email for user in listed if not user.is_active]
    for address in active:
        try:
            addresses[read_address(address)] = None
        except Unreadable:
            odd.append(ascii(address))
    return Members(tuple(addresses), tuple(left_out), tuple(odd))
