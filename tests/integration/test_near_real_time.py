"""From an event that is posted to the collector to where it is used, with real servers."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import psutil
import pytest
import segment.analytics

from lakehouse.config.settings import settings
from lakehouse.kafka.topics import DEAD_LETTERS, WEB_EVENTS
from lakehouse.keys.store import create_key
from lakehouse.services.group import read_state
from lakehouse.services.servers import GROUP as SERVERS
from tests.support.homes import Home
from tests.support.near_real_time import messages_in, started_in

pytestmark = [pytest.mark.spark, pytest.mark.slow]  # they need Java


@pytest.fixture(scope="module")
def realtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with started_in(tmp_path_factory.mktemp("realtime"), "realtime", "up") as home:
        yield home


@pytest.fixture(scope="module")
def key(realtime: Home) -> str:
    return create_key(realtime.path, "collect")[1]


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


def test_without_kafka_nothing_is_said_to_be_taken(realtime: Home, key: str) -> None:
    state = read_state(SERVERS)
    assert state is not None
    broker = psutil.Process(state.parts["kafka"].pid)
    call = {"userId": "away-1", "event": "Signed Up", "messageId": "away"}
    broker.suspend()
    try:
        answer = httpx.post(f"{collector()}/v1/track", json=call, auth=(key, ""), timeout=30)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    finally:
        broker.resume()
    answer = httpx.post(f"{collector()}/v1/track", json=call, auth=(key, ""), timeout=30)
    assert answer.status_code == 200
