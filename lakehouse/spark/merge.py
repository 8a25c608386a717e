"""Changing rows of a table by key, in one commit."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import DataFrame, SparkSession

from lakehouse.spark.fitted import fitted
from lakehouse.tables import TableRef
from lakehouse.utils.sql_text import identifier


def merge_by_key(spark: SparkSession, table: TableRef, changes: DataFrame, key: tuple[str, ...], lake: str) -> None:
    """Update the rows that have the key of a change, insert the others. Keys are unique among the changes and never
    null.

    Give only rows that differ from the table's: every matched row is written. One attempt; wrap it in `committed`.
    """
    complete = fitted(changes, table, lake)
    names = [identifier(name) for name in complete.columns]
    assignments = ", ".join(f"t.{name} = s.{name}" for name in names)
    with _view(spark, complete) as view:
        insert = f"insert ({', '.join(names)}) values ({', '.join(f's.{name}' for name in names)})"  # noqa: S608 - names of our own columns
        spark.sql(
            f"{_merge_into(table, view, key, lake)} when matched then update set {assignments} when not matched then {insert}"
        ).collect()


def delete_by_key(spark: SparkSession, table: TableRef, keys: DataFrame, key: tuple[str, ...], lake: str) -> None:
    """Delete the rows whose key is among `keys` (unique, no nulls). One attempt; wrap it in `committed`."""
    with _view(spark, keys.select(*key)) as view:
        spark.sql(f"{_merge_into(table, view, key, lake)} when matched then delete").collect()


def _merge_into(table: TableRef, view: str, key: tuple[str, ...], lake: str) -> str:
    same = " and ".join(f"t.{identifier(name)} = s.{identifier(name)}" for name in key)
    return f"merge into delta.`{table.location(lake)}` t using {view} s on {same}"


@contextmanager
def _view(spark: SparkSession, rows: DataFrame) -> Iterator[str]:
    """A name for rows within a statement; unique, because all processes share one session with the engine."""
    name = f"changes_{uuid.uuid4().hex}"
    rows.createOrReplaceTempView(name)
    try:
        yield name
    finally:
        spark.catalog.dropTempView(name)
