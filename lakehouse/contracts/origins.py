"""What each table can be made from again, and what is lost where nothing else has it: the contract of `lakehouse
repair`."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse.contracts.model import Column, Contract, Pii
from lakehouse.tables import Layer, TableRef

REPAIRS = Contract(
    dataset="repairs",
    version=1,
    grain="repair of a table",
    meaning="Which tables were set aside and made again, and what was lost with them.",
    key=("table_name", "repaired_at"),
    columns=(
        Column("table_name", "string", "Table, e.g. ops.export_records", required=True),
        Column("damage", "string", "What was wrong with it", required=True),
        Column("lost", "string", "What could not be made again; empty when nothing was lost", required=True),
        Column("set_aside_at", "string", "Folder of the damaged table; empty when there was none", required=True),
        Column("repaired_by", "string", "Login of who repaired it", required=True, pii=Pii.INDIRECT),
        Column("repaired_at", "timestamp", "When", required=True),
    ),
)


@dataclass(frozen=True)
class Origin:
    """`made_from`: what holds the same rows. `lost`: what is lost, if anything, and what follows from it."""

    made_from: str
    lost: str = ""


_OWN_FILES = "its own data files that can still be read"
_OF_LAYER = {
    Layer.BRONZE: Origin("the landed files of its source"),
    Layer.SILVER: Origin("bronze"),
    Layer.GOLD: Origin("silver, by the next build of gold"),
}
_OF_TABLE = {
    "bronze.web_events": Origin(
        "the messages that Kafka still has",
        "older messages: silver.web_events has their events, but a rebuild of it would not",
    ),
    "silver.identities": Origin("silver and the ids issued before (ops.customer_ids)"),
    "silver.mail_holds": Origin("the quarantine of consents and contacts"),
    "gold.customer_history": Origin(
        "its newest version that can still be read, and the next build of gold",
        "versions of profiles that only the damaged part has: what was seen then is in no other table",
    ),
    "ops.runs": Origin(
        _OWN_FILES,
        "the history of runs: gates learn usual volumes anew, and failures of before are not listed any more",
    ),
    "ops.progress": Origin(
        _OWN_FILES,
        "how far stages have read: they read everything again, which changes nothing. If `lakehouse run` then says that"
        " the lake has no layout number, run `lakehouse run --full` once",
    ),
    "ops.files": Origin(_OWN_FILES, "which files came when, and why some were set aside"),
    "ops.quality_results": Origin(_OWN_FILES, "what gates found: the next run checks every table again"),
    "ops.send_requests": Origin(_OWN_FILES, "what earlier runs were asked to send, and with that their lead times"),
    "ops.exports": Origin(f"{_OWN_FILES}, and the manifests and receipts in the outbox"),
    "ops.export_records": Origin(f"{_OWN_FILES}, and the batches, manifests and receipts in the outbox"),
    "ops.export_attempts": Origin(
        f"{_OWN_FILES}, and the batches in the outbox",
        "whom a delivery may have reached that was killed before it was acknowledged",
    ),
    "ops.approvals": Origin(_OWN_FILES, "who approved exports: one that waits is asked about again"),
    "ops.export_replays": Origin(
        _OWN_FILES, "decisions to try dead letters again: repeat `lakehouse exports replay` for those that still are"
    ),
    "ops.platform_refusals": Origin(
        _OWN_FILES,
        "who unsubscribed or was erased at a platform, until it says so again: where a platform lists them, load that"
        " list as consents before the next export",
    ),
    "ops.customer_ids": Origin(
        f"{_OWN_FILES}, and silver.identities",
        "which ids people had before a merge: a merge that is undone may give another id",
    ),
    "ops.holdouts": Origin(
        _OWN_FILES,
        "who was drawn into control groups: the same hash draws the same people again, except where the share was"
        " changed or people were merged since",
    ),
    "ops.quarantine_dismissals": Origin(
        _OWN_FILES, "decisions to dismiss rows: these hold people back from mail again, dismiss them again"
    ),
    "ops.declarations": Origin(
        f"{_OWN_FILES}; the next run notes the sources of sources.yml again",
        "how rows of sources are read that sources.yml does not declare any more: declare these for one run",
    ),
    "ops.source_changes": Origin(
        _OWN_FILES, "which sources were retired or renamed: repeat `lakehouse sources retire` and `rename` before a run"
    ),
    "ops.accepted_losses": Origin(
        _OWN_FILES, "decisions that tables may have fewer rows: a gate that blocks again needs them again"
    ),
    "ops.repairs": Origin(_OWN_FILES, "the record of earlier repairs"),
}


def origin_of(table: TableRef) -> Origin:
    """What a table can be made from. KeyError for an ops table without an entry."""
    return _OF_TABLE[str(table)] if table.layer is Layer.OPS else _OF_TABLE.get(str(table), _OF_LAYER[table.layer])
