"""Landed files -> bronze: every delivered row as received, with where it came from. Append only.

A delivery is loaded if and only if its `_source_file` is in the table, and all new ones of a feed are one commit. So a
run that was killed, or that runs again, loads nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import reduce
from pathlib import Path
from typing import NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from lakehouse.config.feeds import Feed
from lakehouse.config.settings import settings
from lakehouse.contracts import BRONZE_LINEAGE, Column
from lakehouse.landing.files import digits_of, landed_files, shown
from lakehouse.landing.ledger import Ledger
from lakehouse.outcome import TableOutcome
from lakehouse.spark.append import append
from lakehouse.spark.commits import committed
from lakehouse.spark.session import register, session
from lakehouse.storage.reader import column_names, count_rows, open_table, source_files
from lakehouse.storage.schema import ensure_table
from lakehouse.transforms.received import delivered_columns
from lakehouse.transforms.row_hash import with_row_hash
from lakehouse.utils.sql_text import identifier
from lakehouse.window import BatchWindow


class _Alike(NamedTuple):
    """What landed files have in common that are read together."""

    run: int  # place in the order of landing
    columns: tuple[str, ...]
    new: tuple[str, ...]  # the `_source_file`s to take; empty for all


_Groups = dict[_Alike, list[Path]]


def append_landed(feed: Feed, window: BatchWindow) -> TableOutcome:
    """Append the feed's landed files that bronze does not have yet, in one commit; a skipped outcome when there are
    none.

    Columns are strings as received. A column the table lacks is added to it; one a file lacks is null. `_ingested_at`
    tells in which order deliveries were landed, also when several runs landed them before this one.
    """
    table, lake = feed.bronze, settings().lake

    def attempt() -> TableOutcome:
        groups, count_new = _new_files(feed, lake)
        if not count_new:
            return TableOutcome(table, skipped=True)
        spark = session()
        columns = _spellings([*column_names(table, lake), *(name for alike in groups for name in alike.columns)])
        if ensure_table(
            table, (*(Column(name, "string", "as received") for name in columns.values()), *BRONZE_LINEAGE), lake
        ):
            register(spark, table)
        before = count_rows(table, lake)
        append(table, _with_lineage(_read(spark, groups, columns), columns, window), lake)
        return TableOutcome(table, read=count_new, loaded=count_rows(table, lake) - before)

    return committed(table, attempt)


def _new_files(feed: Feed, lake: str) -> tuple[_Groups, int]:
    """Landed files with deliveries the table lacks, by what they share, and the number of rows. Reads one column and
    footers."""
    found = open_table(feed.bronze, lake)
    loaded = {digits_of(label) for label in source_files(found)} if found is not None else set()
    runs: dict[str, int] | None = None
    groups: _Groups = {}
    count_new = 0
    for landed in landed_files(feed.landing, loaded):
        new = {label: rows for label, rows in landed.rows.items() if digits_of(label) not in loaded}
        if new:
            if runs is None:
                runs = {shown(sha256): run for sha256, run in Ledger(feed).run_of_landed().items()}
            some = tuple(new) if len(new) < len(landed.rows) else ()
            run = max(runs.get(digits_of(label), 0) for label in new)  # what shares a file was landed by one run
            groups.setdefault(_Alike(run, landed.columns, some), []).append(landed.path)
            count_new += sum(new.values())
    return groups, count_new


def _spellings(names: Iterable[str]) -> dict[str, str]:
    """Delivered columns: name in lower case -> its first spelling, since tables do not tell `Email` from `email`."""
    lineage = {column.name for column in BRONZE_LINEAGE}
    found: dict[str, str] = {}
    for name in names:
        if name not in lineage:
            found.setdefault(name.lower(), name)
    return found


def _read(spark: SparkSession, groups: _Groups, columns: dict[str, str]) -> DataFrame:
    """Rows of all files with all columns, `_source_file`, `_row_number` and `_ingested_at`: now, microseconds apart by
    order of landing.

    The schema is given, because inferring it opens every file once more.
    """
    parts, now = [], datetime.now(UTC)
    for alike, paths in groups.items():
        schema = (
            ", ".join(f"{identifier(name)} string" for name in alike.columns)
            + ", `_source_file` string, `_row_number` bigint"
        )
        rows = spark.read.schema(schema).parquet(*map(str, paths))
        if alike.new:
            rows = rows.where(sf.col("_source_file").isin(*alike.new))
        present = {name.lower(): sf.col(identifier(name)) for name in alike.columns}
        missing = sf.lit(None).cast("string")
        received_at = sf.lit(now + timedelta(microseconds=alike.run)).alias("_ingested_at")
        parts.append(
            rows.select(
                *(present.get(key, missing).alias(name) for key, name in columns.items()),
                "_source_file",
                "_row_number",
                received_at,
            )
        )
    return reduce(DataFrame.unionByName, parts)


def _with_lineage(rows: DataFrame, columns: dict[str, str], window: BatchWindow) -> DataFrame:
    hashed = with_row_hash(rows, delivered_columns(columns.values()))
    return hashed.withColumn("_batch_id", sf.lit(window.run_id))
