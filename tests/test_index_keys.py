"""An index is the same, whether its keys come as a list or in parts that are encoded already."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_sync.blocks import IndexWriter, Keys


def written(folder: Path, add: Callable[[IndexWriter], None]) -> bytes:
    with IndexWriter(folder / "keys") as index:
        add(index)
        index.finish("", 0, {})
        return (folder / "keys").read_bytes()


parts_of_keys = st.lists(
    st.tuples(st.sampled_from([1, 26, 255, 256, 70_000]), st.integers(1, 20)),
    min_size=1,
    max_size=4,
)


@given(parts_of_keys, st.booleans())
def test_keys_in_parts_are_those_of_a_list(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[tuple[int, int]], is_joined: bool
) -> None:
    folder = tmp_path_factory.getbasetemp()
    parts = [[bytes([65 + n]) * length for n in range(count)] for length, count in sizes]
    by_parts = [
        Keys.of_joined(b"\x1e".join(part), b"\x1e", len(part)) if is_joined else Keys.of(part)
        for part in parts
    ]
    expected = written(folder, lambda index: index.add([*chain(*parts)], 9))
    assert written(folder, lambda index: index.add_parts(by_parts, 9)) == expected
