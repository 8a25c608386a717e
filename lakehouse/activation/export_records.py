"""The rows of ops.export_records: what became of each operation of a batch."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

from lakehouse.activation.destinations import Batch, BatchReceipt
from lakehouse.activation.plan import Plan
from lakehouse.contracts import OPS_TABLES, arrow_schema

NO_ANSWER = "the platform gave no answer"


def rejections(batch: Batch, receipt: BatchReceipt) -> dict[str, str]:
    """Customer -> reason, of everybody whom the destination did not accept."""
    return {
        customer_id: receipt.rejected.get(customer_id, NO_ANSWER)
        for customer_id in batch.customers
        if customer_id not in receipt.accepted
    }


def export_records(plan: Plan, batch: Batch, receipt: BatchReceipt, acknowledged_at: datetime) -> pa.Table:
    """Rows of the customers of a batch that was delivered."""
    operations, refused = batch.operations, rejections(batch, receipt)
    customers, actions = batch.customers, operations["action"].to_pylist()
    columns = {
        "customer_id": operations["customer_id"],
        "action": ["rejected" if name in refused else action for name, action in zip(customers, actions, strict=True)],
        "payload_hash": operations["payload_hash"],
        "acknowledged_at": [None if name in refused else acknowledged_at for name in customers],
        "reason": [refused.get(name) for name in customers],
    }
    return rows_of_export(plan, "export_records", operations.num_rows, columns)


def rows_of_export(plan: Plan, table: str, count: int, columns: dict[str, object]) -> pa.Table:
    """`count` rows of an ops table that has the plan's export, campaign and platform in each; what is not given is
    null."""
    schema = arrow_schema(OPS_TABLES[table].columns)
    common = {"export_id": plan.export_id, "campaign_id": plan.campaign.id, "platform": plan.campaign.destination}
    repeated = {name: pa.repeat(value, count) for name, value in common.items()}
    given = repeated | columns
    return pa.table({field.name: given.get(field.name, pa.nulls(count, field.type)) for field in schema}, schema=schema)
