"""Which snapshots of a feed are there, and what each source's newest one has: looked up in bronze."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import reduce

from deltalake.exceptions import DeltaError
from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from lakehouse.config.feeds import Feed
from lakehouse.silver.feed_plan import plan_of
from lakehouse.silver.soft_deletes import SnapshotKeys, keys_of, snapshot_times
from lakehouse.spark.table import SparkTable
from lakehouse.storage.table import Table


def newest_keys(table: SparkTable, feed: Feed, known: Sequence[Feed], received: DataFrame, since: int) -> SnapshotKeys:
    """What the newest of the snapshots in `received` has, and what decides about rows that it lacks.

    Args:
        table: any table of the lake.
        feed: the feed that delivered it.
        known: all feeds of the dataset.
        received: its bronze rows that are to be loaded.
        since: version of its bronze table that was loaded before; -1 for none.
    """
    plan, times = plan_of(feed), snapshot_times(received)
    is_newest = sf.col("_ingested_at") == sf.lit(times[-1])
    earlier = [keys_of(plan, received.where(~is_newest))] if len(times) > 1 else []
    before = _of_last_load(table.beside(feed.bronze), feed, since, times[0])
    if before is None:
        before = _newest_of(table, [other for other in known if other.owner == feed.owner and other is not feed])
    if before is not None:
        earlier.append(before)
    return SnapshotKeys(
        feed.source,
        times[-1],
        keys_of(plan, received.where(is_newest)),
        reduce(DataFrame.union, earlier).distinct() if earlier else None,
        tuple(_elsewhere(table, feed, known)),
    )


def newest_loaded(bronze: SparkTable, feed: Feed) -> SnapshotKeys | None:
    """What the newest snapshot of a feed has, to which nothing is compared; None when there is none."""
    keys, newest = _newest_of(bronze, [feed]), bronze.latest_time("_ingested_at")
    return None if keys is None or newest is None else SnapshotKeys(feed.source, newest, keys)


def _elsewhere(table: SparkTable, feed: Feed, known: Sequence[Feed]) -> list[DataFrame]:
    """What the newest snapshots of other sources have that are still declared."""
    others: dict[str, list[Feed]] = {}
    for other in known:
        if other.owner != feed.owner:
            others.setdefault(other.owner, []).append(other)
    declared = (feeds for feeds in others.values() if any(each.origin is not None for each in feeds))
    found = (_newest_of(table, feeds) for feeds in declared)
    return [keys for keys in found if keys is not None]


def _newest_of(table: SparkTable, feeds: Sequence[Feed]) -> DataFrame | None:
    """Keys of the newest snapshot among the feeds of one source; None when it has delivered none."""
    found = [(table.beside(feed.bronze), feed) for feed in feeds if feed.is_full]
    bounds = [(bound, place) for place, (each, _) in enumerate(found) if (bound := each.latest_time("_ingested_at"))]
    if not bounds:
        return None
    bound, place = max(bounds)
    bronze, feed = found[place]
    return _newest_since(bronze, feed, bound)


def _of_last_load(bronze: SparkTable, feed: Feed, since: int, until: datetime) -> DataFrame | None:
    """Keys of the newest snapshot that the bronze table had at version `since`; None when it had none, or when its log
    is gone: then everything is loaded again."""
    try:
        bound = Table(bronze.ref, bronze.lake, since).latest_time("_ingested_at")
    except (DeltaError, OSError):
        bound = None
    return None if bound is None else _newest_since(bronze, feed, bound, until)


def _newest_since(bronze: SparkTable, feed: Feed, bound: datetime, until: datetime | None = None) -> DataFrame | None:
    # The bound is exact to the millisecond, and lets engines skip the files of all older snapshots.
    recent = bronze.read_opened().where(sf.col("_ingested_at") >= sf.lit(bound - timedelta(milliseconds=1)))
    times = snapshot_times(recent if until is None else recent.where(sf.col("_ingested_at") < sf.lit(until)))
    return keys_of(plan_of(feed), recent.where(sf.col("_ingested_at") == sf.lit(times[-1]))) if times else None
