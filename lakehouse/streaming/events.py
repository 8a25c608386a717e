"""Events as DataFrames: messages of the topic as rows of bronze, and as counts per customer and minute. Pure."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from lakehouse.contracts.events import WEB_EVENTS
from lakehouse.contracts.schemas import spark_ddl
from lakehouse.profiles.signals import COUNTED

LATENESS = "10 minutes"  # later events are in bronze, and change no hot signal
_PRODUCT_VIEWED = "Product Viewed"


def with_event(messages: DataFrame) -> DataFrame:
    """Messages with their payload as text, and `event`: what of it keeps the contract; null when it is no JSON."""
    payload = sf.make_valid_utf8(sf.col("value").cast("string"))
    return messages.withColumn("payload", payload).withColumn(
        "event", sf.from_json("payload", spark_ddl(WEB_EVENTS.columns))
    )


def bronze_rows(messages: DataFrame) -> DataFrame:
    """A row of bronze.web_events for every message, also for those that cannot be read."""
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


def minutes(messages: DataFrame) -> DataFrame:
    """What each known customer did in each minute, every event counted once.

    One row per customer_id and minute_at: a column per counted signal, `received_at` of the newest event, and
    `last_viewed` (viewed_at, product_id, name, category), null when no product was viewed.
    """
    events = with_event(messages).select("event.*").where("user_id is not null and occurred_at is not null")
    once = events.withWatermark("occurred_at", LATENESS).dropDuplicatesWithinWatermark(["user_id", "event_id"])
    per_minute = once.groupBy("user_id", sf.window("occurred_at", "1 minute")).agg(
        *(sf.count_if(_is(*kind)).alias(signal) for signal, kind in COUNTED.items()),
        sf.max("received_at").alias("received_at"),
        sf.max(sf.when(_is("track", _PRODUCT_VIEWED), _product())).alias("last_viewed"),
    )
    return per_minute.select(
        sf.col("user_id").alias("customer_id"),
        sf.col("window.start").alias("minute_at"),
        *COUNTED,
        "received_at",
        "last_viewed",
    )


def _is(event_type: str, event_name: str | None) -> Column:
    of_type = sf.col("event_type") == event_type
    return of_type if event_name is None else of_type & (sf.col("event_name") == event_name)


def _product() -> Column:
    """The product of an event; the later one is the greater one."""
    named = {name: sf.get_json_object("properties", f"$.{name}") for name in ("product_id", "name", "category")}
    return sf.struct(sf.col("occurred_at").alias("viewed_at"), *(value.alias(name) for name, value in named.items()))
