"""Rows that break their contract: kept as received in silver.<dataset>_quarantine, with every rule they broke."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from lakehouse.contracts import QUARANTINE
from lakehouse.silver.deduplicate import retained
from lakehouse.silver.feed_rows import DELIVERED, FeedRows
from lakehouse.spark.commits import committed
from lakehouse.spark.table import SparkTable
from lakehouse.transforms.mapping import received_name
from lakehouse.transforms.rules import broken_rules

# Bad rows are usually few: up to so many (each with its JSON) pass through this process instead of being found twice.
_RETAINED_ROWS = 50_000


def rejected_rows(rows: FeedRows) -> DataFrame:
    """The bad rows of a feed as rows of the QUARANTINE contract."""
    rule_ids, reason = broken_rules(rows.plan.contract)
    now = sf.lit(datetime.now(UTC))
    described = rows.bad.withColumns(
        {
            "rule_ids": rule_ids,
            "reason": reason,
            "row_json": sf.to_json(DELIVERED),
            "mapped_json": _mapped_json(rows),
            "quarantined_at": now,
        }
    )
    return described.select(*QUARANTINE.names)


def _mapped_json(rows: FeedRows) -> Column:
    """What the mapping made of a row, as text by column of the contract."""
    columns = [sf.col(received_name(column.name)).alias(column.name) for column in rows.plan.contract.delivered]
    return sf.to_json(sf.struct(*columns))


def quarantine_rows(table: SparkTable, rows: FeedRows) -> int:
    """Put the bad rows of a feed into quarantine, those already there once; returns how many are bad."""
    rejected, count_rows = retained(rejected_rows(rows), _RETAINED_ROWS)
    if count_rows:
        table.ensure(QUARANTINE.columns).append_once(rejected, QUARANTINE.key)
    return count_rows


def replace_quarantine(table: SparkTable, feeds: Sequence[FeedRows]) -> int:
    """Make quarantine hold exactly the bad rows of these feeds; rows that were there keep their `quarantined_at`.

    Returns how many are bad.
    """
    if not feeds:
        if table.exists:
            table.replace_rows(table.read().limit(0), QUARANTINE.columns)
        return 0
    rejected = reduce(DataFrame.unionByName, [rejected_rows(rows) for rows in feeds])
    rejected, count_rows = retained(rejected, _RETAINED_ROWS)
    if not table.exists:
        if count_rows:
            table.replace_rows(rejected, QUARANTINE.columns)
        return count_rows

    def attempt() -> None:
        before = table.read().select(*QUARANTINE.key, sf.col("quarantined_at").alias("_since"))
        since = sf.coalesce("_since", "quarantined_at")
        dated = rejected.join(before, list(QUARANTINE.key), "left").withColumn("quarantined_at", since)
        table.reopened().replace_rows(dated, QUARANTINE.columns)

    committed(table.ref, attempt)
    return count_rows
