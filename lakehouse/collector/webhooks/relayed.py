"""Events in our own words, in an envelope of Standard Webhooks: for platforms whose webhooks are not signed, and for
preference centres. Whoever relays them signs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lakehouse.collector.webhooks.report import Report, UnreadableReportError, known_kind
from lakehouse.contracts.email_events import EMAIL_EVENT_TYPES

_KINDS = {f"email.{kind}": kind for kind in EMAIL_EVENT_TYPES}


def report_of(item: Mapping[str, Any]) -> Report:
    """The event of the body: `type`, `timestamp`, and in `data` names of the contract."""
    data = item.get("data")
    if not isinstance(data, dict):
        raise UnreadableReportError("it has no data")
    kind = known_kind(_KINDS, item.get("type"))
    said = {name: data.get(name) for name in _NAMES}
    return Report(kind=kind, id=data.get("event_id"), at=item.get("timestamp"), **said)


_NAMES = tuple(name for name in Report._fields if name not in ("kind", "id", "at"))
