"""Feeds whose files are complete snapshots: what the newest one no longer has was deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from lakehouse.contracts import Contract
from lakehouse.errors import ContractError
from lakehouse.silver.feed_rows import FeedRows
from lakehouse.utils.sql_text import identifier

_IN_SNAPSHOT = "_in_snapshot"


@dataclass(frozen=True)
class SnapshotKeys:
    """The keys that the newest complete snapshot of a source has."""

    source: str
    keys: DataFrame


def snapshot_files(received: DataFrame) -> list[str]:
    """`_source_file` of each snapshot among bronze rows, in the order they arrived."""
    found = received.groupBy("_ingested_at", "_source_file").agg(sf.count(sf.lit(1))).collect()
    return [row["_source_file"] for row in sorted(found, key=lambda row: (row["_ingested_at"], row["_source_file"]))]


def keys_of_snapshot(snapshot: FeedRows) -> SnapshotKeys:
    """Distinct keys that a snapshot has, also of rows that break another rule: a bad row is not a deleted one."""
    return SnapshotKeys(snapshot.plan.feed.source, _complete_keys(snapshot.typed, snapshot.plan.contract))


def _complete_keys(typed: DataFrame, contract: Contract) -> DataFrame:
    complete = " and ".join(f"{identifier(name)} is not null" for name in contract.key)
    return typed.where(complete).select(*contract.key).distinct()


def flagged(rows: DataFrame, contract: Contract, snapshot_keys: DataFrame) -> DataFrame:
    """Rows with `_is_deleted`: whether the snapshot lacks their key."""
    marked = rows.drop("_is_deleted").join(
        snapshot_keys.withColumn(_IN_SNAPSHOT, sf.lit(True)), list(contract.key), "left"
    )
    return marked.withColumn("_is_deleted", sf.col(_IN_SNAPSHOT).isNull()).drop(_IN_SNAPSHOT)


def changed_flags(known: DataFrame, contract: Contract, snapshot: SnapshotKeys) -> DataFrame:
    """Silver rows of the snapshot's source whose `_is_deleted` the snapshot changes, with the new value.

    ContractError when it would delete more than half of the rows known: then the snapshot is likely to be incomplete.
    """
    own = known.where(sf.col("_source") == snapshot.source)
    compared = flagged(own.withColumnRenamed("_is_deleted", "_was_deleted"), contract, snapshot.keys)
    counts = compared.selectExpr(
        "count_if(not _was_deleted) as count_live", "count_if(_is_deleted and not _was_deleted) as count_gone"
    ).collect()[0]
    if counts["count_gone"] * 2 > counts["count_live"]:
        gone = f"{counts['count_gone']} of {counts['count_live']}"
        problem = (
            f"the newest snapshot of source {snapshot.source} lacks {gone} known rows, so it is taken for incomplete"
        )
        remedy = (
            "Deliver a complete snapshot; if the rows are really gone, run once with `lakehouse run --full`, which"
            " takes the newest snapshot as it is."
        )
        raise ContractError(contract.dataset, problem, remedy)
    return compared.where("_is_deleted != _was_deleted").drop("_was_deleted")


def with_deletions(rows: DataFrame, contract: Contract, deliveries: Sequence[FeedRows]) -> DataFrame:
    """Rows of all deliveries with `_is_deleted`: false, or for sources of snapshots whether the newest one lacks
    them."""
    result = rows.withColumn("_is_deleted", sf.lit(False))
    for delivered in deliveries:
        files = snapshot_files(delivered.typed) if delivered.plan.feed.is_full else []
        if len(files) > 1:
            keys = _complete_keys(delivered.typed.where(sf.col("_source_file") == files[-1]), contract)
            source = delivered.plan.feed.source
            own = flagged(result.where(sf.col("_source") == source), contract, keys)
            result = result.where(sf.col("_source") != source).unionByName(own)
    return result
