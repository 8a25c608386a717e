"""What a person should look at although an export succeeded."""

from __future__ import annotations

from datetime import datetime

from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.campaigns.time_dependent_fields import time_dependent_warnings
from lakehouse.activation.send_progress import SendProgress


def export_warnings(campaign: Campaign, progress: SendProgress, as_of: datetime) -> list[str]:
    """About a campaign and what was sent of it, in a run that looks back from `as_of`."""
    counts = progress.counts
    found = time_dependent_warnings(campaign)
    if progress.rejected:
        found.append(
            f"{campaign.destination} rejected {progress.rejected} customers: receipt.json has the reasons; the next run"
            " sends those again whom it may take then"
        )
    if counts.dead_letters:
        found.append(
            f"{counts.dead_letters} customers were not sent, because {campaign.destination} refused them for good:"
            f" `lakehouse exports rejects --campaign {campaign.id}` says why"
        )
    if counts.audience == 0:
        found.append(f"segment {campaign.segment} has no members")
    if counts.removed > counts.unchanged + counts.changed and counts.removed > 0:
        found.append(f"more than half of the customers on {campaign.destination} were removed ({counts.removed})")
    if campaign.send_at < as_of:
        found.append(f"send_at ({_utc(campaign.send_at)}) is before the as-of time ({_utc(as_of)})")
    return found


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
