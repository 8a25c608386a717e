"""Names for the tables of the lake: every Delta table below <lake>/<layer>/ is known to the engine as
<layer>.<table>."""

from __future__ import annotations

from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession

from lakehouse.tables import Layer, TableRef, is_table_name


def create_schemas(spark: SparkSession, lake: str) -> None:
    """Create the four schemas; a table made by name alone then also lands at <lake>/<layer>/<table>."""
    known = {row[0] for row in spark.sql("show schemas").collect()}
    for layer in [layer for layer in Layer if layer not in known]:
        spark.sql(f"create schema if not exists {layer} location '{lake}/{layer}'").collect()


def named_tables(spark: SparkSession, *layers: Layer) -> set[TableRef]:
    """The tables (and views) of these layers, or of all, that the engine knows by name."""
    rows = [
        (layer, row["tableName"])
        for layer in layers or tuple(Layer)
        for row in spark.sql(f"show tables in {layer}").collect()
        if not row["isTemporary"]
    ]
    return {TableRef(layer, name) for layer, name in rows if is_table_name(name)}


def name_table(spark: SparkSession, table: TableRef, lake: str) -> None:
    """Make an existing Delta table known by its name; nothing happens when it is. Look first: Spark would create a
    missing one."""
    try:
        spark.sql(f"create table if not exists {table} using delta location '{table.location(lake)}'").collect()
    except AnalysisException:
        # Two clients named it at the same moment: `if not exists` looks before it writes.
        if table not in named_tables(spark):
            raise
