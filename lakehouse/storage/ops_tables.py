"""Appending to the ops tables: small Arrow batches written straight to Delta, which works without an engine."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError

from lakehouse.contracts import OPS_TABLES, arrow_schema
from lakehouse.storage.commit_retry import retry_commit
from lakehouse.storage.damage import refuse_damaged
from lakehouse.storage.discovery import delta_uri, is_remote
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef, ops

# Reading 200 one-row files takes seconds, one compacted file 10 ms; compacting costs less than 0.1 s.
_COMPACT_EVERY = 16
# A compaction writes the whole table; beyond this its files are large enough as they are.
_COMPACT_BYTES = 16 * 2**20

# Rows that the writer holds in memory.
_ROW_GROUPS = WriterProperties(max_row_group_size=100_000)


def record(table: str, rows: list[dict[str, Any]], lake: str) -> None:
    """Append rows (dicts with the contract's columns, timestamps aware) to ops.<table>.

    Raises KeyError for a table without a contract, pyarrow errors for a row that does not fit it, and
    CommitConflictError.
    """
    if not rows:
        return
    schema = arrow_schema(OPS_TABLES[table].columns)
    unknown = {name for row in rows for name in row} - set(schema.names)
    if unknown:
        raise KeyError(f"ops.{table} has no columns {sorted(unknown)}")
    record_batch(table, pa.Table.from_pylist(rows, schema=schema), lake)


def record_batch(table: str, batch: pa.Table, lake: str) -> None:
    """The same for rows in an Arrow table with the contract's columns."""
    # Appends do not conflict with each other, but two first ones do: both create the table.
    _compact_now_and_then(retry_commit(ops(table), lambda: _appended(ops(table), batch, lake)))


def _appended(table: TableRef, batch: pa.Table, lake: str) -> DeltaTable:
    """The table at the version that this append made; created when it is not there, with the columns it lacks added."""
    found = Table(table, lake).delta
    if found is None:
        _refuse_without_log(table, lake)
        write_deltalake(delta_uri(table, lake), batch, mode="append")
        return DeltaTable(delta_uri(table, lake))
    is_wider = not set(batch.column_names) <= {field.name for field in found.schema().fields}
    write_deltalake(found, batch, mode="append", schema_mode="merge" if is_wider else None)
    return found


def _refuse_without_log(table: TableRef, lake: str) -> None:
    """DamagedTableError for a table whose log is gone: a new one would hide its rows. One data file alone is what a
    first append leaves that was killed."""
    if not is_remote(lake) and len(list(Path(delta_uri(table, lake)).glob("*.parquet"))) > 1:
        refuse_damaged(lake, [table])


def _compact_now_and_then(found: DeltaTable) -> None:
    count_appends = found.version() + 1
    if count_appends % _COMPACT_EVERY == 0 and _size(found) <= _COMPACT_BYTES:
        # Losing the race to another compaction loses nothing: the rows are there either way.
        with contextlib.suppress(CommitFailedError):
            compact(found)


def compact(found: DeltaTable) -> None:
    """Write the rows of this version as one file; rows appended meanwhile stay. CommitFailedError when another
    compaction came first.

    Not delta-rs's own `optimize.compact`: of two that start from one version both succeed, and every row is there twice
    (seen with 1.6.6). An overwrite is checked against what was removed since the version that it read.
    """
    rows = found.to_pyarrow_dataset().scanner(batch_readahead=1, fragment_readahead=1)
    write_deltalake(found, rows.to_reader(), mode="overwrite", writer_properties=_ROW_GROUPS)
    found.create_checkpoint()


def _size(found: DeltaTable) -> int:
    return sum(pa.table(found.get_add_actions(flatten=True))["size_bytes"].to_pylist())
