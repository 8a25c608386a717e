"""The destination of a campaign: the outbox, or its account at a platform."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.activation.accounts import OUTBOX, load_accounts
from lakehouse.activation.campaigns import Campaign
from lakehouse.activation.destinations import Destination, Outbox
from lakehouse.config.settings import Settings

if TYPE_CHECKING:
    from lakehouse.activation.sending.remote import RemoteDestination


def open_destination(campaign: Campaign, folder: Path, chosen: Settings) -> Destination:
    """The campaign's destination; `folder` holds the campaign's exports to it. Nothing is called yet."""
    return Outbox(folder) if campaign.destination == OUTBOX else open_account(campaign, folder, chosen)


def open_account(campaign: Campaign, folder: Path, chosen: Settings) -> RemoteDestination:
    """The campaign's account."""
    from lakehouse.activation.sending.remote import RemoteDestination  # loads an HTTP client

    return RemoteDestination(load_accounts()[campaign.destination], campaign.id, folder, chosen.home / "rates")
