"""What alone a reading has changed: enough to bring large files up to date without reading all."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from calendar_sync.sync import read_stub

if TYPE_CHECKING:
    from calendar_sync.changes import Journal
    from calendar_sync.mirror import Mirror

MOST_TOUCHED = 1000  # resources; beyond that whoever needs to know reads everything


@dataclass(frozen=True)
class Touched:
    """The series that a reading changed, single events among them, and what they were before.

    `revision` is the calendar's before the reading; `ids` are of every resource they had or have.
    """

    revision: int
    series: frozenset[str]
    ids: frozenset[str]
    before: list[tuple[str, int, bytes]]  # rows of the mirror


def find_touched(mirror: Mirror, key: int, journal: Journal) -> Touched | None:
    """Find it, before the calendar's revision is raised; None when it is too much."""
    former = journal.former(MOST_TOUCHED)
    if former is None:
        return None
    old = [(_series_of(resource), kind, id_, resource) for id_, kind, resource in former.old]
    series = former.series | {row[0] for row in old}
    now_there: list[tuple[str, int, str, bytes]] = []
    for name in series:
        now_there += mirror.rows_of_series(key, name)
    kept = [row for row in now_there if row[2] not in former.ids]
    before = sorted([*old, *kept], key=itemgetter(0, 1, 2))
    (revision,) = mirror.connection.execute(
        "SELECT revision FROM calendars WHERE key = ?", (key,)
    ).fetchone()
    return Touched(
        revision,
        frozenset(series),
        frozenset({*series, *former.ids, *(row[2] for row in now_there)}),
        [(name, kind, resource) for name, kind, _, resource in before],
    )


def _series_of(resource: bytes) -> str:
    stub = read_stub(resource)[1]
    return "" if stub is None else stub.recurring_event_id or stub.id
