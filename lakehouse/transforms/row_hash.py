"""The hash of a row as received."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from pyspark.sql import Column
from pyspark.sql import functions as sf


def row_hash(columns: Iterable[str]) -> Column:
    """xxhash64 (bigint) over delivered columns, all strings, in alphabetical order.

    xxhash64 skips nulls, so a column that a file lacks hashes like one that is null, whichever files are loaded together.
    The number of the column's name after each value makes a value that moved to another column a different row.
    """
    parts: list[Column] = []
    for name in sorted(columns, key=str.lower):
        value = sf.col(f"`{name}`")
        parts += [value, sf.when(value.isNotNull(), sf.lit(zlib.crc32(name.lower().encode()) & 0x7FFFFFFF))]
    return sf.xxhash64(*parts)
