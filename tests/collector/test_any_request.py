"""Whatever is sent, the collector says what it thinks of it: never a server error, and what it takes is kept whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from lakehouse.collector.app import Collector
from lakehouse.keys.store import KeyRing, create_key
from tests.support.recording import Kafka
from tests.support.soak import at_length

_NAMES = [
    "type",
    "event",
    "name",
    "userId",
    "anonymousId",
    "previousId",
    "messageId",
    "timestamp",
    "sentAt",
    "writeKey",
]
_NAMES += ["properties", "traits", "context", "batch", "userAgent", "ip"]
_PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
_KNOWN = st.sampled_from(
    ["track", "page", "identify", "alias", "u1", "2026-11-27T08:00:00Z", "9999-12-31T23:59:59-23:59"]
)
_VALUES = st.recursive(
    _PLAIN | _KNOWN | st.integers(min_value=2**63, max_value=10**30) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_NAMES) | st.text(), inner, max_size=6),
    max_leaves=12,
)
_CALLS = st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=8)
_BODIES = (_CALLS | _VALUES | st.fixed_dictionaries({"batch": st.lists(_CALLS | _VALUES, max_size=4)})).map(
    lambda value: json.dumps(value).encode()
) | st.binary(max_size=200)


@pytest.fixture(scope="module")
def kafka() -> Kafka:
    return Kafka()


@pytest.fixture(scope="module")
def client(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    home: Path = tmp_path_factory.mktemp("any")
    key = create_key(home, "collect")[1]
    with TestClient(Collector(KeyRing(home), lambda: kafka).application()) as found:
        found.auth = (key, "")
        found.params = {"writeKey": key}
        yield found


@pytest.mark.parametrize("count", [150, *at_length(10_000)])
def test_no_body_is_a_server_error(client: TestClient, kafka: Kafka, count: int) -> None:
    @settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(["track", "page", "identify", "alias", "batch"]), _BODIES)
    def check(path: str, body: bytes) -> None:
        before = len(kafka.taken)
        answer = client.post(f"/v1/{path}", content=body, headers={"content-type": "application/json"})
        assert answer.status_code in (200, 400, 413)
        taken = kafka.taken[before:]
        calls: Any = json.loads(body) if answer.status_code == 200 else {"batch": []}
        assert len(taken) == (len(calls["batch"]) if path == "batch" or answer.status_code != 200 else 1)
        for message in taken:
            json.loads(message.value)

    check()


@pytest.mark.parametrize("count", [50, *at_length(2_000)])
def test_no_address_of_a_picture_is_a_server_error(client: TestClient, count: int) -> None:
    @settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.dictionaries(st.sampled_from(_NAMES[:9]) | st.text(max_size=20), st.text(max_size=50), max_size=6))
    def check(query: dict[str, str]) -> None:
        said = {name: value.encode("utf-8", "surrogatepass").decode("latin-1") for name, value in query.items()}
        assert client.get("/v1/p.gif", params=said).status_code in (200, 401)

    check()
