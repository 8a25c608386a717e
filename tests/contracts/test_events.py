"""The JSON Schema of events is derived from their contract."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from lakehouse.contracts.events import WEB_EVENTS, json_schema

EVENT = {
    "event_id": "m1",
    "contract": 1,
    "event_type": "page",
    "user_id": "u1",
    "occurred_at": "2026-11-27T08:00:00.000000Z",
    "received_at": "2026-11-27T08:00:00.000000Z",
    "key_id": "k1",
}


def test_it_is_a_schema_and_says_what_every_name_means() -> None:
    schema = json_schema()
    jsonschema_rs.meta.validate(schema)
    assert list(schema["properties"]) == list(WEB_EVENTS.names)
    assert all(each["description"] for each in schema["properties"].values())


@pytest.mark.parametrize(
    ("change", "is_valid"),
    [
        ({}, True),
        ({"a_name_of_a_later_version": 1}, True),
        ({"contract": 2}, True),
        ({"contract": 0}, False),
        ({"contract": "1"}, False),
        ({"occurred_at": "2026-11-27T08:00:00Z"}, False),
        ({"event_id": ""}, False),
    ],
)
def test_what_keeps_it(change: dict[str, Any], is_valid: bool) -> None:
    assert jsonschema_rs.is_valid(json_schema(), {**EVENT, **change}) == is_valid
