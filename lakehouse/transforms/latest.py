"""One row per key: the newest.

Ranking every row is the most expensive query there is (16 s per 10 M rows where a group-by takes 1 s), and keys rarely
repeat. So the repeated keys are found first, by hash, and only their rows are ranked. A collision of hashes costs a
needless ranking.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as sf

from lakehouse.transforms.row_hash import with_hash

_HASH, _RANK = "_key_hash", "_rank"


def newest_first(order_by: Sequence[str], then: Sequence[Column] = ()) -> list[Column]:
    """Order in which the first row of a key wins: greatest `order_by` (nulls lose), then `then`, then the greatest hash
    of the row, then the row that arrived first. Total, so that the order of arrival never decides between different
    contents."""
    return [
        *(sf.col(name).desc_nulls_last() for name in order_by),
        *then,
        sf.col("_row_hash").desc(),
        sf.col("_ingested_at").asc(),
        sf.col("_source_file").asc(),
        sf.col("_row_number").asc(),
    ]


def with_key_hash(rows: DataFrame, key: Sequence[str]) -> DataFrame:
    """Rows with `_key_hash` (bigint), the hash of their key."""
    return with_hash(rows, [sf.col(name) for name in key], _HASH)


def repeated_keys(rows: DataFrame, key: Sequence[str]) -> DataFrame:
    """`_key_hash` (bigint) of every key that more than one row has."""
    counted = with_key_hash(rows.select(*key), key).groupBy(_HASH).agg(sf.count(sf.lit(1)).alias("count_rows"))
    return counted.where("count_rows > 1").select(_HASH)


def rows_of_keys(rows: DataFrame, key: Sequence[str], hashes: DataFrame) -> DataFrame:
    """The rows whose key's hash is among `hashes`."""
    return with_key_hash(rows, key).join(hashes, _HASH, "left_semi").drop(_HASH)


def rows_of_other_keys(rows: DataFrame, key: Sequence[str], hashes: DataFrame) -> DataFrame:
    """The rows whose key's hash is not among `hashes`."""
    return with_key_hash(rows, key).join(hashes, _HASH, "left_anti").drop(_HASH)


def keep_latest_by_key(rows: DataFrame, key: Sequence[str], order: list[Column]) -> DataFrame:
    """One row per key, the first in `order`. Ranks every row it is given, so give it the few of repeated keys."""
    window = Window.partitionBy(*key).orderBy(*order)
    return rows.withColumn(_RANK, sf.row_number().over(window)).where(sf.col(_RANK) == 1).drop(_RANK)


def without_repeated_versions(rows: DataFrame, key: Sequence[str], order_by: Sequence[str]) -> DataFrame:
    """Rows between which arrival decides, without those that say what the delivery before said: same key, same
    `order_by`, same hash.

    What remains is what increments would have written, so that a rebuild names the same delivery as a row's origin.
    """
    version = [*key, *order_by]
    one_per_delivery = keep_latest_by_key(rows, [*version, "_ingested_at", "_source_file"], newest_first(()))
    in_order = Window.partitionBy(*version).orderBy(sf.col("_ingested_at"), sf.col("_source_file"))
    told = one_per_delivery.withColumn("_told_before", sf.lag("_row_hash").over(in_order))
    return told.where(sf.col("_told_before").isNull() | (sf.col("_told_before") != sf.col("_row_hash"))).drop(
        "_told_before"
    )
