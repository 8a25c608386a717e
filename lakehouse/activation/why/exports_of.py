"""Which export is told about: the newest of the campaign that asked about the customer, or the one that was named."""

from __future__ import annotations

import json
from collections.abc import Iterator, Set
from datetime import UTC, datetime
from pathlib import Path

from lakehouse.activation.campaigns.declared import load_campaigns
from lakehouse.activation.export import REMOVALS_ONLY
from lakehouse.activation.records.manifest import MANIFEST
from lakehouse.activation.records.proofs import Proof, proofs
from lakehouse.errors import TerminalError

UNFINISHED = "unfinished"
_MOST = 10_000


class UnknownExportError(TerminalError):
    """The campaign has no such export."""


def exports_of(campaign_id: str, platform: str | None, lake: str, outbox: Path) -> list[Proof]:
    """Exports of a campaign, newest first, also those whose process was killed; `platform` is the account.

    Raises:
        UnknownExportError: there is none.
    """
    found = [
        one
        for one in (*_unfinished(campaign_id, outbox), *proofs(lake, outbox, _MOST, campaign_id=campaign_id))
        if platform in (None, one.platform)
    ]
    ended = {one.export_id for one in found if one.status != UNFINISHED}
    found = [one for one in found if one.status != UNFINISHED or one.export_id not in ended]
    if not found:
        raise _no_export(campaign_id, platform)
    return sorted(found, key=lambda one: one.finished_at, reverse=True)


def choose(exports: list[Proof], export_id: str | None, delivered: Set[str]) -> Proof:
    """The export with that id, else the newest that asked about the customer.

    An export that was blocked and only removed did not ask about anybody else.

    Args:
        exports: of the campaign, newest first.
        export_id: the one that was asked for.
        delivered: exports that delivered something about the customer.

    Raises:
        UnknownExportError: the campaign has no export with that id.
    """
    if export_id is not None:
        named = [one for one in exports if one.export_id == export_id]
        if not named:
            raise UnknownExportError(
                f"campaign {exports[0].campaign_id} has no export {export_id!r}",
                f"`lakehouse exports list --campaign {exports[0].campaign_id}` shows the ids.",
            )
        return named[0]
    asked = [one for one in exports if one.export_id in delivered or not is_removals_only(one)]
    return asked[0] if asked else exports[0]


def is_removals_only(export: Proof) -> bool:
    """Whether an export was blocked, and only removed who must not be written to."""
    return REMOVALS_ONLY in export.notes


def _unfinished(campaign_id: str, outbox: Path) -> Iterator[Proof]:
    """Exports that have a manifest: those of a killed process have nothing else."""
    for path in outbox.glob(f"*/{campaign_id}/*/{MANIFEST}"):
        content = json.loads(path.read_bytes())
        at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        yield Proof(content["export_id"], campaign_id, content["platform"], UNFINISHED, at, at, path, content["counts"])


def _no_export(campaign_id: str, platform: str | None) -> UnknownExportError:
    declared = load_campaigns()
    if campaign_id not in declared:
        known = ", ".join(declared) or "none is declared yet"
        return UnknownExportError(f"there is no campaign {campaign_id!r}", f"Campaigns: {known}.")
    where = f" to {platform}" if platform else ""
    return UnknownExportError(
        f"campaign {campaign_id} was never exported{where}",
        f"`lakehouse exports list` shows what was sent, `lakehouse preview {campaign_id}` who would get it now.",
    )
