"""Messages of the topic as rows of bronze. Pure."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from lakehouse.contracts.events import WEB_EVENTS
from lakehouse.contracts.schemas import spark_ddl


def with_event(messages: DataFrame) -> DataFrame:
    """Messages with their payload as text, and `event`: what of it keeps the contract; null when it is no JSON."""
    payload = sf.make_valid_utf8(sf.col("value").cast("string"))
    return messages.withColumn("payload", payload).withColumn(
        "event", sf.from_json("payload", spark_ddl(WEB_EVENTS.columns))
    )


def bronze_rows(messages: DataFrame) -> DataFrame:
    """A row of bronze for every message, also for those that cannot be read; of web and e-mail events alike, as the
    columns that bronze takes from them have the same names."""
    return with_event(messages).select(
        "event.event_id",
        "event.event_type",
        "event.occurred_at",
        "event.received_at",
        "payload",
        sf.col("partition").alias("_partition"),
        sf.col("offset").alias("_offset"),
        sf.col("timestamp").alias("_ingested_at"),
    )
