"""What an export decided about one customer before it sent anything: segment, control group, consent firewall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lakehouse.activation.records.destination_state import HOLDOUTS
from lakehouse.activation.segments.catalogue import segments
from lakehouse.activation.why.facts import Draw, Membership, Refusal
from lakehouse.activation.why.past_lake import PastLake, Row, rows_of
from lakehouse.activation.why.refusal import MEMBERS, PROFILES, refusal
from lakehouse.storage.duckdb_views import Snapshot

_PROFILE = "select * from gold.dim_customers where customer_id = $customer_id"
_MEMBER = "select detail from gold.segment_members where segment = $segment and customer_id = $customer_id"
_DRAWS = """
    select customer_id, family, is_held_out, drawn_at, campaign_id
    from ops.holdouts
    where family = $family and customer_id in (select unnest($customers))
    qualify row_number() over (partition by customer_id order by drawn_at) = 1
"""


@dataclass(frozen=True)
class Decision:
    """What was decided about a customer. `refusal` is None for who may be written to, and for who was not asked
    about."""

    segment: Membership
    draw: Draw | None
    refusal: Refusal | None
    profile: Row | None


def decision(customer_id: str, manifest: Mapping[str, Any], past: PastLake, now: Snapshot) -> Decision:
    """The decision of the export with that manifest, made again from the tables as they were."""
    profile = next(iter(past.rows(_PROFILE, {"customer_id": customer_id}, PROFILES)), None)
    member = _membership(customer_id, manifest, past)
    if not member.is_member:
        return Decision(member, None, None, profile)
    draw = draws([customer_id], manifest, now).get(customer_id)
    if draw is not None and draw.is_held_out:
        return Decision(member, draw, None, profile)
    found = refusal(customer_id, profile, manifest, past, lambda others: _held_out(others, manifest, now))
    return Decision(member, draw, found, profile)


def draws(customers: list[str], manifest: Mapping[str, Any], now: Snapshot) -> dict[str, Draw]:
    """The draws of customers for the control group.

    The first one counts, and none is ever changed, so that the newest table says what an export knew.
    """
    if not manifest["holdout_share"] or HOLDOUTS not in now.versions:
        return {}
    wanted = {"family": manifest["holdout_family"], "customers": customers}
    return {row.pop("customer_id"): Draw(**row) for row in rows_of(now.connection.execute(_DRAWS, wanted))}


def _held_out(customers: list[str], manifest: Mapping[str, Any], now: Snapshot) -> set[str]:
    return {name for name, draw in draws(customers, manifest, now).items() if draw.is_held_out}


def _membership(customer_id: str, manifest: Mapping[str, Any], past: PastLake) -> Membership:
    name, definition = str(manifest["segment"]), str(manifest["segment_definition_sha256"])
    rows = past.rows(_MEMBER, {"segment": name, "customer_id": customer_id}, MEMBERS)
    declared = segments().get(name)
    is_same = declared is not None and declared.definition_hash == definition
    condition = declared.where if declared is not None and is_same else None
    is_member = bool(rows) if past.has(MEMBERS) else None
    detail = rows[0]["detail"] if rows else None
    return Membership(name, is_member, detail, definition, manifest.get("segment_condition") or condition, is_same)
