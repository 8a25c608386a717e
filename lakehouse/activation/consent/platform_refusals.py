"""What platforms say about people who must not be written to feeds the ledger that the firewall reads.

An unsubscribe or an erasure at one platform counts for all campaigns and all accounts. Nothing here lifts it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from lakehouse.activation.destinations.destination import Rejection
from lakehouse.storage.ops_tables import record


def record_refusals(account: str, rejected: Iterable[tuple[str, str, Rejection]], lake: str) -> None:
    """Record those of the rejected customers (customer_id, address that was sent, why) who have refused."""
    now = datetime.now(UTC)
    rows = [
        {
            "platform": account,
            "customer_id": customer_id,
            "address": email or None,
            "reason": rejection.reason,
            "seen_at": now,
        }
        for customer_id, email, rejection in rejected
        if rejection.has_refused
    ]
    record("platform_refusals", rows, lake)
