"""Customer.io's reporting webhook: one event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lakehouse.collector.webhooks.report import Report, UnreadableReportError, known_kind

_KINDS = {
    "sent": "sent",
    "delivered": "delivered",
    "deferred": "deferred",
    "bounced": "bounced",
    "dropped": "suppressed",  # an address that bounced or complained before
    "undeliverable": "dropped",
    "failed": "dropped",
    "opened": "opened",
    "clicked": "clicked",
    "spammed": "complained",
    "unsubscribed": "unsubscribed",
    "subscribed": "resubscribed",
}
_OBJECTS = ("email", "customer")


def report_of(item: Mapping[str, Any]) -> Report:
    """The event of the body."""
    if item.get("object_type") not in _OBJECTS:
        raise UnreadableReportError("it is not about an e-mail or a customer")
    data = item.get("data")
    if not isinstance(data, dict):
        raise UnreadableReportError("it has no data")
    identifiers = data.get("identifiers")
    known = identifiers if isinstance(identifiers, dict) else {}
    return Report(
        kind=known_kind(_KINDS, item.get("metric")),
        id=item.get("event_id"),
        at=item.get("timestamp"),
        email=data.get("email_address") or known.get("email") or data.get("recipient"),
        customer_id=data.get("customer_id") or known.get("id"),
        campaign_id=data.get("campaign_id") or data.get("broadcast_id") or data.get("newsletter_id"),
        message_id=data.get("delivery_id"),
        url=data.get("href"),
        user_agent=data.get("user_agent"),
        is_machine_open=data.get("prefetched"),
        reason=data.get("failure_message"),
    )
