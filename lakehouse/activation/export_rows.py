"""Rows of ops.exports: one per export, also for one that failed or whose process was killed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from lakehouse.activation.campaigns import Campaign
from lakehouse.activation.destination_state import Done
from lakehouse.activation.plan import Plan
from lakehouse.activation.send import Sent
from lakehouse.outcome import TableOutcome
from lakehouse.tables import ops


def exports_row(
    plan: Plan, sent: Sent, status: str, times: tuple[datetime, datetime], manifest_path: str
) -> dict[str, Any]:
    """The row of an export that ended, well or not; the counts of a failed one are as far as it came."""
    return {
        "export_id": plan.export_id,
        "campaign_id": plan.campaign.id,
        "platform": plan.campaign.platform,
        "status": status,
        "started_at": times[0],
        "finished_at": times[1],
        **{f"count_{name}": count for name, count in asdict(sent.counts).items()},
        "count_exported": sent.exported,
        "count_rejected": sent.rejected,
        "manifest_path": manifest_path,
    }


def abandoned_row(
    campaign: Campaign, export_id: str, done: Done, planned: Mapping[str, int], now: datetime, manifest_path: str
) -> dict[str, Any]:
    """The row of an export that was killed and that no run will resume, because since then the target has changed.

    What it sent is counted from its records, whom it was to send to as its manifest promised.
    """
    return {
        "export_id": export_id,
        "campaign_id": campaign.id,
        "platform": campaign.platform,
        "status": "failed",
        "started_at": now,
        "finished_at": now,
        **{f"count_{name}": planned.get(name, 0) for name in ("audience", "holdout", "suppressed", "unchanged")},
        **{f"count_{action}": done.count(action) for action in ("added", "changed", "removed")},
        "count_exported": len(done.actions) - done.rejected,
        "count_rejected": done.rejected,
        "manifest_path": manifest_path,
    }


def outcome(sent: Sent, warnings: list[str]) -> TableOutcome:
    """The export under the law of all stages: read (audience and removals) = loaded (taken by the platform) +
    quarantined (held out, stopped by the firewall, refused) + duplicates (unchanged)."""
    counts = sent.counts
    return TableOutcome(
        table=ops("exports"),
        read=counts.audience + counts.removed,
        loaded=sent.exported,
        quarantined=counts.holdout + counts.suppressed + sent.rejected,
        duplicates=counts.unchanged,
        warnings=tuple(warnings),
        skipped=sent.exported == 0 and sent.rejected == 0,
    )
