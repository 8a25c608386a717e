"""Exports on record, for people: rows of ops.exports with their manifest and receipt. Needs no engine."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lakehouse.activation.planning import PLAN
from lakehouse.activation.planning.send_plan import SendPlan
from lakehouse.activation.preview import PREVIEW
from lakehouse.activation.records.manifest import RECEIPT
from lakehouse.messages import said
from lakehouse.storage.duckdb_views import open_snapshot
from lakehouse.tables import ops

EXPORTS = ops("exports")
_EXPORT_ID = re.compile(r"[a-z0-9_-]{1,120}")
_QUERY = """
    select export_id, campaign_id, platform, status, started_at, finished_at, manifest_path, columns('count_.*')
    from ops.exports
    where {condition}
    order by finished_at desc, export_id
    limit $limit
"""


@dataclass(frozen=True)
class Proof:
    """One export: its row in ops.exports, and where its manifest, receipt and preview are.

    `counts` has audience, holdout, suppressed, added, changed, removed, unchanged, exported and rejected.
    """

    export_id: str
    campaign_id: str
    platform: str
    status: str
    started_at: datetime
    finished_at: datetime
    manifest_file: Path
    counts: Mapping[str, int]

    @property
    def manifest(self) -> Mapping[str, Any]:
        """What was known and decided; empty when the file is gone."""
        return _read(self.manifest_file)

    @property
    def receipt(self) -> Mapping[str, Any]:
        """What was sent; empty when the file is gone, or the export was killed and never resumed."""
        return _read(self.manifest_file.with_name(RECEIPT))

    @property
    def preview(self) -> Path | None:
        """The page that was made before it."""
        page = self.manifest_file.with_name(PREVIEW)
        return page if page.exists() else None

    @property
    def notes(self) -> list[str]:
        """Warnings of an export that succeeded, or the error that ended it."""
        return [str(note) for note in self.receipt.get("notes", ())]


def proofs(lake: str, outbox: Path, limit: int = 200, **wanted: object) -> list[Proof]:
    """Exports, newest first, at most `limit`; `wanted` are values of columns: campaign_id, export_id, or since (those
    that began then or later)."""
    conditions = {"since": "started_at >= $since"} | {
        name: f"{name} = ${name}" for name in ("campaign_id", "export_id")
    }
    condition = " and ".join(conditions[name] for name in wanted) or "true"
    with open_snapshot([], lake, optional=[EXPORTS]) as snapshot:
        if EXPORTS not in snapshot.versions:
            return []
        found = snapshot.connection.execute(_QUERY.format(condition=condition), {"limit": limit, **wanted})
        names = [column[0] for column in found.description or []]
        return [_proof(dict(zip(names, row, strict=True)), outbox) for row in found.fetchall()]


def newest_by_destination(lake: str, outbox: Path, campaign_id: str, since: datetime) -> list[Proof]:
    """The newest export of a campaign to each of its destinations that began then or later, oldest first."""
    found = dict[str, Proof]()
    for export in proofs(lake, outbox, campaign_id=campaign_id, since=since):
        found.setdefault(export.platform, export)
    return list(reversed(found.values()))


def _proof(row: dict[str, Any], outbox: Path) -> Proof:
    counts = {name.removeprefix("count_"): row.pop(name) or 0 for name in list(row) if name.startswith("count_")}
    return Proof(manifest_file=outbox / row.pop("manifest_path"), counts=counts, **row)


def rejected_by_reason(receipt: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Number of rejected customers by the platform's own reason, most frequent first; addresses in it are left out."""
    reasons = Counter(
        said(str(reason)) for batch in receipt.get("batches", ()) for reason in batch["rejected"].values()
    )
    return reasons.most_common()


def preview_file(outbox: Path, export_id: str) -> Path | None:
    """The preview of an export that was made or is about to be; None when there is none."""
    if not _EXPORT_ID.fullmatch(export_id):
        return None
    return next(iter(sorted(outbox.glob(f"*/*/{export_id}/{PREVIEW}"))), None)


def plan_of(outbox: Path, export_id: str) -> SendPlan | None:
    """The plan of an export that was made or is about to be; None when there is none."""
    if not _EXPORT_ID.fullmatch(export_id):
        return None
    found = sorted(outbox.glob(f"*/*/{export_id}/{PLAN}"))
    return SendPlan.read(found[0].parent) if found else None


def waiting_previews(outbox: Path, campaign_id: str | None = None) -> list[Path]:
    """Previews of exports that have not ended, newest first."""
    pages = [folder / PREVIEW for folder in waiting_exports(outbox, campaign_id)]
    return [page for page in pages if page.exists()]


def waiting_exports(outbox: Path, campaign_id: str | None = None) -> list[Path]:
    """Folders of exports that were planned or previewed and have not ended, newest first."""
    made = {path.parent: path.stat().st_mtime for name in (PLAN, PREVIEW) for path in outbox.glob(f"*/*/*/{name}")}
    wanted = [folder for folder in made if campaign_id in (None, folder.parent.name)]
    return sorted((folder for folder in wanted if not (folder / RECEIPT).exists()), key=lambda one: -made[one])


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return dict(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return {}
