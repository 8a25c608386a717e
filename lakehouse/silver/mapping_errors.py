"""The expression of sources.yml behind a query over delivered rows that failed."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from lakehouse.config.feeds import Feed
from lakehouse.config.settings import settings
from lakehouse.errors import MappingError
from lakehouse.spark.guard import guarded
from lakehouse.spark.session import session
from lakehouse.spark.table import SparkTable
from lakehouse.transforms.received import with_missing_columns


def failing_expression(feeds: Sequence[Feed]) -> MappingError | None:
    """The error for the first expression in the mappings of these feeds that fails on its own; None when none does.

    Each is evaluated alone, over no rows and then over all rows the feed ever delivered, so ask only after a failure.
    """
    for feed in feeds:
        with guarded(f"mapping of {feed.source} {feed.dataset}"):
            if (found := _failing_expression(session(), feed)) is not None:
                return found
    return None


def _failing_expression(spark: SparkSession, feed: Feed) -> MappingError | None:
    bronze = SparkTable(feed.bronze, settings().lake, spark=spark)
    if not bronze.exists:
        return None
    return failing_in(bronze.read(), feed)


def failing_in(rows: DataFrame, feed: Feed) -> MappingError | None:
    """The same for some delivered rows of one feed, with their lineage."""
    received = with_missing_columns(rows, feed.mapped_columns)
    for column, mapped in feed.declaration.mapping.items():
        if mapped.expression is None:
            continue
        sql = feed.sql_of(column)
        if (message := _failure(received.limit(0), sql)) is not None:
            problem = f"is not understood by the engine: {message}"
        elif _failure(received, sql) is not None:
            problem = "fails on some delivered values"
        else:
            continue
        return MappingError(feed.source, feed.dataset, column, mapped.expression, problem)
    return None


def _failure(rows: DataFrame, sql: str) -> str | None:
    """The first line of the engine's error when it evaluates the expression; None when it can."""
    try:
        rows.selectExpr(f"count({sql})").collect()
    except PySparkException as error:
        return str(error).strip().split("\n")[0][:300]
    return None
