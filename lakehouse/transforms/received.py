"""A row as received, as one JSON text, and back."""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from lakehouse.contracts import BRONZE_LINEAGE
from lakehouse.utils.sql_text import identifier

_LINEAGE = tuple(column.name for column in BRONZE_LINEAGE)


def delivered_columns(names: Iterable[str]) -> list[str]:
    """The delivered among the columns of a bronze table, in alphabetical order."""
    return sorted(name for name in names if name not in _LINEAGE)


def delivered_struct(columns: list[str]) -> Column:
    """Delivered columns (all strings) as one value, whose JSON is the row as received (nulls left out). Costs nothing
    until it is looked at."""
    return sf.struct(*[sf.col(identifier(name)) for name in columns])


def rows_as_received(quarantined: DataFrame, columns: list[str]) -> DataFrame:
    """Quarantined rows (row_json and lineage) as the bronze rows they were: delivered `columns` and bronze lineage."""
    schema = ", ".join(f"{identifier(name)} string" for name in columns)
    parsed = quarantined.withColumn("_row", sf.from_json("row_json", schema))
    return parsed.select(*[sf.col("_row").getField(name).alias(name) for name in columns], *_LINEAGE)
