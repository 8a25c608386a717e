"""What platforms say about people who must not be written to feeds the ledger that the firewall reads.

An unsubscribe or an erasure at one platform counts for all campaigns and all accounts. Nothing here lifts it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.activation.destinations.destination import Rejection
from lakehouse.storage.ops_tables import record
from lakehouse.storage.table import Table
from lakehouse.tables import ops


class Refusal(NamedTuple):
    """What a platform reported: one of customer_id and address may be empty."""

    account: str
    customer_id: str
    address: str
    reason: str
    seen_at: datetime


def record_refusals(account: str, rejected: Iterable[tuple[str, str, Rejection]], lake: str) -> None:
    """Record those of the rejected customers (customer_id, address that was sent, why) who have refused."""
    now = datetime.now(UTC)
    refusals = [
        Refusal(account, customer_id, email, rejection.reason, now)
        for customer_id, email, rejection in rejected
        if rejection.has_refused
    ]
    _record(refusals, lake)


def record_reported(reported: Sequence[Refusal], lake: str) -> None:
    """Record what platforms reported, each account's word about a person and a reason once, however often it comes."""
    new = {_what(*refusal[:4]): refusal for refusal in reversed(reported)}
    for known in _recorded(reported, lake):
        new.pop(_what(known["platform"], known["customer_id"], known["address"], known["reason"]), None)
    _record(new.values(), lake)


def _record(refusals: Iterable[Refusal], lake: str) -> None:
    rows = [
        {
            "platform": refusal.account,
            "customer_id": refusal.customer_id,
            "address": refusal.address or None,
            "reason": refusal.reason,
            "seen_at": refusal.seen_at,
        }
        for refusal in refusals
    ]
    record("platform_refusals", rows, lake)


def _what(account: str, customer_id: str, address: str | None, reason: str) -> tuple[str, str, str, str]:
    return account, customer_id, address or "", reason


def _recorded(reported: Sequence[Refusal], lake: str) -> list[dict[str, Any]]:
    """What the ledger has about the same people."""
    found = Table(ops("platform_refusals"), lake).delta
    if found is None:
        return []
    addresses = pa.array([each.address for each in reported if each.address], pa.string())
    customers = pa.array([each.customer_id for each in reported if each.customer_id], pa.string())
    same = pc.field("address").isin(addresses) | pc.field("customer_id").isin(customers)
    columns = ["platform", "customer_id", "address", "reason"]
    return found.to_pyarrow_dataset().to_table(columns, filter=same).to_pylist()
