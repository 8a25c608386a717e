"""Looking at a Delta table without an engine: does it exist, which version, which rows (small tables only)."""

from __future__ import annotations

import pyarrow as pa
from deltalake import DeltaTable

from lakehouse.tables import TableRef

def table_uri(table: TableRef, lake: str) -> str:
    """Location in delta-rs's spelling; credentials for an object store come from the standard AWS variables."""
    return table.location(lake).replace("s3a://", "s3://", 1)


def open_table(table: TableRef, lake: str) -> DeltaTable | None:
    """The table, or None when it has not been written yet."""
    location = table_uri(table, lake)
    return DeltaTable(location) if DeltaTable.is_deltatable(location) else None


def version(table: TableRef, lake: str) -> int:
    """Newest committed version; -1 when the table does not exist."""
    found = open_table(table, lake)
    return -1 if found is None else found.version()


def read(table: TableRef, lake: str, columns: list[str] | None = None) -> pa.Table | None:
    """All rows of a small table as Arrow, or None when it does not exist."""
    found = open_table(table, lake)
    return None if found is None else pa.table(found.to_pyarrow_table(columns=columns))
