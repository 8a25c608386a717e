"""Who is mentioned: the distinct identifiers in contacts and in rows that refer to customers."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from lakehouse.contracts.placeholders import Placeholders
from lakehouse.transforms.normalise import normalised_phone
from lakehouse.transforms.placeholders import is_placeholder_of_any_kind_sql, is_placeholder_sql

NAME = ("identifier_type", "identifier")


def contact_identifiers(contacts: DataFrame, known: Placeholders) -> DataFrame:
    """One row per contact (also deleted ones: what they bought stays theirs): crm_id, loyalty_id, email, phone
    (canonical; null also for placeholders), created_at, is_deleted, count_placeholders."""
    received = {"loyalty_id": "loyalty_id", "email": "email_normalised", "phone": "phone"}
    canonical = _canonical()
    is_placeholder = {kind: sf.expr(is_placeholder_sql(kind, text, known)) for kind, text in received.items()}
    flags = [flag.cast("int") for flag in is_placeholder.values()]
    return contacts.select(
        canonical.pop("crm_id").alias("crm_id"),
        *[sf.when(~is_placeholder[kind], value).alias(kind) for kind, value in canonical.items()],
        sf.col("created_at"),
        sf.col("_is_deleted").alias("is_deleted"),
        reduce(Column.__add__, flags).alias("count_placeholders"),
    )


def _canonical() -> dict[str, Column]:
    """Type of identifier -> its canonical form in a row of silver.contacts."""
    return {
        "crm_id": sf.col("contact_id"),
        "loyalty_id": sf.col("loyalty_id"),
        "email": sf.col("email_normalised"),
        "phone": normalised_phone(sf.col("phone")),
    }


def identifiers_of_contacts(rows: DataFrame, known: Placeholders) -> DataFrame:
    """contact_id, identifier_type, identifier of silver.contact_identifiers without placeholders."""
    return rows.select("contact_id", *NAME).where(sf.expr(f"not {is_placeholder_of_any_kind_sql(known)}"))


def that_have(contacts: DataFrame, names: DataFrame) -> DataFrame:
    """Rows of silver.contacts that have one of the names, and perhaps some whose name is a placeholder."""
    values, found = _canonical(), contacts
    for kind, value in values.items():
        of_kind = names.where(sf.col(NAME[0]) == kind)
        flagged = of_kind.select(sf.col(NAME[1]).alias(f"_{kind}"), sf.lit(True).alias(f"_has_{kind}"))
        found = found.join(sf.broadcast(flagged), value == sf.col(f"_{kind}"), "left")
    has_any = sf.coalesce(*[sf.col(f"_has_{kind}") for kind in values], sf.lit(False))
    return found.where(has_any).select(*contacts.columns)


def mentions(contacts: DataFrame, names: DataFrame, at_most: int) -> DataFrame:
    """Contacts (as of `contact_identifiers`) that have one of the names, with the name; `at_most` of each."""
    pairs = [sf.struct(sf.lit(kind).alias(NAME[0]), sf.col(kind).alias(NAME[1])) for kind in _canonical()]
    exploded = contacts.withColumn("_name", sf.explode(sf.array(*pairs)))
    named = exploded.select(sf.col("_name.identifier_type"), sf.col("_name.identifier"), *contacts.columns)
    return at_most_of_each(named.join(sf.broadcast(names), list(NAME), "left_semi"), at_most)


def at_most_of_each(rows: DataFrame, at_most: int) -> DataFrame:
    """Rows with identifier_type and identifier, no more than so many of each."""
    number = sf.expr("row_number() over (partition by identifier_type, identifier order by identifier)")
    return rows.withColumn("_number", number).where(sf.col("_number") <= at_most).drop("_number")


def referred_identifiers(rows: DataFrame, seen_at: Column, only: DataFrame | None = None) -> DataFrame:
    """One row per identifier that the rows refer to: identifier_type, identifier, first_seen_at (the least `seen_at`,
    which may be null); with `only` none but those. Rows of guests refer to nobody."""
    named = rows.where(sf.col("customer_reference").isNotNull()).select(
        sf.col("reference_type").alias("identifier_type"),
        sf.col("customer_reference").alias("identifier"),
        seen_at.alias("seen_at"),
    )
    if only is not None:
        named = named.join(sf.broadcast(only), list(NAME), "left_semi")
    return named.groupBy(*NAME).agg(sf.min("seen_at").alias("first_seen_at"))
