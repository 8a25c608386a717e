"""The control group of a campaign: who is in it is drawn once, kept in ops.holdouts, and follows a person through
merges."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyarrow as pa

from lakehouse.activation.campaigns import Campaign
from lakehouse.activation.consent.late_refusals import IDENTITIES
from lakehouse.contracts import HOLDOUTS, arrow_schema
from lakehouse.storage.duckdb_views import Snapshot
from lakehouse.storage.ops_tables import record_batch


@dataclass
class ControlGroup:
    """Draws of a family of campaigns.

    Attributes:
        drawn: what was drawn for a customer_id so far.
        former: ids that a customer had before, the last one first.
        fresh: what has been drawn since, to be recorded before anything is sent.
    """

    family: str
    share: float
    drawn: Mapping[str, bool] = field(default_factory=dict)
    former: Mapping[str, Sequence[str]] = field(default_factory=dict)
    fresh: dict[str, bool] = field(default_factory=dict)

    def has(self, customer_id: str) -> bool:
        """Whether the customer is held out. Without a share nobody is."""
        if not self.share:
            return False
        if customer_id in self.drawn:
            return self.drawn[customer_id]
        if customer_id not in self.fresh:
            before = (self.drawn[name] for name in self.former.get(customer_id, ()) if name in self.drawn)
            self.fresh[customer_id] = next(before, is_held_out(self.family, customer_id, self.share))
        return self.fresh[customer_id]


def is_held_out(family: str, customer_id: str, share: float) -> bool:
    """The draw: the hash of "<family>:<customer>" serves as a uniform number in [0, 1), below `share` or not."""
    digest = hashlib.sha256(f"{family}:{customer_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def control_group(snapshot: Snapshot, campaign: Campaign) -> ControlGroup:
    """The control group of the campaign's family as drawn until now."""
    group = ControlGroup(campaign.family, campaign.holdout_share)
    if not campaign.holdout_share:
        return group
    drawn = snapshot.connection.execute(
        "select customer_id, arg_min(is_held_out, drawn_at) from ops.holdouts where family = ? group by customer_id",
        [campaign.family],
    ).fetchall()
    group.drawn = dict(drawn)
    if IDENTITIES in snapshot.versions:
        former = snapshot.connection.execute(
            "select customer_id, flatten(list(former_customer_ids order by identifier_type, identifier))"
            " from silver.identities where former_customer_ids is not null group by customer_id"
        ).fetchall()
        group.former = dict(former)
    return group


def record_draws(group: ControlGroup, campaign: Campaign, lake: str) -> None:
    """Keep what was drawn; a killed export draws the same again."""
    if not group.fresh:
        return
    now = datetime.now(UTC)
    columns = {
        "family": [group.family] * len(group.fresh),
        "customer_id": list(group.fresh),
        "is_held_out": list(group.fresh.values()),
        "campaign_id": [campaign.id] * len(group.fresh),
        "drawn_at": [now] * len(group.fresh),
    }
    record_batch(HOLDOUTS.dataset, pa.table(columns, schema=arrow_schema(HOLDOUTS.columns)), lake)
