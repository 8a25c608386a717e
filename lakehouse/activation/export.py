"""The stage `export`: one campaign, from its segment in gold to the destination, with manifest, receipt and rows in
ops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from lakehouse.activation.accounts.declared import OUTBOX
from lakehouse.activation.audience.empty_audience import (
    WITHOUT_CONSENT,
    empty_audience_error,
    find_without_consent,
)
from lakehouse.activation.audience.holdout import record_draws
from lakehouse.activation.audience.selection import select_nobody
from lakehouse.activation.audience.snapshot import profiles_as_of
from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.campaigns.references import campaign_references
from lakehouse.activation.consent.firewall import Firewall
from lakehouse.activation.consent.late_refusals import IDENTITIES
from lakehouse.activation.consent.silent_sources import Silence, silence_error, silence_of_sources
from lakehouse.activation.consent.vanished_sources import vanished_error
from lakehouse.activation.deadlines import deadline_for
from lakehouse.activation.destinations import Destination
from lakehouse.activation.export_warnings import export_warnings
from lakehouse.activation.open_destination import open_destination
from lakehouse.activation.planning.next_export import GATED, NextExport, next_export
from lakehouse.activation.planning.plan import Plan, make_plan
from lakehouse.activation.planning.stage import write_send_plan
from lakehouse.activation.presend.recorded import requested_campaign
from lakehouse.activation.presend.staleness import inputs_of
from lakehouse.activation.records.approvals import approval_needed
from lakehouse.activation.records.destination_state import (
    EXPORTS,
    STATE_TABLES,
    RecordedActions,
    add_missing_tables,
    destination_state,
    recorded_actions,
)
from lakehouse.activation.records.export_rows import abandoned_row, exports_row, outcome
from lakehouse.activation.records.lost_records import lost_exports, lost_records_error
from lakehouse.activation.records.manifest import MANIFEST, planned_counts, write_manifest, write_receipt
from lakehouse.activation.segments.catalogue import segments
from lakehouse.activation.send import SendProgress, send
from lakehouse.activation.sending.recovery import recover_acknowledged
from lakehouse.config.settings import settings
from lakehouse.errors import ExportRefusedError, ExportRunningError
from lakehouse.landing.source_history import source_history
from lakehouse.landing.vanished_feeds import VanishedFeed, vanished_feeds
from lakehouse.outcome import TableOutcome
from lakehouse.storage.duckdb_views import Snapshot, limited_memory, open_snapshot
from lakehouse.storage.gold_builds import gold_at_rest, require_built_for
from lakehouse.storage.ops_tables import record
from lakehouse.utils.atomic_files import restrict_to_owner
from lakehouse.utils.file_lock import held_lock
from lakehouse.utils.foreign_errors import as_ours
from lakehouse.window import BatchWindow

REMOVALS_ONLY = "the export was blocked; only customers who must not be written to were removed"


@dataclass(frozen=True)
class _Export:
    """Everything one export works with; `folder` holds the campaign's exports to its destination, `stale` is what a
    person is told about inputs that could not be read in time."""

    campaign: Campaign
    snapshot: Snapshot
    firewall: Firewall
    folder: Path
    lake: str
    silence: Silence
    vanished: Sequence[VanishedFeed]
    stale: tuple[str, ...]

    @property
    def refusal(self) -> ExportRefusedError | None:
        """Why nothing may be sent: who refused lately is not known, or who is at the destination."""
        if self.vanished:
            return vanished_error(self.campaign, self.vanished)
        if self.silence.is_blocking:
            return silence_error(self.campaign, self.silence)
        lost = lost_exports(self.snapshot, self.campaign, self.folder)
        return lost_records_error(self.campaign, lost) if lost else None


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
    with _open(target, window.run_id, window) as (export, destination):
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
    with _open(target, window.run_id) as (export, destination):
        return [_remove_refused(export, destination)]


def require_own_gold(window: BatchWindow) -> None:
    """OtherGoldError unless gold was built for this as-of moment, and checked as it is, as `export_campaign` needs."""
    chosen = settings()
    with gold_at_rest(chosen.home, chosen.query_timeout_seconds), open_snapshot(GATED, chosen.lake) as snapshot:
        require_built_for(window, snapshot, GATED, chosen.lake)


def _remove_refused(export: _Export, destination: Destination) -> TableOutcome:
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


@contextmanager
def _open(target: str, run_id: str, window: BatchWindow | None = None) -> Iterator[tuple[_Export, Destination]]:
    """The campaign's export as a run was asked for it, alone at work on its destination; with a `window`, of gold that
    was built for it."""
    chosen = settings()
    with open_snapshot(GATED, chosen.lake) as gold_tables:
        declared, asked = requested_campaign(target, run_id, chosen.lake, campaign_references(gold_tables))
    folder = chosen.outbox / declared.destination / declared.id
    restrict_to_owner(chosen.outbox, folder)
    with held_lock(folder / ".lock", wait_seconds=0) as is_held:
        if not is_held:
            raise ExportRunningError(declared.id, declared.destination)
        if declared.destination != OUTBOX:
            recover_acknowledged(folder, declared.id, declared.destination, chosen.lake)
        # opened under the lock: what another export has acknowledged until now must be known
        with ExitStack() as opened:
            # removals take gold as it is, and wait for no build
            with nullcontext() if window is None else gold_at_rest(chosen.home, chosen.query_timeout_seconds):
                found = open_snapshot(GATED, chosen.lake, optional=(*STATE_TABLES, IDENTITIES))
                snapshot = opened.enter_context(found)
                spill = chosen.home / "tmp" / f"export-{declared.destination}-{declared.id}"
                opened.enter_context(limited_memory(snapshot.connection, chosen.export_memory_gb, spill))
                firewall = opened.enter_context(Firewall(chosen.lake, beside=snapshot.connection))
                if window is not None:
                    require_built_for(window, snapshot, GATED, chosen.lake)
            add_missing_tables(snapshot)
            history = source_history(chosen.lake)
            silent, vanished = silence_of_sources(history, chosen), vanished_feeds(history, chosen.lake)
            stale = inputs_of(declared, asked).warnings
            yield (
                _Export(declared, snapshot, firewall, folder, chosen.lake, silent, vanished, stale),
                open_destination(declared, folder, chosen, None if window is None else deadline_for(declared, window)),
            )


def _run(
    export: _Export,
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
    export: _Export,
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


def _begun(export: _Export, found: NextExport) -> tuple[Plan, SendProgress, datetime | None]:
    """The plan, what has been sent of it, and the newest time on record. Killed exports are resumed or closed."""
    record_draws(export.snapshot.connection, export.campaign, export.lake)
    if found.abandoned:
        _close(export, found.abandoned)
    sent = recorded_actions(export.snapshot, found.plan.export_id) if found.is_resumed else RecordedActions({})
    rejected = sent.count("rejected")
    return found.plan, SendProgress(found.plan.counts, sent.total - rejected, rejected), found.newest_at


def _close(export: _Export, abandoned: Sequence[str]) -> None:
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
