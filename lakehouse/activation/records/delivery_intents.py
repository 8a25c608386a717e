"""Delivery intents: whom a batch may reach, recorded before it is delivered.

A process that is killed between the delivery and its acknowledgement so leaves a record of whom it may have reached.
"""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

from lakehouse.activation.destinations import Batch
from lakehouse.activation.planning.plan import Plan
from lakehouse.activation.records.export_records import rows_of_export, sent_addresses
from lakehouse.storage.ops_tables import record_batch


def record_intents(plan: Plan, batch: Batch, attempted_at: datetime, lake: str, by_address: bool) -> None:
    """Append the customers of a batch that is about to be delivered to ops.export_attempts, in one commit; with their
    addresses, if the destination knows people `by_address`."""
    count = batch.operations.num_rows
    at = pa.array([attempted_at], pa.timestamp("us", tz="UTC"))[0]
    columns = {"customer_id": batch.operations["customer_id"], "attempted_at": pa.repeat(at, count)}
    if by_address:
        columns["email"] = sent_addresses(batch.operations)
    record_batch("export_attempts", rows_of_export(plan, "export_attempts", count, columns), lake)
