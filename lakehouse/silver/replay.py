"""Another try for quarantined rows, after the contract, the mapping or the reference data was fixed."""

from __future__ import annotations

from pyspark.errors import PySparkException
from pyspark.sql import functions as sf

from lakehouse.config.feeds import Feed
from lakehouse.config.settings import settings
from lakehouse.contracts import DATASETS, QUARANTINE
from lakehouse.errors import ContractError
from lakehouse.landing.source_history import known_feeds
from lakehouse.outcome import TableOutcome, summed
from lakehouse.silver.feed_plan import plan_of
from lakehouse.silver.feed_rows import read_rows
from lakehouse.silver.load import load_rows
from lakehouse.silver.mapping_errors import failing_expression
from lakehouse.silver.messages import received_columns
from lakehouse.silver.snapshots import newest_loaded
from lakehouse.spark.commits import committed
from lakehouse.spark.guard import guarded
from lakehouse.spark.session import session
from lakehouse.spark.table import SparkTable
from lakehouse.storage.table import Table
from lakehouse.tables import quarantine, silver
from lakehouse.transforms.received import rows_as_received
from lakehouse.window import BatchWindow


def run(target: str, window: BatchWindow) -> list[TableOutcome]:
    """The stage `replay` on the dataset `target`, in the form that all stages have."""
    return [replay(target, window)]


def replay(dataset: str, window: BatchWindow) -> TableOutcome:
    """Judge the quarantined rows of a dataset by today's contract and mapping; the good ones move to silver.<dataset>.

    `read` counts the rows tried, `quarantined` those that stay. Silver is written before rows leave quarantine, so a
    row is never lost; run again after a kill, rows already moved count as duplicates. The window only names the run.
    ContractError for an unknown dataset, MappingError for an expression of sources.yml that fails.
    """
    del window
    if dataset not in DATASETS:
        raise ContractError(dataset, "unknown dataset", f"Use one of {', '.join(DATASETS)}.")
    rejected = Table(quarantine(dataset), settings().lake)
    if not rejected.exists:
        return TableOutcome(silver(dataset), skipped=True)
    declared = known_feeds(dataset)
    try:
        with guarded(f"replay of {rejected.ref}"):
            table = SparkTable(rejected.ref, rejected.lake, spark=session())
            return summed(silver(dataset), [_replay_feed(table, feed) for feed in declared])
    except PySparkException:
        if (blamed := failing_expression(declared)) is not None:
            raise blamed from None
        raise


def _replay_feed(rejected: SparkTable, feed: Feed) -> TableOutcome:
    table, bronze = rejected.beside(silver(feed.dataset)), rejected.beside(feed.bronze)
    as_received = rows_as_received(
        rejected.read().where(sf.col("_source") == feed.source), received_columns(bronze, feed)
    )
    tried = read_rows(plan_of(feed), as_received, check_required=False)
    good = tried.good.select(*QUARANTINE.key).toArrow()
    if not good.num_rows:
        return TableOutcome(table.ref, tried.count_rows, quarantined=tried.count_rows, skipped=not tried.count_rows)
    moved = rejected.spark.createDataFrame(good)
    chosen = tried.only(moved, QUARANTINE.key, good.num_rows)
    outcome = load_rows(table, chosen, newest_loaded(bronze, feed) if feed.is_full else None)
    committed(rejected.ref, lambda: rejected.delete(moved, QUARANTINE.key))
    stayed = tried.count_rows - good.num_rows
    return TableOutcome(
        outcome.table, tried.count_rows, outcome.loaded, outcome.quarantined + stayed, outcome.duplicates
    )
