"""silver.contact_identifiers. One row per contact and address or loyalty id it has or ever had, whatever order its
versions arrived in.

Key: contact_id, identifier_type, identifier. Written with silver.contacts, from all good rows of a delivery, also those
that a newer version replaces.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from lakehouse.contracts import CONTACT_IDENTIFIERS
from lakehouse.silver.feed_rows import FeedRows
from lakehouse.spark.commits import committed
from lakehouse.spark.table import SparkTable

_COLUMN_OF_TYPE = {"email": "email_normalised", "loyalty_id": "loyalty_id"}


def remember_identifiers(table: SparkTable, contacts: FeedRows) -> None:
    """Add the identifiers of these contacts that are not known yet; run twice = run once."""
    known = table.ensure(CONTACT_IDENTIFIERS.columns)
    known.append_once(_identifiers([contacts]), CONTACT_IDENTIFIERS.key)


def rebuild_identifiers(table: SparkTable, contacts: Sequence[FeedRows]) -> None:
    """Replace the table by the identifiers of all contacts ever delivered."""
    rows = _identifiers(contacts) if contacts else table.read().limit(0)
    committed(table.ref, lambda: table.reopened().replace_rows(rows, CONTACT_IDENTIFIERS.columns))


def _identifiers(contacts: Sequence[FeedRows]) -> DataFrame:
    named = [
        rows.good.select("contact_id", sf.lit(kind).alias("identifier_type"), sf.col(column).alias("identifier"))
        for rows in contacts
        for kind, column in _COLUMN_OF_TYPE.items()
    ]
    return reduce(DataFrame.unionByName, named).where("identifier is not null").distinct()
