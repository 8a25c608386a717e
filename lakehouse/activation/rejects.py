"""Whom platforms refused, read from the ops tables without an engine."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse.activation.destination_state import EXPORT_RECORDS, EXPORTS
from lakehouse.storage.duckdb_views import Snapshot, open_snapshot

# The newest word about each customer of a campaign at its account; a rejection that was followed by an acceptance is
# over.
_REJECTS = """
    select campaign_id, platform, customer_id, {reason} as reason, export_id
    from ops.export_records as records
    inner join (select export_id, finished_at from ops.exports) using (export_id)
    where coalesce(campaign_id = $campaign_id, true)
    qualify
        row_number() over (
            partition by campaign_id, platform, customer_id order by finished_at desc, records.export_id desc
        ) = 1
        and action = 'rejected'
    order by campaign_id, platform, customer_id
    limit $most
"""


@dataclass(frozen=True)
class Reject:
    """A customer whom a platform did not take when it was asked last; `export_id` is that export."""

    campaign_id: str
    platform: str
    customer_id: str
    reason: str | None
    export_id: str


def rejects(lake: str, campaign_id: str | None = None, most: int = 1000) -> list[Reject]:
    """Customers whom a platform refused when it was asked last, at most `most`. The next export tries them again."""
    with open_snapshot([], lake, optional=[EXPORTS, EXPORT_RECORDS]) as snapshot:
        if not {EXPORTS, EXPORT_RECORDS} <= snapshot.versions.keys():
            return []
        query = _REJECTS.format(reason="reason" if _has_reason(snapshot) else "null::varchar")
        rows = snapshot.connection.execute(query, {"campaign_id": campaign_id, "most": most}).fetchall()
        return [Reject(*row) for row in rows]


def _has_reason(snapshot: Snapshot) -> bool:
    """Whether the records have reasons: those of earlier versions of this project have none."""
    columns = snapshot.connection.execute("describe ops.export_records").fetchall()
    return "reason" in {name for name, *_ in columns}
