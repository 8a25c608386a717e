"""Values that are read ahead."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from lakehouse.utils.reading_ahead import read_ahead


def _numbers(read: list[int], bad: int = -1) -> Iterator[int]:
    for number in range(1, 21):
        if number == bad:
            raise ValueError(number)
        read.append(number)
        yield number


async def _taken(values: Iterator[int], most: int = 100) -> list[int]:
    taken: list[int] = []
    async with aclosing(read_ahead(values, 3)) as ahead:
        async for value in ahead:
            taken.append(value)
            if len(taken) == most:
                break
    return taken


def test_all_come_in_order() -> None:
    assert asyncio.run(_taken(_numbers([]))) == list(range(1, 21))
    assert asyncio.run(_taken(iter([]))) == []


def test_nothing_is_read_after_the_end() -> None:
    read: list[int] = []
    assert asyncio.run(_taken(_numbers(read), most=5)) == [1, 2, 3, 4, 5]
    assert len(read) <= 5 + 3


def test_an_error_comes_in_its_place() -> None:
    with pytest.raises(ValueError, match="7"):
        asyncio.run(_taken(_numbers([], bad=7)))
