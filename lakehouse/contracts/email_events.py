"""The contract of what e-mail platforms report: what the collector makes of webhooks, and the streaming job reads."""

from __future__ import annotations

from typing import Any

from lakehouse.contracts.events import message_schema
from lakehouse.contracts.model import Column, Contract, Pii

# After these the person must not be written to any more. Nothing that a platform reports lifts that.
REFUSALS = ("unsubscribed", "complained", "bounced", "suppressed")
EMAIL_EVENT_TYPES = (
    *REFUSALS,
    "sent",
    "delivered",
    "deferred",
    "soft_bounced",
    "dropped",
    "opened",
    "clicked",
    "resubscribed",
)
LONG_TEXT = 2048  # characters of what is no id
_LONG = ("url", "user_agent", "reason")

EMAIL_EVENTS = Contract(
    dataset="email_events",
    version=1,
    grain="event that an e-mail platform reported",
    meaning="What became of mails, and what people did with them.",
    key=("event_id",),
    order_by=("received_at",),
    event_time="occurred_at",
    columns=(
        Column("event_id", "string", "Account and the platform's id; a repeated delivery has the same", required=True),
        Column("contract", "int", "Version of this contract", required=True, minimum="1"),
        Column("platform", "string", "The platform, such as sendgrid", required=True),
        Column("account", "string", "The account of conf/destinations.yml", required=True),
        Column("event_type", "string", "What happened", required=True, allowed=EMAIL_EVENT_TYPES),
        Column("email", "string", "Address that the platform named, in lower case", pii=Pii.DIRECT),
        Column("customer_id", "string", "Our id, when the platform echoes it", pii=Pii.INDIRECT),
        Column("campaign_id", "string", "The platform's id of the campaign"),
        Column("message_id", "string", "The platform's id of the mail"),
        Column("occurred_at", "timestamp", "When it happened", required=True),
        Column("received_at", "timestamp", "When the collector took it", required=True),
        Column("url", "string", "Link that was clicked", pii=Pii.INDIRECT),
        Column("user_agent", "string", "Program that opened or clicked"),
        Column("is_machine_open", "boolean", "Whether the platform says that a program opened, not a person"),
        Column("is_bot_click", "boolean", "Whether the program that clicked is a known crawler or scanner"),
        Column("reason", "string", "The platform's words for a bounce, a drop or a complaint"),
    ),
)


def email_json_schema() -> dict[str, Any]:
    """EMAIL_EVENTS as JSON Schema of one message."""
    return message_schema(EMAIL_EVENTS, ("email", "customer_id"), dict.fromkeys(_LONG, LONG_TEXT))
