"""Where a query without a checkpoint begins."""

from __future__ import annotations

import json

import pytest


@pytest.mark.parametrize(
    ("in_bronze", "expected"),
    [({}, None), ({0: 41, 2: 0}, {"0": 42, "1": -2, "2": 1, "3": -2})],
)
def test_behind_what_bronze_has(in_bronze: dict[int, int], expected: dict[str, int] | None) -> None:
    from lakehouse.streaming.queries import starting_offsets

    found = starting_offsets(in_bronze)
    assert found == "earliest" if expected is None else json.loads(found) == {"web_events": expected}
