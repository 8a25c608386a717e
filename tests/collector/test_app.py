"""The collector answers exactly what it did with a request; Kafka is a list here, and away when it is told to be."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from lakehouse.collector.app import Collector
from lakehouse.keys.store import KeyRing, create_key, revoke_key
from tests.support.recording import Kafka

CALL = {"event": "Signed Up", "userId": "u1", "messageId": "m1"}


@pytest.fixture
def kafka() -> Kafka:
    return Kafka()


@pytest.fixture
def key(home: Path) -> str:
    return create_key(home, "collect")[1]


@pytest.fixture
def client(home: Path, kafka: Kafka, key: str) -> Iterator[TestClient]:
    with TestClient(Collector(KeyRing(home), lambda: kafka).application()) as found:
        found.auth = (key, "")
        yield found


@pytest.mark.parametrize(
    ("path", "call"),
    [
        ("track", CALL),
        ("page", {"userId": "u1"}),
        ("identify", {"userId": "u1", "traits": {"plan": "pro"}}),
        ("alias", {"userId": "u1", "previousId": "a1"}),
    ],
)
def test_each_call_is_an_event_of_its_kind(client: TestClient, kafka: Kafka, path: str, call: dict[str, Any]) -> None:
    answer = client.post(f"/v1/{path}", json=call)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert json.loads(kafka.taken[0].value)["event_type"] == path


def test_a_batch_keeps_its_order_and_shares_its_context(client: TestClient, kafka: Kafka) -> None:
    calls = [{**CALL, "type": "track", "messageId": f"m{n}"} for n in range(3)]
    body = {"batch": [*calls, 7], "context": {"library": {"name": "x"}}, "sentAt": "2026-11-27T08:00:00Z"}
    answer = client.post("/v1/batch", content=gzip.compress(json.dumps(body).encode()), headers=_GZIP)
    assert answer.json() == {
        "success": True,
        "accepted": 3,
        "dead_letters": 1,
        "reasons": [{"index": 3, "reason": "it is no object"}],
    }
    events = [json.loads(message.value) for message in kafka.taken[:3]]
    assert [event["event_id"] for event in events] == ["m0", "m1", "m2"]
    assert events[0]["context"] == {"library": {"name": "x"}}


_GZIP = {"content-encoding": "gzip", "content-type": "application/json"}
_JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "detail"),
    [
        ("track", b"{", _JSON, 400, "the body is not valid JSON in UTF-8"),
        ("track", b'{"event": "\xff"}', _JSON, 400, "the body is not valid JSON in UTF-8"),
        ("track", b'{"x": 1e999}', _JSON, 400, "the body is not valid JSON in UTF-8"),
        ("track", b"[]", _JSON, 400, "the body must be a JSON object"),
        ("track", b'{"a":' * 17 + b"1" + b"}" * 17, _JSON, 400, "more than 16 objects and arrays"),
        ("track", b"[" * 30_000, _JSON, 400, "more than 16 objects and arrays"),
        ("batch", b"{}", _JSON, 400, 'an array "batch"'),
        ("batch", b'{"batch": {}}', _JSON, 400, 'an array "batch"'),
        ("track", b"{}", _GZIP, 400, "the body is not valid gzip"),
        ("track", gzip.compress(b"{}", mtime=0)[:-4], _GZIP, 400, "not one whole gzip stream"),
        ("track", gzip.compress(b"{}", mtime=0) + b"more", _GZIP, 400, "not one whole gzip stream"),
        ("track", b" " * 32_769, _JSON, 413, "the body is larger than 32 KiB"),
        ("track", gzip.compress(b" " * 10_000_000, mtime=0), _GZIP, 413, "the body is larger than 32 KiB"),
        ("batch", b" " * 524_289, _JSON, 413, "the body is larger than 512 KiB"),
        ("track", b"{}", {"content-type": "application/xml"}, 415, "the body must be application/json"),
        ("track", b"{}", _JSON | {"content-encoding": "br"}, 415, "compressed with gzip only"),
    ],
)
def test_a_request_that_is_wrong_is_told_why(
    client: TestClient, kafka: Kafka, path: str, body: bytes, headers: dict[str, str], status: int, detail: str
) -> None:
    answer = client.post(f"/v1/{path}", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert detail in answer.json()["detail"]
    assert kafka.taken == []


def test_only_a_valid_write_key_may_send(home: Path, client: TestClient, kafka: Kafka, key: str) -> None:
    other, reader = create_key(home, "collect"), create_key(home, "profiles")
    revoke_key(home, other[0].key_id)
    wrong = ["Basic !!!", "Basic " + base64.b64encode(b"\xff:").decode(), f"Bearer {key}", ""]
    wrong += ["Basic " + base64.b64encode(f"{text}:".encode()).decode() for text in ("", "x", other[1], reader[1])]
    client.auth = None
    for said in wrong:
        answer = client.post("/v1/track", json=CALL, headers={"authorization": said})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Basic realm="collector"')
    assert kafka.taken == []


def test_a_key_that_is_revoked_stops_at_once(home: Path, kafka: Kafka) -> None:
    record, text = create_key(home, "collect")
    with TestClient(Collector(KeyRing(home), lambda: kafka).application()) as client:
        assert client.post("/v1/track", json=CALL, auth=(text, "")).status_code == 200
        revoke_key(home, record.key_id)
        assert client.post("/v1/track", json=CALL, auth=(text, "")).status_code == 401


@pytest.mark.parametrize("rates", [{"key_rate": 1}, {"address_rate": 0.1}])
def test_too_much_is_told_when_to_come_again(home: Path, kafka: Kafka, key: str, rates: dict[str, float]) -> None:
    with TestClient(Collector(KeyRing(home), lambda: kafka, **rates).application()) as client:
        client.auth = (key, "")
        answers = [client.post("/v1/track", json=CALL) for _ in range(6)]
        assert answers[0].status_code == 200 and answers[-1].status_code == 429
        assert int(answers[-1].headers["retry-after"]) >= 1


def test_while_kafka_is_away_nothing_counts_as_taken(client: TestClient, kafka: Kafka) -> None:
    kafka.is_away = True
    answer = client.post("/v1/track", json=CALL)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    kafka.is_away = False
    assert client.post("/v1/track", json=CALL).status_code == 200


def test_other_pages_and_methods_are_problems_too(client: TestClient) -> None:
    assert client.get("/v1/track").status_code == 405
    answer = client.post("/v1/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert client.get("/health").json() == {"status": "ok"}


def test_what_is_under_way_is_sent_before_the_end(home: Path, kafka: Kafka) -> None:
    with TestClient(Collector(KeyRing(home), lambda: kafka).application()):
        pass
    assert [message.topic for message in kafka.taken] == ["closed"]


def test_a_picture_is_an_event(client: TestClient, kafka: Kafka, key: str) -> None:
    client.auth = None
    address = {"writeKey": key, "type": "track", "event": "Email Opened", "userId": "u1"}
    answer = client.get("/v1/p.gif", params=address, headers={"referer": "https://shop.example.com/"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
    assert (answer.content[:6], answer.headers["cache-control"]) == (b"GIF89a", "no-store")
    event = json.loads(kafka.taken[0].value)
    assert (event["event_name"], event["user_id"]) == ("Email Opened", "u1")
    assert key not in kafka.taken[0].value.decode()
    assert client.get("/v1/p.gif", params={"writeKey": "x"}).status_code == 401


@pytest.mark.parametrize("path", ["track", "batch"])
def test_a_page_that_is_left_has_its_key_in_the_body(client: TestClient, kafka: Kafka, key: str, path: str) -> None:
    client.auth = None
    body = CALL if path == "track" else {"batch": [{**CALL, "type": "track"}]}
    for said, status in ((key, 200), ("x", 401), (7, 401), (None, 401)):
        text = json.dumps({**body, "writeKey": said})
        assert client.post(f"/v1/{path}", content=text, headers={"content-type": "text/plain"}).status_code == status
    assert len(kafka.taken) == 1 and key not in kafka.taken[0].value.decode()


def test_only_pages_of_listed_sites_may_send(home: Path, kafka: Kafka, key: str) -> None:
    shop = "https://shop.example.com"
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
    with TestClient(Collector(KeyRing(home), lambda: kafka, origins=[shop]).application()) as client:
        for origin, allowed in ((shop, shop), ("https://other.example.com", None)):
            answer = client.options("/v1/track", headers={"origin": origin, **asks})
            assert answer.headers.get("access-control-allow-origin") == allowed
        answer = client.post("/v1/track", json=CALL, headers={"origin": shop})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, shop)
        for origin, status in ((shop, 200), ("https://other.example.com", 403), ("null", 403)):
            text = json.dumps({**CALL, "writeKey": key})
            headers = {"origin": origin, "content-type": "text/plain"}
            assert client.post("/v1/track", content=text, headers=headers).status_code == status
    assert len(kafka.taken) == 2  # the second is what the end adds


def test_requests_and_events_are_counted(client: TestClient, kafka: Kafka) -> None:
    client.post("/v1/track", json=CALL)
    client.post("/v1/track", json={"userId": "u1"})
    client.post("/v1/track", content=b"{")
    client.get("/v1/no/such/page")
    kafka.is_away = True
    client.post("/v1/track", json=CALL)
    lines = client.get("/metrics").text.splitlines()
    for line in (
        'lakehouse_collector_events_total{result="accepted"} 1.0',
        'lakehouse_collector_events_total{result="dead_letter"} 1.0',
        'lakehouse_http_request_seconds_count{route="/v1/track",status="200"} 2.0',
        'lakehouse_http_request_seconds_count{route="/v1/track",status="400"} 1.0',
        'lakehouse_http_request_seconds_count{route="/v1/track",status="503"} 1.0',
        'lakehouse_http_request_seconds_count{route="other",status="404"} 1.0',
        "lakehouse_collector_spool_bytes 0.0",
    ):
        assert line in lines
