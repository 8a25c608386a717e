"""The two queries of the job. Each has a checkpoint of its own, so that neither waits for the other.

Bronze is exactly once: Delta notes the batch beside its rows, under the id of the query, which the checkpoint holds.
With a lost checkpoint the query goes on behind the last message that bronze has. Signals are at least once, of writes
that may be repeated.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import stamina
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf
from pyspark.sql.streaming.query import StreamingQuery

from lakehouse.contracts.events import BRONZE_WEB_EVENTS
from lakehouse.contracts.schemas import spark_ddl
from lakehouse.errors import TransientError
from lakehouse.kafka.access import KafkaAccess
from lakehouse.kafka.topics import WEB_EVENTS
from lakehouse.profiles.store import ProfileStore
from lakehouse.streaming.events import bronze_rows, minutes
from lakehouse.streaming.signal_writes import fields_of

log = logging.getLogger(__name__)
_BRONZE_EVERY, _SIGNALS_EVERY = "5 seconds", "200 milliseconds"
_BRONZE_ROWS, _SIGNALS_ROWS = 200_000, 20_000  # at most, of one batch
_STORE_AWAY_SECONDS = 600.0


def start_bronze(spark: SparkSession, access: KafkaAccess, table: str, checkpoint: Path) -> StreamingQuery:
    """Append every message to the Delta table at the path `table`."""
    begun = _has_begun(checkpoint)
    offsets = "earliest" if begun else starting_offsets(offsets_in_bronze(spark, table))
    messages = _messages(spark, access, _BRONZE_ROWS, offsets)
    spark.sparkContext.setLocalProperty("spark.scheduler.pool", "bronze")
    return (
        bronze_rows(messages)
        .writeStream.queryName("bronze")
        .format("delta")
        .outputMode("append")
        .option("checkpointLocation", str(checkpoint))
        .trigger(processingTime=_BRONZE_EVERY)
        .start(table)
    )


def start_signals(spark: SparkSession, access: KafkaAccess, store: ProfileStore, checkpoint: Path) -> StreamingQuery:
    """Set the signals of customers in the store, minute by minute."""
    messages = _messages(spark, access, _SIGNALS_ROWS, "earliest")
    spark.sparkContext.setLocalProperty("spark.scheduler.pool", "signals")
    return (
        minutes(messages)
        .writeStream.queryName("signals")
        .outputMode("update")
        .foreachBatch(writer_to(store))
        .option("checkpointLocation", str(checkpoint))
        .trigger(processingTime=_SIGNALS_EVERY)
        .start()
    )


def writer_to(store: ProfileStore) -> Callable[[DataFrame, int], None]:
    """Write a batch to the store; while it is away the batch waits, and the lag grows, but nothing is lost."""

    def write(batch: DataFrame, _: int) -> None:
        rows = [row.asDict(recursive=True) for row in batch.collect()]
        for attempt in stamina.retry_context(
            on=TransientError, attempts=None, timeout=_STORE_AWAY_SECONDS, wait_max=5.0
        ):
            with attempt:
                store.write(fields_of(rows))

    return write


def create_bronze(spark: SparkSession, table: str) -> None:
    """Create the table with the columns of its contract, unless it is there."""
    spark.sql(f"create table if not exists delta.`{table}` ({spark_ddl(BRONZE_WEB_EVENTS)}) using delta")


def offsets_in_bronze(spark: SparkSession, table: str) -> dict[int, int]:
    """The last message of each partition that bronze has."""
    newest = spark.read.format("delta").load(table).groupBy("_partition").agg(sf.max("_offset").alias("_offset"))
    return {row["_partition"]: row["_offset"] for row in newest.collect()}


def starting_offsets(in_bronze: Mapping[int, int]) -> str:
    """Where a query without a checkpoint begins: behind what bronze has, else with the oldest message (-2)."""
    if not in_bronze:
        return "earliest"
    places = {str(number): in_bronze.get(number, -3) + 1 for number in range(WEB_EVENTS.partitions)}
    return json.dumps({WEB_EVENTS.name: places})


def _messages(spark: SparkSession, access: KafkaAccess, most: int, offsets: str) -> DataFrame:
    source = spark.readStream.format("kafka").options(**access.for_spark())
    return source.options(
        subscribe=WEB_EVENTS.name, startingOffsets=offsets, maxOffsetsPerTrigger=most, failOnDataLoss="true"
    ).load()


def _has_begun(checkpoint: Path) -> bool:
    offsets = checkpoint / "offsets"
    return offsets.is_dir() and any(offsets.iterdir())
