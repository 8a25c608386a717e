"""What platforms say about people who must not be written to feeds the ledger that the firewall reads.

An unsubscribe or an erasure at one platform counts for all campaigns and all accounts. Nothing here lifts it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from lakehouse.activation.destinations import Batch, BatchReceipt
from lakehouse.activation.destinations.destination import Rejection
from lakehouse.storage.ops_tables import record


def record_refusals(account: str, batch: Batch, receipt: BatchReceipt, lake: str) -> None:
    """Record customers of a batch whom the destination refused because they must not be written to."""
    if any(rejection.has_refused for rejection in receipt.rejected.values()):
        emails = dict(zip(batch.customers, batch.operations["email"].to_pylist(), strict=True))
        record_refused(account, receipt.rejected, emails, lake)


def record_refused(
    account: str, rejected: Mapping[str, Rejection], emails: Mapping[str, str | None], lake: str
) -> None:
    """Record those of the rejected customers who have refused; `emails` has the addresses that were sent."""
    now = datetime.now(UTC)
    rows = [
        {
            "platform": account,
            "customer_id": customer_id,
            "address": emails.get(customer_id) or None,
            "reason": rejection.reason,
            "seen_at": now,
        }
        for customer_id, rejection in _refused(rejected.items())
    ]
    record("platform_refusals", rows, lake)


def _refused(rejected: Iterable[tuple[str, Rejection]]) -> Iterable[tuple[str, Rejection]]:
    return ((customer_id, rejection) for customer_id, rejection in rejected if rejection.has_refused)
