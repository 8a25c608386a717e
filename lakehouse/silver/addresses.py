"""silver.contact_addresses. One row per contact and address it has or ever had, whatever order its versions arrived in.

Key: contact_id, address. Written with silver.contacts, from all good rows of a delivery, also those that a newer version beats.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from lakehouse.contracts import CONTACT_ADDRESSES
from lakehouse.delta import append_once, committed, ensure_table, replace_table
from lakehouse.engine import register
from lakehouse.silver.delivery import Delivery
from lakehouse.tables import silver

TABLE = silver(CONTACT_ADDRESSES.dataset)


def remember_addresses(spark: SparkSession, delivery: Delivery, lake: str) -> None:
    """Add the addresses in a delivery of contacts that are not known yet; run twice = run once."""
    if ensure_table(TABLE, CONTACT_ADDRESSES.columns, lake):
        register(spark, TABLE)
    append_once(spark, TABLE, _addresses([delivery]), CONTACT_ADDRESSES.key, lake)


def rebuild_addresses(spark: SparkSession, deliveries: Sequence[Delivery], lake: str) -> None:
    """The table anew from all deliveries of contacts there ever were."""

    def attempt() -> None:
        if replace_table(TABLE, _addresses(deliveries), CONTACT_ADDRESSES.columns, lake):
            register(spark, TABLE)

    committed(TABLE, attempt)


def _addresses(deliveries: Sequence[Delivery]) -> DataFrame:
    named = [delivery.good().select("contact_id", sf.col("email_normalised").alias("address")) for delivery in deliveries]
    return reduce(DataFrame.unionByName, named).where("address is not null").distinct()
