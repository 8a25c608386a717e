"""The stage `plan`: what the next export of a campaign would do, from the pinned snapshot. It sends nothing."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from lakehouse.activation.accounts.declared import OUTBOX
from lakehouse.activation.accounts.limits import limits_of
from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.deadlines import deadline_for
from lakehouse.activation.destinations.capabilities import Capabilities
from lakehouse.activation.destinations.outbox import Outbox, lines_of
from lakehouse.activation.destinations.platform_kind import Audience
from lakehouse.activation.guards.collect import facts_of, guards_about
from lakehouse.activation.open_destination import open_account
from lakehouse.activation.payload.changed_fields import RowForm, form_of
from lakehouse.activation.planning import PLAN
from lakehouse.activation.planning.estimate import estimate, rows_ready_within
from lakehouse.activation.planning.measure import Encode, measured
from lakehouse.activation.planning.next_export import NextExport, opened_next_export
from lakehouse.activation.planning.send_plan import PlannedRows, SendPlan
from lakehouse.activation.records.manifest import MANIFEST
from lakehouse.activation.records.past_exports import pace_of
from lakehouse.config.settings import settings
from lakehouse.outcome import TableOutcome
from lakehouse.tables import ops
from lakehouse.utils.atomic_files import restrict_to_owner
from lakehouse.window import BatchWindow

_log = logging.getLogger(__name__)


def plan_campaign(target: str, window: BatchWindow) -> list[TableOutcome]:
    """Make the plan of campaign `target`, log it, and keep it beside the manifest of its export.

    Raises:
        ConfigurationError: campaigns.yml is not valid, or does not declare the campaign.
        MissingTableError: gold has not been built.
    """
    plan, path = make_send_plan(target, window)
    for line in (plan.title, *(f"  {label:<18} {value}" for label, value in plan.table)):
        _log.info("%s", line)
    return [TableOutcome(ops("exports"), notes=(plan.sentence, f"in {path}"), warnings=plan.warnings)]


def make_send_plan(target: str, window: BatchWindow) -> tuple[SendPlan, Path]:
    """The plan of the next export of campaign `target`, written into the folder of that export."""
    outbox = settings().outbox
    with opened_next_export(target, window.run_id) as found:
        chosen = found.plan.campaign
        folder = outbox / chosen.destination / chosen.id
        restrict_to_owner(outbox, folder / found.plan.export_id)
        made, path = write_send_plan(found, folder, window)
    _remove_others(folder, path)
    return made, path


def write_send_plan(found: NextExport, folder: Path, window: BatchWindow) -> tuple[SendPlan, Path]:
    """The plan of an export that begins now, and its file; `folder` holds the campaign's exports to the destination."""
    made = send_plan(found, folder, window)
    return made, made.write(folder / made.export_id)


def send_plan(found: NextExport, folder: Path, window: BatchWindow) -> SendPlan:
    """The plan of an export that begins now; `folder` holds the campaign's exports to the destination."""
    plan, chosen, now = found.plan, found.plan.campaign, datetime.now(UTC)
    route = _route(chosen, folder)
    facts = facts_of(found, folder, settings())
    pace = pace_of(facts.past, route.readiness)
    removals, upserts = measured(plan, route.encode, route.form)
    needed = estimate(removals, upserts, route.batch_size, route.limits, pace)
    deadline = deadline_for(chosen, window)
    at_risk = 0
    if deadline is not None:
        seconds = (deadline - now).total_seconds()
        at_risk = plan.count - rows_ready_within(seconds, plan.count, needed, route.limits, pace)
    counts = plan.counts
    return SendPlan(
        export_id=plan.export_id,
        campaign_id=chosen.id,
        platform=chosen.destination,
        target_sha256=plan.target_hash,
        run_id=window.run_id,
        made_at=now,
        send_at=chosen.send_at,
        deadline=deadline,
        rows=PlannedRows(
            added=counts.added,
            changed=counts.changed,
            removed=counts.removed,
            unchanged=counts.unchanged,
            formerly_rejected=plan.retried,
        ),
        audience=counts.audience,
        holdout=counts.holdout,
        suppressed=counts.suppressed,
        calls=dict(needed.calls),
        bytes=needed.bytes,
        seconds=needed.seconds,
        settling_seconds=needed.settling_seconds,
        readiness=route.readiness,
        ready_at=now + timedelta(seconds=needed.seconds + needed.settling_seconds),
        rows_at_risk=at_risk,
        fired=guards_about(found, facts),
    )


@dataclass(frozen=True)
class _Route:
    """What of a destination decides how long an export to it takes; `limits` is None where nothing is called."""

    limits: Capabilities | None
    encode: Encode
    form: RowForm
    readiness: str
    batch_size: int


def _route(chosen: Campaign, folder: Path) -> _Route:
    if chosen.destination == OUTBOX:
        return _Route(None, lines_of, form_of(Outbox(folder)), "at_once", 1)
    from lakehouse.activation.sending.batch_delivery import rows_of  # loads an HTTP client

    destination = open_account(chosen, folder, settings())
    account, limits = destination.account, limits_of(destination.account)
    platform = account.kind.open(Audience(chosen.id, account.list))

    def encode(operations: pa.Table) -> Sequence[bytes]:
        return [platform.encode(row) for row in rows_of(operations)]

    return _Route(limits, encode, form_of(destination), limits.readiness, destination.batch_size)


def _remove_others(folder: Path, plan: Path) -> None:
    """Remove the plans of exports that never came."""
    for other in folder.glob(f"*/{PLAN}"):
        if other != plan and not (other.parent / MANIFEST).exists():
            other.unlink(missing_ok=True)
            with suppress(OSError):  # a preview is in it
                other.parent.rmdir()
