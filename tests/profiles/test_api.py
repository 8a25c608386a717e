"""The profile API: who may ask, what is answered, and from which stores."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from lakehouse.keys.store import KeyRing, create_key, revoke_key
from lakehouse.profiles.api import application
from lakehouse.profiles.fields import Field, Version
from lakehouse.profiles.loads import LOAD_KEY, Load, field_name
from lakehouse.profiles.signals import last_viewed_field, signals_of
from lakehouse.profiles.sqlite_store import SqliteStore
from lakehouse.profiles.store import ProfileStore, StoreUnavailableError

NO_SIGNALS = signals_of({}, datetime(2026, 11, 27, tzinfo=UTC))
AT = 1_795_766_400_000_000  # 2026-11-27T08:00:00Z


class Away:
    """A store that does not answer."""

    name = "redis"

    def write(self, fields: Sequence[Field]) -> None:
        raise StoreUnavailableError(self.name, "it is away")

    async def read(self, customer_ids: Sequence[str]) -> list[Field]:
        raise StoreUnavailableError(self.name, "it is away")

    def delete(self, customer_ids: Sequence[str]) -> None:
        raise StoreUnavailableError(self.name, "it is away")

    def gone_since(self, generation: int) -> list[str]:
        raise StoreUnavailableError(self.name, "it is away")

    def sweep(self, generation: int) -> None:
        raise StoreUnavailableError(self.name, "it is away")

    async def close(self) -> None:
        """Nothing to close."""


def profile(customer_id: str, at: int = AT, **facts: object) -> Field:
    return Field(customer_id, field_name("profile", 0), Version(1, at), {"status": "active", **facts})


@pytest.fixture
def store(home: Path) -> SqliteStore:
    return SqliteStore(home / "profiles.sqlite")


@pytest.fixture
def client(home: Path, store: SqliteStore) -> Iterator[TestClient]:
    with TestClient(application(KeyRing(home), lambda: [store])) as found:
        found.headers["authorization"] = f"Bearer {create_key(home, 'profiles')[1]}"
        yield found


def test_a_profile_says_what_is_known_and_how_old_it_is(client: TestClient, store: SqliteStore) -> None:
    store.write([profile("c1", first_name="Ann")])
    answer = client.get("/v1/profiles/c1")
    body = answer.json()
    assert answer.status_code == 200 and answer.headers["cache-control"] == "private, no-cache"
    assert abs(body.pop("staleness_seconds") - (time.time() - AT / 1e6)) < 60
    assert body == {
        "customer_id": "c1",
        "status": "active",
        "reason": None,
        "profile": {"first_name": "Ann"},
        "signals": NO_SIGNALS,
        "as_of": "2026-11-27T08:00:00.000+00:00",
        "source": "sqlite",
        "missing": [],
    }


def test_an_unchanged_profile_is_not_sent_again(client: TestClient, store: SqliteStore) -> None:
    store.write([profile("c1", n=1)])
    etag = client.get("/v1/profiles/c1").headers["etag"]
    again = client.get("/v1/profiles/c1", headers={"if-none-match": f'"other", {etag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    store.write([profile("c1", AT + 1_000, n=2)])
    changed = client.get("/v1/profiles/c1", headers={"if-none-match": etag})
    assert changed.status_code == 200 and changed.headers["etag"] != etag


@pytest.mark.parametrize("customer_id", ["unknown", "%00", "a%20b", "'; drop table fields"])
def test_somebody_unknown_is_a_problem(client: TestClient, customer_id: str) -> None:
    answer = client.get(f"/v1/profiles/{customer_id}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["detail"] == "nothing is known of this customer"


def test_what_the_store_knows_of_its_load_is_nobodys_profile(client: TestClient, store: SqliteStore) -> None:
    store.write([Load(generation=1).field()])
    assert client.get(f"/v1/profiles/{quote(LOAD_KEY)}").status_code == 404


def test_an_id_that_is_too_long_is_a_problem_that_does_not_quote_it(client: TestClient) -> None:
    answer = client.get("/v1/profiles/" + "x" * 256)
    assert answer.status_code == 422 and "xx" not in answer.text


def test_only_a_key_of_that_scope_may_read(home: Path, client: TestClient) -> None:
    record, revoked = create_key(home, "profiles")
    revoke_key(home, record.key_id)
    for said in ("", "Bearer", "Bearer x", f"Bearer {create_key(home, 'collect')[1]}", f"Bearer {revoked}", "Basic x"):
        answer = client.get("/v1/profiles/c1", headers={"authorization": said})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def client_of(home: Path, *stores: ProfileStore, key_rate: float = 0) -> TestClient:
    api = application(KeyRing(home), lambda: stores, {"language": "en"}, key_rate)
    return TestClient(api, headers={"authorization": f"Bearer {create_key(home, 'profiles')[1]}"})


def test_without_one_store_the_other_answers_of_whom_it_knows_enough(home: Path, store: SqliteStore) -> None:
    store.write([profile("c1", n=1), last_viewed_field("c2", {"product_id": "P1"}, datetime.now(UTC))])
    with client_of(home, Away(), store) as client:
        body = client.get("/v1/profiles/c1").json()
        assert (body["profile"], body["source"], body["missing"]) == ({"n": 1}, "sqlite", ["redis"])
        for name in ("unknown", "c2"):  # the other store may know them, and that nothing must be told of them
            body = client.get(f"/v1/profiles/{name}").json()
            assert (body["status"], body["profile"], body["source"]) == ("fallback", {"language": "en"}, "fallback")


class Moody(SqliteStore):
    """A store that can be told to answer late, or not at all."""

    mood = "good"

    async def read(self, customer_ids: Sequence[str]) -> list[Field]:
        if self.mood == "slow":
            await asyncio.sleep(30)
        if self.mood == "stuck":
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                await asyncio.sleep(5)  # as some clients do when they give up
        if self.mood == "away":
            raise StoreUnavailableError(self.name, "it is away")
        return await super().read(customer_ids)


@pytest.mark.parametrize("mood", ["slow", "stuck", "away"])
def test_inside_the_deadline_there_is_the_last_good_answer_or_the_fallback(home: Path, mood: str) -> None:
    store = Moody(home / "profiles.sqlite")
    store.write([profile("c1", n=1), profile("c2", n=2)])
    with client_of(home, store) as client:
        good = client.get("/v1/profiles/c1")
        store.mood = mood
        began = time.monotonic()
        answer = client.get("/v1/profiles/c1", headers={"x-deadline-ms": "100"})
        body = client.post("/v1/profiles:batchGet", json={"ids": ["c1", "c2"]}).json()
        assert time.monotonic() - began < 4
        assert answer.json()["profile"] == {"n": 1} and answer.headers["etag"] == good.headers["etag"]
        assert (answer.json()["source"], answer.json()["missing"]) == ("cache", ["sqlite"])
        assert [(each["source"], each["profile"]) for each in body["profiles"]] == [
            ("cache", {"n": 1}),
            ("fallback", {"language": "en"}),
        ]
        fallback = client.get("/v1/profiles/c2")
        assert "etag" not in fallback.headers and fallback.json()["staleness_seconds"] is None
        store.mood = "good"
        assert client.get("/v1/profiles/c2").json()["profile"] == {"n": 2}


def test_who_was_forgotten_is_not_in_the_cache_either(home: Path) -> None:
    store = Moody(home / "profiles.sqlite")
    store.write([profile("c1", n=1)])
    with client_of(home, store) as client:
        assert client.get("/v1/profiles/c1").status_code == 200
        store.delete(["c1"])
        assert client.get("/v1/profiles/c1").status_code == 404
        store.mood = "away"
        assert client.get("/v1/profiles/c1").json()["source"] == "fallback"


def test_several_are_asked_for_at_once(client: TestClient, store: SqliteStore) -> None:
    gone = Field("c3", "gone", Version(2, AT), True)
    alias = Field("crm_id:7/8", field_name("alias", 0), Version(1, AT), "c1")
    barred = Field("c2", field_name("profile", 0), Version(1, AT), {"status": "suppressed", "reason": "unsubscribed"})
    store.write([profile("c1", n=1), gone, alias, barred])
    asked = ["c1", "x", "crm_id:7/8", "c2", "c3", "c1"]
    body = client.post("/v1/profiles:batchGet", json={"ids": asked}).json()
    assert body["unknown"] == ["x"]
    assert [(each["id"], each["customer_id"], each["status"], each["reason"]) for each in body["profiles"]] == [
        ("c1", "c1", "active", None),
        ("crm_id:7/8", "c1", "active", None),
        ("c2", "c2", "suppressed", "unsubscribed"),
        ("c3", "c3", "erased", None),
    ]
    assert client.get("/v1/profiles/crm_id%3A7%2F8").json()["customer_id"] == "c1"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"ids": ["\xff"]}', 400),
        (b"[" * 100_000, 422),
        (b"[]", 422),
        (b'{"ids": []}', 422),
        (b'{"ids": [1]}', 422),
        (b'{"ids": [""]}', 422),
        (b'{"ids": ["a"], "more": 1}', 422),
        (json.dumps({"ids": ["secret" * 50]}).encode(), 422),
        (json.dumps({"ids": ["a"] * 101}).encode(), 422),
        (b" " * 300_000, 413),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_cannot_be_read_is_a_problem(client: TestClient, content: bytes, status: int) -> None:
    answer = client.post("/v1/profiles:batchGet", content=content)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert "secret" not in answer.text


@pytest.mark.parametrize("given", ["0", "4", "10001", "-5", "1e3", "x", "9" * 5000, "٣٠٠"])
def test_a_deadline_is_a_number_of_milliseconds(client: TestClient, given: str) -> None:
    assert client.get("/v1/profiles/c1", headers={"x-deadline-ms": given.encode()}).status_code == 422  # type: ignore[dict-item]


def test_a_key_has_a_rate(home: Path, store: SqliteStore) -> None:
    with client_of(home, store, key_rate=1) as client:
        many = {"ids": [str(number) for number in range(100)]}
        assert client.post("/v1/profiles:batchGet", json=many).status_code == 200
        answer = client.get("/v1/profiles/c1")
        assert answer.status_code == 429 and 1 <= int(answer.headers["retry-after"]) <= 2


def test_every_answer_has_the_id_of_its_request(client: TestClient) -> None:
    given = client.get("/v1/profiles/c1", headers={"x-request-id": "mail-7"})
    assert (given.status_code, given.headers["x-request-id"]) == (404, "mail-7")
    made = [client.get("/nothing", headers={"x-request-id": each}).headers["x-request-id"] for each in ("", "a b")]
    assert all(len(each) == 16 for each in made) and made[0] != made[1]


def test_its_description_names_every_answer(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths["/v1/profiles/{customer_id}"]["get"]["responses"]) == {"200", "304", "401", "404", "422", "429"}
    assert set(paths["/v1/profiles:batchGet"]["post"]["responses"]) == {"200", "400", "401", "413", "422", "429"}
    assert client.get("/docs").status_code == 404  # its page would load scripts from elsewhere


def test_answers_are_counted_by_their_source(home: Path, store: SqliteStore) -> None:
    store.write([profile("c1")])
    headers = {"authorization": f"Bearer {create_key(home, 'profiles')[1]}"}
    with TestClient(application(KeyRing(home), lambda: [store]), headers=headers) as client:
        client.post("/v1/profiles:batchGet", json={"ids": ["c1", "c2"]})
        client.get("/v1/profiles/c1")
        lines = client.get("/metrics").text.splitlines()
    with TestClient(application(KeyRing(home), lambda: [Away()]), headers=headers) as client:
        client.get("/v1/profiles/c1")
        lines += client.get("/metrics").text.splitlines()
    for line in (
        'lakehouse_profile_answers_total{source="sqlite"} 2.0',
        'lakehouse_profile_answers_total{source="none"} 1.0',
        'lakehouse_profile_answers_total{source="fallback"} 1.0',
        'lakehouse_http_request_seconds_count{route="/v1/profiles:batchGet",status="200"} 1.0',
        'lakehouse_http_request_seconds_count{route="/v1/profiles/{customer_id:path}",status="200"} 1.0',
    ):
        assert line in lines
