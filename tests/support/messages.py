"""Messages of the topic in bronze, as the streaming job writes them, without it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from lakehouse.config.settings import settings
from lakehouse.contracts import arrow_schema
from lakehouse.contracts.events import BRONZE_EVENTS
from lakehouse.storage.discovery import delta_uri
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef

WEB_EVENTS = TableRef.parse("bronze.web_events")
PARTITIONS = 2
_BEGIN = datetime(2017, 6, 1, tzinfo=UTC)


def event(event_id: str, **changes: Any) -> dict[str, Any]:
    """A good event of a customer k1 who views a product."""
    plain = {
        "event_id": event_id,
        "contract": 1,
        "event_type": "track",
        "event_name": "Product Viewed",
        "user_id": "k1",
        "anonymous_id": "a1",
        "occurred_at": "2017-06-01T10:00:00.000000Z",
        "received_at": "2017-06-01T10:00:01.000000Z",
        "key_id": "w1",
        "properties": {"product_id": "p1", "category": "Tea"},
        "is_bot": False,
    }
    return {name: value for name, value in (plain | changes).items() if value is not None}


def text(message: dict[str, Any] | str) -> str:
    """The payload of a message; a text is one already."""
    return message if isinstance(message, str) else json.dumps(message)


def send(messages: Sequence[dict[str, Any] | str]) -> None:
    """Append messages to bronze.web_events in one commit, by turns to the partitions, behind those that are there."""
    table = Table(WEB_EVENTS, settings().lake).ensure(BRONZE_EVENTS)
    first = table.count_rows()
    rows = [
        {
            "payload": text(message),
            "_partition": number % PARTITIONS,
            "_offset": number // PARTITIONS,
            "_ingested_at": _BEGIN + timedelta(milliseconds=number),
        }
        for number, message in enumerate(messages, first)
    ]
    columns = arrow_schema(BRONZE_EVENTS)
    write_deltalake(delta_uri(WEB_EVENTS, settings().lake), pa.Table.from_pylist(rows, columns), mode="append")
