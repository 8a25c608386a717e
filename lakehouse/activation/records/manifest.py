"""The proof of a send: the manifest (what was known and decided, written before anything is sent) and the receipt (what
was sent)."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from lakehouse.activation.consent.firewall import SUPPRESSIONS
from lakehouse.activation.planning.plan import Plan
from lakehouse.activation.segments.catalogue import Segment
from lakehouse.activation.send_progress import SendProgress
from lakehouse.config.folder import configuration_hash
from lakehouse.tables import TableRef
from lakehouse.utils.atomic_files import write_private, writing_private
from lakehouse.utils.canonical_json import json_text

MANIFEST = "manifest.json"
RECEIPT = "receipt.json"


def write_manifest(
    folder: Path,
    plan: Plan,
    versions: Mapping[TableRef, int],
    known_consents: int | None,
    segment: Segment | None,
    as_of: datetime | None,
) -> Path:
    """Write the manifest of a plan below `folder` and return its path.

    The payload hash of everybody in the target goes into `recipients/<target hash>.jsonl.gz`, once for all exports with
    that target.

    Args:
        folder: where the campaign's exports to the destination are.
        plan: the plan.
        versions: Delta version by table read.
        known_consents: version of silver.consents that gold was built from; later refusals up to the version in
            `versions` were respected too.
        segment: as it is declared; None when it is no more.
        as_of: time the profiles look back from.
    """
    recipients = f"recipients/{plan.target_hash[:16]}.jsonl.gz"
    if not (folder / recipients).exists():
        _write_recipients(folder / recipients, plan)
    campaign = plan.campaign
    content = {
        "export_id": plan.export_id,
        "campaign_id": campaign.id,
        "platform": campaign.destination,
        "segment": campaign.segment,
        "segment_definition_sha256": segment.definition_hash if segment else "",
        "segment_condition": segment.where if segment else None,
        "configuration_sha256": configuration_hash(),
        "send_at": campaign.send_at,
        "profiles_as_of": as_of,
        "fields": [
            field.model_dump(mode="json", exclude_none=True) | {"name": field.name} for field in campaign.fields
        ],
        "holdout_share": campaign.holdout_share,
        "holdout_family": campaign.family,
        "table_versions": {str(table): version for table, version in sorted(versions.items())},
        "consent_snapshot": {"table": "gold.suppressions", "version": versions[SUPPRESSIONS]},
        "consents_known_to_gold": {"table": "silver.consents", "version": known_consents},
        "counts": asdict(plan.counts),
        "suppressed_by_reason": dict(plan.suppressed),
        "retried": plan.retried,
        "removals_refused": plan.retained,
        "target_sha256": plan.target_hash,
        "recipients": f"../{recipients}",
    }
    return _write(folder / plan.export_id / MANIFEST, content)


def write_receipt(
    folder: Path, plan: Plan, progress: SendProgress, status: str, times: tuple[datetime, datetime], notes: list[str]
) -> Path:
    """Write what an export sent; `times` are start and end, `notes` the warnings or the error."""
    content = {
        "export_id": plan.export_id,
        "campaign_id": plan.campaign.id,
        "status": status,
        "started_at": times[0],
        "finished_at": times[1],
        "counts": asdict(progress.counts) | {"exported": progress.exported, "rejected": progress.rejected},
        "retried": plan.retried,
        "suppressed_by_reason": dict(sorted((Counter(plan.suppressed) + progress.suppressed_since).items())),
        "batches": progress.batches,
        "notes": notes,
    }
    return _write(folder / plan.export_id / RECEIPT, content)


def planned_counts(folder: Path, export_id: str) -> dict[str, int]:
    """The counts in an earlier export's manifest; empty when there is no manifest."""
    path = folder / export_id / MANIFEST
    return dict(json.loads(path.read_bytes())["counts"]) if path.exists() else {}


def _write_recipients(path: Path, plan: Plan) -> None:
    with writing_private(path) as file, gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0) as packed:
        for text in plan.recipients():
            packed.write(text)


def _write(path: Path, content: dict[str, Any]) -> Path:
    text = json.dumps(json.loads(json_text(content)), indent=2, ensure_ascii=False)
    write_private(path, (text + "\n").encode())
    return path
