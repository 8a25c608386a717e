"""Loading a silver table: what is new in bronze, or everything (`window.is_full`).

Order of the writes: silver, then quarantine, then progress. Killed anywhere in between, the next run does the same work
again; what is there already counts as duplicate.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from lakehouse.config.feeds import Feed, feeds
from lakehouse.config.settings import settings
from lakehouse.contracts import DATASETS, Contract
from lakehouse.errors import ContractError, LakehouseError, MappingError, combined_error
from lakehouse.outcome import TableOutcome
from lakehouse.silver.contact_identifiers import rebuild_identifiers, remember_identifiers
from lakehouse.silver.deduplicate import unique_rows
from lakehouse.silver.delivery import Delivery, next_update_time, read_delivery, silver_columns
from lakehouse.silver.ensure_tables import is_never_loaded
from lakehouse.silver.mapping_errors import explained
from lakehouse.silver.merge import Snapshot, merge
from lakehouse.silver.quarantine import quarantine_rows, replace_quarantine
from lakehouse.silver.soft_deletes import flagged, keys_of_snapshot, snapshot_files
from lakehouse.spark.changes import changes_since
from lakehouse.spark.commits import committed
from lakehouse.spark.guard import guarded
from lakehouse.spark.replace import replace_table
from lakehouse.spark.session import register, session
from lakehouse.storage.progress import record_progress, worked_up_to
from lakehouse.storage.reader import count_rows, version
from lakehouse.storage.schema import ensure_table
from lakehouse.tables import TableRef, silver
from lakehouse.window import BatchWindow

log = logging.getLogger(__name__)


def load(dataset: str, window: BatchWindow) -> list[TableOutcome]:
    """Bring silver.<dataset> up to date with its bronze tables; one outcome, which balances.

    Raises ContractError when a required column is missing altogether or a snapshot looks incomplete, and MappingError
    when an expression of sources.yml fails; nothing of that feed is marked as processed then, and the other feeds are
    loaded first.
    """
    table, lake = silver(dataset), settings().lake
    declared = feeds(dataset)
    if window.is_full and declared and version(table, lake) >= 0:
        with explained(declared), guarded(str(table)):
            return [_rebuild(session(), DATASETS[dataset], declared, window, lake)]
    outcomes: list[TableOutcome] = []
    errors: list[LakehouseError] = []
    for feed in declared:
        try:
            outcomes.append(_load_feed(feed, window, lake))
        except (ContractError, MappingError) as error:
            log.error("%s of source %s: %s", dataset, feed.source, error)
            errors.append(error)
    if errors:
        raise combined_error(dataset, errors)
    return [summed(table, outcomes)]


def summed(table: TableRef, outcomes: Sequence[TableOutcome]) -> TableOutcome:
    """Outcomes of parts of the work on one table as one; skipped when all parts were."""
    fields = ("read", "loaded", "quarantined", "duplicates")
    counts = {name: sum(getattr(outcome, name) for outcome in outcomes) for name in fields}
    return TableOutcome(table, **counts, skipped=all(outcome.skipped for outcome in outcomes))


def _load_feed(feed: Feed, window: BatchWindow, lake: str) -> TableOutcome:
    table = silver(feed.dataset)
    since = worked_up_to(table, feed.bronze, lake) if version(table, lake) >= 0 else -1
    if version(feed.bronze, lake) == since:  # also when bronze does not exist: both are -1
        return TableOutcome(table, skipped=True)
    with explained([feed]), guarded(str(table)):
        spark = session()
        newest, received = changes_since(spark, feed.bronze, since, lake)
        outcome = TableOutcome(table, skipped=True) if received is None else _load_rows(spark, feed, received, lake)
    record_progress(table, {feed.bronze: newest}, window.run_id, lake)
    return outcome


def _load_rows(spark: SparkSession, feed: Feed, received: DataFrame, lake: str) -> TableOutcome:
    if feed.load == "increment":
        return load_delivery(spark, read_delivery(feed, received), None, lake)
    # Snapshots one by one, in the order they came, as if each had been loaded on its own day.
    files = snapshot_files(received)
    outcomes = []
    for file in files:
        delivery = read_delivery(feed, received.where(sf.col("_source_file") == file))
        snapshot = Snapshot(feed, keys_of_snapshot(delivery.typed, delivery.contract)) if file == files[-1] else None
        outcomes.append(load_delivery(spark, delivery, snapshot, lake))
    return summed(silver(feed.dataset), outcomes)


def load_delivery(spark: SparkSession, delivery: Delivery, snapshot: Snapshot | None, lake: str) -> TableOutcome:
    """Move a delivery into silver and quarantine; run again, all its good rows are duplicates."""
    contract, table = delivery.contract, silver(delivery.feed.dataset)
    incoming, count_lost = unique_rows(spark, contract, [delivery])
    if is_never_loaded(table, lake):
        loaded = _replace(spark, contract, incoming.withColumn("_is_deleted", sf.lit(False)), lake)
        known_already = 0
    else:
        ensure_table(table, silver_columns(contract), lake)
        full = [feed.source for feed in feeds(delivery.feed.dataset) if feed.load == "full"]
        merged = merge(spark, contract, incoming, full, snapshot, lake)
        loaded, known_already = merged.count_loaded, merged.count_rows - merged.count_loaded
    if contract.dataset == "contacts":
        remember_identifiers(spark, delivery, lake)
    duplicates = count_lost + known_already
    # Looking for bad rows costs a pass over all columns, so it is made only when rows are unaccounted for.
    quarantined = quarantine_rows(spark, delivery, lake) if delivery.count_rows != loaded + duplicates else 0
    return TableOutcome(table, delivery.count_rows, loaded, quarantined, duplicates)


def _replace(spark: SparkSession, contract: Contract, rows: DataFrame, lake: str) -> int:
    """Replace the table by these rows in one commit; returns their number. All get a new `_updated_at`."""
    table = silver(contract.dataset)

    def attempt() -> None:
        stamped = rows.withColumn("_updated_at", sf.lit(next_update_time(table, lake)))
        if replace_table(table, stamped, silver_columns(contract), lake):
            register(spark, table)

    committed(table, attempt)
    return count_rows(table, lake)


def _rebuild(
    spark: SparkSession, contract: Contract, declared: Sequence[Feed], window: BatchWindow, lake: str
) -> TableOutcome:
    """Recompute the table and its quarantine from all of bronze.

    Rows get a new `_updated_at`, also those whose content did not change: telling them apart would cost a join of
    everything with everything. All else equals what the increments left. The newest snapshot is taken as it is, without
    the guard.
    """
    table = silver(contract.dataset)
    versions: dict[TableRef, int] = {}
    deliveries: list[Delivery] = []
    for feed in declared:
        newest, received = changes_since(spark, feed.bronze, -1, lake)
        if received is not None:
            versions[feed.bronze] = newest
            deliveries.append(read_delivery(feed, received))
    if not deliveries and is_never_loaded(table, lake):
        return TableOutcome(table, skipped=True)
    if not deliveries:
        raise ContractError(
            contract.dataset,
            "there are no bronze rows to rebuild it from",
            "Run without --full, or load its source first.",
        )
    rows, count_lost = unique_rows(spark, contract, deliveries)
    loaded = _replace(spark, contract, _with_deletions(rows, contract, deliveries), lake)
    if contract.dataset == "contacts":
        rebuild_identifiers(spark, deliveries, lake)
    count_read = sum(delivery.count_rows for delivery in deliveries)
    quarantined = replace_quarantine(spark, contract, deliveries, lake)
    record_progress(table, versions, window.run_id, lake)
    return TableOutcome(table, count_read, loaded, quarantined, count_lost)


def _with_deletions(rows: DataFrame, contract: Contract, deliveries: Sequence[Delivery]) -> DataFrame:
    """Rows with `_is_deleted`: false, or for sources of snapshots whether the newest one lacks them."""
    result = rows.withColumn("_is_deleted", sf.lit(False))
    for delivery in deliveries:
        files = snapshot_files(delivery.typed) if delivery.is_snapshot else []
        if len(files) > 1:
            keys = keys_of_snapshot(delivery.typed.where(sf.col("_source_file") == files[-1]), contract)
            own = flagged(result.where(sf.col("_source") == delivery.feed.source), contract, keys)
            result = result.where(sf.col("_source") != delivery.feed.source).unionByName(own)
    return result
