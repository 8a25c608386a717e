"""The stage `preview`: the page of a campaign, from the payloads that its export would send. It sends nothing."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from lakehouse.activation.audience.snapshot import profiles_as_of
from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.consent.firewall import normal_address
from lakehouse.activation.payload.payload import payload_of
from lakehouse.activation.planning.next_export import opened_next_export
from lakehouse.activation.planning.plan import Plan
from lakehouse.activation.preview import PREVIEW
from lakehouse.activation.preview.facts import Preview, Recipient
from lakehouse.activation.preview.mail_templates import MailTemplate, template_of, values_of
from lakehouse.activation.preview.page import render_preview
from lakehouse.activation.preview.recipients import Chosen, choose
from lakehouse.activation.records.manifest import MANIFEST
from lakehouse.activation.segments.catalogue import segment_description
from lakehouse.config.settings import settings
from lakehouse.outcome import TableOutcome
from lakehouse.tables import ops
from lakehouse.utils.atomic_files import restrict_to_owner, write_private
from lakehouse.window import BatchWindow


def preview_campaign(target: str, window: BatchWindow) -> list[TableOutcome]:
    """Make the preview of campaign `target`.

    Raises:
        ConfigurationError: campaigns.yml or the template is not valid, or a field that is empty for somebody has no
            fallback in it.
        MissingTableError: gold has not been built.
    """
    page, count = make_preview(target, run_id=window.run_id)
    return [TableOutcome(ops("exports"), read=count, loaded=count, notes=(f"preview of {count} mails: {page}",))]


def make_preview(campaign_id: str, count: int | None = None, run_id: str = "") -> tuple[Path, int]:
    """Write the page of a campaign into the folder of its next export, for its owner only.

    Args:
        campaign_id: a campaign of campaigns.yml.
        count: how many recipients to show; default: the setting `preview_recipients`.
        run_id: the run that it is made for; empty for one made by hand.

    Returns:
        Path of the page, and how many recipients it shows.
    """
    chosen = settings()
    with opened_next_export(campaign_id, run_id) as found:
        shown = _preview(found.plan, count or chosen.preview_recipients)
    folder = chosen.outbox / shown.campaign.destination / shown.campaign.id
    page = folder / shown.export_id / PREVIEW
    restrict_to_owner(chosen.outbox, page.parent)
    write_private(page, render_preview(shown))
    _remove_others(folder, page)
    return page, len(shown.recipients)


def _preview(plan: Plan, count: int) -> Preview:
    chosen, snapshot = plan.campaign, plan.snapshot
    template = template_of(chosen)
    recipients = [_recipient(chosen, template, found) for found in choose(snapshot, chosen, count)]
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


def _recipient(chosen: Campaign, template: MailTemplate | None, found: Chosen) -> Recipient:
    """A recipient with exactly what is sent: its hash is the one in the plan."""
    known, wanted = found.known_hash, found.payload_hash
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


def _remove_others(folder: Path, page: Path) -> None:
    """Remove the pages of exports that never came: they hold personal data, and nobody needs them any more."""
    for other in folder.glob(f"*/{PREVIEW}"):
        if other != page and not (other.parent / MANIFEST).exists():
            other.unlink(missing_ok=True)
            with suppress(OSError):  # something else is in it, or another preview removed it
                other.parent.rmdir()
