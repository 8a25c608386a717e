"""The stage `export`: one campaign, from its segment in gold to the destination, with manifest, receipt and rows in
ops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from lakehouse.activation.audience.empty_audience import (
    WITHOUT_CONSENT,
    empty_audience_error,
    find_without_consent,
)
from lakehouse.activation.audience.holdout import record_draws
from lakehouse.activation.audience.selection import select_nobody
from lakehouse.activation.audience.snapshot import profiles_as_of
from lakehouse.activation.destinations import Destination
from lakehouse.activation.export_warnings import export_warnings
from lakehouse.activation.opened_export import OpenedExport, opened_export
from lakehouse.activation.planning.next_export import GATED, NextExport, next_export
from lakehouse.activation.planning.plan import Plan, make_plan
from lakehouse.activation.planning.stage import write_send_plan
from lakehouse.activation.records.approvals import approval_needed
from lakehouse.activation.records.destination_state import (
    EXPORTS,
    RecordedActions,
    destination_state,
    recorded_actions,
)
from lakehouse.activation.records.export_rows import abandoned_row, exports_row, outcome
from lakehouse.activation.records.manifest import MANIFEST, planned_counts, write_manifest, write_receipt
from lakehouse.activation.segments.catalogue import segments
from lakehouse.activation.send import send
from lakehouse.activation.send_progress import SendProgress
from lakehouse.config.settings import settings
from lakehouse.errors import ExportRefusedError
from lakehouse.outcome import TableOutcome
from lakehouse.storage.duckdb_views import open_snapshot
from lakehouse.storage.gold_builds import gold_at_rest, require_built_for
from lakehouse.storage.ops_tables import record
from lakehouse.utils.foreign_errors import as_ours
from lakehouse.window import BatchWindow

REMOVALS_ONLY = "the export was blocked; only customers who must not be written to were removed"


def export_campaign(target: str, window: BatchWindow) -> list[TableOutcome]:
    """Export campaign `target`: send only what differs from what the destination acknowledged.

    After any error, and after a kill, run it again: nothing acknowledged is sent twice.

    Raises:
        ConfigurationError: campaigns.yml is not valid, or does not declare the campaign.
        MissingTableError: gold has not been built.
        OtherGoldError: gold was not built for the as-of moment of this run, or not checked as it is. Nothing was sent.
        ExportRefusedError: the export would leave the destination empty, no source has brought a change of consent for
            too long, a source is not declared any more, the record of what was sent is not complete, or a person has to
            approve it. Customers who must not be written to were removed.
        ExportRunningError: another process is exporting the campaign.
        LakehouseError: whatever the destination raises.
    """
    with opened_export(target, window.run_id, window) as (export, destination):
        if (refusal := export.refusal) is not None:
            _remove_refused(export, destination)
            raise refusal
        found = next_export(export.snapshot, export.campaign, export.firewall)
        if (needed := approval_needed(found, export.folder)) is not None:
            write_send_plan(found, export.folder, window)
            _remove_refused(export, destination)
            raise needed
        return [_run(export, destination, *_begun(export, found), window.as_of)]


def remove_refused(target: str, window: BatchWindow) -> list[TableOutcome]:
    """Remove everybody who must not be written to from the campaign's destination, and send nothing else.

    For runs whose gates block the export: removals do not wait. Skipped when nobody has to be removed. Raises what
    `export_campaign` raises.
    """
    with opened_export(target, window.run_id) as (export, destination):
        return [_remove_refused(export, destination)]


def require_own_gold(window: BatchWindow) -> None:
    """OtherGoldError unless gold was built for this as-of moment, and checked as it is, as `export_campaign` needs."""
    chosen = settings()
    with gold_at_rest(chosen.home, chosen.query_timeout_seconds), open_snapshot(GATED, chosen.lake) as snapshot:
        require_built_for(window, snapshot, GATED, chosen.lake)


def _remove_refused(export: OpenedExport, destination: Destination) -> TableOutcome:
    chosen, snapshot = export.campaign, export.snapshot
    state = destination_state(snapshot, chosen.id, chosen.destination)
    if not find_without_consent(snapshot, export.firewall):
        return TableOutcome(EXPORTS, skipped=True)
    if state.unfinished:
        _close(export, state.unfinished)
    state = state.after_closing(len(state.unfinished))
    plan = make_plan(snapshot, chosen, select_nobody(snapshot), state, removable=WITHOUT_CONSENT)
    plan = replace(plan, retained=0)  # who stays was not asked about
    progress = SendProgress(plan.counts, 0, 0)
    return _run(export, destination, plan, progress, state.newest_at)


def _run(
    export: OpenedExport,
    destination: Destination,
    plan: Plan,
    progress: SendProgress,
    not_before: datetime | None,
    as_of: datetime | None = None,
) -> TableOutcome:
    """Send a plan, with its proof; without `as_of` it consists of removals only."""
    started = datetime.now(UTC)
    versions = {**export.snapshot.versions, **export.firewall.versions}
    built_as_of, segment = profiles_as_of(export.snapshot), segments().get(export.campaign.segment)
    manifest = write_manifest(export.folder, plan, versions, export.firewall.known, segment, built_as_of)
    manifest_path = str(manifest.relative_to(settings().outbox))
    try:
        send(plan, destination, export.firewall, progress, export.lake, not_before)
        if plan.retained:
            raise empty_audience_error(plan)
    except Exception as error:  # noqa: BLE001 - raised as ours
        failed = as_ours(error, f"export of campaign {export.campaign.id} to {export.campaign.destination}")
        status = "refused" if isinstance(failed, ExportRefusedError) else "failed"
        _end(export, plan, progress, status, started, manifest_path, [f"{type(failed).__name__}: {failed}"])
        raise failed from None
    warnings = [REMOVALS_ONLY]
    if as_of is not None:
        warnings = [*export_warnings(export.campaign, progress, as_of), *export.stale]
    warnings += export.silence.warnings
    _end(export, plan, progress, "success", started, manifest_path, warnings)
    return outcome(progress, warnings)


def _end(
    export: OpenedExport,
    plan: Plan,
    progress: SendProgress,
    status: str,
    started: datetime,
    manifest_path: str,
    notes: list[str],
) -> None:
    """Write receipt and row of an export that succeeded or failed."""
    times = (started, datetime.now(UTC))
    write_receipt(export.folder, plan, progress, status, times, notes)
    record("exports", [exports_row(plan, progress, status, times, manifest_path)], export.lake)


def _begun(export: OpenedExport, found: NextExport) -> tuple[Plan, SendProgress, datetime | None]:
    """The plan, what has been sent of it, and the newest time on record. Killed exports are resumed or closed."""
    record_draws(export.snapshot.connection, export.campaign, export.lake)
    if found.abandoned:
        _close(export, found.abandoned)
    sent = recorded_actions(export.snapshot, found.plan.export_id) if found.is_resumed else RecordedActions({})
    rejected = sent.count("rejected")
    return found.plan, SendProgress(found.plan.counts, sent.total - rejected, rejected), found.newest_at


def _close(export: OpenedExport, abandoned: Sequence[str]) -> None:
    """Give exports that will never be resumed their row in ops.exports, in one commit."""
    now, outbox = datetime.now(UTC), settings().outbox
    rows = [
        abandoned_row(
            export.campaign,
            export_id,
            recorded_actions(export.snapshot, export_id),
            planned_counts(export.folder, export_id),
            now,
            str((export.folder / export_id / MANIFEST).relative_to(outbox)),
        )
        for export_id in abandoned
    ]
    record("exports", rows, export.lake)
