"""SendGrid's event webhook: an array of events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lakehouse.collector.webhooks.report import Report, known_kind

_KINDS = {
    "processed": "sent",
    "deferred": "deferred",
    "delivered": "delivered",
    "bounce": "bounced",
    "dropped": "dropped",
    "open": "opened",
    "click": "clicked",
    "spamreport": "complained",
    "unsubscribe": "unsubscribed",
    "group_unsubscribe": "unsubscribed",
    "group_resubscribe": "resubscribed",
}
# SendGrid does not write to these because it has them on a suppression list of its own.
_SUPPRESSED = ("unsubscribed address", "bounced address", "spam reporting address")


def report_of(item: Mapping[str, Any]) -> Report:
    """One event of the array. Our id comes back when mails carry it as custom argument `customer_id`."""
    kind = known_kind(_KINDS, item.get("event"))
    if kind == "bounced" and item.get("type") == "blocked":
        kind = "soft_bounced"
    if kind == "dropped" and str(item.get("reason")).lower().startswith(_SUPPRESSED):
        kind = "suppressed"
    return Report(
        kind=kind,
        id=item.get("sg_event_id"),
        at=item.get("timestamp"),
        email=item.get("email"),
        customer_id=item.get("customer_id"),
        campaign_id=item.get("singlesend_id"),
        message_id=item.get("sg_message_id"),
        url=item.get("url"),
        user_agent=item.get("useragent"),
        is_machine_open=item.get("sg_machine_open"),
        reason=item.get("reason"),
    )
