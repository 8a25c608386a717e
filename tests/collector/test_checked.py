"""What keeps the contract goes to the topic, everything else to the dead letters, with a reason that quotes nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from lakehouse.collector.checked import messages_of

NOW = datetime(2026, 11, 27, 8, 0, 0, 0, UTC)
GOOD = {"type": "track", "event": "Signed Up", "userId": "u1", "messageId": "m1"}


def test_an_event_goes_to_its_topic_under_its_person() -> None:
    messages, rejected = messages_of([GOOD, {**GOOD, "userId": None, "anonymousId": "a1"}], NOW, "k1")
    assert rejected == []
    assert [(message.topic, message.key) for message in messages] == [("web_events", b"u1"), ("web_events", b"a1")]
    assert json.loads(messages[0].value)["event_name"] == "Signed Up"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"type": "group"}, "event_type breaks the rule enum"),
        ({"type": None}, "it has no event_type"),
        ({"event": None}, "it has no event_name"),
        ({"event": {"a": 1}}, "event_name breaks the rule type"),
        ({"event": "x" * 256}, "event_name breaks the rule maxLength"),
        ({"userId": None}, "it has neither userId nor anonymousId"),
        ({"userId": ["secret"]}, "user_id breaks the rule type"),
        ({"userId": True}, "user_id breaks the rule type"),
        ({"messageId": 7}, "event_id breaks the rule type"),
        ({"timestamp": "secret"}, "occurred_at breaks the rule pattern"),
        ({"properties": [1]}, "properties breaks the rule type"),
        ({"context": "secret"}, "context breaks the rule type"),
        ({"type": "identify", "userId": None, "anonymousId": "a"}, "it has no user_id"),
        ({"type": "alias"}, "it has no previous_id"),
        ({"properties": {"x": "y" * 33_000}}, "it is longer than 32768 bytes"),
    ],
)
def test_what_breaks_the_contract_is_a_dead_letter(change: dict[str, Any], reason: str) -> None:
    (message,), (rejected,) = messages_of([{**GOOD, **change}], NOW, "k1")
    assert (message.topic, rejected.place, rejected.reason) == ("dead_letters", 0, reason)
    assert dict(message.headers) == {
        "__connect.errors.topic": b"web_events",
        "__connect.errors.stage": b"collector",
        "__connect.errors.exception.class.name": b"ContractError",
        "__connect.errors.exception.message": reason.encode(),
        "lakehouse.received_at": b"2026-11-27T08:00:00.000000Z",
        "lakehouse.key_id": b"k1",
    }
    assert json.loads(message.value)["event_id"] == change.get("messageId", "m1")


def test_a_batch_is_taken_event_by_event() -> None:
    messages, rejected = messages_of([GOOD, "no call", {**GOOD, "event": 1}, GOOD], NOW, "k1")
    assert [message.topic for message in messages] == ["web_events", "dead_letters", "dead_letters", "web_events"]
    assert [tuple(each) for each in rejected] == [(1, "it is no object"), (2, "event_name breaks the rule type")]
    assert messages[1].value == b'"no call"'
