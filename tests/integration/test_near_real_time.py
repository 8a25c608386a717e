"""From an event that is posted to the collector to where it is used, with real servers."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest
import segment.analytics
from confluent_kafka import Producer

from lakehouse.config.settings import settings
from lakehouse.kafka.access import kafka_access
from lakehouse.kafka.dead_letters import headers_of
from lakehouse.kafka.topics import DEAD_LETTERS, WEB_EVENTS
from lakehouse.keys.store import create_key
from lakehouse.services import group
from lakehouse.services.group import read_state
from lakehouse.services.near_real_time import GROUP as PROGRAMS
from lakehouse.storage.table import Table
from lakehouse.tables import Layer, TableRef, ops
from lakehouse.utils.processes import wait_for
from tests.support import webhooks
from tests.support.homes import Home
from tests.support.near_real_time import messages_in, started_in

# They need Java, but no engine of other tests, and mostly wait.
pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.xdist_group("near real time")]


@pytest.fixture(scope="module")
def realtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    conf = tmp_path_factory.mktemp("configuration") / "conf"
    shutil.copytree(settings().conf, conf)
    (conf / "destinations.yml").write_text(webhooks.ACCOUNTS)
    variables = webhooks.ENVIRONMENT | {"LAKEHOUSE_CONF": str(conf)}
    with started_in(tmp_path_factory.mktemp("realtime"), "realtime", "up", **variables) as home:
        yield home


@pytest.fixture(scope="module")
def key(realtime: Home) -> str:
    return create_key(realtime.path, "collect")[1]


AT = 1764244800  # a second that is over


def collector() -> str:
    return f"http://127.0.0.1:{settings().collector_port}"


def test_segments_own_sdk_needs_nothing_but_another_host(realtime: Home, key: str) -> None:
    problems: list[Exception] = []
    client = segment.analytics.Client(
        key, host=collector(), gzip=True, on_error=lambda error, _: problems.append(error), max_retries=0
    )
    client.track("sdk-1", "Product Viewed", {"product_id": "P1"}, message_id="s1")
    client.identify("sdk-1", {"plan": "pro"}, message_id="s2")
    client.page("sdk-1", name="Home", message_id="s3")
    client.alias("a1", "sdk-1", message_id="s4")
    client.flush()
    client.join()
    assert problems == []
    events = [each for each in messages_in(WEB_EVENTS, 4) if each["key"] == b"sdk-1"]
    assert [(each["value"]["event_id"], each["value"]["event_type"]) for each in events] == [
        ("s1", "track"),
        ("s2", "identify"),
        ("s3", "page"),
        ("s4", "alias"),
    ]


def test_what_breaks_the_contract_is_in_the_dead_letters_with_its_reason(realtime: Home, key: str) -> None:
    answer = httpx.post(f"{collector()}/v1/track", json={"userId": "dead-1"}, auth=(key, ""), timeout=30)
    assert answer.status_code == 200 and answer.json()["dead_letters"] == 1
    (letter,) = messages_in(DEAD_LETTERS, 1)
    assert letter["headers"]["__connect.errors.exception.message"] == b"it has no event_name"
    assert letter["value"]["user_id"] == "dead-1"


def test_dead_letters_are_replayed_once_they_are_valid(realtime: Home, key: str) -> None:
    fixed: dict[str, Any] = {
        "event_id": "r1",
        "contract": 1,
        "event_type": "page",
        "user_id": "replay-1",
        "key_id": "k",
    }
    fixed |= dict.fromkeys(("occurred_at", "received_at"), "2026-11-27T08:00:00.000000Z")
    producer = Producer(kafka_access(settings()).for_librdkafka())
    headers = headers_of("collector", WEB_EVENTS.name, "it was not known then", fixed["received_at"], "k")
    producer.produce(DEAD_LETTERS.name, json.dumps(fixed), headers=headers)
    assert producer.flush(30) == 0

    def lakehouse(*arguments: str) -> str:
        return realtime.lakehouse(*arguments, LAKEHOUSE_KAFKA_PORT=str(settings().kafka_port)).stdout

    listed = json.loads(lakehouse("deadletters", "list", "--json"))
    assert {each["reason"]: each["replayed"] for each in listed} == {
        "it has no event_name": 0,
        "it was not known then": 0,
    }
    (place,) = (each["example"] for each in listed if each["reason"] == "it was not known then")
    assert "replay-1" in lakehouse("deadletters", "show", place)
    for sent in (1, 0):
        counts = json.loads(lakehouse("deadletters", "replay", "--json"))
        assert counts == {"sent": sent, "sent_before": 1 - sent, "still_rejected": 1}
    assert wait_for(lambda: in_bronze("event_id", "r") == ["r1"], 180, pause_seconds=0.5)


@pytest.fixture(scope="module")
def reader(realtime: Home) -> str:
    return create_key(realtime.path, "profiles")[1]


def post(key: str, *calls: dict[str, Any]) -> None:
    answer = httpx.post(f"{collector()}/v1/batch", json={"batch": list(calls)}, auth=(key, ""), timeout=30)
    assert answer.json() == {"success": True}


def viewed(customer_id: str, message_id: str, product_id: str) -> dict[str, Any]:
    return {
        "type": "track",
        "event": "Product Viewed",
        "userId": customer_id,
        "messageId": message_id,
        "properties": {"product_id": product_id, "name": "Tea"},
    }


def product_in_profile(reader: str, customer_id: str) -> dict[str, Any] | None:
    """What the profile API says of the product viewed last; None while it knows nothing of the customer."""
    url = f"http://127.0.0.1:{settings().profile_api_port}/v1/profiles/{customer_id}"
    answer = httpx.get(url, headers={"authorization": f"Bearer {reader}"}, timeout=30)
    return answer.json()["signals"]["last_viewed"] if answer.status_code == 200 else None


def in_bronze(column: str, prefix: str, table: str = "web_events") -> list[str]:
    """Sorted values of a column of a table of bronze that begin with the prefix."""
    rows = Table(TableRef(Layer.BRONZE, table), settings().lake).delta
    assert rows is not None
    values = rows.to_pyarrow_table(columns=[column])[column].to_pylist()
    return sorted(value for value in values if value and value.startswith(prefix))


def await_product(reader: str, customer_id: str, product_id: str) -> None:
    def is_there() -> bool:
        found = product_in_profile(reader, customer_id)
        return found is not None and found["product_id"] == product_id

    assert wait_for(is_there, 180, pause_seconds=0.1)


def test_an_event_is_in_bronze_and_in_the_profile(realtime: Home, key: str, reader: str) -> None:
    assert product_in_profile(reader, "flow-1") is None
    order = {"event": "Order Completed", "messageId": "f0", "properties": {"revenue": "10.10", "products": []}}
    post(key, viewed("flow-1", "f1", "P1") | order)
    post(key, viewed("flow-1", "f1", "P1"), viewed("flow-1", "f1", "P1"), viewed("flow-1", "f2", "P2"))
    await_product(reader, "flow-1", "P2")
    assert wait_for(lambda: in_bronze("event_id", "f") == ["f0", "f1", "f1", "f2"], 120, pause_seconds=0.5)
    metrics = httpx.get(f"http://127.0.0.1:{settings().stream_metrics_port}/metrics", timeout=30).text
    for query in ("bronze", "signals"):
        assert f'lakehouse_stream_lag{{partition="0",query="{query}",topic="web_events"}} ' in metrics
        assert f'lakehouse_stream_processed_rows_per_second{{query="{query}"}} ' in metrics
    url = f"http://127.0.0.1:{settings().profile_api_port}/v1/profiles/flow-1"
    body = httpx.get(url, headers={"authorization": f"Bearer {reader}"}, timeout=30).json()
    counts = body["signals"]["counts_24h"]
    assert (counts["products_viewed"], counts["orders"], counts["spend"]) == (2, 1, 10.1)
    assert (body["source"], body["missing"]) == ("redis+sqlite", [])


def test_an_unsubscribe_at_a_platform_is_in_the_ledger_and_in_the_profile(realtime: Home, reader: str) -> None:
    items = [
        {"event": "unsubscribe", "email": "ada@example.com", "timestamp": AT, "sg_event_id": "u1"},
        {
            "event": "bounce",
            "email": "b@example.com",
            "customer_id": "c2",
            "timestamp": AT,
            "sg_event_id": "b1",
        },
        {"event": "open", "email": "c@example.com", "customer_id": "c3", "timestamp": AT, "sg_event_id": "o1"},
    ]
    body, headers = webhooks.signed("sendgrid", items, int(time.time()))
    for _ in range(2):
        url = f"{collector()}/v1/webhooks/my_sendgrid"
        assert httpx.post(url, content=body, headers=headers, timeout=30).status_code == 200

    def answers(name: str) -> tuple[str, str] | None:
        url = f"http://127.0.0.1:{settings().profile_api_port}/v1/profiles/{name}"
        answer = httpx.get(url, headers={"authorization": f"Bearer {reader}"}, timeout=30)
        return (answer.json()["status"], answer.json()["reason"]) if answer.status_code == 200 else None

    assert wait_for(lambda: answers("c2") == ("suppressed", "bounced"), 180, pause_seconds=0.1)
    hashed = hashlib.sha256(b"ada@example.com").hexdigest()
    assert answers(f"email_sha256:{hashed}") == ("suppressed", "unsubscribed")
    assert answers("c3") is None
    ledger = Table(ops("platform_refusals"), settings().lake).delta
    assert ledger is not None
    said = ledger.to_pyarrow_table(columns=["customer_id", "address", "reason"]).to_pylist()
    assert sorted(tuple(each.values()) for each in said) == [
        ("", "ada@example.com", "unsubscribed"),
        ("c2", "b@example.com", "bounced"),
    ]
    expected = [f"my_sendgrid:{name}" for name in ("b1", "o1", "u1")]
    assert wait_for(lambda: in_bronze("event_id", "", "email_events") == expected, 120, pause_seconds=0.5)


def test_what_cannot_be_read_is_kept_and_stops_nothing(realtime: Home, key: str, reader: str) -> None:
    producer = Producer(kafka_access(settings()).for_librdkafka())
    for poison in (b"poison {", b"poison \xff", b'["poison"]', b'{"event_id": {"poison": 1}}', b"poison" * 1000):
        producer.produce(WEB_EVENTS.name, poison, key=b"poison")
    assert producer.flush(30) == 0
    post(key, viewed("poison", "p1", "P9"))
    await_product(reader, "poison", "P9")
    assert wait_for(lambda: len(in_bronze("payload", "poison")) == 3, 120, pause_seconds=0.5)


def test_a_job_that_is_killed_goes_on_without_loss_or_repetition(realtime: Home, key: str, reader: str) -> None:
    state = read_state(PROGRAMS)
    assert state is not None
    post(key, viewed("kill-1", "k1", "P1"))
    job = psutil.Process(state.parts["stream"].pid)
    for process in (*job.children(recursive=True), job):
        process.kill()
    post(key, viewed("kill-1", "k2", "P2"))
    await_product(reader, "kill-1", "P2")
    assert wait_for(lambda: "k2" in in_bronze("event_id", "k"), 120, pause_seconds=0.5)
    assert in_bronze("event_id", "k") == ["k1", "k2"]
    restarted = read_state(PROGRAMS)
    assert restarted is not None and restarted.restarts == 1


def test_a_lost_checkpoint_is_made_again_from_bronze(
    realtime: Home, key: str, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_CONNECT_MODE_ENABLED", "1")  # who starts the job may be a client of another Spark
    group.down(PROGRAMS)
    before = in_bronze("event_id", "")
    shutil.rmtree(realtime.path / "stream" / "checkpoints")
    group.up(PROGRAMS)
    post(key, viewed("lost-1", "l1", "P1"))
    await_product(reader, "lost-1", "P1")
    assert wait_for(lambda: "l1" in in_bronze("event_id", "l"), 120, pause_seconds=0.5)
    assert in_bronze("event_id", "") == sorted([*before, "l1"])
