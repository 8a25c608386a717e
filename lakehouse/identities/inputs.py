"""What identities are resolved from: silver tables as Arrow, whole or in part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from lakehouse.contracts import CONTACT_IDENTIFIERS, CUSTOMER_IDS, DATASETS, arrow_schema
from lakehouse.contracts.placeholders import Placeholders
from lakehouse.spark.table import SparkTable
from lakehouse.tables import TableRef, ops, silver
from lakehouse.transforms.placeholders import is_placeholder_of_any_kind_sql
from lakehouse.transforms.references import (
    contact_identifiers,
    identifiers_of_contacts,
    referred_identifiers,
    that_have,
)

CONTACTS, MEMBERS, CAMPAIGNS = silver("contacts"), silver("campaign_members"), silver("campaigns")
OF_CONTACTS = silver(CONTACT_IDENTIFIERS.dataset)
# Tables whose rows refer to customers and say when (campaign_members take the start of their campaign).
EVENTS = {silver(name): str(DATASETS[name].event_time) for name in ("transactions", "consents", "redemptions")}
INPUTS = (CONTACTS, OF_CONTACTS, *EVENTS, MEMBERS, CAMPAIGNS)
LEDGER = ops(CUSTOMER_IDS.dataset)
_CONTACTS = (
    "crm_id string, loyalty_id string, email string, phone string, created_at timestamp, is_deleted boolean, "
    "count_placeholders int"
)
_REFERENCES = "identifier_type string, identifier string, first_seen_at timestamp, is_placeholder boolean"
_OF_CONTACTS = "contact_id string, identifier_type string, identifier string"


@dataclass(frozen=True)
class Inputs:
    """The inputs that exist, at one version each."""

    spark: SparkSession
    versions: Mapping[TableRef, int]
    placeholders: Placeholders
    lake: str

    def table(self, table: TableRef) -> DataFrame:
        """All rows of an input."""
        return self.opened(table).read_opened()

    def opened(self, table: TableRef) -> SparkTable:
        """An input at its version."""
        return SparkTable(table, self.lake, self.versions[table], spark=self.spark)

    def contacts(self, only: DataFrame | None = None) -> DataFrame:
        """One row per contact, see contact_identifiers; with `only` (identifier_type, identifier) those that have one
        of them."""
        if CONTACTS not in self.versions:
            return self.spark.createDataFrame([], _CONTACTS)
        rows = self.table(CONTACTS)
        return self.canonical(rows if only is None else that_have(rows, only))

    def canonical(self, contacts: DataFrame) -> DataFrame:
        """Rows of silver.contacts by their identifiers."""
        return contact_identifiers(contacts, self.placeholders)

    def of_contacts(self) -> DataFrame:
        """Every identifier that contacts have or had."""
        if OF_CONTACTS not in self.versions:
            return self.spark.createDataFrame([], _OF_CONTACTS)
        return identifiers_of_contacts(self.table(OF_CONTACTS), self.placeholders)

    def references(self, only: DataFrame | None = None) -> DataFrame:
        """Distinct identifiers per table that refers to customers, with the earliest event that mentions them; with
        `only` (identifier_type, identifier) none but those."""
        rows = [(self.table(table), time) for table, time in EVENTS.items() if table in self.versions]
        if MEMBERS in self.versions and CAMPAIGNS in self.versions:
            rows.append((dated_members(self.table(MEMBERS), self.table(CAMPAIGNS)), "starts_at"))
        found = [self.referred(table, time, only) for table, time in rows]
        return reduce(DataFrame.unionByName, found, self.spark.createDataFrame([], _REFERENCES))

    def referred(self, rows: DataFrame, time: str, only: DataFrame | None = None) -> DataFrame:
        """The identifiers that rows refer to; `time`: the column that says when."""
        named = referred_identifiers(rows, sf.col(time), only)
        return named.withColumn("is_placeholder", sf.expr(is_placeholder_of_any_kind_sql(self.placeholders)))

    def local(self, rows: pa.Table) -> DataFrame:
        """A small table as a DataFrame."""
        return self.spark.createDataFrame(rows)


def dated_members(members: DataFrame, campaigns: DataFrame) -> DataFrame:
    """Members of campaigns with the start of the campaign, as a row that refers to a customer."""
    return members.join(campaigns.select("campaign_id", "starts_at"), "campaign_id")


LEDGER_SCHEMA = arrow_schema(CUSTOMER_IDS.columns)
