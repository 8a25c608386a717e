"""Rows that break their contract: kept as received in silver.<dataset>_quarantine, with every rule they broke."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from lakehouse.contracts import QUARANTINE, Contract
from lakehouse.silver.deduplicate import kept
from lakehouse.silver.delivery import DELIVERED, Delivery
from lakehouse.spark.append import append_once
from lakehouse.spark.commits import committed
from lakehouse.spark.replace import replace_table
from lakehouse.spark.session import register
from lakehouse.storage.reader import open_table
from lakehouse.storage.schema import ensure_table
from lakehouse.tables import quarantine
from lakehouse.transforms.rules import broken_rules, is_good, where_once

# Bad rows are usually few: up to so many (each with its JSON) pass through this process instead of being found twice.
_KEPT_ROWS = 50_000


def rejected_rows(delivery: Delivery) -> DataFrame:
    """Rows of the QUARANTINE contract for the delivery's bad rows."""
    # The cheap question first, of every row; which rules, only of the bad ones.
    bad = where_once(delivery.typed, ~is_good(delivery.contract))
    rule_ids, reason = broken_rules(delivery.contract)
    now = sf.lit(datetime.now(UTC))
    bad = bad.withColumns(
        {"rule_ids": rule_ids, "reason": reason, "row_json": sf.to_json(DELIVERED), "quarantined_at": now}
    )
    return bad.select(*QUARANTINE.names)


def quarantine_rows(spark: SparkSession, delivery: Delivery, lake: str) -> int:
    """Put the delivery's bad rows into quarantine, those already there once; returns how many are bad."""
    table = quarantine(delivery.feed.dataset)
    rows, count_rows = kept(spark, rejected_rows(delivery), _KEPT_ROWS)
    if count_rows:
        if ensure_table(table, QUARANTINE.columns, lake):
            register(spark, table)
        append_once(spark, table, rows, QUARANTINE.key, lake)
    return count_rows


def replace_quarantine(spark: SparkSession, contract: Contract, deliveries: Sequence[Delivery], lake: str) -> int:
    """Make quarantine hold exactly the bad rows of these deliveries; rows that were there keep their
    `quarantined_at`."""
    table = quarantine(contract.dataset)
    rows, count_rows = kept(
        spark, reduce(DataFrame.unionByName, [rejected_rows(delivery) for delivery in deliveries]), _KEPT_ROWS
    )
    if open_table(table, lake) is None:
        if count_rows:
            replace_table(table, rows, QUARANTINE.columns, lake)
            register(spark, table)
        return count_rows

    def attempt() -> None:
        before = (
            spark.read.format("delta")
            .load(table.location(lake))
            .select(*QUARANTINE.key, sf.col("quarantined_at").alias("_since"))
        )
        since = sf.coalesce("_since", "quarantined_at")
        replace_table(
            table,
            rows.join(before, list(QUARANTINE.key), "left").withColumn("quarantined_at", since),
            QUARANTINE.columns,
            lake,
        )

    committed(table, attempt)
    return count_rows
