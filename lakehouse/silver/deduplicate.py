"""One row per key among the rows of deliveries, and how many there were too many."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as sf

from lakehouse.contracts import Contract
from lakehouse.silver.delivery import Delivery
from lakehouse.transforms.latest import (
    keep_latest_by_key,
    newest_first,
    repeated_keys,
    rows_of_keys,
    rows_of_other_keys,
    without_repeated_versions,
)

CHANGED_AT = "updated_at"  # the column by which rows of a contract say when they were last changed

# Up to so many hashes, and rows, are kept between two queries (engines have no cache we may rely on); more are computed
# again.
_KEPT_HASHES = 500_000
_KEPT_ROWS = 50_000


def by_arrival(contract: Contract, full_sources: Sequence[str], prefix: str = "") -> Column:
    """Whether the order of arrival decides between versions with equal `order_by`: of snapshots, and of rows that do
    not say when they were changed. Of rows that do, two versions of one moment are decided by their content, in
    whatever order they come."""
    is_snapshot = sf.col(f"{prefix}_source").isin(list(full_sources)) if full_sources else sf.lit(False)
    return is_snapshot | sf.col(f"{prefix}{CHANGED_AT}").isNull() if CHANGED_AT in contract.names else sf.lit(True)


def arrival_order(contract: Contract, full_sources: Sequence[str], prefix: str = "") -> list[Column]:
    """Values that tell which of two versions arrived later; null where arrival does not decide."""
    return [
        sf.when(by_arrival(contract, full_sources, prefix), sf.col(f"{prefix}{name}"))
        for name in ("_ingested_at", "_source_file")
    ]


def kept(spark: SparkSession, rows: DataFrame, limit: int) -> tuple[DataFrame, int]:
    """The same rows, computed only once when there are at most `limit`, and their number."""
    table = rows.limit(limit + 1).toArrow()
    if table.num_rows > limit:
        return rows, rows.count()
    return (spark.createDataFrame(pa.table(table)), table.num_rows) if table.num_rows else (rows, 0)


def unique_rows(spark: SparkSession, contract: Contract, deliveries: Sequence[Delivery]) -> tuple[DataFrame, int]:
    """Good rows of the deliveries, one per key, the newest; and the number of good rows that lost."""
    keys = reduce(DataFrame.unionByName, [delivery.typed.select(*contract.key) for delivery in deliveries])
    repeated, count_repeated = kept(spark, repeated_keys(keys, contract.key), _KEPT_HASHES)
    good = reduce(DataFrame.unionByName, [delivery.good() for delivery in deliveries])
    if not count_repeated:
        return good, 0
    full = [delivery.feed.source for delivery in deliveries if delivery.is_snapshot]
    order = newest_first(contract.order_by, [value.desc_nulls_last() for value in arrival_order(contract, full)])
    contenders, _ = kept(spark, rows_of_keys(good, contract.key, repeated), _KEPT_ROWS)
    # Grouped, not count_distinct: over several columns Sail 0.7.2 keeps each value with the memory of its whole batch
    # (5 GB for 4,000 rows).
    sizes = contenders.groupBy(*contract.key).agg(sf.count(sf.lit(1)).alias("count_rows"))
    count_lost = int(sizes.agg(sf.sum(sf.col("count_rows") - 1).alias("count_lost")).collect()[0]["count_lost"] or 0)
    single = rows_of_other_keys(good, contract.key, repeated)
    in_order = by_arrival(contract, full)
    told_once = without_repeated_versions(contenders.where(in_order), contract.key, contract.order_by)
    told_once = told_once.unionByName(contenders.where(~in_order))
    return single.unionByName(keep_latest_by_key(told_once, contract.key, order)), count_lost
