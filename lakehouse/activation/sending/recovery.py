"""After a kill: what a platform had taken, and only a journal knows, becomes rows of ops.export_records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lakehouse.activation.consent.platform_refusals import record_refusals
from lakehouse.activation.records.destination_state import EXPORT_ATTEMPTS, EXPORT_RECORDS
from lakehouse.activation.sending.journal import FOLDER, Acknowledged, journals
from lakehouse.storage.duckdb_views import open_snapshot
from lakehouse.storage.ops_tables import record

_RECORDED = "select customer_id, acknowledged_at from ops.export_records where export_id = ?"
_NEWEST_INTENT = "select max(attempted_at) from ops.export_attempts where export_id = ?"

_ADDRESSES = (
    "select customer_id, arg_max(email, attempted_at) from ops.export_attempts where export_id = ? group by all"
)


def recover_acknowledged(folder: Path, campaign_id: str, account: str, lake: str) -> int:
    """Record what journals below the campaign's folder have and the lake lacks, and remove them; returns the rows.

    Must be called by the only process that exports the campaign to the account.
    """
    count = 0
    for export_folder in sorted({path.parent for path in folder.glob(f"*/{FOLDER}")}):
        left = journals(export_folder)
        if not left:
            continue
        common = {"export_id": export_folder.name, "campaign_id": campaign_id, "platform": account}
        noted = [row for journal in left for row in journal.read()]
        rows = _missing(noted, export_folder.name, lake)
        rejected = [(row.customer_id, row.email, row.rejection) for row in noted if row.rejection is not None]
        record_refusals(account, rejected, lake)
        record("export_records", [common | row for row in rows], lake)
        count += len(rows)
        for journal in left:
            journal.forget()
    return count


def _missing(noted: Sequence[Acknowledged], export_id: str, lake: str) -> list[dict[str, object]]:
    newest = datetime.min.replace(tzinfo=UTC)
    recorded: set[str] = set()
    addresses: dict[str, str | None] = {}
    with open_snapshot([], lake, optional=[EXPORT_RECORDS, EXPORT_ATTEMPTS]) as snapshot:
        if EXPORT_ATTEMPTS in snapshot.versions:
            (moment,) = snapshot.connection.execute(_NEWEST_INTENT, [export_id]).fetchall()[0]
            newest = moment or newest
            addresses = dict(snapshot.connection.execute(_ADDRESSES, [export_id]).fetchall())
        if EXPORT_RECORDS in snapshot.versions:
            for customer_id, moment in snapshot.connection.execute(_RECORDED, [export_id]).fetchall():
                recorded.add(customer_id)
                newest = max(newest, moment or newest)
    at = max(datetime.now(UTC), newest + timedelta(microseconds=1))
    by_customer = {row.customer_id: row for row in noted if row.customer_id not in recorded}
    return [
        {
            "customer_id": row.customer_id,
            "action": "rejected" if row.rejection else row.action,
            "payload_hash": row.payload_hash,
            "acknowledged_at": None if row.rejection else at,
            "email": addresses.get(row.customer_id),
            "reason": row.rejection.reason if row.rejection else None,
            "reference": row.reference or None,
            "is_permanent": row.rejection.is_permanent if row.rejection else None,
        }
        for row in by_customer.values()
    ]
