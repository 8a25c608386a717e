"""silver.identities. One row per identifier of a person, with the customer_id it resolves to.

Key: identifier_type, identifier. Input: silver.contacts and the tables that refer to customers. Output:
silver.identities. Leaves an empty silver table for every dataset that was never delivered, since gold reads all of
them. Skipped when no input changed. Otherwise computed from all inputs, because one corrected line can take an
identifier away, and written in one commit in which rows that did not change keep their `_updated_at`. So a normal run
equals a rebuild.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from lakehouse.config.settings import settings
from lakehouse.contracts import CONTACT_IDENTIFIERS, DATASETS, IDENTITIES, arrow_schema
from lakehouse.outcome import TableOutcome
from lakehouse.silver.ensure_tables import ensure_silver_tables
from lakehouse.spark.guard import guarded
from lakehouse.spark.job_command_line import run_from_command_line
from lakehouse.spark.session import session
from lakehouse.spark.table import SparkTable
from lakehouse.storage.progress import record_progress, versions_worked_on
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef, silver
from lakehouse.transforms.references import contact_identifiers, referred_identifiers
from lakehouse.window import BatchWindow

TABLE = silver("identities")
CONTACTS, MEMBERS, CAMPAIGNS = silver("contacts"), silver("campaign_members"), silver("campaigns")
# Tables whose rows refer to customers and say when (campaign_members take the start of their campaign).
EVENTS = {silver(name): DATASETS[name].event_time for name in ("transactions", "consents", "redemptions")}
OF_CONTACTS = silver(CONTACT_IDENTIFIERS.dataset)
_CONTACTS = "crm_id string, email string, loyalty_id string, phone string, created_at timestamp, is_deleted boolean"
_OF_CONTACTS = "contact_id string, identifier_type string, identifier string"
_REFERENCES = "identifier_type string, identifier string, first_seen_at timestamp"
INPUTS = (CONTACTS, OF_CONTACTS, *EVENTS, MEMBERS, CAMPAIGNS)


def run(target: str, window: BatchWindow) -> list[TableOutcome]:
    """Bring silver.identities up to date; read = identifiers found, loaded = rows written because they are new or
    changed."""
    del target
    lake = settings().lake
    if any(Table(ref, lake).exists for ref in INPUTS):
        ensure_silver_tables(lake)  # here, because this stage runs whatever became of the datasets
    versions = {ref: found.version for ref in INPUTS if (found := Table(ref, lake)).exists}
    worked = versions_worked_on(TABLE, lake)
    is_current = Table(TABLE, lake).exists and all(worked.get(ref) == version for ref, version in versions.items())
    if not versions or (is_current and not window.is_full):
        return [TableOutcome(TABLE, skipped=True)]
    with guarded(str(TABLE)):
        table = SparkTable(TABLE, lake, spark=session())
        outcome = _save(table, _resolve(_extract(table, versions)))
    record_progress(TABLE, versions, window.run_id, lake)
    return [outcome]


def _extract(table: SparkTable, versions: dict[TableRef, int]) -> dict[TableRef, DataFrame]:
    """Each input, at its version."""
    return {ref: replace(table.beside(ref), pinned=version).read_opened() for ref, version in versions.items()}


def _resolve(inputs: dict[TableRef, DataFrame]) -> pa.Table:
    """Rows of the IDENTITIES contract without `_updated_at`."""
    from lakehouse.identities import resolve  # scipy and pandas take a second, and mostly there is nothing to do

    def empty(schema: str) -> DataFrame:
        return next(iter(inputs.values())).sparkSession.createDataFrame([], schema)

    contacts = contact_identifiers(inputs[CONTACTS]) if CONTACTS in inputs else empty(_CONTACTS)
    references = reduce(DataFrame.unionByName, _references(inputs), empty(_REFERENCES))
    of_contacts = inputs[OF_CONTACTS] if OF_CONTACTS in inputs else empty(_OF_CONTACTS)
    return resolve(contacts.toArrow(), references.toArrow(), of_contacts.toArrow(), settings().identity_sharing_limit)


def _save(table: SparkTable, resolved: pa.Table) -> TableOutcome:
    """Write the table in one commit, if anything changed; rows that did not change keep their `_updated_at`."""
    from lakehouse.identities.changes import with_update_times

    rows, count_changed, count_gone = with_update_times(table, resolved, table.next_update_time())
    if count_changed or count_gone or not table.exists:
        table.overwrite(rows.cast(arrow_schema(IDENTITIES.columns)))
    return TableOutcome(TABLE, resolved.num_rows, loaded=count_changed, duplicates=resolved.num_rows - count_changed)


def _references(inputs: dict[TableRef, DataFrame]) -> list[DataFrame]:
    """Distinct identifiers per table, with the earliest event that mentions them."""
    found = [
        referred_identifiers(inputs[table], sf.col(str(event_time)))
        for table, event_time in EVENTS.items()
        if table in inputs
    ]
    if MEMBERS in inputs and CAMPAIGNS in inputs:
        dated = inputs[MEMBERS].join(inputs[CAMPAIGNS].select("campaign_id", "starts_at"), "campaign_id")
        found.append(referred_identifiers(dated, sf.col("starts_at")))
    return found


def main() -> None:
    run_from_command_line(run, "identities")


if __name__ == "__main__":
    main()
