"""The ids that were issued before there was a ledger: those in silver.identities, which stay."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.contracts import CUSTOMER_IDS, arrow_schema
from lakehouse.storage.ops_tables import record, record_batch
from lakehouse.storage.table import Table
from lakehouse.tables import ops

_LEDGER = ops(CUSTOMER_IDS.dataset)
_OWN = "own_customer_id"


def start_ledger(identities: Table) -> None:
    """Write the first rows of ops.customer_ids from silver.identities where there is a table but no ledger, because
    that is lost or a former version had none. One commit; without such a table there is nothing to do.

    Of a former version: every identifier with its customer_id, and before that with the id it had when linked to
    nobody.
    """
    if Table(_LEDGER, identities.lake).exists or not identities.exists:
        return
    if _OWN not in identities.columns:
        known = identities.rows(["identifier_type", "identifier", "customer_id", "_updated_at"])
        lost = missing_assignments(arrow_schema(CUSTOMER_IDS.columns).empty_table(), known) if known else []
        record(_LEDGER.name, lost, identities.lake)
        return
    rows = identities.rows(["identifier_type", "identifier", "customer_id", _OWN, "_updated_at", "first_seen_at"])
    if rows is None or not rows.num_rows:
        return
    issued = rows.group_by("customer_id").aggregate([("_updated_at", "min")])
    times = rows.select(["customer_id"]).append_column("_number", pa.array(range(rows.num_rows), pa.int64()))
    times = times.join(issued, "customer_id").sort_by("_number")["_updated_at_min"]
    rows = rows.set_column(1, "identifier", _canonical(rows))
    current = _entries(rows, rows["customer_id"], times, rows["_updated_at"])
    differs = pc.not_equal(rows[_OWN], rows["customer_id"])
    former = rows.filter(differs)
    before = pc.subtract(former["_updated_at"], pa.scalar(1000, pa.duration("us")))
    record_batch(
        _LEDGER.name, pa.concat_tables([current, _entries(former, former[_OWN], before, before)]), identities.lake
    )


def missing_assignments(ledger: pa.Table, identities: pa.Table) -> list[dict[str, Any]]:
    """Rows that a damaged ledger lacks: of every identifier whose newest row there does not say what silver.identities
    says. Ids of before a merge are in nobody's hands any more."""
    newest = {
        (row["identifier_type"], row["identifier"]): row["customer_id"]
        for row in sorted(ledger.to_pylist(), key=lambda row: row["assigned_at"])
    }
    issued: dict[str, datetime] = {}
    rows = identities.select(["identifier_type", "identifier", "customer_id", "_updated_at"]).to_pylist()
    for row in [*rows, *({**row, "_updated_at": row["issued_at"]} for row in ledger.to_pylist())]:
        known = issued.get(row["customer_id"], row["_updated_at"])
        issued[row["customer_id"]] = min(known, row["_updated_at"])
    return [
        {
            "identifier_type": row["identifier_type"],
            "identifier": row["identifier"],
            "customer_id": row["customer_id"],
            "issued_at": issued[row["customer_id"]],
            "assigned_at": row["_updated_at"],
        }
        for row in rows
        if newest.get((row["identifier_type"], row["identifier"])) != row["customer_id"]
    ]


def _entries(rows: pa.Table, ids: pa.Array, issued_at: pa.Array, assigned_at: pa.Array) -> pa.Table:
    schema = arrow_schema(CUSTOMER_IDS.columns)
    return pa.table([rows["identifier_type"], rows["identifier"], ids, issued_at, assigned_at], schema.names).cast(
        schema
    )


def _canonical(rows: pa.Table) -> pa.Array:
    """Identifiers as silver has them today, see lakehouse.transforms.customer_reference."""
    kinds, texts = rows["identifier_type"], rows["identifier"]
    card = pc.if_else(pc.equal(kinds, "loyalty_id"), pc.utf8_lower(pc.utf8_trim_whitespace(texts)), texts)
    whole = pc.replace_substring_regex(card, "^(-?[0-9]+)[.]0+$", r"\1")
    return pc.if_else(pc.is_in(kinds, pa.array(["crm_id", "loyalty_id"])), whole, texts)
