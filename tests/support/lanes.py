"""Parameters by lane: some are tried by `make test-fast`, more by `make test`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from random import Random
from typing import Any

import pytest


def slow(values: Iterable[Any]) -> list[Any]:
    """Parameters that `make test-fast` leaves out."""
    return [_slow(_several(value)) for value in values]


def first_fast(values: Iterable[Any], count: int = 1) -> list[Any]:
    """Parameters of which `make test-fast` tries the first `count` only."""
    every = list(values)
    return [*(pytest.param(*_several(value)) for value in every[:count]), *slow(every[count:])]


def all_pairs(left: Sequence[Any], right: Sequence[Any]) -> list[Any]:
    """Every pair: `make test-fast` tries each value of either side at least once, `make test` a third of the other
    pairs as well, drawn with a fixed seed, and `make test-soak` the rest."""
    longest = max(len(left), len(right))
    in_turn = {(number % len(left), number % len(right)) for number in range(longest)}
    others = [pair for pair in product(range(len(left)), range(len(right))) if pair not in in_turn]
    drawn = Random(len(others)).sample(others, -(-len(others) // 3))
    return [
        pair if numbers in in_turn else _slow(pair) if numbers in drawn else pytest.param(*pair, marks=pytest.mark.soak)
        for numbers, pair in zip(product(range(len(left)), range(len(right))), product(left, right), strict=True)
    ]


def _several(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _slow(values: tuple[Any, ...]) -> Any:
    return pytest.param(*values, marks=pytest.mark.slow)
