"""What is on record of one customer's deliveries, in ops.export_records and ops.export_attempts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lakehouse.activation.records.destination_state import EXPORT_ATTEMPTS, EXPORT_RECORDS
from lakehouse.activation.why.facts import Delivery
from lakehouse.activation.why.past_lake import Row, rows_of
from lakehouse.storage.duckdb_views import Snapshot
from lakehouse.tables import TableRef

# All columns: tables of earlier versions of this project have fewer.
_RECORDS = "select * from ops.export_records where customer_id = $customer_id and campaign_id = $campaign_id"
_ATTEMPTS = """
    select export_id, platform, max(attempted_at) as attempted_at
    from ops.export_attempts
    where customer_id = $customer_id and campaign_id = $campaign_id
    group by all
"""


class Deliveries:
    """All deliveries of a campaign that concern a customer."""

    def __init__(self, customer_id: str, campaign_id: str, now: Snapshot) -> None:
        """`now`: the newest ops tables."""
        wanted = {"customer_id": customer_id, "campaign_id": campaign_id}

        def found(table: TableRef, query: str) -> list[Row]:
            return rows_of(now.connection.execute(query, wanted)) if table in now.versions else []

        self._records = found(EXPORT_RECORDS, _RECORDS)
        self._attempts = found(EXPORT_ATTEMPTS, _ATTEMPTS)

    @property
    def exports(self) -> set[str]:
        """Exports that delivered something about the customer, or may have."""
        return {row["export_id"] for row in (*self._records, *self._attempts)}

    def of_export(self, export_id: str) -> Delivery | None:
        """The delivery of an export: what was answered, else that it was attempted."""
        answered = [_delivery(row) for row in self._records if row["export_id"] == export_id]
        if answered:  # of an export that was killed and resumed, what was acknowledged counts
            return max(answered, key=lambda one: (one.action != "rejected", one.at is not None))
        tried = [row["attempted_at"] for row in self._attempts if row["export_id"] == export_id]
        return Delivery(export_id, "attempted", max(tried), "") if tried else None

    def last_before(self, export_id: str, platform: str, moment: datetime) -> Delivery | None:
        """The newest delivery that the platform had acknowledged when an export began; None after a removal too."""
        acknowledged: Sequence[Row] = [
            row
            for row in self._records
            if row["platform"] == platform
            and row["export_id"] != export_id
            and row["acknowledged_at"] is not None
            and row["acknowledged_at"] <= moment
        ]
        newest = max(acknowledged, key=lambda row: row["acknowledged_at"], default=None)
        return None if newest is None or newest["action"] == "removed" else _delivery(newest)

    def rejection_before(self, export_id: str, platform: str) -> Delivery | None:
        """What the platform refused for good in the newest export before that had an answer about the customer."""
        earlier = [row for row in self._records if row["platform"] == platform and row["export_id"] < export_id]
        newest = max(earlier, key=lambda row: (row["export_id"], row["acknowledged_at"] is not None), default=None)
        return _delivery(newest) if newest and newest["action"] == "rejected" and newest.get("is_permanent") else None


def _delivery(row: Row) -> Delivery:
    return Delivery(
        row["export_id"],
        row["action"],
        row["acknowledged_at"],
        row["payload_hash"],
        row.get("reference"),
        row.get("reason"),
        row.get("is_permanent"),
    )
