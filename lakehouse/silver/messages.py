"""Messages that the streaming job wrote into bronze, as the rows that a source would have delivered."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from lakehouse.config.event_feeds import PAYLOAD
from lakehouse.config.feeds import Feed
from lakehouse.contracts import BRONZE_LINEAGE
from lakehouse.spark.table import SparkTable
from lakehouse.transforms.received import delivered_columns, with_row_hash

_BATCH = "stream"  # no run of the platform loaded them


def received_columns(bronze: SparkTable, feed: Feed) -> list[str]:
    """The delivered columns of the rows of a feed, in alphabetical order."""
    return [PAYLOAD] if feed.is_stream else delivered_columns(bronze.columns)


def rows_of_messages(messages: DataFrame, topic: str) -> DataFrame:
    """Messages as rows: the payload is what was delivered, a partition of the topic its file, and the offset the place
    in it. A message has the same lineage however often it is read."""
    rows = with_row_hash(messages, [PAYLOAD]).select(
        PAYLOAD,
        sf.concat(sf.lit(f"{topic}/"), sf.col("_partition").cast("string")).alias("_source_file"),
        (sf.col("_offset") + 1).alias("_row_number"),
        sf.lit(_BATCH).alias("_batch_id"),
        "_ingested_at",
        "_row_hash",
    )
    return rows.select(PAYLOAD, *(column.name for column in BRONZE_LINEAGE))
