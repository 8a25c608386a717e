"""Creating tables and adding columns: metadata commits without an engine, so that both engines find the same table.

A table is created with every column nullable: engines that derive nullability from the first rows would refuse later ones.
A new column is one metadata commit; no row is rewritten, old files read as null.
"""

from __future__ import annotations

from deltalake import DeltaTable, Field, Schema
from deltalake.schema import PrimitiveType
from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from lakehouse.contracts import Column, arrow_schema
from lakehouse.delta.storage import open_table, table_uri
from lakehouse.tables import TableRef


def ensure_table(table: TableRef, columns: tuple[Column, ...], lake: str) -> bool:
    """Create the table with these columns, or add those it lacks (names compare without case); True when it was created.

    Columns that the table has beyond these stay. Idempotent, also when killed in between.
    """
    found = open_table(table, lake)
    if found is None:
        DeltaTable.create(table_uri(table, lake), schema=arrow_schema(columns), mode="ignore")
        return True
    present = {field.name.lower() for field in found.schema().fields}
    wanted = Schema.from_arrow(arrow_schema(columns))
    missing = [Field(field.name, field.type, nullable=True) for field in wanted.fields if field.name.lower() not in present]
    if missing:
        found.alter.add_columns(missing)
    return False


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
    column = sf.col(f"`{field.name}`") if is_present else sf.lit(None)
    return column.cast(field.type.type) if isinstance(field.type, PrimitiveType) else column
