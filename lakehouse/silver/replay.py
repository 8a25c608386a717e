"""Another try for quarantined rows, after the contract, the mapping or the reference data was mended."""

from __future__ import annotations

from pyspark.sql import SparkSession
from pyspark.sql import functions as sf

from lakehouse.config.feeds import Feed, feeds
from lakehouse.config.settings import settings
from lakehouse.contracts import DATASETS, QUARANTINE
from lakehouse.errors import ContractError
from lakehouse.outcome import TableOutcome
from lakehouse.silver.delivery import Delivery, read_delivery
from lakehouse.silver.load import load_delivery, summed
from lakehouse.silver.mapping_errors import explained
from lakehouse.silver.merge import Snapshot
from lakehouse.silver.soft_deletes import keys_of_snapshot, snapshot_files
from lakehouse.spark.commits import committed
from lakehouse.spark.guard import guarded
from lakehouse.spark.merge import delete_by_key
from lakehouse.spark.session import session
from lakehouse.storage.reader import column_names, version
from lakehouse.tables import quarantine, silver
from lakehouse.transforms.received import delivered_columns, rows_as_received
from lakehouse.window import BatchWindow


def run(target: str, window: BatchWindow) -> list[TableOutcome]:
    """The stage `replay` on the dataset `target`, in the form that all stages have."""
    return [replay(target, window)]


def replay(dataset: str, window: BatchWindow) -> TableOutcome:
    """Judge the quarantined rows of a dataset by today's contract and mapping; the good ones move to silver.<dataset>.

    `read` counts the rows tried, `quarantined` those that stay. Silver is written before quarantine is emptied, so a
    row is never lost; run again after a kill, rows already moved count as duplicates. The window only names the run.
    ContractError for an unknown dataset, MappingError for an expression of sources.yml that fails.
    """
    del window
    if dataset not in DATASETS:
        raise ContractError(dataset, "unknown dataset", f"Use one of {', '.join(DATASETS)}.")
    table, lake = silver(dataset), settings().lake
    if version(quarantine(dataset), lake) < 0:
        return TableOutcome(table, skipped=True)
    declared = feeds(dataset)
    with explained(declared), guarded(f"replay of {quarantine(dataset)}"):
        spark = session()
        return summed(table, [_replay_feed(spark, feed, lake) for feed in declared])


def _replay_feed(spark: SparkSession, feed: Feed, lake: str) -> TableOutcome:
    table = quarantine(feed.dataset)
    quarantined = spark.read.format("delta").load(table.location(lake)).where(sf.col("_source") == feed.source)
    columns = delivered_columns(column_names(feed.bronze, lake))
    delivery = read_delivery(feed, rows_as_received(quarantined, columns), check_required=False)
    good = delivery.good().select(*QUARANTINE.key).toArrow()
    if not good.num_rows:
        return TableOutcome(
            silver(feed.dataset), delivery.count_rows, quarantined=delivery.count_rows, skipped=not delivery.count_rows
        )
    moved = spark.createDataFrame(good)
    chosen = Delivery(feed, delivery.typed.join(moved, list(QUARANTINE.key), "left_semi"), good.num_rows)
    outcome = load_delivery(spark, chosen, _newest_snapshot(spark, feed, lake), lake)
    committed(table, lambda: delete_by_key(spark, table, moved, QUARANTINE.key, lake))
    stayed = delivery.count_rows - good.num_rows
    return TableOutcome(
        outcome.table, delivery.count_rows, outcome.loaded, outcome.quarantined + stayed, outcome.duplicates
    )


def _newest_snapshot(spark: SparkSession, feed: Feed, lake: str) -> Snapshot | None:
    """What the feed's newest snapshot has, so that a row moved from an older one is flagged as deleted."""
    if feed.load != "full":
        return None
    received = spark.read.format("delta").load(feed.bronze.location(lake))
    newest = read_delivery(
        feed, received.where(sf.col("_source_file") == snapshot_files(received)[-1]), check_required=False
    )
    return Snapshot(feed, keys_of_snapshot(newest.typed, newest.contract))
