"""The stage `ready`: after an export, whether a send would find what was delivered.

Some platforms apply rows long after they took them. A few customers of the newest export are read back from the
platform until each is there (or gone) as it was sent.
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
from lakehouse.utils.pauses import growing_pauses
from lakehouse.window import BatchWindow

if TYPE_CHECKING:
    from lakehouse.activation.sending.remote import RemoteDestination

READY = "ready.json"
PROBES = 5
PATIENCE_SECONDS = 900.0
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 15.0  # seconds between two questions

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
            f"account {account}: after {seconds:.0f} seconds {missing} of the customers that were looked for are not as"
            " they were sent; a send now may leave people out",
            "Look at the platform's status page and its list of imports; run again to look once more. Nothing has to be"
            " sent again.",
        )


def await_ready(target: str, window: BatchWindow) -> list[TableOutcome]:
    """Return when a send would find the newest export of campaign `target`; skipped when it sent nothing, and for the
    outbox.

    Raises:
        NotReadyError: it does not for too long.
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
    asyncio.run(_wait(open_account(declared, folder, chosen), rows))
    at = datetime.now(UTC)
    known = {"ready_at": at.isoformat(), "customers_looked_for": len(rows)}
    write_private(folder / export_id / READY, json.dumps(known).encode())
    note = f"ready {(at - finished_at).total_seconds():.0f} seconds after the export ended"
    return [TableOutcome(EXPORTS, notes=(note,))]


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


async def _wait(destination: RemoteDestination, rows: Sequence[Row]) -> None:
    loop = asyncio.get_running_loop()
    began, missing = loop.time(), list(rows)
    # what can be used at once needs a look, and no waiting
    patience = 0.0 if destination.account.kind.capabilities.readiness == "at_once" else PATIENCE_SECONDS
    async with destination.looking() as is_usable:
        async for _ in growing_pauses(_FIRST_WAIT, _LONGEST_WAIT):
            missing = [row for row in missing if not await is_usable(row)]
            if not missing:
                return
            waited = loop.time() - began
            if waited > patience:
                raise NotReadyError(destination.name, len(missing), waited)
