"""Sending a plan batch by batch: check consent again, record the intent, deliver, record the acknowledgement.

The process may be killed at any point. A batch counts as sent when its rows are in ops.export_records, one commit a
batch. Killed before that commit, the next run sends the batch again (destinations upsert, so that the effect is the
same); killed after it, the batch is not sent again. Whom a killed or failed delivery may have reached is in
ops.export_attempts, written before the delivery, and is removed if no longer in the target.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from lakehouse.activation.consent.firewall import ConsentCheck, Person
from lakehouse.activation.delivery_intents import record_intents
from lakehouse.activation.destinations import Batch, BatchReceipt, Destination, Operation
from lakehouse.activation.plan import Counts, Plan
from lakehouse.storage.ops_tables import record

_log = logging.getLogger(__name__)


@dataclass
class SendProgress:
    """What has been sent so far, including what was sent before the export's process was killed.

    `suppressed_since` counts by reason who was suppressed after the plan was made.
    """

    counts: Counts
    exported: int
    rejected: int
    batches: list[dict[str, object]] = field(default_factory=list)
    suppressed_since: Counter[str] = field(default_factory=Counter)


def send(
    plan: Plan,
    destination: Destination,
    consent: ConsentCheck,
    progress: SendProgress,
    lake: str,
    not_before: datetime | None,
) -> None:
    """Send all operations of the plan and keep `progress` up to date, also when an error ends it.

    Errors of the destination are raised as they are. `not_before` is the newest time on record: rows written here get a
    later one, whatever the clock says, because the newest row of a customer counts.
    """
    for planned in _batches(plan, destination.batch_size):
        batch = _recheck_consent(planned, consent, progress, plan.uncertain)
        if not batch.operations:
            continue
        attempted_at = _now_after(not_before)
        record_intents(plan, batch, attempted_at, lake)
        receipt = destination.deliver(batch)
        not_before = _now_after(attempted_at)
        record("export_records", _rows(plan, batch, receipt, not_before), lake)
        _add_receipt(batch, receipt, progress)
        _log.info(
            "campaign %s: %d of %d sent",
            plan.campaign.id,
            batch.ordinal + len(batch.operations),
            plan.offset + len(plan.operations),
        )


def _batches(plan: Plan, size: int) -> Iterator[Batch]:
    for start in range(0, len(plan.operations), size):
        yield Batch(plan.export_id, plan.offset + start, plan.operations[start : start + size])


def _now_after(before: datetime | None) -> datetime:
    return max(datetime.now(UTC), before + timedelta(microseconds=1)) if before else datetime.now(UTC)


def _recheck_consent(batch: Batch, consent: ConsentCheck, progress: SendProgress, uncertain: Set[str]) -> Batch:
    """The batch without upserts of customers who were suppressed since the plan was made.

    They are removed instead if they are, or may be, at the destination.
    """
    upserts = [operation for operation in batch.operations if operation.action != "removed"]
    reasons = consent.reasons([Person(upsert.customer_id, upsert.email, True) for upsert in upserts])
    if not reasons:
        return batch
    suppressed = [upsert for upsert in upserts if upsert.customer_id in reasons]
    to_remove = {
        upsert.customer_id for upsert in suppressed if upsert.action == "changed" or upsert.customer_id in uncertain
    }
    operations = tuple(
        Operation.removal(operation.customer_id) if operation.customer_id in to_remove else operation
        for operation in batch.operations
        if operation.customer_id in to_remove or operation.customer_id not in reasons
    )
    progress.suppressed_since.update(reasons.values())
    added = sum(upsert.action == "added" for upsert in suppressed)
    counts = progress.counts
    progress.counts = replace(
        counts,
        suppressed=counts.suppressed + len(suppressed),
        added=counts.added - added,
        changed=counts.changed - (len(suppressed) - added),
        removed=counts.removed + len(to_remove),
    )
    return replace(batch, operations=operations)


def _rows(plan: Plan, batch: Batch, receipt: BatchReceipt, acknowledged_at: datetime) -> list[dict[str, object]]:
    common = {"export_id": plan.export_id, "campaign_id": plan.campaign.id, "platform": plan.campaign.destination}
    return [
        common
        | {
            "customer_id": operation.customer_id,
            "action": operation.action if operation.customer_id in receipt.accepted else "rejected",
            "payload_hash": operation.payload_hash,
            "acknowledged_at": acknowledged_at if operation.customer_id in receipt.accepted else None,
        }
        for operation in batch.operations
    ]


def _add_receipt(batch: Batch, receipt: BatchReceipt, progress: SendProgress) -> None:
    """Count the answer to a batch; a customer who is not accepted counts as rejected, with or without a reason."""
    rejected = {
        operation.customer_id: receipt.rejected.get(operation.customer_id, "the platform gave no answer")
        for operation in batch.operations
        if operation.customer_id not in receipt.accepted
    }
    accepted = len(batch.operations) - len(rejected)
    progress.exported += accepted
    progress.rejected += len(rejected)
    progress.batches.append(
        {
            "ordinal": batch.ordinal,
            "reference": receipt.reference,
            "sha256": receipt.sha256,
            "accepted": accepted,
            "rejected": rejected,
        }
    )
