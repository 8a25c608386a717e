"""What every profile store does, each on a real server (DynamoDB: moto's): one rule for writes in any order."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lakehouse.config.settings import Settings
from lakehouse.errors import ConfigurationError
from lakehouse.profiles.fields import Field, Version, live, merged
from lakehouse.profiles.loads import LOAD_KEY, Load, field_name
from lakehouse.profiles.reading import read_profiles
from lakehouse.profiles.redis_store import RedisStore
from lakehouse.profiles.store import ProfileStore, StoreUnavailableError
from lakehouse.profiles.stores import durable_store, hot_store, stores_to_read
from tests.support.homes import free_ports
from tests.support.profile_stores import dynamodb_server, postgresql_server, redis_server

Open = Callable[[], ProfileStore]
KINDS = ("sqlite", "redis", "postgresql", "dynamodb")
NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)
_numbers = itertools.count()


@pytest.fixture(scope="module", params=KINDS)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    folder = tmp_path_factory.mktemp(request.param)
    with ExitStack() as servers:
        url = {
            "sqlite": lambda: "",
            "redis": lambda: servers.enter_context(redis_server(folder)),
            "postgresql": lambda: servers.enter_context(postgresql_server(folder)),
            "dynamodb": lambda: servers.enter_context(dynamodb_server()),
        }[request.param]()
        # The simulated server shares its cores with other tests; how long a read may take is not what is tested here.
        servers.enter_context(patch("lakehouse.profiles.dynamodb_store._READ_SECONDS", 30.0))
        chosen = Settings(home=folder, profile_store_url=url)
        yield lambda: durable_store(chosen)


@pytest.fixture
def store(opened: Open) -> Iterator[ProfileStore]:
    found = opened()
    yield found
    asyncio.run(found.close())


def read(opened: Open, *customer_ids: str) -> dict[str, dict[str, Field]]:
    """Customer -> name -> field, as a process that has just begun reads them."""

    async def reading() -> list[Field]:
        store = opened()
        try:
            return await store.read(customer_ids)
        finally:
            await store.close()

    found: dict[str, dict[str, Field]] = {}
    for field in asyncio.run(reading()):
        assert field.name not in found.setdefault(field.customer_id, {})
        found[field.customer_id][field.name] = field
    return found


def own(names: Sequence[str]) -> list[str]:
    """Ids that no other test has."""
    number = next(_numbers)
    return [f"{number}-{name}" for name in names]


versions = st.builds(Version, st.integers(0, 2), st.integers(254, 257), st.integers(0, 1))
values = st.none() | st.integers(0, 300) | st.text(max_size=3)
writes = st.lists(
    st.tuples(st.sampled_from([0, 1]), st.sampled_from(["profile#1", "pages@7"]), versions, values), max_size=8
)


@hypothesis_settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(given_writes=writes, random=st.randoms(use_true_random=False))
def test_writes_of_batch_and_stream_end_the_same_in_every_order_and_with_every_repetition(
    opened: Open, store: ProfileStore, given_writes: list[tuple[int, str, Version, object]], random: st.DataObject
) -> None:
    ended = []
    for is_shuffled in (False, True):
        ids = own("ab")
        fields = [Field(ids[who], name, version, value) for who, name, version, value in given_writes]
        if is_shuffled:
            for field in random.sample(fields * 2, len(fields) * 2):  # type: ignore[attr-defined]
                store.write([field])
        else:
            store.write(fields)
        found = read(opened, *ids)
        ended.append([{name: each.encoded() for name, each in found.get(key, {}).items()} for key in ids])
        expected = [merged(field for field in fields if field.customer_id == key) for key in ids]
        assert [found.get(key, {}) for key in ids] == expected
    assert ended[0] == ended[1]


def test_what_has_expired_is_not_answered(opened: Open, store: ProfileStore) -> None:
    (key,) = own("a")
    now = datetime.now(UTC)
    soon = int(time.time() * 1_000_000) + 60_000_000
    expiries = {"x": soon - 120_000_000, "y": soon, "z": 0}
    store.write([Field(key, name, Version(0, 1), 1, expires_at) for name, expires_at in expiries.items()])
    assert sorted(live(read(opened, key)[key], now)) == ["y", "z"]


@pytest.mark.parametrize("key", ["a b", "ä€😀", "'; drop table fields", "x" * 255, "a\0b", "%", "#"])
def test_keys_are_only_text(opened: Open, store: ProfileStore, key: str) -> None:
    field = Field(key, "x", Version(0, 1), {"a": [1, None, "ä\0"]})
    store.write([field])
    assert read(opened, key, "unknown") == {key: {"x": field}}
    store.delete([key])
    assert read(opened, key) == {}


def test_customers_are_forgotten_whole_and_nobody_else_is(opened: Open, store: ProfileStore) -> None:
    a, b = own("ab")
    store.write([Field(key, name, Version(0, 1), 1) for key in (a, b) for name in ("x", "y")])
    store.delete([])
    store.delete([a, "unknown"])
    assert {key: sorted(names) for key, names in read(opened, a, b).items()} == {b: ["x", "y"]}


def test_of_many_customers_each_is_read(opened: Open, store: ProfileStore) -> None:
    keys = own([str(number) for number in range(150)])
    store.write([Field(key, "x", Version(0, 1), key) for key in keys])
    assert {key: names["x"].value for key, names in read(opened, *keys).items()} == {key: key for key in keys}
    assert read(opened) == {}


@pytest.mark.parametrize("opened", [kind for kind in KINDS if kind != "dynamodb"], indirect=True, scope="module")
def test_many_are_written_by_the_same_rule(opened: Open, store: ProfileStore) -> None:
    """DynamoDB takes one call a field, whether there are many or few."""
    (key,) = own("a")

    def fields(at: int, value: str, begin: int = 0) -> list[Field]:
        return [Field(f"{key}{number}", "x", Version(0, at), value) for number in range(begin, 3_000)]

    store.write(fields(2, "first", begin=1))
    store.write(fields(1, "older"))
    store.write(fields(3, "newer", begin=2))
    found = read(opened, *(f"{key}{number}" for number in range(4)))
    assert [found[f"{key}{number}"]["x"].value for number in range(4)] == ["older", "first", "newer", "newer"]


def test_what_loads_before_left_is_found_and_removed(opened: Open, store: ProfileStore) -> None:
    stays, gone, alias, later = own(["stays", "gone", "alias", "later"])

    def loaded(key: str, generation: int, name: str = "profile") -> Field:
        return Field(key, field_name(name, generation), Version(1, 1), 1)

    signal = Field(gone, "pages@1", Version(0, 1), 1)
    store.write([loaded(stays, 5), loaded(stays, 7), loaded(gone, 5), loaded(alias, 6, "alias"), loaded(later, 8)])
    store.write([signal])
    assert [key for key in store.gone_since(7) if key in (stays, gone, alias, later)] == [gone]
    store.sweep(7)
    assert read(opened, stays, gone, alias, later) == {
        stays: {field_name("profile", 7): loaded(stays, 7)},
        gone: {"pages@1": signal},
        later: {field_name("profile", 8): loaded(later, 8)},
    }
    assert gone not in store.gone_since(7)


def test_a_reader_sees_one_load(opened: Open, store: ProfileStore) -> None:
    keys = own("ab")

    def load(generation: int, value: str) -> list[Field]:
        facts = {"status": "active", "n": value}
        return [Field(key, field_name("profile", generation), Version(generation, 1), facts) for key in keys]

    def seen() -> list[str]:
        async def reading() -> list[str]:
            reader = opened()
            found = await read_profiles([reader], keys, NOW)
            await reader.close()
            return [profile.content["profile"]["n"] for profile in found.profiles.values()]

        return asyncio.run(reading())

    for generation, value in ((1, "one"), (2, "two")):
        before = seen() if generation > 1 else []
        store.write(load(generation, value)[:1])
        assert (seen() if generation > 1 else []) == before
        store.write(load(generation, value)[1:])
        store.write([Load(generation, changed_at=1).field()])
        assert seen() == [value, value]
    store.delete([LOAD_KEY])


@pytest.mark.parametrize(
    "url",
    [
        "redis://:secret@127.0.0.1:{port}/0",
        "postgresql://u:secret@127.0.0.1:{port}/db",
        "dynamodb://t?region=eu-west-1&endpoint=http://127.0.0.1:{port}",
    ],
)
def test_a_store_that_is_away_says_so_without_its_password(
    url: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "secret")
    address = url.format(port=free_ports(1)[0])
    away = durable_store(Settings(home=tmp_path_factory.mktemp("away"), profile_store_url=address))
    with pytest.raises(StoreUnavailableError, match=f"{away.name} does not answer") as raised:
        away.delete(["c"])
    assert "secret" not in str(raised.value)
    with pytest.raises(StoreUnavailableError):
        asyncio.run(away.read(["c"]))


def test_which_stores_there_are_follows_from_the_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("home")

    def names(**given: str) -> list[str]:
        return [store.name for store in stores_to_read(Settings(home=home, **given))]

    assert names() == ["sqlite"]
    assert names(redis_url="redis://h") == ["redis", "sqlite"]
    assert names(redis_url="redis://h", profile_store_url="postgresql://h/d") == ["redis", "postgresql"]
    assert names(profile_store_url="dynamodb://t?region=eu-west-1") == ["dynamodb"]
    assert names(redis_url="redis://h", profile_store_url="rediss://other") == ["redis"]
    assert isinstance(hot_store(Settings(home=home, redis_url="redis://h")), RedisStore)
    with pytest.raises(ConfigurationError, match="LAKEHOUSE_PROFILE_STORE_URL"):
        names(profile_store_url="mongodb://user:secret@h")
