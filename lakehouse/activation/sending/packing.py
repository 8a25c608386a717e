"""Rows into calls: as many as a call may have, by count and by bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lakehouse.activation.destinations.capabilities import Capabilities
from lakehouse.activation.destinations.platform import Item

_SEPARATOR_BYTES = 1


def packed(items: Iterable[Item], limits: Capabilities) -> Iterator[list[Item]]:
    """Groups of items in order, each within the rows and bytes of one call. Upserts and removals are never mixed.

    Items larger than a call stay alone; the caller rejects what exceeds `bytes_per_row` before.
    """
    room = limits.bytes_per_call - limits.overhead_bytes
    group: list[Item] = []
    size = 0
    are_removals = False
    for item in items:
        is_removal = item.row.is_removal
        grown = size + len(item.body) + (_SEPARATOR_BYTES if group else 0)
        if group and (len(group) >= limits.rows_per_call or grown > room or is_removal is not are_removals):
            yield group
            group, grown = [], len(item.body)
        group.append(item)
        size, are_removals = grown, is_removal
    if group:
        yield group
