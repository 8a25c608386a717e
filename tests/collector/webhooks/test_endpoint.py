"""What is done with a webhook: which status it gets, and what is in Kafka after it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from lakehouse.activation.accounts.declared import load_accounts
from lakehouse.collector.app import Collector
from lakehouse.keys.store import KeyRing
from tests.support.recording import Kafka
from tests.support.webhooks import ACCOUNTS, ENVIRONMENT, signed

AT = 1764244800  # an hour at which the events below happened


def events_in(kafka: Kafka) -> list[dict[str, Any]]:
    return [json.loads(each.value) for each in kafka.taken if each.topic == "email_events"]


def problems_in(kafka: Kafka) -> list[str]:
    name = "__connect.errors.exception.message"
    return [dict(each.headers)[name].decode() for each in kafka.taken if each.topic == "dead_letters"]


@pytest.fixture
def kafka() -> Kafka:
    return Kafka()


@pytest.fixture
def client(home: Path, kafka: Kafka, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    (tmp_path / "destinations.yml").write_text(
        ACCOUNTS + "  silent: {destination: braze, secret: '${KEY}', base_url: 'https://a.example'}\n"
    )
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    collector = Collector(KeyRing(home), lambda: kafka, accounts=load_accounts(tmp_path))
    with TestClient(collector.application()) as found:
        yield found


def post(client: TestClient, platform: str, value: Any, delivery: str = "d1") -> int:
    body, headers = signed(platform, value, int(time.time()), delivery)
    return client.post(f"/v1/webhooks/my_{platform}", content=body, headers=headers).status_code


def test_sendgrid(client: TestClient, kafka: Kafka) -> None:
    common = {"email": "Ada@Example.com", "timestamp": AT, "sg_message_id": "m1.filter", "customer_id": "c1"}
    scanner = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    assert (
        post(
            client,
            "sendgrid",
            [
                {**common, "sg_event_id": "e1", "event": "bounce", "type": "bounce", "reason": "550 no such user"},
                {**common, "sg_event_id": "e2", "event": "bounce", "type": "blocked", "status": "4.7.1"},
                {**common, "sg_event_id": "e3", "event": "open", "sg_machine_open": True},
                {**common, "sg_event_id": "e4", "event": "click", "url": "https://a.example/x", "useragent": scanner},
                {**common, "sg_event_id": "e5", "event": "dropped", "reason": "Unsubscribed Address"},
                {**common, "sg_event_id": "e6", "event": "group_unsubscribe", "asm_group_id": 7},
            ],
        )
        == 200
    )
    events = events_in(kafka)
    kinds = ["bounced", "soft_bounced", "opened", "clicked", "suppressed", "unsubscribed"]
    assert [event["event_type"] for event in events] == kinds
    assert events[0] | {"received_at": ""} == {
        "event_id": "my_sendgrid:e1",
        "contract": 1,
        "platform": "sendgrid",
        "account": "my_sendgrid",
        "event_type": "bounced",
        "email": "ada@example.com",
        "customer_id": "c1",
        "message_id": "m1.filter",
        "occurred_at": "2025-11-27T12:00:00.000000Z",
        "received_at": "",
        "reason": "550 no such user",
    }
    assert events[2]["is_machine_open"] is True and events[3]["is_bot_click"] is True
    assert {message.key for message in kafka.taken} == {b"ada@example.com"}


def test_customerio(client: TestClient, kafka: Kafka) -> None:
    body = {
        "event_id": "01E4C4CT6YDC7Y5M7FE1GWWPQJ",
        "object_type": "email",
        "metric": "spammed",
        "timestamp": AT,
        "data": {"customer_id": "c1", "identifiers": {"id": "c1"}, "campaign_id": 2, "recipient": "ada@example.com"},
    }
    assert post(client, "customerio", body) == 200
    (event,) = events_in(kafka)
    said = ("event_id", "event_type", "customer_id", "campaign_id", "email")
    assert [event[name] for name in said] == [
        "my_customerio:01E4C4CT6YDC7Y5M7FE1GWWPQJ",
        "complained",
        "c1",
        "2",
        "ada@example.com",
    ]


def test_relayed(client: TestClient, kafka: Kafka) -> None:
    body = {"type": "email.unsubscribed", "timestamp": "2025-11-27T12:00:00Z", "data": {"email": "ada@example.com"}}
    assert post(client, "klaviyo", body, "d1") == post(client, "klaviyo", body, "d2") == 200
    first, second = events_in(kafka)
    assert first["event_id"] == second["event_id"] and first["occurred_at"] == "2025-11-27T12:00:00.000000Z"


def test_a_repeated_delivery_is_sent_once_but_one_that_was_not_stored_again(client: TestClient, kafka: Kafka) -> None:
    kafka.is_away = True
    body, headers = signed("sendgrid", [{"event": "open", "email": "a@b.c", "timestamp": AT}], int(time.time()))
    answers = []
    for is_away in (True, False, False):
        kafka.is_away = is_away
        answers.append(client.post("/v1/webhooks/my_sendgrid", content=body, headers=headers).status_code)
    assert answers == [503, 200, 200] and len(events_in(kafka)) == 1


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (7, "it is no object"),
        ({"event": "eaten", "email": "a@b.c", "timestamp": AT}, "its kind of event is not known"),
        ({"event": ["open"], "email": "a@b.c", "timestamp": AT}, "its kind of event is not known"),
        ({"event": "open", "email": "a@b.c"}, "its time is not valid"),
        ({"event": "open", "email": "a@b.c", "timestamp": 1e300}, "its time is not valid"),
        ({"event": "open", "timestamp": AT}, "it has neither an address nor a customer id"),
        ({"event": "open", "timestamp": AT, "email": {"a": 1}}, "email breaks the rule type"),
    ],
)
def test_what_is_no_event_is_a_dead_letter(client: TestClient, kafka: Kafka, item: Any, reason: str) -> None:
    good = {"event": "open", "email": "a@b.c", "timestamp": AT}
    assert post(client, "sendgrid", [item, good]) == 200
    assert problems_in(kafka) == [reason] and len(events_in(kafka)) == 1
    counted = client.get("/metrics").text.splitlines()
    for result in ("accepted", "dead_letter"):
        assert f'lakehouse_collector_events_total{{result="{result}"}} 1.0' in counted


def test_statuses(client: TestClient, kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    assert post(client, "sendgrid", b"{") == 400
    assert post(client, "sendgrid", b"[" * 99 + b"]" * 99) == 400
    assert post(client, "sendgrid", b" " * (2**20 + 1)) == 413
    body, headers = signed("sendgrid", [], int(time.time()))
    assert client.post("/v1/webhooks/my_sendgrid", content=b"[1]", headers=headers).status_code == 401
    assert client.post("/v1/webhooks/silent", content=body, headers=headers).status_code == 404
    gzip = headers | {"content-encoding": "gzip"}
    assert client.post("/v1/webhooks/my_sendgrid", content=body, headers=gzip).status_code == 415
    monkeypatch.delenv("WEBHOOK_SENDGRID")
    assert post(client, "sendgrid", []) == 503
    assert kafka.taken == []
