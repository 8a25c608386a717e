"""Delivery intents: whom a batch may reach, recorded before it is delivered.

A process that is killed between the delivery and its acknowledgement so leaves a record of whom it may have reached.
"""

from __future__ import annotations

from datetime import datetime

from lakehouse.activation.destinations import Batch
from lakehouse.activation.plan import Plan
from lakehouse.storage.ops_tables import record


def record_intents(plan: Plan, batch: Batch, attempted_at: datetime, lake: str) -> None:
    """Append the customers of a batch that is about to be delivered to ops.export_attempts, in one commit."""
    common = {
        "export_id": plan.export_id,
        "campaign_id": plan.campaign.id,
        "platform": plan.campaign.destination,
        "attempted_at": attempted_at,
    }
    intents = [common | {"customer_id": operation.customer_id} for operation in batch.operations]
    record("export_attempts", intents, lake)
