"""Bringing new rows into a silver table that has rows already: only what differs is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as sf

from lakehouse.config.feeds import Feed
from lakehouse.contracts import Contract
from lakehouse.silver.deduplicate import CHANGED_AT, arrival_order
from lakehouse.silver.delivery import next_update_time
from lakehouse.silver.soft_deletes import changed_flags, flagged
from lakehouse.spark.append import append
from lakehouse.spark.commits import committed
from lakehouse.spark.merge import merge_by_key
from lakehouse.tables import silver

_KNOWN = "_known_"


@dataclass(frozen=True)
class Snapshot:
    """The newest complete snapshot of a feed: the keys it has."""

    feed: Feed
    keys: DataFrame


@dataclass(frozen=True)
class Merged:
    """`count_rows` came in, `count_loaded` of them were inserted or brought a row up to date."""

    count_rows: int
    count_loaded: int


def merge(
    spark: SparkSession,
    contract: Contract,
    incoming: DataFrame,
    full_sources: Sequence[str],
    snapshot: Snapshot | None,
    lake: str,
) -> Merged:
    """Merge good rows, unique by key, into silver.<dataset> in one commit; retried when another writer was first.

    A row replaces the known one when it is newer (see `_is_newer`). With a snapshot, rows of its source that it lacks
    are flagged as deleted in the same commit, and rows it has again are no longer.
    """
    table = silver(contract.dataset)

    def attempt() -> Merged:
        known = spark.read.format("delta").load(table.location(lake))
        changes, counts = _changes(contract, incoming, known, full_sources)
        has_updates = counts["count_updated"] > 0
        count_flags = 0
        if snapshot is not None:
            flags = changed_flags(known, contract, snapshot.feed, snapshot.keys).join(
                changes.select(*contract.key), list(contract.key), "left_anti"
            )
            count_flags = flags.count()
            changes = flagged(changes, contract, snapshot.keys)
            changes = changes.unionByName(flags.select(*changes.columns)) if count_flags else changes
        if not counts["count_changed"] and not count_flags:
            return Merged(counts["count_rows"], 0)
        updated_at = next_update_time(table, lake)
        stamped = changes.withColumn("_updated_at", sf.lit(updated_at))
        if has_updates or count_flags:
            merge_by_key(spark, table, stamped, contract.key, lake)
        else:
            append(table, stamped, lake)
        written = (
            spark.read.format("delta")
            .load(table.location(lake))
            .where(sf.col("_updated_at") == sf.lit(updated_at))
            .count()
        )
        return Merged(counts["count_rows"], written - count_flags)

    return committed(table, attempt)


def _changes(
    contract: Contract, incoming: DataFrame, known: DataFrame, full_sources: Sequence[str]
) -> tuple[DataFrame, dict[str, int]]:
    """Rows to insert or update, and the counts of rows, changed rows and updated rows."""
    changed_at = [CHANGED_AT] if CHANGED_AT in contract.names else []
    beside = list(
        dict.fromkeys([*contract.order_by, *changed_at, "_row_hash", "_source", "_ingested_at", "_source_file"])
    )
    columns = [sf.col(name).alias(f"{_KNOWN}{name}") for name in beside]
    # Same names on both sides only for the key, so that the join is a plain one on equality, which engines hash.
    compared = incoming.join(
        known.select(*contract.key, *columns, sf.lit(True).alias(f"{_KNOWN}row")), list(contract.key), "left"
    )
    is_known = sf.col(f"{_KNOWN}row").isNotNull()
    is_changed = ~is_known | _is_newer(contract, full_sources)
    numbers = {"count_rows": sf.lit(True), "count_changed": is_changed, "count_updated": is_known & is_changed}
    counts = (
        compared.agg(*[sf.count_if(condition).alias(name) for name, condition in numbers.items()]).collect()[0].asDict()
    )
    changes = (
        compared.where(is_changed)
        .select(*[name for name in incoming.columns if name != "_row_number"])
        .withColumn("_is_deleted", sf.lit(False))
    )
    return changes, counts


def _is_newer(contract: Contract, full_sources: Sequence[str]) -> Column:
    """Whether the incoming version beats the known one: greater `order_by`, else the later arrival where that decides
    (see `by_arrival`), else the greater hash; and says something else."""
    # A column that belongs to the key is compared by the join already.
    order_by = [name for name in contract.order_by if name not in contract.key]
    pairs = [(sf.col(name), sf.col(f"{_KNOWN}{name}")) for name in order_by]
    says_same = reduce(
        lambda left, pair: left & pair[0].eqNullSafe(pair[1]),
        [*pairs, (sf.col("_row_hash"), sf.col(f"{_KNOWN}_row_hash"))],
        sf.lit(True),
    )
    pairs += list(
        zip(arrival_order(contract, full_sources), arrival_order(contract, full_sources, _KNOWN), strict=True)
    )
    pairs.append((sf.col("_row_hash"), sf.col(f"{_KNOWN}_row_hash")))
    newer = sf.lit(False)
    for incoming, known in reversed(pairs):
        is_greater = sf.when(known.isNull(), incoming.isNotNull()).otherwise(
            sf.coalesce(incoming > known, sf.lit(False))
        )
        newer = is_greater | (incoming.eqNullSafe(known) & newer)
    return newer & ~says_same
