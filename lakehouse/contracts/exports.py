"""Contracts of the ops tables about exports: what was sent to whom, what may have been, what is tried again."""

from __future__ import annotations

from lakehouse.contracts.model import Column, Contract, Pii

EXPORTS = Contract(
    dataset="exports",
    version=1,
    grain="export attempt of a campaign to a platform",
    meaning="Receipts of every export.",
    key=("export_id",),
    columns=(
        Column("export_id", "string", "Id of the export", required=True),
        Column("campaign_id", "string", "Campaign (key in campaigns.yml)", required=True),
        Column("platform", "string", "Where it went", required=True),
        Column("status", "string", "success, failed, or refused because it would empty the platform", required=True),
        Column("started_at", "timestamp", "Start", required=True),
        Column("finished_at", "timestamp", "End", required=True),
        Column("count_audience", "bigint", "Members of the segment, before hold-out and firewall", required=True),
        Column("count_holdout", "bigint", "Members held out as control group", required=True),
        Column("count_suppressed", "bigint", "Members the consent firewall stopped", required=True),
        Column("count_added", "bigint", "New to the platform", required=True),
        Column("count_changed", "bigint", "Payload changed since it was acknowledged", required=True),
        Column("count_removed", "bigint", "Removed: no longer in the audience, or stopped", required=True),
        Column("count_unchanged", "bigint", "Not sent again", required=True),
        Column("count_exported", "bigint", "Rows the platform acknowledged", required=True),
        Column("count_rejected", "bigint", "Rows the platform refused", required=True),
        Column("manifest_path", "string", "The manifest, below the outbox", required=True),
        Column("count_dead_letters", "bigint", "Not sent again: refused for good with the same payload"),
    ),
)

EXPORT_RECORDS = Contract(
    dataset="export_records",
    version=1,
    grain="export and customer",
    meaning="What each export did for each customer; the newest acknowledged row is the platform's state.",
    key=("export_id", "customer_id"),
    columns=(
        Column("export_id", "string", "The export", required=True),
        Column("campaign_id", "string", "The campaign", required=True),
        Column("platform", "string", "The platform", required=True),
        Column("customer_id", "string", "The customer", required=True, pii=Pii.INDIRECT),
        Column(
            "action",
            "string",
            "added, changed, removed or rejected",
            required=True,
            allowed=("added", "changed", "removed", "rejected"),
        ),
        Column("payload_hash", "string", "SHA-256 of the canonical payload; empty for removed", required=True),
        Column("acknowledged_at", "timestamp", "When the platform took it; null when it did not"),
        Column(
            "email",
            "string",
            "The address that was sent, for platforms that know people by address; else null",
            pii=Pii.DIRECT,
        ),
        Column("reason", "string", "Why it was rejected, in the platform's words; else null", pii=Pii.DIRECT),
        Column(
            "field_hashes",
            "string",
            "Hashes of the fields that the platform has now, with blanks between; null when that is not known",
            pii=Pii.INDIRECT,
        ),
        Column("reference", "string", "The platform's name for what it took or refused: a file, the id of a job"),
        Column("is_permanent", "boolean", "Of a rejection: whether the same payload is refused again; else null"),
    ),
)

EXPORT_ATTEMPTS = Contract(
    dataset="export_attempts",
    version=1,
    grain="customer in a batch that was about to be delivered",
    meaning="Whom a platform may have from the moment of the attempt on, until export_records says what became of it.",
    key=("export_id", "customer_id", "attempted_at"),
    columns=(
        Column("export_id", "string", "The export", required=True),
        Column("campaign_id", "string", "The campaign", required=True),
        Column("platform", "string", "The platform", required=True),
        Column("customer_id", "string", "The customer", required=True, pii=Pii.INDIRECT),
        Column("attempted_at", "timestamp", "Just before the delivery", required=True),
        Column(
            "email",
            "string",
            "The address that may have been sent, for platforms that know people by address; else null",
            pii=Pii.DIRECT,
        ),
    ),
)

EXPORT_REPLAYS = Contract(
    dataset="export_replays",
    version=1,
    grain="rejection that somebody wants to be tried again",
    meaning="Dead letters of exports that are sent again by the next export although their payload is the same.",
    key=("export_id", "customer_id"),
    columns=(
        Column("export_id", "string", "The export whose rejection is replayed", required=True),
        Column("campaign_id", "string", "The campaign", required=True),
        Column("platform", "string", "The platform", required=True),
        Column("customer_id", "string", "The customer", required=True, pii=Pii.INDIRECT),
        Column("reason", "string", "Why, in the words of who replays it", required=True),
        Column("replayed_by", "string", "Login of who replays it", required=True, pii=Pii.INDIRECT),
        Column("replayed_at", "timestamp", "When", required=True),
    ),
)
