"""The stage `preview`: the page of a campaign, from the payloads that its export would send. It sends nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from lakehouse.activation.audience import profiles_as_of
from lakehouse.activation.campaign_references import campaign_references
from lakehouse.activation.campaigns import Campaign, campaign
from lakehouse.activation.consent.firewall import Firewall, normal_address
from lakehouse.activation.consent.late_refusals import IDENTITIES
from lakehouse.activation.destination_state import STATE_TABLES, add_missing_tables, destination_state
from lakehouse.activation.export import GATED
from lakehouse.activation.mail_templates import MailTemplate, template_of, values_of
from lakehouse.activation.manifest import MANIFEST
from lakehouse.activation.payload import payload_of
from lakehouse.activation.plan import Plan, export_id_of, make_plan
from lakehouse.activation.preview import PREVIEW
from lakehouse.activation.preview.facts import Preview, Recipient
from lakehouse.activation.preview.page import render_preview
from lakehouse.activation.preview.recipients import Chosen, choose
from lakehouse.activation.segments.catalogue import segment_description
from lakehouse.activation.selection import select
from lakehouse.config.settings import settings
from lakehouse.outcome import TableOutcome
from lakehouse.storage.duckdb_views import Snapshot, limited_memory, open_snapshot
from lakehouse.storage.gold_builds import gold_at_rest
from lakehouse.tables import ops
from lakehouse.utils.atomic_files import restrict_to_owner, write_private
from lakehouse.window import BatchWindow


@dataclass(frozen=True)
class _Planned:
    """What the export of a campaign would do now."""

    campaign: Campaign
    snapshot: Snapshot
    plan: Plan


def preview_campaign(target: str, window: BatchWindow) -> list[TableOutcome]:
    """Make the preview of campaign `target`.

    Raises:
        ConfigurationError: campaigns.yml or the template is not valid, or a field that is empty for somebody has no
            fallback in it.
        MissingTableError: gold has not been built.
    """
    page, count = make_preview(target)
    return [TableOutcome(ops("exports"), read=count, loaded=count, notes=(f"preview of {count} mails: {page}",))]


def make_preview(campaign_id: str, count: int | None = None) -> tuple[Path, int]:
    """Write the page of a campaign into the folder of its next export, for its owner only.

    Args:
        campaign_id: a campaign of campaigns.yml.
        count: how many recipients to show; default: the setting `preview_recipients`.

    Returns:
        Path of the page, and how many recipients it shows.
    """
    chosen = settings()
    with _planned(campaign_id) as planned:
        shown = _preview(planned, count or chosen.preview_recipients)
    folder = chosen.outbox / shown.campaign.destination / shown.campaign.id
    page = folder / shown.export_id / PREVIEW
    restrict_to_owner(chosen.outbox, page.parent)
    write_private(page, render_preview(shown))
    _remove_others(folder, page)
    return page, len(shown.recipients)


def _preview(planned: _Planned, count: int) -> Preview:
    chosen, snapshot, plan = planned.campaign, planned.snapshot, planned.plan
    template = template_of(chosen)
    recipients = [_recipient(planned, template, found) for found in choose(snapshot, chosen, count)]
    return Preview(
        campaign=chosen,
        export_id=plan.export_id,
        as_of=profiles_as_of(snapshot),
        segment_description=segment_description(chosen.segment),
        template=f"templates/{template.name}.liquid" if template else None,
        counts=asdict(plan.counts),
        suppressed=plan.suppressed,
        recipients=recipients[:count],
    )


def _recipient(planned: _Planned, template: MailTemplate | None, found: Chosen) -> Recipient:
    """A recipient with exactly what is sent: its hash is the one in the plan."""
    chosen, known, wanted = planned.campaign, found.known_hash, found.payload_hash
    payload = payload_of(found.customer_id, normal_address(found.email) or "", found.profile, chosen.fields)
    assert payload.hash == wanted, "a preview shows what is sent"
    content = json.loads(payload.body)
    return Recipient(
        chosen_for=found.chosen_for,
        payload=content,
        action="new" if known is None else "unchanged" if known == wanted else "changed",
        detail=found.detail,
        consent=found.consent,
        consent_at=found.consent_at,
        mail=template.render(values_of(chosen, content)) if template else None,
    )


@contextmanager
def _planned(campaign_id: str) -> Iterator[_Planned]:
    """The plan of an export that began now. Nothing is written, and another export may be at work."""
    chosen = settings()
    with ExitStack() as opened:
        with gold_at_rest(chosen.home, chosen.query_timeout_seconds):
            found = open_snapshot(GATED, chosen.lake, optional=(*STATE_TABLES, IDENTITIES))
            snapshot = opened.enter_context(found)
            spill = chosen.home / "tmp" / f"preview-{os.getpid()}"
            opened.enter_context(limited_memory(snapshot.connection, chosen.export_memory_gb, spill))
            firewall = opened.enter_context(Firewall(chosen.lake, beside=snapshot.connection))
        declared = campaign(campaign_id, campaign_references(snapshot))
        add_missing_tables(snapshot)
        state = destination_state(snapshot, declared.id, declared.destination)
        selection = select(snapshot, declared, firewall)
        if export_id_of(declared, state.finished, selection.target_hash) not in state.unfinished:
            state = state.after_closing(len(state.unfinished))  # a killed export is resumed only with its own target
        yield _Planned(declared, snapshot, make_plan(snapshot, declared, selection, state))


def _remove_others(folder: Path, page: Path) -> None:
    """Remove the pages of exports that never came: they hold personal data, and nobody needs them any more."""
    for other in folder.glob(f"*/{PREVIEW}"):
        if other != page and not (other.parent / MANIFEST).exists():
            other.unlink(missing_ok=True)
            with suppress(OSError):  # something else is in it, or another preview removed it
                other.parent.rmdir()
