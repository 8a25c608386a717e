"""The stage `export`: one campaign, from its segment in gold to the platform, with manifest, receipt and rows in
ops."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from lakehouse.activation.audience import members, profiles_as_of
from lakehouse.activation.campaign_references import catalogue, segment_hash
from lakehouse.activation.campaigns import Campaign, campaign
from lakehouse.activation.consent.firewall import SUPPRESSIONS, Firewall
from lakehouse.activation.consent.late_refusals import IDENTITIES
from lakehouse.activation.destination_state import STATE_TABLES, done_by, fill_in_missing, platform_state
from lakehouse.activation.destinations import PLATFORMS, Platform
from lakehouse.activation.empty_audience import is_emptying, refusal, without_consent
from lakehouse.activation.export_rows import abandoned_row, exports_row, outcome
from lakehouse.activation.manifest import MANIFEST, planned_counts, write_manifest, write_receipt
from lakehouse.activation.plan import Plan, export_id_of, make_plan, target_hash
from lakehouse.activation.selection import Selection, select
from lakehouse.activation.send import Sent, send
from lakehouse.activation.time_dependent_fields import volatile_fields, warnings_of
from lakehouse.config.settings import settings
from lakehouse.errors import ExportRefusedError, ExportRunningError
from lakehouse.outcome import TableOutcome
from lakehouse.storage.duckdb_views import Snapshot, open_snapshot
from lakehouse.storage.ops_tables import record
from lakehouse.tables import gold
from lakehouse.utils.atomic_files import close_to_others
from lakehouse.utils.file_lock import held_lock
from lakehouse.window import BatchWindow

SEGMENT_MEMBERS, CUSTOMERS = gold("segment_members"), gold("dim_customers")


@dataclass(frozen=True)
class _Export:
    """Everything one export works with; `folder` holds the campaign's exports to its platform."""

    campaign: Campaign
    snapshot: Snapshot
    firewall: Firewall
    folder: Path
    lake: str


def export_campaign(target: str, window: BatchWindow) -> list[TableOutcome]:
    """Export campaign `target`: only what changed against what the platform acknowledged is sent.

    Raises ConfigurationError (campaigns.yml), MissingTableError (gold has not been built), ExportRefusedError (it would
    empty the platform; who must not be written to was removed all the same), ExportRunningError (another process is at
    it), and whatever the platform raises. Run again after any of them, or after a kill: nothing acknowledged is sent
    twice.
    """
    chosen = settings()
    with open_snapshot([SEGMENT_MEMBERS, CUSTOMERS, SUPPRESSIONS], chosen.lake) as gold_tables:
        declared = campaign(target, catalogue(gold_tables))
    folder = chosen.outbox / declared.platform / declared.id
    close_to_others(chosen.outbox, folder)
    with held_lock(folder / ".lock", wait_seconds=0) as is_mine:
        if not is_mine:
            raise ExportRunningError(declared.id, declared.platform)
        # opened under the lock: what another export has acknowledged until now must be known
        with (
            open_snapshot([SEGMENT_MEMBERS, CUSTOMERS], chosen.lake, optional=(*STATE_TABLES, IDENTITIES)) as snapshot,
            Firewall(chosen.lake) as firewall,
        ):
            fill_in_missing(snapshot)
            export = _Export(declared, snapshot, firewall, folder, chosen.lake)
            platform = PLATFORMS[declared.platform](folder)
            return [_run(export, platform, window.as_of)]


def _run(export: _Export, platform: Platform, as_of: datetime) -> TableOutcome:
    started = datetime.now(UTC)
    plan, sent, not_before = _plan(export)
    versions = {**export.snapshot.versions, **export.firewall.versions}
    built_as_of = profiles_as_of(export.snapshot)
    manifest = write_manifest(
        export.folder, plan, versions, export.firewall.known, segment_hash(export.campaign.segment), built_as_of
    )
    manifest_path = str(manifest.relative_to(settings().outbox))
    try:
        send(plan, platform, export.firewall, sent, export.lake, not_before)
        if plan.kept:
            raise refusal(plan)
    except Exception as error:
        status = "refused" if isinstance(error, ExportRefusedError) else "failed"
        _end(export, plan, sent, status, started, manifest_path, [f"{type(error).__name__}: {error}"])
        raise
    warnings = _warnings(export.campaign, sent, as_of, built_as_of)
    _end(export, plan, sent, "success", started, manifest_path, warnings)
    return outcome(sent, warnings)


def _end(
    export: _Export, plan: Plan, sent: Sent, status: str, started: datetime, manifest_path: str, notes: list[str]
) -> None:
    """Receipt and row of an export that ended, well or not."""
    times = (started, datetime.now(UTC))
    write_receipt(export.folder, plan, sent, status, times, notes)
    record("exports", [exports_row(plan, sent, status, times, manifest_path)], export.lake)


def _plan(export: _Export) -> tuple[Plan, Sent, datetime | None]:
    """The plan; an export whose process was killed is resumed when the same is wanted still, and closed when it is
    not."""
    chosen, snapshot = export.campaign, export.snapshot
    state = platform_state(snapshot, chosen.id, chosen.platform)
    selection = select(members(snapshot, chosen), chosen, export.firewall, state.settled)
    wanted = target_hash(selection.target)
    candidate = export_id_of(chosen, state.finished, wanted)
    abandoned = [export_id for export_id in state.unfinished if export_id != candidate]
    if candidate in state.unfinished:
        before = platform_state(snapshot, chosen.id, chosen.platform, without_export=candidate)
        before = replace(
            before, uncertain=before.uncertain | state.uncertain
        )  # its own attempts too: the firewall must know of them
        done = done_by(snapshot, candidate)
        plan = make_plan(chosen, selection, before, done.actions, _removable(export, selection, before.customers))
        return plan, Sent(plan.counts, len(done.actions) - done.rejected, done.rejected), state.newest_at
    if abandoned:
        _close(export, abandoned)
    plan = make_plan(
        chosen, selection, state.after(len(abandoned)), removable=_removable(export, selection, state.customers)
    )
    return plan, Sent(plan.counts, 0, 0), state.newest_at


def _removable(export: _Export, selection: Selection, customers: Set[str]) -> Set[str] | None:
    """Who may be removed of the customers on the platform; None for all."""
    return (
        without_consent(customers, export.snapshot, export.firewall)
        if is_emptying(export.campaign, selection, customers)
        else None
    )


def _close(export: _Export, abandoned: list[str]) -> None:
    """Give exports that will never be resumed their row in ops.exports, in one commit."""
    now, outbox = datetime.now(UTC), settings().outbox
    rows = [
        abandoned_row(
            export.campaign,
            export_id,
            done_by(export.snapshot, export_id),
            planned_counts(export.folder, export_id),
            now,
            str((export.folder / export_id / MANIFEST).relative_to(outbox)),
        )
        for export_id in abandoned
    ]
    record("exports", rows, export.lake)


def _warnings(campaign: Campaign, sent: Sent, as_of: datetime, built_as_of: datetime | None) -> list[str]:
    counts = sent.counts
    found = warnings_of(volatile_fields(campaign))
    if sent.rejected:
        found.append(
            f"{campaign.platform} refused {sent.rejected} customers, the receipt says why; the next run tries them again"
        )
    if counts.audience == 0:
        found.append(f"segment {campaign.segment} has no members")
    if counts.removed > counts.unchanged + counts.changed and counts.removed > 0:
        found.append(f"more than half of the customers on {campaign.platform} were removed ({counts.removed})")
    if campaign.send_at < as_of:
        found.append(
            f"send_at ({campaign.send_at:%Y-%m-%d %H:%M} UTC) lies before the as-of time ({as_of:%Y-%m-%d %H:%M} UTC)"
        )
    if built_as_of and built_as_of != as_of:
        found.append(
            f"the profiles look back from {built_as_of:%Y-%m-%d %H:%M} UTC, this run from {as_of:%Y-%m-%d %H:%M} UTC: gold was not built by it"
        )
    return found
