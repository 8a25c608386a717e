"""The rows of ops.export_records: what became of each operation of a batch."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.activation.destinations import Batch, BatchReceipt
from lakehouse.activation.destinations.destination import Rejection
from lakehouse.activation.planning.operations import is_removal
from lakehouse.activation.planning.plan import Plan
from lakehouse.contracts import OPS_TABLES, arrow_schema

NO_ANSWER = Rejection("the platform gave no answer", is_permanent=False)


def rejections(batch: Batch, receipt: BatchReceipt) -> dict[str, Rejection]:
    """Everybody whom the destination did not accept, and why; after a failure, those of whom it said so."""
    refused = dict(receipt.rejected)
    if receipt.failure is not None:
        return refused
    unanswered = (name for name in batch.customers if name not in receipt.accepted and name not in refused)
    return refused | dict.fromkeys(unanswered, NO_ANSWER)


def export_records(
    plan: Plan, batch: Batch, receipt: BatchReceipt, acknowledged_at: datetime, by_address: bool
) -> pa.Table:
    """Rows of the customers of a batch for whom the destination answered, and of all when it did not fail.

    Nobody knows whether it has the others: they have their delivery intent alone, and are sent again. `by_address`
    keeps the addresses that were sent.
    """
    refused = rejections(batch, receipt)
    answered = receipt.accepted | refused.keys()
    operations = batch.operations.filter(pc.is_in(batch.operations["customer_id"], pa.array(answered, pa.string())))
    customers, actions = operations["customer_id"].to_pylist(), operations["action"].to_pylist()
    rejected = [refused.get(name) for name in customers]
    columns = {
        "customer_id": operations["customer_id"],
        "action": ["rejected" if why else action for why, action in zip(rejected, actions, strict=True)],
        "payload_hash": operations["payload_hash"],
        "acknowledged_at": [None if why else acknowledged_at for why in rejected],
        "reason": [why and why.reason for why in rejected],
        "is_permanent": [why and why.is_permanent for why in rejected],
        "field_hashes": pc.if_else(pa.array([why is None for why in rejected]), operations["field_hashes"], None),
        "reference": _references(customers, receipt),
    }
    if by_address:
        columns["email"] = sent_addresses(operations)
    return rows_of_export(plan, "export_records", operations.num_rows, columns)


def _references(customers: list[str], receipt: BatchReceipt) -> list[str | None]:
    """The destination's name for what it answered about each of the customers."""
    if receipt.reference_of or len(receipt.references) != 1:
        return [receipt.reference_of.get(name) for name in customers]
    return [receipt.references[0]] * len(customers)


def sent_addresses(operations: pa.Table) -> pa.ChunkedArray:
    """The addresses of upserts; null for a removal."""
    return pc.if_else(is_removal(operations), None, operations["email"])


def rows_of_export(plan: Plan, table: str, count: int, columns: dict[str, object]) -> pa.Table:
    """`count` rows of an ops table that has the plan's export, campaign and platform in each; what is not given is
    null."""
    schema = arrow_schema(OPS_TABLES[table].columns)
    common = {"export_id": plan.export_id, "campaign_id": plan.campaign.id, "platform": plan.campaign.destination}
    repeated = {name: pa.repeat(value, count) for name, value in common.items()}
    given = repeated | columns
    return pa.table({field.name: given.get(field.name, pa.nulls(count, field.type)) for field in schema}, schema=schema)
