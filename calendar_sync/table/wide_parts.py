"""Rows of the wide table in parts: columns, or groups of them, as bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from calendar_sync.table.text import encoded, encoded_plain, quoted
from calendar_sync.table.wide_cells import GROUPS, HEAD, JSON_CELLS, TEXTS, Batch, Group

RowPart = Callable[[Batch], Sequence[bytes]]
_GROUP_OF = {name: group for group in GROUPS for name in group.names}


def cells_of(batch: Batch, name: str) -> Sequence[str]:
    """Return the cells of one column, ready to be joined by commas."""
    if name in HEAD:
        return [batch.head[HEAD.index(name)]] * len(batch.rows)
    if name in JSON_CELLS:
        return [content.decode() for content in JSON_CELLS[name](batch)]
    if name in TEXTS:
        return quoted(TEXTS[name](batch))
    return quoted(batch.column(_GROUP_OF[name], name))


def parts_of(names: tuple[str, ...]) -> list[RowPart]:
    """Divide the columns of a row into parts."""
    parts: list[RowPart] = []
    at = 0
    while at < len(names):
        group = _GROUP_OF.get(names[at])
        if group is not None and names[at : at + len(group.names)] == group.names:
            parts.append(_together(group))
            at += len(group.names)
        else:
            parts.append(_alone(names[at]))
            at += 1
    return parts


def _alone(name: str) -> RowPart:
    if name in HEAD:
        return lambda batch: encoded([batch.head[HEAD.index(name)]]) * len(batch.rows)
    return JSON_CELLS.get(name) or (lambda batch: encoded(cells_of(batch, name)))


def _together(group: Group) -> RowPart:
    def contents(batch: Batch) -> Sequence[bytes]:
        lines = list(map(",".join, group.texts(batch)))
        plain = encoded_plain(lines, len(group.names) - 1)
        if plain is not None:
            return plain
        columns = [cells_of(batch, name) for name in group.names]
        return encoded(list(map(",".join, zip(*columns, strict=True))))

    return group.cells or contents
