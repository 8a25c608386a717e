"""The plan of an export: its id, its operations in order, and its counts. Pure: the same input gives the same plan."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass

from lakehouse.activation.campaigns import Campaign
from lakehouse.activation.destination_state import DestinationState
from lakehouse.activation.destinations import Operation
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
        operations: what is still to be sent: removals first (an address may pass from one customer to another), then
            upserts by customer_id.
        offset: number of operations that were sent before the export's process was killed; they are in `counts`, but
            not in `operations`.
        suppressed: number of suppressed customers by reason.
        target: payload hash of everybody who should be at the destination.
        uncertain: customers who may be at the destination although no record says so.
        retained: number of customers who stay at the destination although they are not in the target, because they may
            not be removed; they are in no other count.
    """

    export_id: str
    campaign: Campaign
    operations: tuple[Operation, ...]
    offset: int
    counts: Counts
    suppressed: Mapping[str, int]
    target: Mapping[str, str]
    target_hash: str
    uncertain: Set[str]
    retained: int


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
    operations = [Operation.removal(customer_id) for customer_id in removed if customer_id not in done]
    for customer_id in sorted(difference.added + difference.changed):
        if customer_id not in done:
            email, payload = selection.payloads[customer_id]
            operations.append(
                Operation(
                    customer_id, "added" if customer_id in added else "changed", email, payload.body, payload.hash
                )
            )
    wanted = target_hash(selection.target)
    return Plan(
        export_id=export_id_of(campaign, state.finished, wanted),
        campaign=campaign,
        operations=tuple(operations),
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
        uncertain=state.uncertain,
        retained=len(difference.removed) - len(removed),
    )
