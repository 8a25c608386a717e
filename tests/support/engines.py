"""A running engine for the tests of a room, and an empty lake for each of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lakehouse.engine import connect, control
from lakehouse.settings import settings
from tests.support.homes import Home


@contextmanager
def running_engine(home: Home) -> Iterator[Home]:
    """This process works in `home` (conf in `<home>/conf`), with its engine running, inside the block."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("LAKEHOUSE_")]:
            patch.delenv(name)
        for name, value in home.environment(LAKEHOUSE_ENGINE_MEMORY_GB="2", LAKEHOUSE_CONF=str(home.path / "conf")).items():
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
def empty_lake(home: Home) -> Iterator[str]:
    """The lake root of a home; what is written inside the block is removed after it."""
    try:
        yield settings().lake
    finally:
        shutil.rmtree(home.lake, ignore_errors=True)
