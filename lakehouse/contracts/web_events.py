"""The dataset of events: what the collector accepted, once each, and whom it is about."""

from __future__ import annotations

from dataclasses import replace

from lakehouse.contracts import events
from lakehouse.contracts.model import Contract, RowRule
from lakehouse.contracts.references import REFERENCE

# What a dump of another tracker may lack.
_OF_COLLECTOR = ("contract", "key_id")

# Of two deliveries of one event the later one wins; of two that came at the same moment the content decides, since the
# order of arrival is another one when a topic is read again.
WEB_EVENTS = replace(
    events.WEB_EVENTS,
    grain="event",
    order_by=("received_at", "_row_hash"),
    columns=(
        *(
            replace(column, required=column.required and column.name not in _OF_COLLECTOR)
            for column in events.WEB_EVENTS.columns
        ),
        *(replace(column, required=False) for column in REFERENCE),
    ),
    rules=(
        RowRule(
            "web_events.user_id.nobody",
            "user_id is null and anonymous_id is null",
            "there is neither a user_id nor an anonymous_id",
        ),
        RowRule(
            "web_events.reference_type.missing",
            "customer_reference is not null and reference_type is null",
            "there is a customer_reference, but reference_type does not say what it is",
        ),
    ),
)

# Datasets that the streaming job writes into bronze under their own name, a row per message.
STREAMS: dict[str, Contract] = {"web_events": events.WEB_EVENTS}
