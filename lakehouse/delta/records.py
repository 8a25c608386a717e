"""Appending to the ops tables: small Arrow batches straight into Delta, so that recording works when no engine does."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from lakehouse.contracts import OPS_TABLES, arrow_schema
from lakehouse.delta.storage import table_uri
from lakehouse.tables import ops


def record(table: str, rows: list[dict[str, Any]], lake: str) -> None:
    """Append rows (dicts with the contract's columns, timestamps aware) to ops.<table>; appends never conflict.

    Raises KeyError for a table without a contract and pyarrow errors for a row that does not fit it.
    """
    if not rows:
        return
    schema = arrow_schema(OPS_TABLES[table].columns)
    unknown = {name for row in rows for name in row} - set(schema.names)
    if unknown:
        raise KeyError(f"ops.{table} has no columns {sorted(unknown)}")
    write_deltalake(table_uri(ops(table), lake), pa.Table.from_pylist(rows, schema=schema), mode="append")
