"""Rows into calls: every call within the limits, nothing lost, nothing in another order."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from lakehouse.activation.destinations.klaviyo import CAPABILITIES
from lakehouse.activation.destinations.platform import Item, Row
from lakehouse.activation.sending.packing import packed

LIMITS = replace(CAPABILITIES, rows_per_call=4, bytes_per_call=30, overhead_bytes=5)


def item(size: int, is_removal: bool) -> Item:
    return Item(Row("c", "removed" if is_removal else "added", "", {}, ""), b"x" * size)


@given(st.lists(st.builds(item, st.integers(1, 25), st.booleans())))
def test_every_call_is_within_the_limits(items: list[Item]) -> None:
    calls = list(packed(items, LIMITS))
    assert [each for call in calls for each in call] == items
    for call in calls:
        assert 1 <= len(call) <= 4
        assert len(b",".join(each.body for each in call)) <= 25
        assert len({each.row.is_removal for each in call}) == 1


def test_a_call_is_filled_before_the_next_begins() -> None:
    assert [len(call) for call in packed([item(8, False)] * 7, LIMITS)] == [2, 2, 2, 1]
    assert [len(call) for call in packed([item(1, False)] * 9, LIMITS)] == [4, 4, 1]
