"""One event as a platform reports it, in our words, and what all parsers need. Pure."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from lakehouse.collector.bots import is_bot_agent
from lakehouse.collector.segment import moment
from lakehouse.contracts.email_events import EMAIL_EVENTS, LONG_TEXT
from lakehouse.contracts.events import LONGEST_TEXT

_LATEST = 4102444800  # 2100-01-01
_SECONDS = re.compile(r"\d{1,10}")


class UnreadableReportError(Exception):
    """It is not what the platform documents; the message names no value of it."""


class Report(NamedTuple):
    """What a parser finds; None = the platform does not say. `at` is as the platform writes it."""

    kind: str
    id: Any
    at: Any
    email: Any = None
    customer_id: Any = None
    campaign_id: Any = None
    message_id: Any = None
    url: Any = None
    user_agent: Any = None
    is_machine_open: Any = None
    reason: Any = None


def to_event(report: Report, item: Any, platform: str, account: str, received_at: datetime) -> dict[str, Any]:
    """An event of the contract, as far as the report allows: whether it keeps the contract is checked afterwards.

    Args:
        report: what was found in `item`.
        item: the event as the platform sent it; its hash is the id of an event that has none.
        platform: name of the platform.
        account: name of the account.
        received_at: when the collector took it, UTC.
    """
    event = {
        "event_id": f"{account}:{_event_id(report.id, item)}",
        "contract": EMAIL_EVENTS.version,
        "platform": platform,
        "account": account,
        "event_type": report.kind,
        "email": report.email.strip().lower() if isinstance(report.email, str) else report.email,
        "customer_id": _id(report.customer_id),
        "campaign_id": _id(report.campaign_id),
        "message_id": _id(report.message_id),
        "occurred_at": moment(min(_time(report.at), received_at)),
        "received_at": moment(received_at),
        "url": _long(report.url),
        "user_agent": _long(report.user_agent),
        "is_machine_open": bool(report.is_machine_open) if report.kind == "opened" else None,
        "is_bot_click": is_bot_agent(report.user_agent) if report.kind == "clicked" else None,
        "reason": _long(report.reason),
    }
    return {name: value for name, value in event.items() if value not in (None, "")}


def known_kind(kinds: dict[str, str], name: Any) -> str:
    """Our word for a kind of event. Raises UnreadableReportError for one that is not known."""
    found = kinds.get(name) if isinstance(name, str) else None
    if found is None:
        raise UnreadableReportError("its kind of event is not known")
    return found


def _event_id(given: Any, item: Any) -> str:
    text = _id(given)
    if isinstance(text, str) and 0 < len(text) <= LONGEST_TEXT - 70:
        return text
    return hashlib.sha256(msgspec.json.encode(item, order="deterministic")).hexdigest()


def _time(said: Any) -> datetime:
    """A time in seconds since 1970, or in ISO 8601."""
    if isinstance(said, str) and _SECONDS.fullmatch(said):
        said = int(said)
    if isinstance(said, int | float) and not isinstance(said, bool) and 0 <= said < _LATEST:
        return datetime.fromtimestamp(said, UTC)
    try:
        found = datetime.fromisoformat(said)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise UnreadableReportError("its time is not valid") from None


def _id(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _long(value: Any) -> Any:
    return value[:LONG_TEXT] if isinstance(value, str) else value
