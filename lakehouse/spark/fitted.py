"""Rows in the shape of the table they are written to."""

from __future__ import annotations

from deltalake import Field
from deltalake.schema import PrimitiveType
from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from lakehouse.storage.reader import open_table
from lakehouse.tables import TableRef
from lakehouse.utils.sql_text import identifier


def fitted(rows: DataFrame, table: TableRef, lake: str) -> DataFrame:
    """Rows with exactly the table's columns in the table's order and types; a column they lack is null.

    Raises KeyError when the rows have a column the table does not have.
    """
    found = open_table(table, lake)
    if found is None:
        raise KeyError(f"{table} does not exist")
    fields = found.schema().fields
    unknown = {name.lower() for name in rows.columns} - {field.name.lower() for field in fields}
    if unknown:
        raise KeyError(f"{table} has no columns {sorted(unknown)}")
    present = {name.lower() for name in rows.columns}
    return rows.select(*[_value(field, field.name.lower() in present).alias(field.name) for field in fields])


def _value(field: Field, is_present: bool) -> sf.Column:
    column = sf.col(identifier(field.name)) if is_present else sf.lit(None)
    return column.cast(field.type.type) if isinstance(field.type, PrimitiveType) else column
