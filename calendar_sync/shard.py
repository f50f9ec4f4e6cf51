"""A share of an organisation's users, where several machines or pods divide them among themselves.

Who is in which share depends on the address and the number of shares alone: nobody moves when others
come or go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from calendar_sync.durations import Unreadable
from calendar_sync.errors import WrongConfiguration

MOST = 1000
# Kubernetes sets the first one in the pods of an Indexed Job; the second one is its manifest's.
INDEX, COUNT = "JOB_COMPLETION_INDEX", "JOB_COMPLETION_COUNT"


@dataclass(frozen=True)
class Shard:
    """Share `number` of `count`; the first one is 1."""

    number: int
    count: int

    def has(self, address: str) -> bool:
        """Whether a user's address is in this share."""
        import hashlib  # loads OpenSSL

        digest = hashlib.sha256(address.encode()).digest()
        return int.from_bytes(digest[:8]) % self.count == self.number - 1

    @property
    def folder(self) -> str:
        """The name of the folder of its lock and history, in the organisation's state."""
        return f"shard-{self.number}-of-{self.count}"

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def read_shard(text: str) -> Shard:
    """Read `2/4`. Raises Unreadable."""
    found = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", text.strip())
    shard = Shard(int(found[1]), int(found[2])) if found else None
    if shard is None or not 1 <= shard.number <= shard.count <= MOST:
        raise Unreadable(f"{text!r} is no shard; the second one of four is 2/4 (at most {MOST})")
    return shard


def shard_of_folder(name: str) -> Shard | None:
    """Return the shard whose folder is called so; None for any other name."""
    found = re.fullmatch(r"shard-([0-9]+)-of-([0-9]+)", name)
    return Shard(int(found[1]), int(found[2])) if found else None


def shard_of_job(environment: Mapping[str, str]) -> Shard | None:
    """Return the share of a pod of an Indexed Job; None elsewhere. Raises WrongConfiguration."""
    index, count = environment.get(INDEX), environment.get(COUNT)
    if index is None:
        return None
    if count is None:
        raise WrongConfiguration(
            f"{INDEX} is {index}, but of how many? {COUNT} is not set.",
            f"Set {COUNT} to the Job's completions, or name the share: --shard i/n",
        )
    try:
        return read_shard(f"{int(index) + 1}/{int(count)}")
    except (ValueError, Unreadable):
        wrong = f"{INDEX}={index!r} and {COUNT}={count!r} are no share of an Indexed Job."
        raise WrongConfiguration(wrong, "The index counts from 0 to the count less one.") from None
