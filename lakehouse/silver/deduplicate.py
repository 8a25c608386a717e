"""One row per key, the newest: of the greatest `order_by` of its contract the one that arrived last.

Ranking every row is the most expensive query there is (16 s per 10 M rows where a group-by takes 1 s), and keys rarely
repeat. So the repeated keys are found first, by hash, and only their rows are ranked. A collision of hashes costs a
needless ranking.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import pyarrow as pa
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as sf

from lakehouse.contracts import Contract
from lakehouse.silver.feed_rows import FeedRows
from lakehouse.transforms.received import with_hash

_HASH, _RANK = "_key_hash", "_rank"
# The order of arrival: each delivery has a time of its own in bronze, and rows are numbered within it.
ARRIVAL = ("_ingested_at", "_row_number")

# Up to so many hashes, and rows, are retained between two queries (engines have no cache to rely on); more are computed
# again.
_RETAINED_HASHES = 500_000
_RETAINED_ROWS = 50_000


def retained(rows: DataFrame, limit: int) -> tuple[DataFrame, int]:
    """The same rows, computed only once when there are at most `limit`, and their number."""
    table = rows.limit(limit + 1).toArrow()
    if table.num_rows > limit:
        return rows, rows.count()
    return (rows.sparkSession.createDataFrame(pa.table(table)), table.num_rows) if table.num_rows else (rows, 0)


def unique_rows(contract: Contract, feeds: Sequence[FeedRows]) -> tuple[DataFrame, int, tuple[str, ...]]:
    """The newest good row of each key, the number of good rows that lost, and warnings about keys that one delivery has
    twice."""
    keys = reduce(DataFrame.unionByName, [rows.typed.select(*contract.key) for rows in feeds])
    repeated, count_repeated = retained(_repeated_keys(keys, contract.key), _RETAINED_HASHES)
    good = reduce(DataFrame.unionByName, [rows.good for rows in feeds])
    if not count_repeated:
        return good, 0, ()
    hashed = _with_key_hash(good, contract.key)
    contenders, _ = retained(hashed.join(repeated, _HASH, "left_semi").drop(_HASH), _RETAINED_ROWS)
    # Grouped, not count_distinct: over several columns Sail 0.7.2 keeps each value with the memory of its whole batch
    # (5 GB for 4,000 rows).
    sizes = contenders.groupBy(*contract.key).agg(sf.count(sf.lit(1)).alias("count_rows"))
    count_lost = int(sizes.agg(sf.sum(sf.col("count_rows") - 1).alias("count_lost")).collect()[0]["count_lost"] or 0)
    versions = _without_repeated_versions(contenders, contract.key, contract.order_by)
    single = hashed.join(repeated, _HASH, "left_anti").drop(_HASH)
    newest = _latest_by_key(versions, contract.key, _newest_first(contract.order_by))
    return single.unionByName(newest), count_lost, _warnings(contract, feeds, contenders)


def _warnings(contract: Contract, feeds: Sequence[FeedRows], contenders: DataFrame) -> tuple[str, ...]:
    """Keys that a delivery has more than once with other content. In an increment, rows of other times are history."""
    full = [rows.plan.feed.source for rows in feeds if rows.plan.feed.is_full]
    is_full = sf.col("_source").isin(full) if full else sf.lit(False)
    delivery = ["_source", "_source_file", *contract.key]
    moments = [sf.when(~is_full, sf.col(name)).alias(f"_{name}_") for name in contract.order_by if name not in delivery]
    keys = contenders.groupBy(*delivery, *moments).agg(
        sf.min("_row_hash").alias("least"), sf.max("_row_hash").alias("greatest")
    )
    repeated = keys.where("least <> greatest").select("_source", *contract.key).distinct()
    counts = repeated.groupBy("_source").agg(sf.count(sf.lit(1)).alias("n")).collect()
    return tuple(
        f"{source} delivers {count:,} keys ({', '.join(contract.key)}) more than once in one delivery with other"
        " content: the later row was taken"
        for source, count in sorted(tuple(row) for row in counts)
    )


def _newest_first(order_by: Sequence[str]) -> list[Column]:
    """Order in which the first row of a key wins: greatest `order_by` (nulls lose), then the latest arrival. No two
    rows are equal in it: rows of one source differ in their arrival, rows of two sources in `_source`."""
    return [
        *(sf.col(name).desc_nulls_last() for name in order_by),
        *(sf.col(name).desc() for name in (*ARRIVAL, "_source", "_source_file")),
    ]


def _with_key_hash(rows: DataFrame, key: Sequence[str]) -> DataFrame:
    """Rows with `_key_hash` (bigint), the hash of their key."""
    return with_hash(rows, [sf.col(name) for name in key], _HASH)


def _repeated_keys(rows: DataFrame, key: Sequence[str]) -> DataFrame:
    """`_key_hash` (bigint) of every key that more than one row has."""
    counted = _with_key_hash(rows.select(*key), key).groupBy(_HASH).agg(sf.count(sf.lit(1)).alias("count_rows"))
    return counted.where("count_rows > 1").select(_HASH)


def _latest_by_key(rows: DataFrame, key: Sequence[str], order: list[Column]) -> DataFrame:
    """One row per key, the first in `order`. Ranks every row it is given, so give it the few of repeated keys."""
    window = Window.partitionBy(*key).orderBy(*order)
    return rows.withColumn(_RANK, sf.row_number().over(window)).where(sf.col(_RANK) == 1).drop(_RANK)


def _without_repeated_versions(rows: DataFrame, key: Sequence[str], order_by: Sequence[str]) -> DataFrame:
    """Rows without those that repeat the delivery before: same key, same `order_by`, same hash.

    What remains is what increments would have written, so that a rebuild names the same delivery as a row's origin.
    """
    version = [*key, *order_by]
    if "_row_hash" in order_by:  # nothing but the arrival differs: the first one stays
        return _latest_by_key(rows, version, [sf.col(name).asc() for name in (*ARRIVAL, "_source", "_source_file")])
    one_per_delivery = _latest_by_key(rows, [*version, "_ingested_at", "_source_file"], _newest_first(()))
    in_order = Window.partitionBy(*version).orderBy("_ingested_at", "_source", "_source_file")
    compared = one_per_delivery.withColumn("_previous_hash", sf.lag("_row_hash").over(in_order))
    is_repeated = sf.col("_previous_hash").eqNullSafe(sf.col("_row_hash"))
    return compared.where(~is_repeated).drop("_previous_hash")
