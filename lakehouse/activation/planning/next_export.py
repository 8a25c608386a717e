"""What the next export of a campaign does: the same for its plan, its preview and the export itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime

from lakehouse.activation.audience.empty_audience import WITHOUT_CONSENT, find_without_consent, would_empty_destination
from lakehouse.activation.audience.selection import select
from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.campaigns.references import campaign_references
from lakehouse.activation.consent.firewall import SUPPRESSIONS, Firewall
from lakehouse.activation.consent.late_refusals import IDENTITIES
from lakehouse.activation.planning.plan import Plan, export_id_of, make_plan
from lakehouse.activation.presend.recorded import requested_campaign
from lakehouse.activation.records.destination_state import STATE_TABLES, add_missing_tables, destination_state
from lakehouse.config.settings import settings
from lakehouse.storage.duckdb_views import Snapshot, limited_memory, open_snapshot
from lakehouse.storage.gold_builds import gold_at_rest
from lakehouse.tables import gold

# What an export is made of; the gate of each is checked before it.
GATED = (gold("segment_members"), gold("dim_customers"), SUPPRESSIONS)


@dataclass(frozen=True)
class NextExport:
    """The next export of a campaign.

    Attributes:
        plan: what it sends.
        there: number of customers who are, or may be, at the destination before it.
        is_resumed: whether it goes on with an export whose process was killed.
        abandoned: exports whose process was killed, and that nobody goes on with.
        newest_at: time of the newest delivery intent or acknowledgement.
    """

    plan: Plan
    there: int
    is_resumed: bool
    abandoned: tuple[str, ...]
    newest_at: datetime | None


def next_export(snapshot: Snapshot, chosen: Campaign, firewall: Firewall) -> NextExport:
    """The next export, in the DuckDB of the snapshot; nothing is written elsewhere.

    A killed export is resumed if its target is still the same.
    """
    state = destination_state(snapshot, chosen.id, chosen.destination)
    selection = select(snapshot, chosen, firewall)
    candidate = export_id_of(chosen, state.finished, selection.target_hash)
    is_resumed = candidate in state.unfinished
    if is_resumed:
        before = destination_state(snapshot, chosen.id, chosen.destination, without_export=candidate)
    else:
        before = state.after_closing(len(state.unfinished))
    removable = None
    if would_empty_destination(chosen, selection, before):
        find_without_consent(snapshot, firewall)
        removable = WITHOUT_CONSENT
    plan = make_plan(snapshot, chosen, selection, before, resumes=is_resumed, removable=removable)
    abandoned = () if is_resumed else state.unfinished
    return NextExport(plan, before.customers, is_resumed, abandoned, state.newest_at)


@contextmanager
def opened_next_export(campaign_id: str, run_id: str = "") -> Iterator[NextExport]:
    """The export of a campaign that would begin now, as a run was asked for it. Nothing is written, and another export
    may be at work.

    Raises:
        ConfigurationError: campaigns.yml is not valid, or does not declare the campaign.
        MissingTableError: gold has not been built.
    """
    chosen = settings()
    with ExitStack() as opened:
        with gold_at_rest(chosen.home, chosen.query_timeout_seconds):
            found = open_snapshot(GATED, chosen.lake, optional=(*STATE_TABLES, IDENTITIES))
            snapshot = opened.enter_context(found)
            spill = chosen.home / "tmp" / f"next-export-{os.getpid()}"
            opened.enter_context(limited_memory(snapshot.connection, chosen.export_memory_gb, spill))
            firewall = opened.enter_context(Firewall(chosen.lake, beside=snapshot.connection))
        declared, _ = requested_campaign(campaign_id, run_id, chosen.lake, campaign_references(snapshot))
        add_missing_tables(snapshot)
        yield next_export(snapshot, declared, firewall)
