"""The profile API: who may ask, what is answered, and from which stores."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from lakehouse.keys.store import KeyRing, create_key, revoke_key
from lakehouse.profiles.api import application
from lakehouse.profiles.fields import Field, Version
from lakehouse.profiles.loads import field_name
from lakehouse.profiles.sqlite_store import SqliteStore
from lakehouse.profiles.store import StoreUnavailableError

NO_SIGNALS = {
    "last_viewed": None,
    "counts_5m": {"pages": 0, "products_viewed": 0, "products_added": 0, "orders": 0},
}
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


def test_an_id_that_is_too_long_is_a_problem_that_does_not_quote_it(client: TestClient) -> None:
    answer = client.get("/v1/profiles/" + "x" * 256)
    assert answer.status_code == 422 and "xx" not in answer.text


def test_only_a_key_of_that_scope_may_read(home: Path, client: TestClient) -> None:
    record, revoked = create_key(home, "profiles")
    revoke_key(home, record.key_id)
    for said in ("", "Bearer", "Bearer x", f"Bearer {create_key(home, 'collect')[1]}", f"Bearer {revoked}", "Basic x"):
        answer = client.get("/v1/profiles/c1", headers={"authorization": said})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_without_one_store_the_other_answers(home: Path, store: SqliteStore) -> None:
    store.write([profile("c1", n=1)])
    with TestClient(application(KeyRing(home), lambda: [Away(), store])) as client:
        client.headers["authorization"] = f"Bearer {create_key(home, 'profiles')[1]}"
        body = client.get("/v1/profiles/c1").json()
        assert (body["profile"], body["source"], body["missing"]) == ({"n": 1}, "sqlite", ["redis"])
        answer = client.get("/v1/profiles/unknown")  # the other store may know them
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_its_description_names_every_answer(client: TestClient) -> None:
    described = client.get("/openapi.json").json()["paths"]["/v1/profiles/{customer_id}"]["get"]
    assert set(described["responses"]) == {"200", "304", "401", "404", "422", "503"}
    assert client.get("/docs").status_code == 404  # its page would load scripts from elsewhere
