"""Kafka and Redis in a home of their own, started once for all tests that need them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lakehouse.config.settings import settings
from lakehouse.services import group
from lakehouse.services.servers import GROUP
from tests.support.homes import Home, free_ports

PORTS = ("KAFKA_PORT", "REDIS_PORT")


@contextmanager
def servers_in(folder: Path) -> Iterator[Home]:
    """This process works in a home whose Kafka and Redis run, with the topics."""
    home = Home(folder)
    ports = {f"LAKEHOUSE_{name}": str(port) for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in home.environment(**ports).items():
            if name.startswith("LAKEHOUSE_"):
                patch.setenv(name, value)
        settings.cache_clear()
        try:
            home.lakehouse("services", "up", **ports)
            yield home
        finally:
            group.down(GROUP)
            settings.cache_clear()
    settings.cache_clear()
