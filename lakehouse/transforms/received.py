"""A row as received: which of its columns were delivered, its hash, and itself as one JSON text and back."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from lakehouse.contracts import BRONZE_LINEAGE
from lakehouse.utils.sql_text import identifier

_VARYING = "_varying"
_LINEAGE = tuple(column.name for column in BRONZE_LINEAGE)


def delivered_columns(names: Iterable[str]) -> list[str]:
    """The delivered among the columns of a bronze table, in alphabetical order."""
    return sorted(name for name in names if name not in _LINEAGE)


def with_missing_columns(rows: DataFrame, names: Iterable[str]) -> DataFrame:
    """Rows with a null text column for each name they lack (names compare without case)."""
    present = {name.lower() for name in rows.columns}
    missing = {name: sf.lit(None).cast("string") for name in names if name.lower() not in present}
    return rows.withColumns(missing) if missing else rows


def delivered_struct(columns: list[str]) -> Column:
    """Delivered columns (all strings) as one value, whose JSON is the row as received (nulls left out). Costs nothing
    until it is looked at."""
    return sf.struct(*[sf.col(identifier(name)) for name in columns])


def rows_as_received(quarantined: DataFrame, columns: list[str]) -> DataFrame:
    """Quarantined rows (row_json and lineage) as the bronze rows they were: delivered `columns` and bronze lineage."""
    schema = ", ".join(f"{identifier(name)} string" for name in columns)
    parsed = quarantined.withColumn("_row", sf.from_json("row_json", schema))
    return parsed.select(*[sf.col("_row").getField(name).alias(name) for name in columns], *_LINEAGE)


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
