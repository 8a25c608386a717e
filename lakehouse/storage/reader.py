"""Looking at a Delta table without an engine: does it exist, which version, how many rows, which rows (small tables
only)."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from lakehouse.storage.discovery import delta_uri, newest_version
from lakehouse.tables import TableRef


def open_table(table: TableRef, lake: str, version: int | None = None) -> DeltaTable | None:
    """The table (as it was at `version`), or None when it has not been written yet. DeltaError for a version that
    cannot be read."""
    try:
        return DeltaTable(delta_uri(table, lake), version=version)
    except TableNotFoundError:
        return None


def version(table: TableRef, lake: str) -> int:
    """Newest committed version; -1 when the table does not exist."""
    found = newest_version(table, lake)
    return -1 if found is None else found


def read(table: TableRef, lake: str, columns: list[str] | None = None) -> pa.Table | None:
    """All rows of a small table as Arrow, or None when it does not exist."""
    found = open_table(table, lake)
    return None if found is None else pa.table(found.to_pyarrow_table(columns=columns))


def column_names(table: TableRef, lake: str) -> list[str]:
    """Columns of the table in their order; empty when it does not exist."""
    found = open_table(table, lake)
    return [] if found is None else [field.name for field in found.schema().fields]


def count_rows(table: TableRef, lake: str) -> int:
    """Rows of the table by the statistics in its log; 0 when it does not exist. ValueError for files without
    statistics."""
    found = open_table(table, lake)
    if found is None:
        return 0
    counts = pa.table(found.get_add_actions(flatten=True))
    if not counts.num_rows:
        return 0
    if "num_records" not in counts.column_names or counts["num_records"].null_count:
        raise ValueError(f"{table} has files without statistics")
    return int(pc.sum(counts["num_records"]).as_py())


def latest_time(table: TableRef, lake: str, column: str, version: int | None = None) -> datetime | None:
    """Upper bound, exact to the millisecond, of a timestamp column: from the log's statistics where it has them, else
    by reading the column.

    Of the newest version, or of an earlier one: DeltaError or OSError when that cannot be read any more.
    """
    found = open_table(table, lake, version)
    if found is None:
        return None
    actions = pa.table(found.get_add_actions(flatten=True))
    if not actions.num_rows:
        return None
    name = f"max.{column}"
    if name in actions.column_names and not actions[name].null_count:
        latest = pc.max(actions[name]).as_py()
    else:
        latest = pc.max(found.to_pyarrow_table(columns=[column])[column]).as_py()
    if latest is None:
        return None
    return latest.astimezone(UTC) if latest.tzinfo else latest.replace(tzinfo=UTC)


def source_files(found: DeltaTable) -> set[str]:
    """All `_source_file`s of a bronze table; reads that one column, dictionary-encoded, file by file."""
    import pyarrow.dataset as ds  # it imports pandas, which most readers of this module have no use for

    options = ds.ParquetReadOptions(dictionary_columns={"_source_file"})
    rows = found.to_pyarrow_dataset(parquet_read_options=options)
    names: set[str] = set()
    for batch in rows.to_batches(columns=["_source_file"], batch_size=1_000_000):
        column = batch.column(0)
        names |= set((column.dictionary if pa.types.is_dictionary(column.type) else pc.unique(column)).to_pylist())
    return names
