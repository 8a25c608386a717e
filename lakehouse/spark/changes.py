"""Rows that an append-only table received since a version, found by its log."""

from __future__ import annotations

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from lakehouse.storage.discovery import delta_uri
from lakehouse.storage.reader import open_table, source_files
from lakehouse.tables import TableRef


def changes_since(spark: SparkSession, table: TableRef, since: int, lake: str) -> tuple[int, DataFrame | None]:
    """Newest version and the rows appended after version `since` (-1: all rows), None when there are none.

    Pure appends: only the added files are read. When files were rewritten in between (compaction), the rows of source
    files that version `since` did not have. When that version can no longer be read (its log or its files were cleaned
    up), all rows: readers are idempotent, so this only costs time.
    """
    current = open_table(table, lake)
    if current is None:
        return -1, None
    version = current.version()
    if since == version:
        return version, None
    everything = spark.read.format("delta").option("versionAsOf", version).load(table.location(lake))
    if since < 0 or since > version:
        return version, everything if current.file_uris() else None
    try:
        before = DeltaTable(delta_uri(table, lake), version=since)
        known, now = set(before.file_uris()), set(current.file_uris())
        if known <= now:
            return version, _rows_of(spark, sorted(now - known), everything, lake)
        loaded = source_files(before)
    except (DeltaError, OSError):
        return version, everything
    fresh = sorted(source_files(current) - loaded)
    return version, everything.where(sf.col("_source_file").isin(fresh)) if fresh else None


def _rows_of(spark: SparkSession, files: list[str], everything: DataFrame, lake: str) -> DataFrame | None:
    if not files:
        return None
    if lake.startswith("s3a://"):  # delta-rs and Spark spell the same store differently
        files = [file.replace("s3://", "s3a://", 1) for file in files]
    return spark.read.schema(everything.schema).parquet(*files)
