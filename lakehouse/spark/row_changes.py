"""Which rows of a silver table changed between two of its versions, as they were and as they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from deltalake.exceptions import DeltaError
from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from lakehouse.spark.table import Key, SparkTable

# Beyond this share of the table it is quicker to look at all of it.
_LARGEST_SHARE = 0.2
_FEW = 1000


@dataclass(frozen=True)
class RowChanges:
    """Rows that were inserted or updated: `after` as they are now, `before` as the updated ones were; None: no such
    rows."""

    after: DataFrame | None = None
    before: DataFrame | None = None


def row_changes(table: SparkTable, since: int, key: Key) -> RowChanges | None:
    """What changed after version `since` of a table whose writers stamp `_updated_at`, up to the opened one.

    Only files that one of the two versions lacks are read. None when this cannot be said: the version cannot be read
    any more, rows were removed, or most of the table changed.
    """
    if since == table.version:
        return RowChanges()
    old = replace(table, pinned=since)
    try:
        files_old, files_new = _files(old), _files(table)
        mark, count_old, count_new = old.latest_time("_updated_at"), old.count_rows(), table.count_rows()
    except (DeltaError, OSError, ValueError):
        return None
    current = table.read_opened()
    after = table.rows_of_files(sorted(files_new - files_old), current)
    if after is not None and mark is not None:
        after = after.where(sf.col("_updated_at") > sf.lit(mark))
    count_after = 0 if after is None else after.count()
    if count_after > max(_FEW, _LARGEST_SHARE * count_new):
        return None
    before = table.rows_of_files(sorted(files_old - files_new), current)
    if before is not None and after is not None:
        before = before.join(sf.broadcast(after.select(*key)), list(key), "left_semi")
    count_before = 0 if before is None or not count_after else before.count()
    if count_new - count_old != count_after - count_before:
        return None
    return RowChanges(after if count_after else None, before if count_before else None)


def _files(table: SparkTable) -> set[str]:
    return set() if table.delta is None else set(table.delta.file_uris())
