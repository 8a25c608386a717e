"""Contracts of the ops tables: what happened, as tables that users can query."""

from __future__ import annotations

from lakehouse.contracts.approvals import APPROVALS
from lakehouse.contracts.exports import EXPORT_ATTEMPTS, EXPORT_RECORDS, EXPORT_REPLAYS, EXPORTS
from lakehouse.contracts.model import Column, Contract, Pii
from lakehouse.contracts.origins import REPAIRS
from lakehouse.contracts.source_history import ACCEPTED_LOSSES, DECLARATIONS, SOURCE_CHANGES
from lakehouse.contracts.stages import Stage

_RUN_ID = Column("run_id", "string", "Run of the pipeline", required=True)

RUNS = Contract(
    dataset="runs",
    version=1,
    grain="stage of a run that wrote (or tried to write) one table",
    meaning="What every run read, wrote and set aside, and how long it took.",
    key=("run_id", "stage", "table_name", "started_at"),
    columns=(
        _RUN_ID,
        Column("dag_id", "string", "DAG the stage belongs to"),
        Column("stage", "string", ", ".join(Stage), required=True),
        Column("table_name", "string", "Table written, e.g. silver.contacts", required=True),
        Column(
            "status", "string", "success, warning or failed", required=True, allowed=("success", "warning", "failed")
        ),
        Column("count_read", "bigint", "Rows read", required=True),
        Column("count_loaded", "bigint", "Rows written or brought up to date", required=True),
        Column("count_quarantined", "bigint", "Rows rejected", required=True),
        Column("count_duplicate", "bigint", "Rows already there, repeated or outdated", required=True),
        Column("started_at", "timestamp", "Start of the stage", required=True),
        Column("finished_at", "timestamp", "End of the stage", required=True),
        Column("seconds", "double", "Wall time", required=True),
        Column("message", "string", "Warning or error, without personal data"),
    ),
)

PROGRESS = Contract(
    dataset="progress",
    version=1,
    grain="stage, input table and processed version",
    meaning="Up to which Delta version of its inputs a stage has worked; the newest row counts.",
    key=("stage", "input_table", "input_version"),
    columns=(
        Column("stage", "string", "Stage, e.g. silver.contacts", required=True),
        Column("input_table", "string", "Table read", required=True),
        Column("input_version", "bigint", "Delta version read up to and including", required=True),
        _RUN_ID,
        Column("recorded_at", "timestamp", "When the work was finished", required=True),
    ),
)

FILES = Contract(
    dataset="files",
    version=1,
    grain="delivered file and outcome",
    meaning="Every delivered file: landed, a repeated delivery, or set aside with the reason.",
    key=("source", "dataset", "file_name", "content_sha256", "outcome"),
    columns=(
        _RUN_ID,
        Column("source", "string", "Source", required=True),
        Column("dataset", "string", "Dataset it feeds", required=True),
        Column("file_name", "string", "Name as delivered", required=True),
        Column("content_sha256", "string", "SHA-256 of its bytes", required=True),
        Column(
            "outcome",
            "string",
            "landed, duplicate_delivery or set_aside",
            required=True,
            allowed=("landed", "duplicate_delivery", "set_aside"),
        ),
        Column("reason", "string", "Why it was set aside, or what is odd about it (e.g. a new column)"),
        Column("rows", "bigint", "Rows landed", required=True),
        Column("recorded_at", "timestamp", "When it was found", required=True),
    ),
)

QUALITY_RESULTS = Contract(
    dataset="quality_results",
    version=1,
    grain="expectation of one gate in one run",
    meaning="What every quality gate found.",
    key=("run_id", "table_name", "rule_id"),
    columns=(
        _RUN_ID,
        Column("table_name", "string", "Table that was gated", required=True),
        Column("rule_id", "string", "The expectation", required=True),
        Column("severity", "string", "blocking or warning", required=True, allowed=("blocking", "warning")),
        Column("is_passed", "boolean", "Whether it held", required=True),
        Column("count_checked", "bigint", "Rows looked at"),
        Column("count_failed", "bigint", "Rows that broke it"),
        Column("observed", "string", "What was observed"),
        Column("expected", "string", "What was expected"),
        Column("checked_at", "timestamp", "When", required=True),
    ),
)

SEND_REQUESTS = Contract(
    dataset="send_requests",
    version=1,
    grain="run that was asked to send a campaign, each time its task request ran",
    meaning="What each run of pre_send_refresh was asked for; the newest row of a run counts.",
    key=("run_id", "requested_at"),
    columns=(
        _RUN_ID,
        Column("campaign_id", "string", "Campaign (key in campaigns.yml)", required=True),
        Column("send_at", "timestamp", "When the platform is to send", required=True),
        Column("destinations", "array<string>", "outbox, or accounts of destinations.yml", required=True),
        Column("freshness", "array<string>", "Limits that differ from the campaign's, e.g. crm=6h", required=True),
        Column("is_dry_run", "boolean", "Whether nothing is sent", required=True),
        Column("reason", "string", "Why it was asked for, in the words of who did", required=True, pii=Pii.INDIRECT),
        Column("requested_at", "timestamp", "When the run took it up", required=True),
    ),
)

PLATFORM_REFUSALS = Contract(
    dataset="platform_refusals",
    version=1,
    grain="answer or webhook of a platform about a customer",
    meaning="Who must not be written to because a platform said so: unsubscribed, suppressed or forgotten there.",
    key=("platform", "customer_id", "seen_at"),
    columns=(
        Column("platform", "string", "The account whose platform said so", required=True),
        Column("customer_id", "string", "The customer; empty when only the address is known", True, Pii.INDIRECT),
        Column("address", "string", "Address that was sent, in lower case", pii=Pii.DIRECT),
        Column("reason", "string", "The platform's words", required=True),
        Column("seen_at", "timestamp", "When the answer came", required=True),
    ),
)

CUSTOMER_IDS = Contract(
    dataset="customer_ids",
    version=1,
    grain="identifier and time at which it came to belong to another customer_id",
    meaning="The ledger of issued ids: data like bronze, which a rebuild reads and nothing ever rewrites. Without it "
    "people would get other ids, on the platform and in control groups too.",
    key=("identifier_type", "identifier", "assigned_at"),
    columns=(
        Column("identifier_type", "string", "crm_id, email, loyalty_id or phone", required=True),
        Column("identifier", "string", "The identifier in its canonical form", required=True, pii=Pii.DIRECT),
        Column("customer_id", "string", "The person it belongs to from then on", required=True, pii=Pii.INDIRECT),
        Column("issued_at", "timestamp", "When the customer_id was issued, to whomever", required=True),
        Column("assigned_at", "timestamp", "When the identifier came to belong to it", required=True),
    ),
)

HOLDOUTS = Contract(
    dataset="holdouts",
    version=1,
    grain="family of campaigns and customer",
    meaning="Who was drawn into the control group of a family of campaigns, and who was not: drawn once and kept.",
    key=("family", "customer_id"),
    columns=(
        Column("family", "string", "holdout_family in campaigns.yml, else the campaign's id", required=True),
        Column("customer_id", "string", "The customer", required=True, pii=Pii.INDIRECT),
        Column("is_held_out", "boolean", "Whether the customer is in the control group", required=True),
        Column("campaign_id", "string", "Campaign whose export drew", required=True),
        Column("drawn_at", "timestamp", "When; the first draw counts", required=True),
    ),
)

QUARANTINE_DISMISSALS = Contract(
    dataset="quarantine_dismissals",
    version=1,
    grain="dismissed row",
    meaning="Rejected rows that a person decided not to repair: they hold nobody back from mail any more.",
    key=("dataset", "source_file", "row_number"),
    columns=(
        Column("dataset", "string", "Dataset of the row", required=True),
        Column("source_file", "string", "Delivered file, as in quarantine", required=True),
        Column("row_number", "bigint", "Position in the file, from 1", required=True),
        Column("reason", "string", "Why, in the words of who dismissed it", required=True),
        Column("dismissed_by", "string", "Login of who dismissed it", required=True, pii=Pii.INDIRECT),
        Column("dismissed_at", "timestamp", "When", required=True),
    ),
)

OPS_TABLES: dict[str, Contract] = {
    c.dataset: c
    for c in (
        RUNS,
        PROGRESS,
        FILES,
        QUALITY_RESULTS,
        SEND_REQUESTS,
        EXPORTS,
        EXPORT_RECORDS,
        EXPORT_ATTEMPTS,
        APPROVALS,
        EXPORT_REPLAYS,
        PLATFORM_REFUSALS,
        CUSTOMER_IDS,
        HOLDOUTS,
        QUARANTINE_DISMISSALS,
        DECLARATIONS,
        SOURCE_CHANGES,
        ACCEPTED_LOSSES,
        REPAIRS,
    )
}

# Table -> its columns of earlier layouts of the lake, with their names of today: lakehouse.storage.layout_version.
FORMER_COLUMNS: dict[str, dict[str, str]] = {
    RUNS.dataset: {
        "rows_read": "count_read",
        "rows_loaded": "count_loaded",
        "rows_quarantined": "count_quarantined",
        "rows_duplicate": "count_duplicate",
    },
    QUALITY_RESULTS.dataset: {"rows_checked": "count_checked", "rows_failed": "count_failed"},
}
