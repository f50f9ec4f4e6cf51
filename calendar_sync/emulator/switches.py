"""Switches that make the local Google as difficult as the real one can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True)
class Switches:
    """Everything off is a friendly Google. Probabilities are drawn per page from `seed`."""

    seed: int = 0
    short_pages: float = 0.0  # probability of a page with fewer items than asked (rule 24)
    empty_pages: float = 0.0  # probability of a page with none and a nextPageToken (rule 24)
    page_cap: int = 0  # never more items than this on a page; 0 is no cap
    page_token_minutes: float = 0.0  # page tokens live so long; 0 is for ever
    strict_sync: bool = False  # other parameters than the first sync's: 400 (rule 48)
    token_age_days: float = 0.0  # a sync token lives so long; 0 is for ever (rule 55)
    acl_expires: bool = True  # a change of role makes sync tokens 410 (rule 55)
    tombstone_days: float = 0.0  # deltas forget deletions after so long; 0 is never (rule 56)
    six_months: bool = False  # expanded deltas name only half a year of a deleted series (57)
    expansion_cap: int = 730  # future occurrences of a series without end (rule 34)
    mutate_listings: float = 0.0  # probability of an edit between two pages (rule 58)
    duplicate_items: float = 0.0  # probability that an item comes again later in a listing
    no_sync_token: bool = False  # the last page of a full listing has neither token
    pretend_empty: bool = False  # full listings of events are empty, and look complete
    shrink: bool = False  # full listings lack half of the events, and look complete


def changed(switches: Switches, values: Mapping[str, Any]) -> Switches:
    """Return the switches with some set; ValueError names an unknown one or a wrong type."""
    known = {field.name: getattr(Switches, field.name) for field in fields(Switches)}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"there is no switch {name!r}; there are {', '.join(known)}")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        wants_number = not isinstance(known[name], bool)
        if number != wants_number:
            raise ValueError(f"switch {name!r} cannot be {value!r}")
    return replace(switches, **values)
