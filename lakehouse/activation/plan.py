"""The plan of an export: its id, its operations in order, and its counts. Pure: the same input gives the same plan."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import dataclass

import pyarrow as pa

from lakehouse.activation.campaigns import Campaign
from lakehouse.activation.destination_state import DestinationState
from lakehouse.activation.destinations.operations import OPERATIONS, slices
from lakehouse.activation.diff import diff
from lakehouse.activation.selection import Selection


@dataclass(frozen=True)
class Counts:
    """audience = holdout + suppressed + added + changed + unchanged.

    Once everything is sent, added + changed + removed = exported + rejected.
    """

    audience: int
    holdout: int
    suppressed: int
    added: int
    changed: int
    removed: int
    unchanged: int


@dataclass(frozen=True)
class Plan:
    """What one export sends.

    Attributes:
        rows: what is still to be sent: removals first (an address may pass from one customer to another), then
            upserts by customer_id.
        offset: number of operations that were sent before the export's process was killed; they are in `counts`, but
            not in `rows`.
        suppressed: number of suppressed customers by reason.
        target: payload hash of everybody who should be at the destination.
        retained: number of customers who stay at the destination although they are not in the target, because they may
            not be removed; they are in no other count.
    """

    export_id: str
    campaign: Campaign
    rows: pa.Table
    offset: int
    counts: Counts
    suppressed: Mapping[str, int]
    target: Mapping[str, str]
    target_hash: str
    retained: int

    @property
    def count(self) -> int:
        """Number of operations that are still to be sent."""
        return int(self.rows.num_rows)

    def operations(self, size: int) -> Iterator[pa.Table]:
        """What is still to be sent, in tables of `size` operations with the schema OPERATIONS."""
        return slices(self.rows.to_batches(), size)


def target_hash(target: Mapping[str, str]) -> str:
    """SHA-256 over everybody who should be at the destination, and with which payload."""
    digest = hashlib.sha256()
    for customer_id in sorted(target):
        digest.update(f"{customer_id} {target[customer_id]}\n".encode())
    return digest.hexdigest()


def export_id_of(campaign: Campaign, finished: int, wanted: str) -> str:
    """Id of the export that follows `finished` exports of the campaign and has the target hash `wanted`.

    A killed export has left no row in ops.exports, so the next run with the same target computes the same id and
    resumes it. A finished one (also a failed one) increases the count, so A -> B -> A are three exports.
    """
    identity = f"{campaign.destination}:{campaign.id}:{finished}:{wanted}"
    return f"{campaign.id}-{finished + 1:05d}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def make_plan(
    campaign: Campaign,
    selection: Selection,
    state: DestinationState,
    done: Collection[str] = (),
    removable: Set[str] | None = None,
) -> Plan:
    """Plan an export.

    Args:
        campaign: the campaign.
        selection: who should be at the destination.
        state: who was there before this export.
        done: customers whose operation this export sent before its process was killed.
        removable: who may be removed of those who are not in the target; None for all.
    """
    difference = diff(selection.target, state.hashes, state.uncertain)
    added = set(difference.added)
    removed = [
        customer_id
        for customer_id in difference.removed
        if removable is None or customer_id in removable or customer_id in done
    ]
    upserts = [customer_id for customer_id in sorted(difference.added + difference.changed) if customer_id not in done]
    rows: list[dict[str, object]] = [
        {"customer_id": customer_id, "action": "removed", "email": "", "payload": b"", "payload_hash": ""}
        for customer_id in removed
        if customer_id not in done
    ]
    for customer_id in upserts:
        email, payload = selection.payloads[customer_id]
        rows.append(
            {
                "customer_id": customer_id,
                "action": "added" if customer_id in added else "changed",
                "email": email,
                "payload": payload.body,
                "payload_hash": payload.hash,
            }
        )
    for row in rows:
        row["is_uncertain"] = row["customer_id"] in state.uncertain
    wanted = target_hash(selection.target)
    return Plan(
        export_id=export_id_of(campaign, state.finished, wanted),
        campaign=campaign,
        rows=pa.Table.from_pylist(rows, schema=OPERATIONS),
        offset=len(done),
        counts=Counts(
            audience=selection.audience,
            holdout=selection.holdout,
            suppressed=selection.suppressed.total(),
            added=len(difference.added),
            changed=len(difference.changed),
            removed=len(removed),
            unchanged=len(difference.unchanged),
        ),
        suppressed=dict(sorted(selection.suppressed.items())),
        target=selection.target,
        target_hash=wanted,
        retained=len(difference.removed) - len(removed),
    )
