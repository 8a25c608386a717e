"""Sending a plan batch by batch: check consent again, record the intent, deliver, record the acknowledgement.

The process may be killed at any point. A batch counts as sent when its rows are in ops.export_records, one commit a
batch. Killed before that commit, the next run sends the batch again (destinations upsert, so that the effect is the
same); killed after it, the batch is not sent again. Whom a killed or failed delivery may have reached is in
ops.export_attempts, written before the delivery, and is removed if no longer in the target.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.activation.consent.firewall import ConsentCheck
from lakehouse.activation.delivery_intents import record_intents
from lakehouse.activation.destinations import Batch, BatchReceipt, Destination
from lakehouse.activation.destinations.operations import as_removals, is_removal
from lakehouse.activation.export_records import export_records, rejections
from lakehouse.activation.plan import Counts, Plan
from lakehouse.storage.ops_tables import record_batch

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
    ordinal = plan.offset
    for planned in plan.operations(destination.batch_size):
        batch = Batch(plan.export_id, ordinal, _recheck_consent(planned, consent, progress))
        ordinal += planned.num_rows
        if not batch.operations.num_rows:
            continue
        attempted_at = _now_after(not_before)
        record_intents(plan, batch, attempted_at, lake)
        receipt = destination.deliver(batch)
        not_before = _now_after(attempted_at)
        record_batch("export_records", export_records(plan, batch, receipt, not_before), lake)
        _add_receipt(batch, receipt, progress)
        _log.info("campaign %s: %d of %d sent", plan.campaign.id, ordinal, plan.offset + plan.count)


def _now_after(before: datetime | None) -> datetime:
    return max(datetime.now(UTC), before + timedelta(microseconds=1)) if before else datetime.now(UTC)


def _recheck_consent(operations: pa.Table, consent: ConsentCheck, progress: SendProgress) -> pa.Table:
    """The operations without upserts of customers who were suppressed since the plan was made.

    They are removed instead if they are, or may be, at the destination.
    """
    upserts = operations.filter(pc.invert(is_removal(operations)))
    reasons = _reasons(upserts, consent)
    if not reasons:
        return operations
    is_stopped = pc.is_in(operations["customer_id"], pa.array(list(reasons), pa.string()))
    is_stopped = pc.and_(is_stopped, pc.invert(is_removal(operations)))
    stopped = operations.filter(is_stopped)
    is_there = pc.or_(pc.equal(stopped["action"], "changed"), stopped["is_uncertain"])
    to_remove = stopped.filter(is_there)
    added = pc.sum(pc.equal(stopped["action"], "added")).as_py()
    progress.suppressed_since.update(reasons.values())
    counts = progress.counts
    progress.counts = replace(
        counts,
        suppressed=counts.suppressed + stopped.num_rows,
        added=counts.added - added,
        changed=counts.changed - (stopped.num_rows - added),
        removed=counts.removed + to_remove.num_rows,
    )
    kept = operations.filter(pc.invert(is_stopped))
    removals, others = kept.filter(is_removal(kept)), kept.filter(pc.invert(is_removal(kept)))
    return pa.concat_tables([removals, as_removals(to_remove), others])


def _reasons(upserts: pa.Table, consent: ConsentCheck) -> Mapping[str, str]:
    people = upserts.select(["customer_id", "email"]).rename_columns(["customer_id", "address"])
    return consent.reasons_of(people.append_column("is_mailable", pa.repeat(True, people.num_rows)))


def _add_receipt(batch: Batch, receipt: BatchReceipt, progress: SendProgress) -> None:
    """Count the answer to a batch; a customer who is not accepted counts as rejected, with or without a reason."""
    rejected = rejections(batch, receipt)
    accepted = batch.operations.num_rows - len(rejected)
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
