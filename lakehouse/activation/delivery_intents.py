"""Whom a delivery may reach, written to the lake before it is made: a process killed in between must not forget
them."""

from __future__ import annotations

from datetime import datetime

from lakehouse.activation.destinations import Batch
from lakehouse.activation.plan import Plan
from lakehouse.storage.ops_tables import record


def record_attempt(plan: Plan, batch: Batch, attempted_at: datetime, lake: str) -> None:
    """Append the customers of a batch that is about to be delivered to ops.export_attempts, in one commit."""
    common = {
        "export_id": plan.export_id,
        "campaign_id": plan.campaign.id,
        "platform": plan.campaign.platform,
        "attempted_at": attempted_at,
    }
    record("export_attempts", [common | {"customer_id": delivery.customer_id} for delivery in batch.deliveries], lake)
