"""Pages of a listing: what was listed is kept for its page tokens, so that a page is a slice.

A page token names the kept listing and a page of it. Asking twice for one page gives the same
page, as a client that retries needs; which pages are short or empty is drawn once (rule 24).
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from .api import ApiError, legacy_error
from .switches import Switches
from .tokens import pack, short_hash, unpack

MOST_LISTINGS = 512
MOST_ITEMS = 20_000_000  # pointers to items, about 160 MB


@dataclass
class Listing:
    """The items of one listing as they were when its first page was asked for."""

    items: list[Any]
    fingerprint: str  # of every parameter but pageToken (rule 26)
    size: int
    made: datetime
    next_sync_token: str | None = None
    position: int = 0  # of the change log, when listed
    number: int = 0
    cuts: list[int] = field(default_factory=lambda: [0])  # page k is items[cuts[k]:cuts[k+1]]
    last_page: int | None = None


@dataclass(frozen=True)
class Page:
    """One page; exactly one of the tokens is set, or none where Google gives none."""

    listing: Listing
    items: list[Any]
    next_page_token: str | None
    next_sync_token: str | None


class Pager:
    """The listings that page tokens may still ask for."""

    def __init__(self) -> None:
        self._listings: OrderedDict[int, Listing] = OrderedDict()
        self._made = 0
        self._kept = 0

    def begin(self, listing: Listing, switches: Switches) -> Page:
        """Return the first page of a new listing."""
        self._made += 1
        listing.number = self._made
        page = self._page(listing, 0, switches)
        if page.next_page_token:
            self._keep(listing)
        return page

    def resume(
        self,
        token: str,
        fingerprint: str,
        now: datetime,
        switches: Switches,
        between: Callable[[Listing, int], None] | None = None,
    ) -> Page:
        """Return the page a token names; `between` may change the listing before a new page."""
        numbers = unpack(token)
        listing = self._listings.get(numbers[1]) if len(numbers) == 3 else None
        if listing is None or numbers[0] != short_hash(listing.fingerprint):
            raise bad_page_token()
        if listing.fingerprint != fingerprint or _is_old(listing, now, switches):
            raise bad_page_token()
        if numbers[2] >= len(listing.cuts):
            raise bad_page_token()
        if between and numbers[2] == len(listing.cuts) - 1:
            between(listing, listing.cuts[-1])
        return self._page(listing, numbers[2], switches)

    def forget(self) -> None:
        """Make every page token given so far invalid."""
        self._listings.clear()
        self._kept = 0

    def _keep(self, listing: Listing) -> None:
        self._listings[listing.number] = listing
        self._kept += len(listing.items)
        while len(self._listings) > MOST_LISTINGS or (
            self._kept > MOST_ITEMS and len(self._listings) > 1
        ):
            _, oldest = self._listings.popitem(last=False)
            self._kept -= len(oldest.items)

    def _page(self, listing: Listing, number: int, switches: Switches) -> Page:
        if number == len(listing.cuts) - 1:
            self._cut(listing, number, switches)
        items = listing.items[listing.cuts[number] : listing.cuts[number + 1]]
        if number == listing.last_page:
            return Page(listing, items, None, listing.next_sync_token)
        token = pack(short_hash(listing.fingerprint), listing.number, number + 1)
        return Page(listing, items, token, None)

    def _cut(self, listing: Listing, number: int, switches: Switches) -> None:
        begin, total = listing.cuts[number], len(listing.items)
        chance = random.Random(f"{switches.seed}|{listing.fingerprint}|{number}")  # noqa: S311
        size = min(listing.size, switches.page_cap or listing.size)
        just_empty = number > 0 and listing.cuts[number - 1] == begin
        empty = chance.random() < switches.empty_pages and not just_empty
        if empty:
            size = 0
        elif chance.random() < switches.short_pages:
            size = chance.randint(1, size)
        end = min(begin + size, total)
        listing.cuts.append(end)
        # A last page that was not full may be followed by an empty one: Google promises neither.
        if end == total and not (empty or chance.random() < switches.empty_pages / 2):
            listing.last_page = number


def _is_old(listing: Listing, now: datetime, switches: Switches) -> bool:
    minutes = switches.page_token_minutes
    return bool(minutes) and now - listing.made > timedelta(minutes=minutes)


def bad_page_token() -> ApiError:
    """Return the 400 for a page token that is garbage, too old or of another query (2.6)."""
    return legacy_error(400, "badRequest", "Bad Request")
