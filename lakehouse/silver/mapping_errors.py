"""Whose fault it is when a query over delivered rows fails: the expression in sources.yml, by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from lakehouse.config.feeds import Feed
from lakehouse.config.settings import settings
from lakehouse.errors import MappingError
from lakehouse.spark.guard import guarded
from lakehouse.spark.session import session
from lakehouse.storage.reader import open_table
from lakehouse.transforms.mapping import with_columns


@contextmanager
def explained(feeds: Sequence[Feed]) -> Iterator[None]:
    """Put around work on rows of these feeds, outside `guarded`: when an expression of their mapping is to blame, a
    MappingError says which.

    Each expression is asked alone, of no rows and then of all the feed ever delivered; that costs time only after a
    failure. Errors that no expression causes pass unchanged.
    """
    try:
        yield
    except PySparkException as error:
        for feed in feeds:
            with guarded(f"mapping of {feed.source} {feed.dataset}"):
                blamed = _blamed(session(), feed)
            if blamed is not None:
                raise blamed from error
        raise


def _blamed(spark: SparkSession, feed: Feed) -> MappingError | None:
    """The error for the first expression that fails on its own, or None."""
    lake = settings().lake
    if open_table(feed.bronze, lake) is None:
        return None
    received = with_columns(spark.read.format("delta").load(feed.bronze.location(lake)), feed.required_columns())
    for column, mapped in feed.declaration.mapping.items():
        if mapped.expression is None:
            continue
        if (told := _failure(received.limit(0), mapped.sql)) is not None:
            return MappingError(
                feed.source, feed.dataset, column, mapped.expression, f"is not understood by the engine: {told}"
            )
        if _failure(received, mapped.sql) is not None:
            return MappingError(feed.source, feed.dataset, column, mapped.expression, "fails on some delivered values")
    return None


def _failure(rows: DataFrame, sql: str) -> str | None:
    """What the engine says when it evaluates the expression, in its first line; None when it can."""
    try:
        rows.selectExpr(f"count({sql})").collect()
    except PySparkException as error:
        return str(error).strip().split("\n")[0][:300]
    return None
