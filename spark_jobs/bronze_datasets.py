"""bronze.<source>_<dataset>. One row per delivered record, as received, all columns strings; append only.

Input: landed Parquet files. Output: one table per source that feeds the dataset. Key: `_source_file`, `_row_number`.

A delivery is loaded if and only if its `_source_file` is in the table, and all new ones of a feed are one commit. So a
run that was killed, or that runs again, loads nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import partial, reduce
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from lakehouse.config.feeds import Feed, feeds
from lakehouse.config.settings import settings
from lakehouse.contracts import BRONZE_LINEAGE, Column
from lakehouse.landing.files import digits_of, landed_files, shown
from lakehouse.landing.ledger import Ledger
from lakehouse.landing.source_history import former_names
from lakehouse.outcome import TableOutcome
from lakehouse.spark.commits import committed
from lakehouse.spark.job_command_line import run_from_command_line
from lakehouse.spark.session import session
from lakehouse.spark.table import SparkTable
from lakehouse.storage.table import Table
from lakehouse.tables import bronze
from lakehouse.transforms.received import delivered_columns, with_row_hash
from lakehouse.utils.sql_text import identifier
from lakehouse.window import BatchWindow

_LINEAGE = {column.name for column in BRONZE_LINEAGE}


def run(target: str, window: BatchWindow) -> list[TableOutcome]:
    """Append the new landed files of every feed of the dataset `target`; one outcome per bronze table."""
    return [committed(feed.bronze, partial(_append_new, feed, window)) for feed in feeds(target)]


def _append_new(feed: Feed, window: BatchWindow) -> TableOutcome:
    """Append the landed deliveries that bronze lacks, in one commit; a skipped outcome when there are none.

    A column the table lacks is added to it; one a file lacks is null.
    """
    found = Table(feed.bronze, settings().lake)
    groups, arrivals, count_new = _new_files(feed, found)
    if not count_new:
        return TableOutcome(feed.bronze, skipped=True)
    spark = session()
    columns = _spellings([*found.columns, *(name for files in groups for name in files.columns)])
    received = tuple(Column(name, "string", "as received") for name in columns.values())
    table = SparkTable(feed.bronze, found.lake, spark=spark).ensure((*received, *BRONZE_LINEAGE))
    times = _arrival_times(arrivals, table.latest_time("_ingested_at"))
    rows = with_row_hash(_read(spark, groups, columns, times), delivered_columns(columns.values()))
    table.append(rows.withColumn("_batch_id", sf.lit(window.run_id)))
    return TableOutcome(feed.bronze, read=count_new, loaded=table.reopened().count_rows() - table.count_rows())


class _Alike(NamedTuple):
    """What landed files have in common that are read together."""

    columns: tuple[str, ...]
    new: tuple[str, ...]  # the `_source_file`s to take; empty for all


class _Arrival(NamedTuple):
    """When a delivery came: the run that landed it, its place in that, and the time."""

    run: int
    place: str
    landed_at: datetime


_Groups = dict[_Alike, list[Path]]
_Arrivals = dict[str, _Arrival]  # by `_source_file`


def _new_files(feed: Feed, table: Table) -> tuple[_Groups, _Arrivals, int]:
    """Landed files with deliveries the table lacks, by what they share; how these arrived; the number of rows. Reads
    one column of the table, and footers."""
    former = [Table(bronze(name, feed.dataset), table.lake) for name in former_names(feed.source, table.lake)]
    loaded = {digits_of(label) for each in (table, *former) for label in each.source_files()}
    places: dict[str, tuple[int, str]] | None = None
    groups: _Groups = {}
    arrivals: _Arrivals = {}
    count_new = 0
    for landed in landed_files(feed.landing, loaded):
        new = {label: rows for label, rows in landed.rows.items() if digits_of(label) not in loaded}
        if new:
            if places is None:
                places = {shown(sha256): place for sha256, place in Ledger(feed).places_of_landed().items()}
            some = tuple(new) if len(new) < len(landed.rows) else ()
            groups.setdefault(_Alike(landed.columns, some), []).append(landed.path)
            landed_at = datetime.fromtimestamp(landed.path.stat().st_mtime, UTC)
            arrivals |= {label: _Arrival(*places.get(digits_of(label), (0, label)), landed_at) for label in new}
            count_new += sum(new.values())
    return groups, arrivals, count_new


def _arrival_times(arrivals: _Arrivals, latest: datetime | None) -> dict[str, datetime]:
    """`_ingested_at` of each delivery: now, but later than any in the table, and microseconds apart in the order they
    arrived, so that it alone says which is newer.

    In a table without rows it is when they were landed: the same moment, unless the table is made again.
    """
    now = datetime.now(UTC)
    before = datetime.min.replace(tzinfo=UTC) if latest is None else max(now, latest + timedelta(milliseconds=1))
    times: dict[str, datetime] = {}
    for label in sorted(arrivals, key=lambda label: (arrivals[label].run, arrivals[label].place, label)):
        earliest = min(arrivals[label].landed_at, now) if latest is None else before
        before = times[label] = max(earliest, before)
        before += timedelta(microseconds=1)
    return times


def _spellings(names: Iterable[str]) -> dict[str, str]:
    """Delivered columns: name in lower case -> its first spelling, since `Email` and `email` are one column of a
    table."""
    found: dict[str, str] = {}
    for name in names:
        if name not in _LINEAGE:
            found.setdefault(name.lower(), name)
    return found


def _read(spark: SparkSession, groups: _Groups, columns: dict[str, str], times: dict[str, datetime]) -> DataFrame:
    """Rows of all files with all columns, `_source_file`, `_row_number` and `_ingested_at`.

    The schema is given, because inferring it opens every file once more.
    """
    parts = []
    for files, paths in groups.items():
        texts = ", ".join(f"{identifier(name)} string" for name in files.columns)
        rows = spark.read.schema(f"{texts}, `_source_file` string, `_row_number` bigint").parquet(*map(str, paths))
        if files.new:
            rows = rows.where(sf.col("_source_file").isin(*files.new))
        present = {name.lower(): sf.col(identifier(name)) for name in files.columns}
        missing = sf.lit(None).cast("string")
        delivered = [present.get(key, missing).alias(name) for key, name in columns.items()]
        parts.append(rows.select(*delivered, "_source_file", "_row_number"))
    every = reduce(DataFrame.unionByName, parts)
    if len(times) == 1:
        return every.withColumn("_ingested_at", sf.lit(next(iter(times.values()))))
    arrived = pa.table({"_source_file": list(times), "_ingested_at": list(times.values())})
    return every.join(sf.broadcast(spark.createDataFrame(arrived)), "_source_file")


def main() -> None:
    run_from_command_line(run)


if __name__ == "__main__":
    main()
