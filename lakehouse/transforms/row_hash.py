"""The hash of a row as received."""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import Column
from pyspark.sql import functions as F


def row_hash(columns: Iterable[str]) -> Column:
    """xxhash64 (bigint) over delivered columns, all strings, in alphabetical order.

    xxhash64 skips nulls, so a column that a file lacks hashes like one that is null, whichever files are loaded together.
    The number after each value makes a value that moved to the next column a different row.
    """
    parts: list[Column] = []
    for position, name in enumerate(sorted(columns)):
        value = F.col(f"`{name}`")
        parts += [value, F.when(value.isNotNull(), F.lit(_mark(name, position)))]
    return F.xxhash64(*parts)


def _mark(name: str, position: int) -> int:
    """A number of the column's name, not of its position: other files may have more columns."""
    del position
    return sum((index + 1) * ord(character) for index, character in enumerate(name)) % 2_147_483_647
