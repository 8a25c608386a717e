"""Engines that tests may break: each in a home of its own, stopped after it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lakehouse.config.settings import settings
from lakehouse.engine import control
from lakehouse.spark import session as spark_session
from tests.support.homes import Home

MEMORY_GB = "1.6"


@contextmanager
def working_in(home: Home) -> Iterator[None]:
    """This process works in `home` inside the block."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in home.environment(LAKEHOUSE_ENGINE_MEMORY_GB=MEMORY_GB).items():
            if name.startswith("LAKEHOUSE_"):
                patch.setenv(name, value)
        settings.cache_clear()
        yield
    settings.cache_clear()


@contextmanager
def own_engine_in(home: Home) -> Iterator[None]:
    """This process works in `home` inside the block; whatever engine runs in it afterwards is stopped."""
    with working_in(home):
        try:
            yield
        finally:
            spark_session.close()
            control.stop()


def copy_jars(resolved: Path, home: Home) -> None:
    """Give a home the jars of Spark that were resolved before."""
    folder = home.path / "engine" / "jars"
    folder.mkdir(parents=True)
    shutil.copytree(resolved, folder / resolved.name)
