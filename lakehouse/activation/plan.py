"""The plan of an export: its id, everything it sends in order, and the counts it promises. Pure: the same facts give
the same plan."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass

from lakehouse.activation.campaigns import Campaign
from lakehouse.activation.destination_state import PlatformState
from lakehouse.activation.destinations import Delivery
from lakehouse.activation.diff import diff
from lakehouse.activation.selection import Selection


@dataclass(frozen=True)
class Counts:
    """audience = holdout + suppressed + added + changed + unchanged, and added + changed + removed = exported +
    rejected once all is sent."""

    audience: int
    holdout: int
    suppressed: int
    added: int
    changed: int
    removed: int
    unchanged: int


@dataclass(frozen=True)
class Plan:
    """`deliveries` has removals first (an address may pass from one customer to another), then upserts by customer_id.

    `offset` deliveries of the plan were made before its process was killed; they are counted, but not listed any more.
    `uncertain` customers may be on the platform although nothing says so. `kept` counts those who stay there unwanted,
    because only some may be removed; they are in no other count.
    """

    export_id: str
    campaign: Campaign
    deliveries: tuple[Delivery, ...]
    offset: int
    counts: Counts
    suppressed: Mapping[str, int]
    target: Mapping[str, str]
    target_hash: str
    uncertain: Set[str]
    kept: int


def target_hash(target: Mapping[str, str]) -> str:
    """SHA-256 over everybody who is to be on the platform and with which payload."""
    digest = hashlib.sha256()
    for customer_id in sorted(target):
        digest.update(f"{customer_id} {target[customer_id]}\n".encode())
    return digest.hexdigest()


def export_id_of(campaign: Campaign, finished: int, wanted: str) -> str:
    """Id of the export that follows `finished` exports of the campaign and wants the target with hash `wanted`.

    A killed export has left no row in ops.exports, so the next run that wants the same arrives at the same id and
    resumes it; a finished one (also one that came to nothing) moves the count on, so A -> B -> A are three exports.
    """
    return f"{campaign.id}-{finished + 1:05d}-{hashlib.sha256(f'{campaign.platform}:{campaign.id}:{finished}:{wanted}'.encode()).hexdigest()[:12]}"


def make_plan(
    campaign: Campaign,
    selection: Selection,
    state: PlatformState,
    done: Collection[str] = (),
    removable: Set[str] | None = None,
) -> Plan:
    """Plan from a selection and the platform's state before this export; `done` names customers this export has dealt
    with already.

    Of those no longer wanted only the `removable` are removed; None: all.
    """
    difference = diff(selection.target, state.hashes, state.uncertain)
    added = set(difference.added)
    removed = [
        customer_id
        for customer_id in difference.removed
        if removable is None or customer_id in removable or customer_id in done
    ]
    deliveries = [Delivery.removal(customer_id) for customer_id in removed if customer_id not in done]
    for customer_id in sorted(difference.added + difference.changed):
        if customer_id not in done:
            email, payload = selection.bodies[customer_id]
            deliveries.append(
                Delivery(customer_id, "added" if customer_id in added else "changed", email, payload.body, payload.hash)
            )
    wanted = target_hash(selection.target)
    return Plan(
        export_id=export_id_of(campaign, state.finished, wanted),
        campaign=campaign,
        deliveries=tuple(deliveries),
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
        kept=len(difference.removed) - len(removed),
    )
