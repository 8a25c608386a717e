"""Adding rows to a table in one commit."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession

from lakehouse.spark.commits import committed
from lakehouse.spark.fitted import fitted
from lakehouse.tables import TableRef


def append(table: TableRef, rows: DataFrame, lake: str) -> None:
    """Append rows to an existing table; columns the rows lack are null. One commit, which never conflicts with other
    appends."""
    fitted(rows, table, lake).write.format("delta").mode("append").save(table.location(lake))


def append_once(spark: SparkSession, table: TableRef, rows: DataFrame, key: tuple[str, ...], lake: str) -> None:
    """Append the rows whose key (no nulls, unique among the rows) the table does not have yet; without any, there is no
    commit."""

    def attempt() -> None:
        present = spark.read.format("delta").load(table.location(lake)).select(*key)
        fresh = rows.join(present, list(key), "left_anti")
        if not fresh.isEmpty():
            append(table, fresh, lake)

    committed(table, attempt)
