"""The rows of ops.exports, one per export, also for one that failed or was killed; and an export's outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.planning.plan import Plan
from lakehouse.activation.records.destination_state import RecordedActions
from lakehouse.activation.send_progress import SendProgress
from lakehouse.outcome import TableOutcome
from lakehouse.tables import ops


def exports_row(
    plan: Plan, progress: SendProgress, status: str, times: tuple[datetime, datetime], manifest_path: str
) -> dict[str, Any]:
    """The row of an export that succeeded or failed; a failed one counts what it did before it failed."""
    return {
        "export_id": plan.export_id,
        "campaign_id": plan.campaign.id,
        "platform": plan.campaign.destination,
        "status": status,
        "started_at": times[0],
        "finished_at": times[1],
        **{f"count_{name}": count for name, count in asdict(progress.counts).items()},
        "count_exported": progress.exported,
        "count_rejected": progress.rejected,
        "manifest_path": manifest_path,
    }


def abandoned_row(
    campaign: Campaign,
    export_id: str,
    recorded: RecordedActions,
    planned: Mapping[str, int],
    now: datetime,
    manifest_path: str,
) -> dict[str, Any]:
    """The row of an export that was killed, and that is not resumed because the target has changed since.

    What it sent is counted from its records; the other counts are `planned`, from its manifest.
    """
    return {
        "export_id": export_id,
        "campaign_id": campaign.id,
        "platform": campaign.destination,
        "status": "failed",
        "started_at": now,
        "finished_at": now,
        **{
            f"count_{name}": planned.get(name, 0)
            for name in ("audience", "holdout", "suppressed", "unchanged", "dead_letters")
        },
        **{f"count_{action}": recorded.count(action) for action in ("added", "changed", "removed")},
        "count_exported": recorded.total - recorded.count("rejected"),
        "count_rejected": recorded.count("rejected"),
        "manifest_path": manifest_path,
    }


def outcome(progress: SendProgress, warnings: list[str]) -> TableOutcome:
    """The export's counts as those of every stage: read = loaded + quarantined + duplicates.

    read: audience and removals; loaded: accepted by the destination; quarantined: held out, suppressed, rejected, also
    for good by an earlier export (dead letters); duplicates: unchanged.
    """
    counts = progress.counts
    return TableOutcome(
        table=ops("exports"),
        read=counts.audience + counts.removed,
        loaded=progress.exported,
        quarantined=counts.holdout + counts.suppressed + progress.rejected + counts.dead_letters,
        duplicates=counts.unchanged,
        warnings=tuple(warnings),
        skipped=progress.exported == 0 and progress.rejected == 0,
    )
