"""From Segment's calls to events of the contract."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from lakehouse.collector.segment import occurred_at, to_event

NOW = datetime(2026, 11, 27, 8, 0, 0, 250_000, UTC)


def event(**call: Any) -> dict[str, Any]:
    return to_event(call, NOW, "k1", "made-up")


def test_a_track_call_is_an_event() -> None:
    assert event(
        type="track",
        event="Product Viewed",
        userId="u1",
        anonymousId="a1",
        messageId="m1",
        timestamp="2026-11-27T09:00:00+02:00",
        properties={"product_id": "P1"},
        context={"ip": "192.0.2.7", "page": {"path": "/"}},
        integrations={"All": True},
    ) == {
        "event_id": "m1",
        "contract": 1,
        "event_type": "track",
        "event_name": "Product Viewed",
        "user_id": "u1",
        "anonymous_id": "a1",
        "occurred_at": "2026-11-27T07:00:00.000000Z",
        "received_at": "2026-11-27T08:00:00.250000Z",
        "key_id": "k1",
        "properties": {"product_id": "P1"},
        "context": {"page": {"path": "/"}},
    }


def test_what_is_missing_is_filled_in_or_left_out() -> None:
    assert event(type="page", name="Home", userId=42, anonymousId="") == {
        "event_id": "made-up",
        "contract": 1,
        "event_type": "page",
        "event_name": "Home",
        "user_id": "42",
        "occurred_at": "2026-11-27T08:00:00.250000Z",
        "received_at": "2026-11-27T08:00:00.250000Z",
        "key_id": "k1",
    }


@pytest.mark.parametrize(
    ("call", "sent_at", "expected"),
    [
        ({"timestamp": "2026-11-27T07:59:00Z"}, None, "2026-11-27T07:59:00.000000Z"),
        ({"timestamp": "2026-11-27T07:59:00"}, None, "2026-11-27T07:59:00.000000Z"),
        ({"originalTimestamp": "2026-11-27T07:59:00Z"}, None, "2026-11-27T07:59:00.000000Z"),
        # clocks that are ten years behind, or ahead: 60 s before it was sent
        ({"timestamp": "2016-01-01T00:00:00Z", "sentAt": "2016-01-01T00:01:00Z"}, None, "2026-11-27T07:59:00.250000Z"),
        ({"timestamp": "2036-01-01T00:00:00Z"}, "2036-01-01T00:01:00Z", "2026-11-27T07:59:00.250000Z"),
        ({"timestamp": "2036-01-01T00:00:00Z"}, None, "2026-11-27T08:00:00.250000Z"),  # never after it was received
        ({"timestamp": "yesterday"}, None, "yesterday"),  # breaks the contract
        ({"timestamp": 1764230400}, None, 1764230400),
        ({"timestamp": "0001-01-01T00:00:00+23:00"}, None, "0001-01-01T00:00:00+23:00"),
        ({"timestamp": "9999-12-31T00:00:00Z", "sentAt": "0001-01-01T00:00:00Z"}, None, "9999-12-31T00:00:00Z"),
    ],
)
def test_when_it_happened(call: dict[str, Any], sent_at: Any, expected: Any) -> None:
    assert occurred_at(call, NOW, sent_at) == expected
