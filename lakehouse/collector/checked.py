"""Calls of one request as messages for Kafka: events that keep the contract, and dead letters for the others."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import jsonschema_rs
import msgspec

from lakehouse.collector.segment import moment, to_event
from lakehouse.contracts.events import json_schema
from lakehouse.kafka.dead_letters import headers_of
from lakehouse.kafka.producer import Message
from lakehouse.kafka.topics import DEAD_LETTERS, WEB_EVENTS

EVENT_BYTES = 32 * 1024
_VALIDATOR = jsonschema_rs.Draft202012Validator(json_schema())
_PLAIN_WORDS = {"required", "anyOf", "enum", "type", "pattern", "minLength", "maxLength", "minimum"}


class Rejected(NamedTuple):
    """An event that breaks the contract: its place in the request, from 0, and why."""

    place: int
    reason: str


def messages_of(
    calls: Iterable[Any], received_at: datetime, key_id: str, sent_at: Any = None
) -> tuple[list[Message], list[Rejected]]:
    """A message for every call, in their order, and which of them are dead letters."""
    messages: list[Message] = []
    rejected: list[Rejected] = []
    for place, call in enumerate(calls):
        if not isinstance(call, dict):
            reason, event, value = "it is no object", {}, b""
        else:
            event = to_event(call, received_at, key_id, str(uuid.uuid4()), sent_at)
            value = msgspec.json.encode(event)
            reason = broken_rule(event, value)
        if not reason:
            messages.append(event_message(event, value))
            continue
        rejected.append(Rejected(place, reason))
        headers = headers_of("collector", WEB_EVENTS.name, reason, moment(received_at), key_id)
        messages.append(Message(DEAD_LETTERS.name, None, value or msgspec.json.encode(call), headers))
    return messages, rejected


def event_message(event: dict[str, Any], value: bytes) -> Message:
    """The message of an event that keeps the contract; its key is the person, so that their events stay in order."""
    person = event.get("user_id") or event["anonymous_id"]
    return Message(WEB_EVENTS.name, person.encode("utf-8", "replace"), value)


def broken_rule(event: dict[str, Any], value: bytes) -> str:
    """The rule of the contract that an event breaks, without any value of it; empty when it keeps all.

    Args:
        event: the event.
        value: the same as a message holds it.
    """
    if _VALIDATOR.is_valid(event):
        return f"it is longer than {EVENT_BYTES} bytes" if len(value) > EVENT_BYTES else ""
    return reason_of(next(iter(_VALIDATOR.iter_errors(event))), "it has neither userId nor anonymousId")


def reason_of(error: jsonschema_rs.ValidationError, nobody: str) -> str:
    """What an event breaks, without any value of it; `nobody`: said when it names no person."""
    name = ".".join(map(str, error.instance_path))
    rule = str(error.schema_path[-1])
    if rule == "anyOf":
        return nobody
    if rule == "required":
        missing = [name for name in error.kind.as_dict().values() if isinstance(name, str)]
        return f"it has no {missing[0] if missing else 'value that it needs'}"
    return f"{name or 'it'} breaks the rule {rule if rule in _PLAIN_WORDS else 'of its kind'}"
