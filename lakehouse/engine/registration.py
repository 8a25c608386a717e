"""Names for the tables of the lake: every Delta table below <lake>/<layer>/ is known to the engine as <layer>.<table>."""

from __future__ import annotations

import os
import re
from pathlib import Path

import fsspec
from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession

from lakehouse.tables import Layer, TableRef

_TABLE_NAME = re.compile(r"[a-z][a-z0-9_]{0,126}")


def tables_on_disk(lake: str) -> set[TableRef]:
    """All Delta tables of the lake, found by their logs; two directory listings a layer locally, one request a table on s3."""
    if "://" not in lake:
        return {table for layer in Layer for table in _local_tables(Path(lake), layer)}
    files, root = fsspec.url_to_fs(lake.replace("s3a://", "s3://", 1))
    files.invalidate_cache()
    found: set[TableRef] = set()
    for layer in Layer:
        if not files.exists(f"{root}/{layer}"):
            continue
        for path in files.ls(f"{root}/{layer}", detail=False):
            name = str(path).rstrip("/").rsplit("/", 1)[-1]
            if _TABLE_NAME.fullmatch(name) and _has_remote_commit(files, str(path)):
                found.add(TableRef(layer, name))
    return found


def is_on_disk(table: TableRef, lake: str) -> bool:
    """Whether the table has a first commit."""
    location = table.location(lake)
    if "://" not in lake:
        return _has_commit(Path(location))
    files, root = fsspec.url_to_fs(location.replace("s3a://", "s3://", 1))
    files.invalidate_cache()
    return _has_remote_commit(files, root)


def _has_remote_commit(files: fsspec.AbstractFileSystem, table: str) -> bool:
    log = f"{table.rstrip('/')}/_delta_log"
    return bool(files.exists(log)) and any(str(entry).endswith(".json") for entry in files.ls(log, detail=False))


def _local_tables(lake: Path, layer: Layer) -> set[TableRef]:
    folder = lake / layer
    if not folder.is_dir():
        return set()
    return {TableRef(layer, entry.name) for entry in os.scandir(folder) if _TABLE_NAME.fullmatch(entry.name) and _has_commit(Path(entry.path))}


def _has_commit(table: Path) -> bool:
    log = table / "_delta_log"
    return log.is_dir() and any(entry.name.endswith(".json") for entry in os.scandir(log))


def create_schemas(spark: SparkSession, lake: str) -> None:
    """Create the four schemas; a table made by name alone then also lands at <lake>/<layer>/<table>."""
    known = {row[0] for row in spark.sql("show schemas").collect()}
    for layer in [layer for layer in Layer if layer not in known]:
        spark.sql(f"create schema if not exists {layer} location '{lake}/{layer}'").collect()


def named_tables(spark: SparkSession, *layers: Layer) -> set[TableRef]:
    """The tables (and views) of these layers, or of all, that the engine knows by name."""
    rows = [(layer, row["tableName"]) for layer in layers or tuple(Layer) for row in spark.sql(f"show tables in {layer}").collect() if not row["isTemporary"]]
    return {TableRef(layer, name) for layer, name in rows if _TABLE_NAME.fullmatch(name)}


def name_table(spark: SparkSession, table: TableRef, lake: str) -> None:
    """Make an existing Delta table known by its name; nothing happens when it is. Look first: Spark would create a missing one."""
    try:
        spark.sql(f"create table if not exists {table} using delta location '{table.location(lake)}'").collect()
    except AnalysisException:
        # Two clients named it at the same moment: `if not exists` looks before it writes.
        if table not in named_tables(spark):
            raise
