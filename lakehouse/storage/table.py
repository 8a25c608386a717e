"""One Delta table of the lake without an engine: is it there, at which version, with which columns and rows; creating
it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, Field, Schema, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError

from lakehouse.contracts import Column, arrow_schema
from lakehouse.storage.damage import refuse_damaged
from lakehouse.storage.discovery import delta_uri, newest_version
from lakehouse.tables import TableRef

# Operations in a Delta log that bring no rows, as delta-rs names them.
_WITHOUT_ROWS = frozenset({"CREATE TABLE", "ADD COLUMN"})


@dataclass(frozen=True)
class Table:
    """A table as it was when it was first looked at, or at the `pinned` version.

    The log is read when something is asked for, and once. Commits made since are seen by `reopened()` only.
    """

    ref: TableRef
    lake: str
    pinned: int | None = None

    def reopened(self) -> Self:
        """The same table as it is now."""
        return replace(self, pinned=None)

    @cached_property
    def delta(self) -> DeltaTable | None:
        """The table in delta-rs, None when it has not been written.

        DamagedTableError when its log cannot be read; DeltaError when the pinned version cannot be read any more.
        """
        known = vars(self).get("version", self.pinned)
        if known == -1:
            return None
        try:
            return DeltaTable(delta_uri(self.ref, self.lake), version=known)
        except TableNotFoundError:
            return None
        except DeltaError:
            if self.pinned is None:
                refuse_damaged(self.lake, [self.ref])
            raise

    @cached_property
    def version(self) -> int:
        """Its version, -1 when it does not exist. To ask for it alone loads no log."""
        if "delta" in vars(self):
            return -1 if self.delta is None else int(self.delta.version())
        found = newest_version(self.ref, self.lake) if self.pinned is None else self.pinned
        return -1 if found is None else found

    @property
    def exists(self) -> bool:
        """Whether it has been written."""
        return self.version >= 0

    @property
    def location(self) -> str:
        """Where it lies, as engines spell it."""
        return self.ref.location(self.lake)

    @property
    def fields(self) -> list[Field]:
        """Columns with Delta's types, in their order; empty when it does not exist."""
        return [] if self.delta is None else self.delta.schema().fields

    @property
    def columns(self) -> list[str]:
        """Names of the columns in their order; empty when it does not exist."""
        return [field.name for field in self.fields]

    @property
    def is_never_loaded(self) -> bool:
        """Whether it does not exist, or exists and no commit has ever brought a row."""
        return self.delta is None or (
            not self.delta.file_uris()
            and all(commit.get("operation") in _WITHOUT_ROWS for commit in self.delta.history())
        )

    def rows(self, columns: list[str] | None = None, filters: list[Any] | None = None) -> pa.Table | None:
        """Rows as Arrow, for small tables or few rows; None when it does not exist. Filters as pyarrow takes them."""
        return None if self.delta is None else pa.table(self.delta.to_pyarrow_table(columns=columns, filters=filters))

    def count_rows(self) -> int:
        """Number of rows by the statistics in the log; 0 when it does not exist. ValueError for files without
        statistics."""
        added = self._added_files()
        if added is None:
            return 0
        if "num_records" not in added.column_names or added["num_records"].null_count:
            raise ValueError(f"{self.ref} has files without statistics")
        return int(pc.sum(added["num_records"]).as_py())

    def latest_time(self, column: str) -> datetime | None:
        """Upper bound, exact to the millisecond, of a timestamp column: from the log's statistics where it has them,
        else by reading the column. DeltaError or OSError when the version cannot be read any more."""
        added = self._added_files()
        if added is None:
            return None
        name = f"max.{column}"
        if name in added.column_names and not added[name].null_count:
            latest = pc.max(added[name]).as_py()
        else:
            rows = self.rows([column])
            latest = None if rows is None else pc.max(rows[column]).as_py()
        if latest is None:
            return None
        return latest.astimezone(UTC) if latest.tzinfo else latest.replace(tzinfo=UTC)

    def next_update_time(self) -> datetime:
        """`_updated_at` of the next commit: now, in whole milliseconds, but later than any before, also when clocks
        step back."""
        now = _in_milliseconds(datetime.now(UTC))
        latest = self.latest_time("_updated_at")
        return now if latest is None or latest < now else _in_milliseconds(latest) + timedelta(milliseconds=1)

    def source_files(self) -> set[str]:
        """All `_source_file`s of a bronze table; reads that one column, dictionary-encoded, file by file."""
        if self.delta is None:
            return set()
        import pyarrow.dataset as ds  # it imports pandas, which most readers of this module have no use for

        options = ds.ParquetReadOptions(dictionary_columns={"_source_file"})
        rows = self.delta.to_pyarrow_dataset(parquet_read_options=options)
        names: set[str] = set()
        for batch in rows.to_batches(columns=["_source_file"], batch_size=1_000_000):
            column = batch.column(0)
            names |= set((column.dictionary if pa.types.is_dictionary(column.type) else pc.unique(column)).to_pylist())
        return names

    def last_offsets(self) -> dict[int, int]:
        """Of a bronze table of messages, the greatest `_offset` of each `_partition`; reads these two columns."""
        last: dict[int, int] = {}
        if self.delta is None:
            return last
        for batch in self.delta.to_pyarrow_dataset().to_batches(columns=["_partition", "_offset"]):
            greatest = pa.Table.from_batches([batch]).group_by("_partition").aggregate([("_offset", "max")])
            for row in greatest.to_pylist():
                last[row["_partition"]] = max(row["_offset_max"], last.get(row["_partition"], -1))
        return last

    def ensure(self, columns: tuple[Column, ...]) -> Self:
        """The table with these columns: created, or with those it lacks added (names compare without case).

        Metadata commits, so that both engines find the same table. Every column is nullable on disk: engines that
        derive nullability from the first rows would refuse later ones. No row is rewritten; columns beyond these stay.
        Idempotent, also when killed in between.
        """
        wanted = Schema.from_arrow(arrow_schema(columns)).fields
        if self.delta is None:
            DeltaTable.create(delta_uri(self.ref, self.lake), schema=Schema(wanted), mode="ignore")
            return self.reopened()
        present = {name.lower() for name in self.columns}
        missing = [
            Field(field.name, field.type, nullable=True) for field in wanted if field.name.lower() not in present
        ]
        if missing:
            self.delta.alter.add_columns(missing)
        return self.reopened() if missing else self

    def overwrite(self, rows: pa.Table, partitions: tuple[str, ...] = ()) -> Self:
        """Replace all rows and columns by rows that are in memory, in one commit; the table is created when needed.
        `partitions`: columns whose values have files of their own."""
        mode = "overwrite" if self.exists else None
        by = list(partitions) or None
        write_deltalake(delta_uri(self.ref, self.lake), rows, mode="overwrite", schema_mode=mode, partition_by=by)
        return self.reopened()

    def overwrite_where(self, condition: str, rows: pa.Table) -> Self:
        """Replace the rows that meet a condition on partitions by rows that do, in one commit; CommitFailedError when
        there were others since it was opened."""
        if self.delta is None:
            raise KeyError(f"{self.ref} does not exist")
        write_deltalake(self.delta, rows, mode="overwrite", predicate=condition)
        return self.reopened()

    def _added_files(self) -> pa.Table | None:
        """What the log says of the files of this version; None when there are none."""
        added = None if self.delta is None else pa.table(self.delta.get_add_actions(flatten=True))
        return added if added is not None and added.num_rows else None


def _in_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
