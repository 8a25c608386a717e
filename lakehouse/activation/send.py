"""Sending a plan, batch by batch: consent once more, deliver, record. The process may be killed at any point.

A batch counts as sent when its rows are in ops.export_records, one commit a batch. Killed before that commit, the next
run sends this one batch again (the platform upserts, so the effect is once); killed after it, the batch is not sent
again. Whom a killed or failed delivery may have reached is in ops.export_attempts, written before it, and is removed
when no longer wanted.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from lakehouse.activation.consent.firewall import Person
from lakehouse.activation.delivery_intents import record_attempt
from lakehouse.activation.destinations import Batch, BatchReceipt, Delivery, Platform
from lakehouse.activation.plan import Counts, Plan
from lakehouse.activation.selection import Stops
from lakehouse.storage.ops_tables import record

_log = logging.getLogger(__name__)


@dataclass
class Sent:
    """What happened so far; `exported` and `rejected` include what was done before the process was killed.

    `stopped` counts by reason whom the firewall stopped since the plan was made.
    """

    counts: Counts
    exported: int
    rejected: int
    batches: list[dict[str, object]] = field(default_factory=list)
    stopped: Counter[str] = field(default_factory=Counter)


def send(plan: Plan, platform: Platform, firewall: Stops, sent: Sent, lake: str, not_before: datetime | None) -> None:
    """Send all deliveries of the plan, keeping `sent` up to date, also when an error stops it. Errors of the platform
    go to the caller.

    `not_before` is the newest moment on record: ours are later, whatever the clock says, because the newest row counts.
    """
    for planned in _batches(plan, platform.batch_size):
        batch = _let_through(planned, firewall, sent, plan.uncertain)
        if not batch.deliveries:
            continue
        attempted_at = _now_after(not_before)
        record_attempt(plan, batch, attempted_at, lake)
        receipt = platform.deliver(batch)
        not_before = _now_after(attempted_at)
        record("export_records", _rows(plan, batch, receipt, not_before), lake)
        _account(batch, receipt, sent)
        _log.info(
            "campaign %s: %d of %d sent",
            plan.campaign.id,
            batch.ordinal + len(batch.deliveries),
            plan.offset + len(plan.deliveries),
        )


def _batches(plan: Plan, size: int) -> Iterator[Batch]:
    for start in range(0, len(plan.deliveries), size):
        yield Batch(plan.export_id, plan.offset + start, plan.deliveries[start : start + size])


def _now_after(before: datetime | None) -> datetime:
    return max(datetime.now(UTC), before + timedelta(microseconds=1)) if before else datetime.now(UTC)


def _let_through(batch: Batch, firewall: Stops, sent: Sent, uncertain: Set[str]) -> Batch:
    """The firewall's last word: who was suppressed since the plan is not added, and is removed where the platform has
    or may have them."""
    stopped = firewall.reasons(
        [
            Person(delivery.customer_id, delivery.email, True)
            for delivery in batch.deliveries
            if delivery.action != "removed"
        ]
    )
    if not stopped:
        return batch
    sent.stopped.update(stopped.values())
    withdrawn = [delivery for delivery in batch.deliveries if delivery.customer_id in stopped]
    there = {
        delivery.customer_id
        for delivery in withdrawn
        if delivery.action == "changed" or delivery.customer_id in uncertain
    }
    deliveries = tuple(
        Delivery.removal(delivery.customer_id) if delivery.customer_id in there else delivery
        for delivery in batch.deliveries
        if delivery.customer_id in there or delivery.customer_id not in stopped
    )
    added = sum(delivery.action == "added" for delivery in withdrawn)
    counts = sent.counts
    sent.counts = replace(
        counts,
        suppressed=counts.suppressed + len(withdrawn),
        added=counts.added - added,
        changed=counts.changed - (len(withdrawn) - added),
        removed=counts.removed + len(there),
    )
    return replace(batch, deliveries=deliveries)


def _rows(plan: Plan, batch: Batch, receipt: BatchReceipt, acknowledged_at: datetime) -> list[dict[str, object]]:
    common = {"export_id": plan.export_id, "campaign_id": plan.campaign.id, "platform": plan.campaign.platform}
    return [
        common
        | {
            "customer_id": delivery.customer_id,
            "action": delivery.action if delivery.customer_id in receipt.accepted else "rejected",
            "payload_hash": delivery.payload_hash,
            "acknowledged_at": acknowledged_at if delivery.customer_id in receipt.accepted else None,
        }
        for delivery in batch.deliveries
    ]


def _account(batch: Batch, receipt: BatchReceipt, sent: Sent) -> None:
    """Whoever the platform did not say it took counts as rejected."""
    missing = [delivery.customer_id for delivery in batch.deliveries if delivery.customer_id not in receipt.accepted]
    refused = {customer_id: receipt.rejected.get(customer_id, "the platform gave no answer") for customer_id in missing}
    accepted = len(batch.deliveries) - len(refused)
    sent.exported += accepted
    sent.rejected += len(refused)
    sent.batches.append(
        {
            "ordinal": batch.ordinal,
            "reference": receipt.reference,
            "sha256": receipt.sha256,
            "accepted": accepted,
            "rejected": refused,
        }
    )
