"""Creating tables and adding columns: metadata commits without an engine, so that both engines find the same table.

A table is created with every column nullable: engines that derive nullability from the first rows would refuse later
ones. A new column is one metadata commit; no row is rewritten, old files read as null.
"""

from __future__ import annotations

from deltalake import DeltaTable, Field, Schema

from lakehouse.contracts import Column, arrow_schema
from lakehouse.storage.discovery import delta_uri
from lakehouse.storage.reader import open_table
from lakehouse.tables import TableRef


def ensure_table(table: TableRef, columns: tuple[Column, ...], lake: str) -> bool:
    """Create the table with these columns, or add those it lacks (names compare without case); True when it was
    created.

    Columns that the table has beyond these stay. Idempotent, also when killed in between.
    """
    found = open_table(table, lake)
    if found is None:
        DeltaTable.create(delta_uri(table, lake), schema=arrow_schema(columns), mode="ignore")
        return True
    present = {field.name.lower() for field in found.schema().fields}
    wanted = Schema.from_arrow(arrow_schema(columns))
    missing = [
        Field(field.name, field.type, nullable=True) for field in wanted.fields if field.name.lower() not in present
    ]
    if missing:
        found.alter.add_columns(missing)
    return False
