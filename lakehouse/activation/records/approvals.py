"""Decisions of people about exports that a guard asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lakehouse.activation.guards import Fired
from lakehouse.activation.guards.collect import facts_of, guards_about
from lakehouse.activation.planning.next_export import NextExport
from lakehouse.activation.planning.plan import Plan
from lakehouse.activation.planning.send_plan import SendPlan, plans_of_run
from lakehouse.activation.records.destination_state import APPROVALS, STATE_TABLES, add_missing_tables
from lakehouse.config.settings import settings
from lakehouse.errors import ExportRefusedError, TerminalError
from lakehouse.storage.duckdb_views import Snapshot, open_snapshot
from lakehouse.storage.ops_tables import record

# A decision is about one export, and about trying the same target again after that failed: less is to be sent then.
_DECISION = """
    select decision, decided_by, decided_at, reason
    from ops.approvals
    where
        campaign_id = $campaign_id
        and platform = $platform
        and target_sha256 = $target
        and (
            export_id = $export_id
            or decided_at > (
                select coalesce(max(finished_at), timestamptz '1970-01-01 00:00:00+00')
                from ops.exports
                where campaign_id = $campaign_id and platform = $platform and status = 'success'
            )
        )
    order by decided_at desc
    limit 1
"""


@dataclass(frozen=True)
class Decision:
    """What was decided; `decided_by` is empty when nobody answered in time."""

    is_approved: bool
    decided_by: str
    decided_at: datetime
    reason: str

    def __str__(self) -> str:
        what = "approved" if self.is_approved else "rejected"
        who = f"{what} by {self.decided_by}" if self.decided_by else f"{what}, because nobody answered in time,"
        return f"{who} at {self.decided_at:%Y-%m-%d %H:%M} UTC" + (f": {self.reason}" if self.reason else "")


class ApprovalNeededError(ExportRefusedError):
    """Guards asked for a person, and nobody has approved the export."""

    def __init__(self, plan: Plan, asked: Sequence[Fired], decision: Decision | None) -> None:
        self.export_id = plan.export_id
        sentences = "; ".join(one.sentence for one in asked)
        problem = f"it waits for approval: {sentences}" if decision is None else f"{sentences}. It was {decision}"
        super().__init__(
            plan.campaign.id,
            plan.campaign.destination,
            problem,
            "Look at its plan and preview (Airflow UI: Browse, Campaigns). If it is right, approve it with"
            f" `lakehouse exports approve {plan.export_id} --reason TEXT` and run again; if not, fix the cause.",
        )


class NoPlanError(TerminalError):
    """There is nothing to approve."""

    def __init__(self, export_id: str) -> None:
        super().__init__(
            f"there is no plan of an export {export_id!r}",
            "`lakehouse plan CAMPAIGN` makes one and shows its id; when data change, the id does.",
        )


def approval_needed(found: NextExport, folder: Path) -> ApprovalNeededError | None:
    """Why the next export may not begin, if guards ask a person and nobody has approved it.

    `folder` holds the campaign's exports to the destination.
    """
    plan = found.plan
    asked = guards_about(found, facts_of(found, folder, settings()))
    decision = decision_about(plan) if asked else None
    if not asked or (decision is not None and decision.is_approved):
        return None
    return ApprovalNeededError(plan, asked, decision)


def decision_about(plan: Plan) -> Decision | None:
    """The newest decision about the export of a plan; None when there is none."""
    return _decision(plan.snapshot, plan.campaign.id, plan.campaign.destination, plan.target_hash, plan.export_id)


def _decision(snapshot: Snapshot, campaign_id: str, platform: str, target: str, export_id: str) -> Decision | None:
    values = {"campaign_id": campaign_id, "platform": platform, "target": target, "export_id": export_id}
    rows = snapshot.connection.execute(_DECISION, values).fetchall()
    if not rows:
        return None
    decision, decided_by, decided_at, reason = rows[0]
    return Decision(decision == "approved", decided_by, decided_at, reason)


def decide(plan: SendPlan, is_approved: bool, decided_by: str, reason: str, lake: str) -> Decision:
    """Record a decision about a plan."""
    made = Decision(is_approved, decided_by, datetime.now(UTC), reason)
    row = {
        "export_id": plan.export_id,
        "campaign_id": plan.campaign_id,
        "platform": plan.platform,
        "target_sha256": plan.target_sha256,
        "decision": "approved" if is_approved else "rejected",
        "decided_by": decided_by,
        "decided_at": made.decided_at,
        "reason": reason,
        "guards": "; ".join(one.sentence for one in plan.fired),
    }
    record(APPROVALS.name, [row], lake)
    return made


def undecided_plans(outbox: Path, lake: str, campaign_id: str, run_id: str) -> list[SendPlan]:
    """Plans of a run about which guards ask, and nobody has approved them, by destination."""
    asked = [plan for plan in plans_of_run(outbox, campaign_id, run_id) if plan.fired]
    decisions = [(plan, decision_of(plan, lake)) for plan in asked]
    return [plan for plan, decision in decisions if decision is None or not decision.is_approved]


def decision_of(plan: SendPlan, lake: str) -> Decision | None:
    """The newest decision about a plan; None when there is none."""
    with open_snapshot([], lake, optional=STATE_TABLES) as snapshot:
        add_missing_tables(snapshot)
        return _decision(snapshot, plan.campaign_id, plan.platform, plan.target_sha256, plan.export_id)


def planned_export(outbox: Path, export_id: str) -> SendPlan:
    """The plan of an export; NoPlanError when there is none."""
    for folder in outbox.glob("*/*/*"):
        if folder.name == export_id and (found := SendPlan.read(folder)) is not None:
            return found
    raise NoPlanError(export_id)
