"""What an export works with: opened under the lock of its campaign and destination, from tables at rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from lakehouse.activation.accounts.declared import OUTBOX
from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.campaigns.references import campaign_references
from lakehouse.activation.consent.firewall import Firewall
from lakehouse.activation.consent.late_refusals import IDENTITIES
from lakehouse.activation.consent.silent_sources import Silence, silence_error, silence_of_sources
from lakehouse.activation.consent.vanished_sources import vanished_error
from lakehouse.activation.deadlines import deadline_for
from lakehouse.activation.destinations import Destination
from lakehouse.activation.open_destination import open_destination
from lakehouse.activation.planning.next_export import GATED
from lakehouse.activation.presend.recorded import requested_campaign
from lakehouse.activation.presend.staleness import inputs_of
from lakehouse.activation.records.destination_state import STATE_TABLES, add_missing_tables
from lakehouse.activation.records.lost_records import lost_exports, lost_records_error
from lakehouse.activation.sending.recovery import recover_acknowledged
from lakehouse.config.settings import settings
from lakehouse.errors import ExportRefusedError, ExportRunningError
from lakehouse.landing.source_history import source_history
from lakehouse.landing.vanished_feeds import VanishedFeed, vanished_feeds
from lakehouse.storage.duckdb_views import Snapshot, limited_memory, open_snapshot
from lakehouse.storage.gold_builds import gold_at_rest, require_built_for
from lakehouse.utils.atomic_files import restrict_to_owner
from lakehouse.utils.file_lock import held_lock
from lakehouse.window import BatchWindow


@dataclass(frozen=True)
class OpenedExport:
    """Everything one export works with.

    Attributes:
        folder: the campaign's exports to its destination.
        stale: a sentence for each input that could not be read in time.
    """

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


@contextmanager
def opened_export(
    target: str, run_id: str, window: BatchWindow | None = None
) -> Iterator[tuple[OpenedExport, Destination]]:
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
                OpenedExport(declared, snapshot, firewall, folder, chosen.lake, silent, vanished, stale),
                open_destination(declared, folder, chosen, None if window is None else deadline_for(declared, window)),
            )
