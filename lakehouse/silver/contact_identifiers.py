"""silver.contact_identifiers. One row per contact and address or loyalty id it has or ever had, whatever order its
versions arrived in.

Key: contact_id, identifier_type, identifier. Written with silver.contacts, from all good rows of a delivery, also those
that a newer version beats.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from lakehouse.contracts import CONTACT_IDENTIFIERS
from lakehouse.silver.delivery import Delivery
from lakehouse.spark.append import append_once
from lakehouse.spark.commits import committed
from lakehouse.spark.replace import replace_table
from lakehouse.spark.session import register
from lakehouse.storage.schema import ensure_table
from lakehouse.tables import silver

TABLE = silver(CONTACT_IDENTIFIERS.dataset)
_COLUMN_OF_TYPE = {"email": "email_normalised", "loyalty_id": "loyalty_id"}


def remember_identifiers(spark: SparkSession, delivery: Delivery, lake: str) -> None:
    """Add the identifiers in a delivery of contacts that are not known yet; run twice = run once."""
    if ensure_table(TABLE, CONTACT_IDENTIFIERS.columns, lake):
        register(spark, TABLE)
    append_once(spark, TABLE, _identifiers([delivery]), CONTACT_IDENTIFIERS.key, lake)


def rebuild_identifiers(spark: SparkSession, deliveries: Sequence[Delivery], lake: str) -> None:
    """The table anew from all deliveries of contacts there ever were."""

    def attempt() -> None:
        if replace_table(TABLE, _identifiers(deliveries), CONTACT_IDENTIFIERS.columns, lake):
            register(spark, TABLE)

    committed(TABLE, attempt)


def _identifiers(deliveries: Sequence[Delivery]) -> DataFrame:
    named = [
        delivery.good().select("contact_id", sf.lit(kind).alias("identifier_type"), sf.col(column).alias("identifier"))
        for delivery in deliveries
        for kind, column in _COLUMN_OF_TYPE.items()
    ]
    return reduce(DataFrame.unionByName, named).where("identifier is not null").distinct()
