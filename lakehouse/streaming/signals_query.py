"""The query of hot signals: at least once, of writes that may be repeated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from lakehouse.kafka.access import KafkaAccess
from lakehouse.kafka.topics import WEB_EVENTS
from lakehouse.profiles.store import ProfileStore
from lakehouse.streaming.hours import hours
from lakehouse.streaming.patience import until_it_answers
from lakehouse.streaming.queries import messages_of
from lakehouse.streaming.signal_writes import fields_of

# The name of its checkpoint. Another state needs another name: signals are then set again from what Kafka still has.
SIGNALS_STATE = "signals-by-hour"
_EVERY = "100 milliseconds"
_ROWS = 20_000  # at most, of one batch


def start_signals(spark: SparkSession, access: KafkaAccess, store: ProfileStore, checkpoint: Path) -> StreamingQuery:
    """Set the signals of customers in the store, hour by hour."""
    messages = messages_of(spark, access, WEB_EVENTS, _ROWS, "earliest")
    spark.sparkContext.setLocalProperty("spark.scheduler.pool", "signals")
    return (
        hours(messages)
        .writeStream.queryName("signals")
        .outputMode("update")
        .foreachBatch(writer_to(store))
        .option("checkpointLocation", str(checkpoint))
        .trigger(processingTime=_EVERY)
        .start()
    )


def writer_to(store: ProfileStore) -> Callable[[DataFrame, int], None]:
    """Write a batch to the store; while it is away the batch waits, and the lag grows, but nothing is lost."""

    write_fields = until_it_answers(store.write)

    def write(batch: DataFrame, _: int) -> None:
        write_fields(fields_of(batch.toArrow().to_pylist()))

    return write
