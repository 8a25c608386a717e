"""Hashes of rows: of a row as received, and of any columns."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from lakehouse.utils.sql_text import identifier

_VARYING = "_varying"


def with_row_hash(rows: DataFrame, columns: Iterable[str], name: str = "_row_hash") -> DataFrame:
    """Rows with the xxhash64 (bigint) over delivered columns, all strings, in alphabetical order.

    xxhash64 skips nulls, so a column that a file lacks hashes like one that is null, whichever files are loaded
    together. The number of the column's name after each value makes a value that moved to another column a different
    row.
    """
    parts: list[Column] = []
    for column in sorted(columns, key=str.lower):
        value = sf.col(identifier(column))
        parts += [value, sf.when(value.isNotNull(), sf.lit(zlib.crc32(column.lower().encode()) & 0x7FFFFFFF))]
    return with_hash(rows, parts, name)


def with_hash(rows: DataFrame, values: Iterable[Column], name: str) -> DataFrame:
    """Rows with the xxhash64 (bigint) of values; nulls are skipped.

    The last argument is always null and so changes nothing. It is there because Sail 0.7.2 reads a column that is
    constant in a file as a scalar, and its xxhash64 fails when all arguments are scalars; what is made of random
    numbers never is one.
    """
    varying = rows.withColumn(_VARYING, sf.rand())
    return varying.withColumn(name, sf.xxhash64(*values, sf.nullif(sf.col(_VARYING), sf.col(_VARYING)))).drop(_VARYING)
