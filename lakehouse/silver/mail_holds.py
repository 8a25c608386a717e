"""silver.mail_holds. Whom rejected rows hold back from mail until the rows are repaired or dismissed.

One row per rejected row and identifier recognised in it. Input: silver.consents_quarantine, silver.contacts_quarantine,
silver.contacts and ops.quarantine_dismissals. A function of these, computed without an engine, because rejected rows
are few; written only when it changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.contracts import MAIL_HOLDS, arrow_schema
from lakehouse.contracts.email_address import canonical_email
from lakehouse.landing.source_history import known_feeds
from lakehouse.silver.possible_refusals import may_refuse_email, people_in
from lakehouse.storage.commit_retry import retry_commit
from lakehouse.storage.progress import record_progress, versions_worked_on
from lakehouse.storage.table import Table
from lakehouse.tables import ops, quarantine, silver
from lakehouse.transforms.customer_reference import canonical_id

TABLE = silver(MAIL_HOLDS.dataset)
DISMISSALS, CONTACTS = ops("quarantine_dismissals"), silver("contacts")
INPUTS = (quarantine("consents"), quarantine("contacts"), CONTACTS, DISMISSALS)
POSSIBLE_REFUSAL, OLD_ADDRESS, UNRECOGNISED = "possible_refusal", "address_out_of_date", "unrecognised"
_REJECTED = ["_source", "_source_file", "_row_number", "_ingested_at", "row_json", "mapped_json", "quarantined_at"]


def refresh_mail_holds(run_id: str, lake: str) -> bool:
    """Bring silver.mail_holds up to date with what is in quarantine; True when it changed. Run twice = run once."""
    versions = {ref: Table(ref, lake).version for ref in INPUTS}
    holds = Table(TABLE, lake)
    if holds.exists and versions_worked_on(TABLE, lake) == versions:
        return False
    refusals = _refusals(_rejected("consents", lake))
    old_addresses = _old_addresses(_rejected("contacts", lake), lake)
    rows = pa.Table.from_pylist([*refusals, *old_addresses], schema=arrow_schema(MAIL_HOLDS.columns))
    has_changed = _sorted(rows) != _sorted(holds.rows())
    if has_changed:
        retry_commit(TABLE, lambda: holds.reopened().overwrite(rows))
    record_progress(TABLE, versions, run_id, lake)
    return has_changed


def _sorted(holds: pa.Table | None) -> list[dict[str, Any]] | None:
    return None if holds is None else holds.sort_by([(name, "ascending") for name in MAIL_HOLDS.key]).to_pylist()


def _dismissed(dataset: str, lake: str) -> set[tuple[str, int]]:
    """Rejected rows of a dataset that a person dismissed, by file and row number."""
    table = Table(DISMISSALS, lake).rows(["dataset", "source_file", "row_number"])
    rows = [] if table is None else table.to_pylist()
    return {(row["source_file"], row["row_number"]) for row in rows if row["dataset"] == dataset}


def _rejected(dataset: str, lake: str) -> Iterator[dict[str, Any]]:
    """Rows in quarantine that nobody dismissed, with `mapped`: text by column of the contract."""
    rejected = Table(quarantine(dataset), lake).delta
    if rejected is None:
        return
    dismissed = _dismissed(dataset, lake)
    for batch in rejected.to_pyarrow_dataset().to_batches(columns=_REJECTED):
        for row in batch.to_pylist():
            if (row["_source_file"], row["_row_number"]) not in dismissed:
                yield row | {"mapped": json.loads(row["mapped_json"] or "{}")}


def _refusals(rejected: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    names = {feed.source: feed.namespaces.get("customers") for feed in known_feeds("consents")}
    for row in rejected:
        if may_refuse_email(row["mapped"]):
            name = names.get(row["_source"])
            for kind, identifier in people_in(row["mapped"], row["row_json"]) or [(UNRECOGNISED, "")]:
                is_bare = kind == "crm_id" and name is not None and not identifier.startswith(f"{name}:")
                yield _hold(row, kind, f"{name}:{identifier}" if is_bare else identifier, POSSIBLE_REFUSAL)


def _old_addresses(rejected: Iterable[dict[str, Any]], lake: str) -> Iterator[dict[str, Any]]:
    """Contacts whose newest row was rejected and has another address than silver."""
    newer = {
        canonical_id("crm_id", row["mapped"].get("contact_id") or ""): row
        for row in sorted(rejected, key=lambda row: row["_ingested_at"])
    }
    found = Table(CONTACTS, lake).delta if newer else None
    if found is None:
        return
    columns = ["contact_id", "email_normalised", "_ingested_at"]
    contacts = found.to_pyarrow_dataset().to_table(columns=columns, filter=pc.field("contact_id").isin(list(newer)))
    for contact in contacts.to_pylist():
        row = newer[contact["contact_id"]]
        is_newer = row["_ingested_at"] > contact["_ingested_at"]
        if is_newer and canonical_email(row["mapped"].get("email")) != contact["email_normalised"]:
            yield _hold(row, "crm_id", contact["contact_id"], OLD_ADDRESS)


def _hold(row: dict[str, Any], kind: str, identifier: str, reason: str) -> dict[str, Any]:
    return {
        "_source_file": row["_source_file"],
        "_row_number": row["_row_number"],
        "identifier_type": kind,
        "identifier": identifier,
        "reason": reason,
        "held_since_at": row["quarantined_at"],
    }
