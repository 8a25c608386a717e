"""From a call of Segment's HTTP tracking API to an event of our contract. Pure: the clock and ids come in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lakehouse.collector.bots import is_bot
from lakehouse.contracts.events import WEB_EVENTS

_TEXTS = {"user_id": "userId", "anonymous_id": "anonymousId", "previous_id": "previousId"}


def to_event(
    call: Mapping[str, Any], received_at: datetime, key_id: str, new_id: str, sent_at: Any = None
) -> dict[str, Any]:
    """An event of the contract, as far as the call allows: whether it keeps the contract is checked afterwards.

    Args:
        call: the call, with its `type`.
        received_at: when the collector took it, UTC.
        key_id: the write key it came with.
        new_id: id of the event when the call has none (`messageId`).
        sent_at: when the sender sent it, as it said for the whole batch.
    """
    event = {
        "event_id": call.get("messageId") or new_id,
        "contract": WEB_EVENTS.version,
        "event_type": call.get("type"),
        "event_name": call.get("event") if call.get("type") == "track" else call.get("name"),
        **{name: _id(call.get(theirs)) for name, theirs in _TEXTS.items()},
        "occurred_at": occurred_at(call, received_at, sent_at),
        "received_at": moment(received_at),
        "key_id": key_id,
        "properties": call.get("properties"),
        "traits": call.get("traits"),
        "context": _without_address(call.get("context")),
        "is_bot": is_bot(call.get("context")),
    }
    return {name: value for name, value in event.items() if value is not None}


def occurred_at(call: Mapping[str, Any], received_at: datetime, sent_at: Any = None) -> Any:
    """When it happened: as long before it was received as it was before it was sent, by the sender's own clock.

    So a clock that is wrong by years does no harm. Never after it was received. What is no time is returned as it is,
    and breaks the contract.
    """
    said = call.get("timestamp") or call.get("originalTimestamp")
    if said is None:
        return moment(received_at)
    happened, sent = _parsed(said), _parsed(call.get("sentAt") or sent_at)
    if happened is None:
        return said
    if sent is not None:
        try:
            happened = received_at - (sent - happened)
        except OverflowError:
            return said
    return moment(min(happened, received_at))


def moment(at: datetime) -> str:
    """A time as messages write it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def _parsed(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def _id(value: Any) -> Any:
    """Some SDKs send the number of a customer as a number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value or None


def _without_address(context: Any) -> Any:
    return {name: value for name, value in context.items() if name != "ip"} if isinstance(context, dict) else context
