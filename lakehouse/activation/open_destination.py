"""The destination of a campaign: the outbox, or its account at a platform."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.activation.accounts.declared import OUTBOX, load_accounts
from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.destinations import Destination, Outbox
from lakehouse.config.settings import Settings

if TYPE_CHECKING:
    from lakehouse.activation.sending.remote import RemoteDestination


def open_destination(
    campaign: Campaign, folder: Path, chosen: Settings, deadline: datetime | None = None
) -> Destination:
    """The campaign's destination; `folder` holds the campaign's exports to it. Nothing is called yet, and nothing after
    the deadline."""
    return Outbox(folder) if campaign.destination == OUTBOX else open_account(campaign, folder, chosen, deadline)


def open_account(
    campaign: Campaign, folder: Path, chosen: Settings, deadline: datetime | None = None
) -> RemoteDestination:
    """The campaign's account."""
    from lakehouse.activation.sending.remote import RemoteDestination  # loads an HTTP client

    account = load_accounts()[campaign.destination]
    return RemoteDestination(account, campaign.id, folder, chosen.home / "rates", deadline)
