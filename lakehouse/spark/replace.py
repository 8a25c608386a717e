"""Replacing all rows of a table, in one commit."""

from __future__ import annotations

import pyarrow as pa
from deltalake import Schema, write_deltalake
from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from lakehouse.contracts import Column, arrow_schema
from lakehouse.storage.discovery import delta_uri
from lakehouse.storage.reader import open_table
from lakehouse.storage.schema import ensure_table
from lakehouse.tables import TableRef
from lakehouse.utils.sql_text import identifier


def replace_table(table: TableRef, rows: DataFrame, columns: tuple[Column, ...], lake: str) -> bool:
    """Replace the table's content by these rows, which have at least these columns; readers see the old content or the
    new.

    The table is created when it does not exist (returns True then). Columns that are gone from, or changed their type
    in, the contract are dropped or changed in the same commit.
    """
    is_new = ensure_table(table, columns, lake)
    complete = rows.select(
        *[sf.col(identifier(column.name)).cast(column.type).alias(column.name) for column in columns]
    )
    writer = complete.write.format("delta").mode("overwrite")
    if not _has_schema(table, columns, lake):
        writer = writer.option("overwriteSchema", "true")
    writer.save(table.location(lake))
    return is_new


def replace_small_table(table: TableRef, rows: pa.Table, lake: str) -> bool:
    """The same for rows that are in memory: in one commit, without an engine; True when the table was created."""
    is_new = open_table(table, lake) is None
    write_deltalake(delta_uri(table, lake), rows, mode="overwrite", schema_mode=None if is_new else "overwrite")
    return is_new


def _has_schema(table: TableRef, columns: tuple[Column, ...], lake: str) -> bool:
    found = open_table(table, lake)
    wanted = Schema.from_arrow(arrow_schema(columns))
    return found is not None and {(f.name, str(f.type)) for f in found.schema().fields} == {
        (f.name, str(f.type)) for f in wanted.fields
    }
