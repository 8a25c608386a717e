"""The query of refusals: who unsubscribed, complained or cannot be reached, as soon as a platform has reported it.

At least once, of writes that may be repeated. With a lost checkpoint it begins with the oldest message of the topic,
and what was written already changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf
from pyspark.sql.streaming.query import StreamingQuery

from lakehouse.contracts.email_events import EMAIL_EVENTS as CONTRACT
from lakehouse.contracts.email_events import REFUSALS
from lakehouse.contracts.schemas import spark_ddl
from lakehouse.kafka.access import KafkaAccess
from lakehouse.kafka.topics import EMAIL_EVENTS
from lakehouse.streaming.queries import messages_of

_EVERY = "200 milliseconds"
_ROWS = 20_000  # at most, of one batch


def start_refusals(
    spark: SparkSession, access: KafkaAccess, write: Callable[[Sequence[dict[str, Any]]], None], checkpoint: Path
) -> StreamingQuery:
    """Hand the rows of `refusals` to `write`, batch by batch."""

    def write_batch(batch: DataFrame, _: int) -> None:
        if rows := batch.toArrow().to_pylist():
            write(rows)

    spark.sparkContext.setLocalProperty("spark.scheduler.pool", "signals")
    return (
        refusals(messages_of(spark, access, EMAIL_EVENTS, _ROWS, "earliest"))
        .writeStream.queryName("refusals")
        .foreachBatch(write_batch)
        .option("checkpointLocation", str(checkpoint))
        .trigger(processingTime=_EVERY)
        .start()
    )


def refusals(messages: DataFrame) -> DataFrame:
    """The events after which a person must not be written to: account, customer_id, email, reason, received_at."""
    event = sf.from_json(sf.make_valid_utf8(sf.col("value").cast("string")), spark_ddl(CONTRACT.columns))
    events = messages.select(event.alias("event")).select("event.*")
    has_person = sf.col("email").isNotNull() | sf.col("customer_id").isNotNull()
    return events.where(sf.col("event_type").isin(*REFUSALS) & has_person & sf.col("account").isNotNull()).select(
        "account",
        "customer_id",
        "email",
        sf.col("event_type").alias("reason"),
        sf.coalesce("received_at", sf.lit(0).cast("timestamp")).alias("received_at"),
    )
