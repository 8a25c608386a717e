"""The hot store, on a real server: the same rule, and what has expired is gone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.config.settings import settings
from lakehouse.profiles.fields import Field, Version
from lakehouse.profiles.redis_access import redis_url
from lakehouse.profiles.redis_store import RedisStore
from lakehouse.profiles.store import StoreUnavailableError
from lakehouse.services.redis_server import redis_part
from lakehouse.utils.processes import ProcessId, end_trees, start_detached, wait_for
from tests.support.homes import free_ports


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("redis")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEHOUSE_HOME", str(home))
        patch.setenv("LAKEHOUSE_REDIS_PORT", str(free_ports(1)[0]))
        settings.cache_clear()
        part, found = redis_part(), redis_url(settings())
    settings.cache_clear()
    server = start_detached(part.command, {"PATH": "/usr/bin:/bin"}, Path(home) / "redis.log")
    try:
        assert wait_for(part.is_ready, 30)
        yield found
    finally:
        end_trees([ProcessId.of(server.pid)], 5)


def read(url: str, customer_id: str) -> list[Field]:
    async def reading() -> list[Field]:
        store = RedisStore(url)
        try:
            return await store.read([customer_id])
        finally:
            await store.close()

    return asyncio.run(reading())


def test_writes_commute_and_may_be_repeated(url: str) -> None:
    writes = [
        Field("c1", "x", Version(0, 255), "older"),
        Field("c1", "x", Version(0, 256), "newer"),
        Field("c1", "x", Version(0, 256), "ne"),
        Field("c1", "y", Version(1, 1), {"a": [1, None]}),
        Field("c2", "x", Version(0, 1), 200, expires_at=(int(time.time()) + 600) * 1_000_000),
    ]
    store = RedisStore(url)
    store.write(writes)
    expected = {"c1": [writes[1], writes[3]], "c2": [writes[4]]}
    for order in (writes, writes[::-1]):
        store.write(order)
        assert {name: sorted(read(url, name), key=lambda each: each.name) for name in expected} == expected
    store.delete(["c1", "unknown"])
    assert read(url, "c1") == [] and read(url, "c2") == [writes[4]]


def test_what_has_expired_is_gone(url: str) -> None:
    store = RedisStore(url)
    soon = int(time.time() * 1_000_000) + 300_000
    store.write([Field("c3", "x", Version(0, 1), 1, expires_at=soon), Field("c3", "y", Version(0, 1), 1)])
    assert wait_for(lambda: [each.name for each in read(url, "c3")] == ["y"], 10)


def test_a_store_that_is_away_says_so_without_its_password() -> None:
    away = f"redis://:secret@127.0.0.1:{free_ports(1)[0]}/0"
    with pytest.raises(StoreUnavailableError, match="redis does not answer: ConnectionError") as raised:
        RedisStore(away).write([Field("c", "x", Version(0, 1), 1)])
    assert "secret" not in str(raised.value)
    with pytest.raises(StoreUnavailableError):
        read(away, "c")
