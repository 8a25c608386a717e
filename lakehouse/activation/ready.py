"""The stage `ready`: after an export, whether a send would find what was delivered.

Some platforms apply rows long after they took them. A few customers of the newest export are read back from the
platform: each should be there (or gone) as it was sent. One run of the stage is one look; whoever runs it waits between
two looks.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.activation.accounts.declared import OUTBOX
from lakehouse.activation.campaigns.declared import campaign
from lakehouse.activation.destinations.platform import Row
from lakehouse.activation.open_destination import open_account
from lakehouse.activation.records.destination_state import EXPORT_RECORDS, EXPORTS
from lakehouse.config.settings import settings
from lakehouse.errors import TransientError
from lakehouse.outcome import TableOutcome
from lakehouse.storage.duckdb_views import Snapshot, open_snapshot
from lakehouse.utils.atomic_files import write_private
from lakehouse.window import BatchWindow

if TYPE_CHECKING:
    from lakehouse.activation.sending.remote import RemoteDestination

READY = "ready.json"
PROBES = 5
PATIENCE_SECONDS = 900.0  # since the export ended

_NEWEST = """
    select export_id, finished_at
    from ops.exports
    where campaign_id = ? and platform = ? and count_exported > 0
    order by finished_at desc
    limit 1
"""
# Of those acknowledged last: what was taken first is usable first.
_ACKNOWLEDGED = """
    select customer_id, action, email, payload_hash
    from ops.export_records
    where export_id = ? and acknowledged_at is not null
    order by acknowledged_at desc, payload_hash
    limit ?
"""


class NotReadyError(TransientError):
    """A platform took the rows, and does not show them yet."""

    def __init__(self, account: str, missing: int, seconds: float) -> None:
        super().__init__(
            f"account {account}: {seconds:.0f} seconds after the export {missing} of the customers that were looked for"
            " are not as they were sent; a send now may leave people out",
            "Look at the platform's status page and its list of imports; run again to look once more. Nothing has to be"
            " sent again.",
        )


def look_for_export(target: str, window: BatchWindow) -> list[TableOutcome]:
    """Whether a send would find the newest export of campaign `target`: pending while it would not, and skipped when it
    sent nothing, when that is known already, and for the outbox.

    Raises:
        NotReadyError: it would not for too long.
        LakehouseError: whatever the destination raises.
    """
    chosen = settings()
    declared = campaign(target)
    folder = chosen.outbox / declared.destination / declared.id
    if declared.destination == OUTBOX:
        return [TableOutcome(EXPORTS, skipped=True)]
    with open_snapshot([], chosen.lake, optional=[EXPORTS, EXPORT_RECORDS]) as snapshot:
        found = _newest_export(snapshot, declared.id, declared.destination)
        rows = _probes(snapshot, found[0]) if found else []
    if not found or not rows or (folder / found[0] / READY).exists():
        return [TableOutcome(EXPORTS, skipped=True)]
    export_id, finished_at = found
    destination = open_account(declared, folder, chosen)
    missing = asyncio.run(_missing(destination, rows))
    at = datetime.now(UTC)
    seconds = (at - finished_at).total_seconds()
    if missing:
        if seconds > _patience(destination):
            raise NotReadyError(destination.name, missing, seconds)
        note = f"account {destination.name}: {missing} of {len(rows)} customers are not yet as they were sent"
        return [TableOutcome(EXPORTS, is_pending=True, notes=(note,))]
    known = {"ready_at": at.isoformat(), "customers_looked_for": len(rows)}
    write_private(folder / export_id / READY, json.dumps(known).encode())
    return [TableOutcome(EXPORTS, notes=(f"ready {seconds:.0f} seconds after the export ended",))]


def ready_at(export_folder: Path) -> datetime | None:
    """When the platform showed what was delivered; None when that is not known (yet)."""
    path = export_folder / READY
    return datetime.fromisoformat(json.loads(path.read_bytes())["ready_at"]) if path.exists() else None


def _newest_export(snapshot: Snapshot, campaign_id: str, account: str) -> tuple[str, datetime] | None:
    if EXPORTS not in snapshot.versions:
        return None
    rows: list[tuple[str, datetime]] = snapshot.connection.execute(_NEWEST, [campaign_id, account]).fetchall()
    return rows[0] if rows else None


def _probes(snapshot: Snapshot, export_id: str) -> list[Row]:
    found = snapshot.connection.execute(_ACKNOWLEDGED, [export_id, PROBES]).fetchall()
    return [Row(customer_id, action, email or "", {}, hashed) for customer_id, action, email, hashed in found]


def _patience(destination: RemoteDestination) -> float:
    """How many seconds after an export customers may be missing; what can be used at once needs no waiting."""
    return 0.0 if destination.account.kind.capabilities.readiness == "at_once" else PATIENCE_SECONDS


async def _missing(destination: RemoteDestination, rows: Sequence[Row]) -> int:
    """How many of these customers are not as they were sent."""
    async with destination.looking() as is_usable:
        return sum([not await is_usable(row) for row in rows])
