"""The contract of events: what the collector puts into Kafka and the streaming job reads.

The collector checks each event against the JSON Schema that is derived here, so that what is in the topic keeps the
contract.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lakehouse.contracts.model import Column, Contract, Pii

LONGEST_TEXT = 255  # characters of an id or a name
EVENT_TYPES = ("track", "page", "identify", "alias")
# Objects of the message, whose JSON is a text in tables.
OBJECTS = ("properties", "traits", "context")

WEB_EVENTS = Contract(
    dataset="web_events",
    version=1,
    grain="event that the collector accepted",
    meaning="What people did on a site or in an app.",
    key=("event_id",),
    order_by=("received_at",),
    event_time="occurred_at",
    columns=(
        Column(
            "event_id", "string", "Id that the sender gave (messageId); repeated deliveries share it", required=True
        ),
        Column("contract", "int", "Version of this contract", required=True, minimum="1"),
        Column("event_type", "string", "Kind of call", required=True, allowed=EVENT_TYPES),
        Column("event_name", "string", "Name of a track event, or of a page"),
        Column("user_id", "string", "Who it was, as the site knows customers", pii=Pii.INDIRECT),
        Column("anonymous_id", "string", "Who it was, as the browser is known before a login", pii=Pii.INDIRECT),
        Column("previous_id", "string", "Of an alias: the id that now belongs to user_id", pii=Pii.INDIRECT),
        Column("occurred_at", "timestamp", "When it happened, with the sender's clock set right", required=True),
        Column("received_at", "timestamp", "When the collector took it", required=True),
        Column("key_id", "string", "Write key that it came with", required=True),
        Column("properties", "string", "What happened to what, e.g. product_id", pii=Pii.INDIRECT),
        Column("traits", "string", "What an identify call says about the person", pii=Pii.DIRECT),
        Column("context", "string", "Page, campaign, browser; never an IP address", pii=Pii.INDIRECT),
        Column("is_bot", "boolean", "Whether the browser says that it is a crawler; null when it says nothing"),
    ),
)

_MOMENT = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$"
# What a call of that kind cannot do without.
_NEEDS = {"track": ["event_name"], "identify": ["user_id"], "alias": ["user_id", "previous_id"]}


def json_schema() -> dict[str, Any]:
    """WEB_EVENTS as JSON Schema of one message."""
    needs = [
        {"if": {"properties": {"event_type": {"const": kind}}}, "then": {"required": needed}}
        for kind, needed in _NEEDS.items()
    ]
    return message_schema(WEB_EVENTS, ("user_id", "anonymous_id")) | {"allOf": needs}


def message_schema(contract: Contract, persons: Sequence[str], longer: Mapping[str, int] = {}) -> dict[str, Any]:
    """A contract as JSON Schema of one message. Names that it does not know are allowed: later versions add some.

    Args:
        contract: of the message.
        persons: columns that say who it was; a message has at least one of them.
        longer: characters of the texts that may be longer than an id.
    """
    described = {column.name: _property(column) for column in contract.columns}
    for name, characters in longer.items():
        described[name]["maxLength"] = characters
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": contract.dataset,
        "description": contract.meaning,
        "type": "object",
        "properties": described,
        "required": [column.name for column in contract.columns if column.required],
        "anyOf": [{"required": [name]} for name in persons],
    }


def _property(column: Column) -> dict[str, Any]:
    described: dict[str, Any] = {"description": column.meaning}
    if column.name in OBJECTS:
        return described | {"type": "object"}
    if column.type == "boolean":
        return described | {"type": "boolean"}
    if column.type == "int":
        return described | {"type": "integer", "minimum": int(column.minimum or 0)}
    if column.type == "timestamp":
        return described | {"type": "string", "pattern": _MOMENT}
    if column.allowed:
        return described | {"enum": list(column.allowed)}
    return described | {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT}


# bronze.web_events and bronze.email_events: a row per message of the topic, as received, and where it stood there.
BRONZE_EVENTS = (
    Column("event_id", "string", "Id of the event; null when the message cannot be read"),
    Column("event_type", "string", "Kind of call"),
    Column("occurred_at", "timestamp", "When it happened"),
    Column("received_at", "timestamp", "When the collector took it"),
    Column("payload", "string", "The message as it is", required=True, pii=Pii.DIRECT),
    Column("_partition", "int", "Partition of the topic", required=True),
    Column("_offset", "bigint", "Place in the partition; with it the key of the row", required=True),
    Column("_ingested_at", "timestamp", "When Kafka took it", required=True),
)
