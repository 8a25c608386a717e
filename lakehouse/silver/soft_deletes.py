"""Feeds whose deliveries are complete snapshots: what a source had and its newest snapshot lacks was deleted.

A row is gone when a source dropped it, no newest snapshot of another source that is still declared has it, and nobody
has delivered a newer version since. Who wrote its latest version does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from lakehouse.contracts import Contract
from lakehouse.silver.deletions import Deletion, refuse_incomplete
from lakehouse.silver.feed_plan import FeedPlan
from lakehouse.silver.feed_rows import FeedRows, typed_rows
from lakehouse.tables import silver
from lakehouse.utils.sql_text import identifier

_IN_SNAPSHOT, _LAST_IN, _DROPPED_AT = "_in_snapshot", "_last_in", "_dropped_at"
_MOMENT = pa.timestamp("us", "UTC")
_FOLLOWING = pa.schema([(_LAST_IN, _MOMENT), (_DROPPED_AT, _MOMENT)])


@dataclass(frozen=True)
class SnapshotKeys:
    """`keys`: what the newest complete snapshot of a source has; `before`: what those before it had since the last one
    that was loaded, that one included; None when it is the first. `elsewhere`: what newest snapshots of other sources
    have. `arrived_at`: when it did."""

    source: str
    arrived_at: datetime
    keys: DataFrame
    before: DataFrame | None = None
    elsewhere: tuple[DataFrame, ...] = ()


def snapshot_times(received: DataFrame) -> list[datetime]:
    """`_ingested_at` of each snapshot among bronze rows, in the order they arrived."""
    return sorted(received.select("_ingested_at").distinct().toArrow()["_ingested_at"].to_pylist())


def keys_of(plan: FeedPlan, received: DataFrame) -> DataFrame:
    """Distinct keys that bronze rows have, also those that break another rule: a bad row is not a deleted one."""
    contract = plan.contract
    return typed_rows(plan, received).where(_has_key(contract)).select(*contract.key).distinct()


def _has_key(contract: Contract) -> str:
    """Condition on typed rows: no part of the key is null."""
    return " and ".join(f"{identifier(name)} is not null" for name in contract.key)


def flagged(rows: DataFrame, contract: Contract, snapshot_keys: DataFrame) -> DataFrame:
    """Rows with `_is_deleted`: whether the snapshot lacks their key."""
    marked = rows.drop("_is_deleted").join(
        snapshot_keys.withColumn(_IN_SNAPSHOT, sf.lit(True)), list(contract.key), "left"
    )
    return marked.withColumn("_is_deleted", sf.col(_IN_SNAPSHOT).isNull()).drop(_IN_SNAPSHOT)


def changed_flags(
    known: DataFrame, contract: Contract, snapshot: SnapshotKeys, lake: str
) -> tuple[DataFrame, Deletion | None]:
    """Silver rows whose `_is_deleted` the snapshot changes, with the new value, and what it deletes.

    ContractError when that is so much of what the source had before that it is likely to be incomplete.
    """
    key = list(contract.key)
    back = known.where("_is_deleted").join(snapshot.keys, key, "left_semi").withColumn("_is_deleted", sf.lit(False))
    if snapshot.before is None:
        return back, None
    dropped = snapshot.before.join(snapshot.keys, key, "left_anti")
    gone = known.where("not _is_deleted").join(dropped, key, "left_semi")
    gone = reduce(lambda rows, keys: rows.join(keys, key, "left_anti"), snapshot.elsewhere, gone)
    if not (count_gone := gone.count()):
        return back, None
    deletion = Deletion(snapshot.source, count_gone, snapshot.before.count())
    refuse_incomplete(deletion, snapshot.arrived_at, silver(contract.dataset), lake)
    return back.unionByName(gone.withColumn("_is_deleted", sf.lit(True))), deletion


@dataclass(frozen=True)
class Presence:
    """`keys`: the key of every row that snapshots of a source ever had, with `_dropped_at`: when the first snapshot
    without it arrived, null for what the newest one has. `newest_at`: when that one did."""

    source: str
    newest_at: datetime
    keys: DataFrame


def presences(contract: Contract, deliveries: Sequence[FeedRows]) -> list[Presence]:
    """One for each source of snapshots among all deliveries of a dataset."""
    by_owner: dict[str, list[FeedRows]] = {}
    for rows in deliveries:
        if rows.plan.feed.is_full:
            by_owner.setdefault(rows.plan.feed.owner, []).append(rows)
    found = (_presence(contract, owner, rows) for owner, rows in by_owner.items())
    return [presence for presence in found if presence is not None]


def _presence(contract: Contract, owner: str, delivered: Sequence[FeedRows]) -> Presence | None:
    typed = reduce(DataFrame.unionByName, [rows.typed.select(*contract.key, "_ingested_at") for rows in delivered])
    last = typed.where(_has_key(contract)).groupBy(*contract.key).agg(sf.max("_ingested_at").alias(_LAST_IN))
    if not (times := snapshot_times(typed)):
        return None
    following = pa.table({_LAST_IN: times, _DROPPED_AT: [*times[1:], None]}, schema=_FOLLOWING)
    keys = last.join(sf.broadcast(typed.sparkSession.createDataFrame(following)), _LAST_IN)
    if all(rows.plan.feed.origin is None for rows in delivered):
        keys = keys.where(sf.col(_DROPPED_AT).isNotNull())  # nobody vouches any more for what it had last
    return Presence(owner, times[-1], keys.select(*contract.key, _DROPPED_AT))


def with_deletions(rows: DataFrame, contract: Contract, found: Sequence[Presence]) -> DataFrame:
    """Rows of all deliveries with `_is_deleted`, as increments would have left it."""
    rows = rows.drop("_is_deleted")
    if not found:
        return rows.withColumn("_is_deleted", sf.lit(False))
    every = reduce(DataFrame.unionByName, [presence.keys for presence in found])
    keys = every.groupBy(*contract.key).agg(
        sf.max(sf.col(_DROPPED_AT).isNull().cast("int")).alias(_IN_SNAPSHOT), sf.max(_DROPPED_AT).alias(_DROPPED_AT)
    )
    is_gone = (sf.col(_IN_SNAPSHOT) == 0) & (sf.col("_ingested_at") < sf.col(_DROPPED_AT))
    marked = rows.join(keys, list(contract.key), "left").withColumn("_is_deleted", sf.coalesce(is_gone, sf.lit(False)))
    return marked.drop(_IN_SNAPSHOT, _DROPPED_AT)


def refuse_mass_deletion(known: DataFrame, contract: Contract, found: Sequence[Presence], lake: str) -> None:
    """ContractError when a rebuild would delete so many of the rows that silver has of a source that its newest
    snapshot is likely to be incomplete."""
    live = known.where("not _is_deleted")
    gone = with_deletions(live, contract, found).where("_is_deleted")
    if not gone.isEmpty():
        for presence in found:
            dropped = presence.keys.where(sf.col(_DROPPED_AT).isNotNull())
            count_gone = gone.join(dropped, list(contract.key), "left_semi").count()
            before = live.join(presence.keys, list(contract.key), "left_semi")
            if count_gone:
                deletion = Deletion(presence.source, count_gone, before.count())
                refuse_incomplete(deletion, presence.newest_at, silver(contract.dataset), lake)
