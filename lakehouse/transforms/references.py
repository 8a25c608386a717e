"""Who is mentioned: the distinct identifiers in contacts and in rows that refer to customers."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from lakehouse.transforms.normalise import normalised_phone


def contact_identifiers(contacts: DataFrame) -> DataFrame:
    """One row per contact (also deleted ones: what they bought stays theirs): crm_id, email, loyalty_id, phone
    (canonical or null), created_at, is_deleted."""
    return contacts.select(
        sf.col("contact_id").alias("crm_id"),
        sf.col("email_normalised").alias("email"),
        sf.col("loyalty_id"),
        normalised_phone(sf.col("phone")).alias("phone"),
        sf.col("created_at"),
        sf.col("_is_deleted").alias("is_deleted"),
    )


def referred_identifiers(rows: DataFrame, seen_at: Column) -> DataFrame:
    """One row per identifier that the rows refer to: identifier_type, identifier, first_seen_at (the least `seen_at`,
    which may be null)."""
    named = rows.select(
        sf.col("reference_type").alias("identifier_type"),
        sf.col("customer_reference").alias("identifier"),
        seen_at.alias("seen_at"),
    )
    return named.groupBy("identifier_type", "identifier").agg(sf.min("seen_at").alias("first_seen_at"))
