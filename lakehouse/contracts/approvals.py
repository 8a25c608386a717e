"""The contract of ops.approvals."""

from __future__ import annotations

from lakehouse.contracts.model import Column, Contract, Pii

APPROVALS = Contract(
    dataset="approvals",
    version=1,
    grain="decision about an export that a guard asked for",
    meaning="Who approved or rejected an export, when and why. The newest decision about an export counts.",
    key=("export_id", "decided_at"),
    columns=(
        Column("export_id", "string", "The export that was planned", required=True),
        Column("campaign_id", "string", "The campaign", required=True),
        Column("platform", "string", "The platform", required=True),
        Column("target_sha256", "string", "Who was to be there with which payload, as in its manifest", required=True),
        Column("decision", "string", "approved or rejected", required=True, allowed=("approved", "rejected")),
        Column("decided_by", "string", "Login; empty when nobody decided in time", required=True, pii=Pii.INDIRECT),
        Column("decided_at", "timestamp", "When", required=True),
        Column("reason", "string", "Why, in the words of who decided", required=True),
        Column("guards", "string", "What the guards said", required=True),
    ),
)
