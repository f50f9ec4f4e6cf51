"""Members of series, in any order: given as the mirror gives them."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from tempfile import gettempdir

from hypothesis import given
from hypothesis import strategies as st

from calendar_sync.gathering import Gathered
from calendar_sync.listing import Member
from calendar_sync.sync import Kind

IDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=4) | st.text(
    "a_\0\1\2é", max_size=3
)
MEMBERS = st.builds(
    lambda id_, series, kind, json: (id_, series, int(kind), json),
    IDS,
    IDS,
    st.sampled_from([Kind.SERIES, Kind.EDITED, Kind.CANCELLED]),
    st.binary(max_size=9),
)


@given(st.lists(MEMBERS, unique_by=lambda member: member[0]))
def test_they_come_by_series_kind_and_id(members: list[Member]) -> None:
    gathered = Gathered(Path(gettempdir()))
    gathered.add(members[::2])
    gathered.add(members[1::2])
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE t (id TEXT, series TEXT, kind INT, resource BLOB)")
        database.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", members)
        query = "SELECT series, kind, resource FROM t ORDER BY series, kind, id"
        assert [*gathered.rows()] == [*database.execute(query)]


def test_what_memory_does_not_hold_waits_on_the_disk(tmp_path: Path) -> None:
    gathered = Gathered(tmp_path)
    resource = bytes(1 << 20)
    members = [(f"{n}", f"{n % 2}", int(Kind.EDITED), resource) for n in range(9, -1, -1)]
    for member in members:
        gathered.add([member])
    assert [(series, len(json)) for series, _, json in gathered.rows()] == [
        *[("0", 1 << 20)] * 5,
        *[("1", 1 << 20)] * 5,
    ]
    gathered.close()
    assert [*gathered.rows()] == []
