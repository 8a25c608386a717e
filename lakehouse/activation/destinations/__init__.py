"""Destinations that an audience can be exported to: the outbox, and accounts at e-mail platforms, one module each."""

from __future__ import annotations

from lakehouse.activation.destinations.braze import BRAZE
from lakehouse.activation.destinations.customerio import CUSTOMERIO
from lakehouse.activation.destinations.destination import Batch, BatchReceipt, Deliver, Destination, Recheck
from lakehouse.activation.destinations.iterable import ITERABLE
from lakehouse.activation.destinations.klaviyo import KLAVIYO
from lakehouse.activation.destinations.listmonk import LISTMONK
from lakehouse.activation.destinations.mailchimp import MAILCHIMP
from lakehouse.activation.destinations.outbox import Outbox
from lakehouse.activation.destinations.platform_kind import PlatformKind
from lakehouse.activation.destinations.sendgrid import SENDGRID

# Platforms that an account in destinations.yml may be of.
PLATFORMS: dict[str, PlatformKind] = {
    "braze": BRAZE,
    "customerio": CUSTOMERIO,
    "iterable": ITERABLE,
    "klaviyo": KLAVIYO,
    "listmonk": LISTMONK,
    "mailchimp": MAILCHIMP,
    "sendgrid": SENDGRID,
}

__all__ = ["PLATFORMS", "Batch", "BatchReceipt", "Deliver", "Destination", "Outbox", "PlatformKind", "Recheck"]
