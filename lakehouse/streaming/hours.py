"""Events as what each known customer did in each hour: one stateful operator, whose state is the set of events. Pure.

The set makes repetitions count once, so no second state is needed to leave them out.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from lakehouse.contracts.events import OBJECTS, WEB_EVENTS
from lakehouse.contracts.schemas import spark_ddl
from lakehouse.profiles.hours import KINDS
from lakehouse.profiles.signals import ENGAGEMENTS

LATENESS = "10 minutes"  # after the end of an hour; later events are in bronze, and change no hot signal
_LONGEST = 100  # characters of a name that signals keep
_COUNTS = "user_id is not null and not is_bot and occurred_at > received_at - interval 7 days"
_PROPERTIES = ("product_id", "name", "category", "revenue", "total")
_MOST = 10**12  # of an order, in hundredths


def hours(messages: DataFrame) -> DataFrame:
    """What each known customer did in each hour.

    One row per customer_id and hour_at: `events` (id, micros, kind, amount, product_id, category; repetitions that are
    equal once), `received_at` of the newest one, `last_viewed` (viewed_at, product_id, name, category), and the last
    time of each engagement; null when there was none. What crawlers do is left out, and what was sent a week late.
    """
    events = _events(messages).where(_COUNTS)
    window = sf.window("occurred_at", "1 hour")
    per_hour = (
        events.withWatermark("occurred_at", LATENESS)
        .groupBy("user_id", window)
        .agg(
            sf.collect_set(_event()).alias("events"),
            sf.max("received_at").alias("received_at"),
            sf.max(sf.when(sf.col("kind") == "products_viewed", _viewed())).alias("last_viewed"),
            *(
                sf.max(sf.when(_is("track", event), sf.col("occurred_at"))).alias(at)
                for at, event in ENGAGEMENTS.items()
            ),
        )
    )
    return per_hour.select(
        sf.col("user_id").alias("customer_id"),
        sf.col("window.start").alias("hour_at"),
        "events",
        "received_at",
        "last_viewed",
        *ENGAGEMENTS,
    )


def _events(messages: DataFrame) -> DataFrame:
    """The events that keep the contract, with `kind` and the properties that signals need."""
    ddl = spark_ddl(tuple(column for column in WEB_EVENTS.columns if column.name not in OBJECTS))
    ddl += f", properties struct<{', '.join(f'{name}: string' for name in _PROPERTIES)}>"
    payload = sf.make_valid_utf8(sf.col("value").cast("string"))
    read = messages.select(sf.from_json(payload, ddl).alias("event")).select("event.*")
    kind = sf.lit("")
    for name, (event_type, event_name) in KINDS.items():
        kind = sf.when(_is(event_type, event_name), name).otherwise(kind)
    return read.select(
        "user_id",
        "event_id",
        "event_type",
        "event_name",
        "occurred_at",
        "received_at",
        sf.coalesce("is_bot", sf.lit(False)).alias("is_bot"),
        kind.alias("kind"),
        *(sf.col(f"properties.{name}").alias(name) for name in _PROPERTIES),
    )


def _is(event_type: str, event_name: str | None) -> Column:
    of_type = sf.col("event_type") == event_type
    return of_type if event_name is None else of_type & (sf.col("event_name") == event_name)


def _event() -> Column:
    """An event in the state: as small as it can be."""
    is_product = sf.col("kind").isin("products_viewed", "products_added", "removed")
    return sf.struct(
        sf.xxhash64("event_id").alias("id"),
        sf.pmod(sf.unix_micros("occurred_at"), sf.lit(3_600_000_000)).alias("micros"),
        "kind",
        sf.when(sf.col("kind") == "orders", _amount()).otherwise(0).alias("amount"),
        sf.when(is_product, _name("product_id")).otherwise("").alias("product_id"),
        sf.when(is_product, _name("category")).otherwise("").alias("category"),
    )


def _amount() -> Column:
    """Hundredths; 0 when it is no number, negative or absurd."""
    amount = sf.coalesce("revenue", "total").cast("decimal(20,2)") * 100
    return sf.when((amount > 0) & (amount < _MOST), amount.cast("bigint")).otherwise(0)


def _name(column: str) -> Column:
    return sf.coalesce(sf.substring(column, 1, _LONGEST), sf.lit(""))


def _viewed() -> Column:
    """The product of an event; the later one is the greater one."""
    named = (sf.substring(name, 1, _LONGEST).alias(name) for name in ("product_id", "name", "category"))
    return sf.struct(sf.col("occurred_at").alias("viewed_at"), *named)
