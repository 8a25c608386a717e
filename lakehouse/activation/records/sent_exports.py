"""What was sent, read from the outbox instead of the ops tables: manifests, receipts and delivered batches.

`lakehouse repair` makes the rows of ops.exports, ops.export_records and ops.export_attempts from it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from lakehouse.activation.records.manifest import MANIFEST, RECEIPT

_UPSERT = b'{"action":"upsert",'
Row = dict[str, Any]


@dataclass(frozen=True)
class SentExport:
    """One export below the outbox; `receipt` is None for one whose process was killed."""

    folder: Path
    manifest: Mapping[str, Any]
    receipt: Mapping[str, Any] | None

    @property
    def export_id(self) -> str:
        """Id of the export."""
        return str(self.manifest["export_id"])

    @property
    def common(self) -> Row:
        """What all of its rows have in common."""
        return {name: self.manifest[name] for name in ("export_id", "campaign_id", "platform")}

    @cached_property
    def started_at(self) -> datetime:
        """By its receipt, else when its manifest was written."""
        if self.receipt is not None:
            return datetime.fromisoformat(self.receipt["started_at"])
        return _written_at(self.folder / MANIFEST)

    @cached_property
    def target(self) -> dict[str, str]:
        """Payload hash by customer who was to be at the destination; empty when the list is gone."""
        path = (self.folder / str(self.manifest["recipients"])).resolve()
        lines = gzip.decompress(path.read_bytes()).splitlines() if path.exists() else []
        rows = [json.loads(line) for line in lines]
        return {row["customer_id"]: row["payload_hash"] for row in rows}

    @cached_property
    def batches(self) -> list[Path]:
        """Batches that were delivered and are still there, in the order of their delivery."""
        return sorted((self.folder / "batches").glob("*.jsonl.gz"), key=lambda path: (_written_at(path), path.name))

    @property
    def has_all_batches(self) -> bool:
        """Whether every batch of the receipt is still there."""
        named = [str(batch["reference"]) for batch in (self.receipt or {}).get("batches", ())]
        return all((self.folder / name).exists() for name in named if name)

    @property
    def rejected(self) -> dict[str, str]:
        """Customers whom the destination rejected, with the reason."""
        found = [batch["rejected"] for batch in (self.receipt or {}).get("batches", ())]
        return {customer_id: reason for part in found for customer_id, reason in part.items()}

    @property
    def reached_its_target(self) -> bool:
        """Whether the destination had the whole target after it."""
        return bool(self.receipt and self.receipt["status"] == "success" and not self.manifest["removals_refused"])


def sent_exports(outbox: Path) -> list[SentExport]:
    """All exports below the outbox, oldest first."""
    found = [
        SentExport(path.parent, json.loads(path.read_bytes()), _read(path.with_name(RECEIPT)))
        for path in outbox.glob(f"*/*/*/{MANIFEST}")
    ]
    return sorted(found, key=lambda export: (export.started_at, export.export_id))


def exports_rows(outbox: Path) -> list[Row]:
    """Rows of ops.exports, of every export that has a receipt."""
    return [
        export.common
        | {"status": export.receipt["status"], "started_at": export.started_at}
        | {"finished_at": datetime.fromisoformat(export.receipt["finished_at"])}
        | {f"count_{name}": count for name, count in export.receipt["counts"].items()}
        | {"manifest_path": str((export.folder / MANIFEST).relative_to(outbox))}
        for export in sent_exports(outbox)
        if export.receipt is not None
    ]


def record_rows(exports: list[SentExport], known: list[Row]) -> tuple[list[Row], list[str]]:
    """Rows of ops.export_records that `known` ones lack, and ids of exports whose rows nobody can tell any more.

    A delivered batch says exactly what was sent. Where it is gone (fetched and removed), an export that succeeded left
    its target at the destination, less whom that rejected.
    """
    by_export: dict[str, dict[str, Row]] = {}
    for row in known:
        by_export.setdefault(row["export_id"], {})[row["customer_id"]] = row
    added: list[Row] = []
    unknown: list[str] = []
    there: dict[tuple[str, str], dict[str, str]] = {}
    for export in exports:
        hashes = there.setdefault((export.common["campaign_id"], export.common["platform"]), {})
        of_export = by_export.get(export.export_id, {})
        if export.has_all_batches:
            made = _delivered(export, hashes)
        elif export.reached_its_target:
            made = _by_target(export, hashes)
        else:
            made = {}
            unknown += [] if of_export else [export.export_id]
        fresh = [row for customer_id, row in made.items() if customer_id not in of_export]
        added += fresh
        for row in (*of_export.values(), *fresh):
            if row["action"] == "removed":
                hashes.pop(row["customer_id"], None)
            elif row["action"] != "rejected":
                hashes[row["customer_id"]] = row["payload_hash"]
    return added, unknown


def attempt_rows(exports: list[SentExport], known: set[tuple[str, str]]) -> list[Row]:
    """Rows of ops.export_attempts for customers in delivered batches whose (export_id, customer_id) is not `known`."""
    return [
        export.common | {"customer_id": customer_id, "attempted_at": _written_at(batch)}
        for export in exports
        for batch in export.batches
        for customer_id, _ in _lines(batch)
        if (export.export_id, customer_id) not in known
    ]


def _delivered(export: SentExport, hashes: Mapping[str, str]) -> dict[str, Row]:
    found = {}
    for place, batch in enumerate(export.batches):
        at = _acknowledged_at(export, batch) + timedelta(microseconds=place)
        for customer_id, payload_hash in _lines(batch):
            found[customer_id] = _row(export, customer_id, payload_hash, hashes, at)
    return found | _rejections(export)


def _by_target(export: SentExport, hashes: Mapping[str, str]) -> dict[str, Row]:
    at = _acknowledged_at(export, export.folder / MANIFEST)
    changed = {name: value for name, value in export.target.items() if hashes.get(name) != value}
    gone = dict.fromkeys(hashes.keys() - export.target.keys(), "")
    found = {name: _row(export, name, value, hashes, at) for name, value in (changed | gone).items()}
    return found | _rejections(export)


def _rejections(export: SentExport) -> dict[str, Row]:
    plain = export.common | {"action": "rejected", "acknowledged_at": None}
    return {
        customer_id: plain | {"customer_id": customer_id, "payload_hash": export.target.get(customer_id, "")}
        for customer_id in export.rejected
    }


def _row(export: SentExport, customer_id: str, payload_hash: str, hashes: Mapping[str, str], at: datetime) -> Row:
    action = ("changed" if customer_id in hashes else "added") if payload_hash else "removed"
    own = {"customer_id": customer_id, "action": action, "payload_hash": payload_hash, "acknowledged_at": at}
    return export.common | own


def _lines(batch: Path) -> Iterator[tuple[str, str]]:
    """customer_id and payload hash of the lines of a batch; the hash of a removal is empty."""
    for line in gzip.decompress(batch.read_bytes()).splitlines():
        payload = b"{" + line.removeprefix(_UPSERT) if line.startswith(_UPSERT) else b""
        yield json.loads(line)["customer_id"], hashlib.sha256(payload).hexdigest() if payload else ""


def _acknowledged_at(export: SentExport, written: Path) -> datetime:
    return datetime.fromisoformat(export.receipt["finished_at"]) if export.receipt else _written_at(written)


def _read(path: Path) -> Mapping[str, Any] | None:
    return dict(json.loads(path.read_bytes())) if path.exists() else None


def _written_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
