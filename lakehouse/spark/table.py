"""One Delta table of the lake through the engine: reading it, and changing it by one commit each."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Self

import pyarrow as pa
from deltalake import Field, Schema
from deltalake.exceptions import DeltaError
from deltalake.schema import PrimitiveType
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from lakehouse.contracts import Column, arrow_schema
from lakehouse.spark.commits import committed
from lakehouse.spark.session import register
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef
from lakehouse.utils.sql_text import identifier

Key = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SparkTable(Table):
    """A table that a stage works on.

    What it knows (version, columns) is as of its opening; `read` sees the newest commit, as the engine does. Keys are
    unique among the rows given and never null.
    """

    spark: SparkSession

    def beside(self, ref: TableRef) -> SparkTable:
        """Another table of the same lake, through the same session."""
        return SparkTable(ref, self.lake, spark=self.spark)

    def read(self) -> DataFrame:
        """Its rows, of the newest version."""
        return self.spark.read.format("delta").load(self.location)

    def read_opened(self) -> DataFrame:
        """Its rows as they were when it was opened."""
        return self.spark.read.format("delta").option("versionAsOf", self.version).load(self.location)

    def appended_since(self, version: int) -> DataFrame | None:
        """Rows that an append-only table received after `version` (-1: all rows); None when there are none.

        Pure appends: only the added files are read. When files were rewritten in between (compaction), the rows of
        source files that the version did not have, or the messages behind those that it had. When the version cannot be
        read any more (its log or its files were cleaned up), all rows: readers are idempotent, so this only costs time.
        """
        if self.delta is None or version == self.version:
            return None
        everything = self.read_opened()
        if not 0 <= version < self.version:
            return everything if self.delta.file_uris() else None
        before = replace(self, pinned=version)
        try:
            known = set(before.delta.file_uris()) if before.delta is not None else set()
            now = set(self.delta.file_uris())
            if known <= now:
                return self.rows_of_files(sorted(now - known), everything)
            if "_offset" in self.columns:
                return everything.where(_is_behind(before.last_offsets()))
            loaded = before.source_files()
        except (DeltaError, OSError):
            return everything
        fresh = sorted(self.source_files() - loaded)
        return everything.where(sf.col("_source_file").isin(fresh)) if fresh else None

    def append(self, rows: DataFrame) -> None:
        """Append rows; columns they lack are null. One commit, which never conflicts with other appends.

        Raises KeyError when the rows have a column the table does not have.
        """
        self._fitted(rows).write.format("delta").mode("append").save(self.location)

    def append_once(self, rows: DataFrame, key: Key) -> None:
        """Append the rows whose key the table does not have yet; without any, there is no commit."""

        def attempt() -> None:
            fresh = rows.join(self.read().select(*key), list(key), "left_anti")
            if not fresh.isEmpty():
                self.append(fresh)

        committed(self.ref, attempt)

    def merge(self, changes: DataFrame, key: Key) -> None:
        """Update the rows that have the key of a change, insert the others. One attempt: wrap it in `committed`.

        Give only rows that differ from the table's: every matched row is written.
        """
        fitted = self._fitted(changes)
        names = [identifier(name) for name in fitted.columns]
        update = ", ".join(f"t.{name} = s.{name}" for name in names)
        insert = f"({', '.join(names)}) values ({', '.join(f's.{name}' for name in names)})"
        self._merge(fitted, key, f"when matched then update set {update} when not matched then insert {insert}")

    def delete(self, keys: DataFrame, key: Key) -> None:
        """Delete the rows whose key is among `keys`. One attempt: wrap it in `committed`."""
        self._merge(keys.select(*key), key, "when matched then delete")

    def replace_rows(self, rows: DataFrame, columns: tuple[Column, ...]) -> Self:
        """Replace the content by these rows, which have at least these columns; readers see the old content or the new.

        The table is created when it does not exist. Columns that are gone from, or changed their type in, the contract
        are dropped or changed in the same commit.
        """
        table = self.ensure(columns)
        complete = rows.select(
            *[sf.col(identifier(column.name)).cast(column.type).alias(column.name) for column in columns]
        )
        writer = complete.write.format("delta").mode("overwrite")
        wanted = Schema.from_arrow(arrow_schema(columns)).fields
        if {(field.name, str(field.type)) for field in table.fields} != {(f.name, str(f.type)) for f in wanted}:
            writer = writer.option("overwriteSchema", "true")
        writer.save(self.location)
        return self.reopened()

    def ensure(self, columns: tuple[Column, ...]) -> Self:
        """As of Table; the engine knows a new table by its name."""
        ensured = super().ensure(columns)
        return ensured if self.delta is not None else ensured._named()

    def overwrite(self, rows: pa.Table, partitions: tuple[str, ...] = ()) -> Self:
        """As of Table; the engine knows a new table by its name."""
        written = super().overwrite(rows, partitions)
        return written if self.exists else written._named()

    def _named(self) -> Self:
        register(self.spark, self.ref)
        return self

    def _fitted(self, rows: DataFrame) -> DataFrame:
        """Rows with exactly the table's columns, in its order and types; a column they lack is null."""
        if self.delta is None:
            raise KeyError(f"{self.ref} does not exist")
        present = {name.lower() for name in rows.columns}
        unknown = present - {field.name.lower() for field in self.fields}
        if unknown:
            raise KeyError(f"{self.ref} has no columns {sorted(unknown)}")
        return rows.select(*[_value(field, present).alias(field.name) for field in self.fields])

    def _merge(self, rows: DataFrame, key: Key, actions: str) -> None:
        same = " and ".join(f"t.{identifier(name)} = s.{identifier(name)}" for name in key)
        with _view(rows) as view:
            self.spark.sql(f"merge into delta.`{self.location}` t using {view} s on {same} {actions}").collect()

    def rows_of_files(self, files: list[str], like: DataFrame) -> DataFrame | None:
        """Rows of some of its data files, in the columns of `like`; None without files."""
        if not files:
            return None
        if self.lake.startswith("s3a://"):  # delta-rs and Spark spell the same store differently
            files = [file.replace("s3://", "s3a://", 1) for file in files]
        return self.spark.read.schema(like.schema).parquet(*files)


def _value(field: Field, present: set[str]) -> sf.Column:
    column = sf.col(identifier(field.name)) if field.name.lower() in present else sf.lit(None)
    return column.cast(field.type.type) if isinstance(field.type, PrimitiveType) else column


def _is_behind(last: Mapping[int, int]) -> sf.Column:
    """Whether a message stands behind the last known one of its partition."""
    known = sf.lit(None).cast("bigint")
    for partition, offset in last.items():
        known = sf.when(sf.col("_partition") == partition, sf.lit(offset)).otherwise(known)
    return known.isNull() | (sf.col("_offset") > known)


@contextmanager
def _view(rows: DataFrame) -> Iterator[str]:
    """A name for rows within a statement; unique, because all processes share one session with the engine."""
    name = f"changes_{uuid.uuid4().hex}"
    rows.createOrReplaceTempView(name)
    try:
        yield name
    finally:
        rows.sparkSession.catalog.dropTempView(name)
