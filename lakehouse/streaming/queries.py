"""The queries of bronze. They and the one of signals have checkpoints of their own, so that none waits for another.

It is exactly once: Delta notes the batch beside its rows, under the id of the query, which the checkpoint holds.
With a lost checkpoint the query goes on behind the last message that bronze has.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf
from pyspark.sql.streaming.query import StreamingQuery

from lakehouse.contracts.events import BRONZE_EVENTS
from lakehouse.contracts.schemas import spark_ddl
from lakehouse.kafka.access import KafkaAccess
from lakehouse.kafka.topics import WEB_EVENTS, Topic
from lakehouse.streaming.events import bronze_rows

log = logging.getLogger(__name__)
_BRONZE_EVERY = "5 seconds"
_BRONZE_ROWS = 200_000  # at most, of one batch


def start_bronze(
    spark: SparkSession, access: KafkaAccess, table: str, checkpoint: Path, topic: Topic = WEB_EVENTS
) -> StreamingQuery:
    """Append every message of the topic to the table at the path `table`; the query is named as its checkpoint."""
    begun = _has_begun(checkpoint)
    offsets = "earliest" if begun else starting_offsets(offsets_in_bronze(spark, table), topic)
    messages = messages_of(spark, access, topic, _BRONZE_ROWS, offsets)
    spark.sparkContext.setLocalProperty("spark.scheduler.pool", "bronze")
    return (
        bronze_rows(messages)
        .writeStream.queryName(checkpoint.name)
        .format("delta")
        .outputMode("append")
        .option("checkpointLocation", str(checkpoint))
        .trigger(processingTime=_BRONZE_EVERY)
        .start(table)
    )


def create_bronze(spark: SparkSession, table: str) -> None:
    """Create the table with the columns of its contract, unless it is there."""
    spark.sql(f"create table if not exists delta.`{table}` ({spark_ddl(BRONZE_EVENTS)}) using delta")


def offsets_in_bronze(spark: SparkSession, table: str) -> dict[int, int]:
    """The last message of each partition that bronze has."""
    newest = spark.read.format("delta").load(table).groupBy("_partition").agg(sf.max("_offset").alias("_offset"))
    return {row["_partition"]: row["_offset"] for row in newest.collect()}


def starting_offsets(in_bronze: Mapping[int, int], topic: Topic = WEB_EVENTS) -> str:
    """Where a query without a checkpoint begins: behind what bronze has, else with the oldest message (-2)."""
    if not in_bronze:
        return "earliest"
    places = {str(number): in_bronze.get(number, -3) + 1 for number in range(topic.partitions)}
    return json.dumps({topic.name: places})


def messages_of(spark: SparkSession, access: KafkaAccess, topic: Topic, most: int, offsets: str) -> DataFrame:
    """Messages of the topic as they come; `most` of them in one batch."""
    source = spark.readStream.format("kafka").options(**access.for_spark())
    return source.options(
        subscribe=topic.name, startingOffsets=offsets, maxOffsetsPerTrigger=most, failOnDataLoss="true"
    ).load()


def _has_begun(checkpoint: Path) -> bool:
    offsets = checkpoint / "offsets"
    return offsets.is_dir() and any(offsets.iterdir())
