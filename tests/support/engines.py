"""A running engine for the tests of a room, and a lake of its own for each of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lakehouse.engine import connect, control
from lakehouse.settings import settings
from tests.support.homes import Home


@contextmanager
def running_engine(home: Home) -> Iterator[Home]:
    """This process works in `home`, with its engine running, inside the block."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("LAKEHOUSE_")]:
            patch.delenv(name)
        for name, value in home.environment(LAKEHOUSE_ENGINE_MEMORY_GB="2").items():
            if name.startswith("LAKEHOUSE_"):
                patch.setenv(name, value)
        settings.cache_clear()
        try:
            control.start()
            yield home
        finally:
            connect.close()
            control.stop()
    settings.cache_clear()


@contextmanager
def own_lake(folder: Path) -> Iterator[str]:
    """A lake root and a conf folder below `folder`, on the engine that is running; yields the lake root."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEHOUSE_LAKE_ROOT", str(folder / "lake"))
        patch.setenv("LAKEHOUSE_CONF", str(folder / "conf"))
        settings.cache_clear()
        yield settings().lake
    settings.cache_clear()
