"""Real engines for the tests: one home and one engine of each kind for the session, at free ports."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lakehouse.config.settings import settings
from lakehouse.engine import control, jars
from lakehouse.spark import session as spark_session
from tests.support.homes import Home

MEMORY_GB = "1.6"
KINDS = ("sail", "spark")


@pytest.fixture(scope="session")
def resolved_jars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the jars that Spark needs, resolved once."""
    with _settings_of(Home(tmp_path_factory.mktemp("jars"), "spark")):
        return jars.delta_jars(settings())[0].parent


@pytest.fixture
def new_home(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Home]:
    """An empty home for sail, or for the kind given as parameter; whatever runs in it afterwards is stopped."""
    yield from _inside(Home(tmp_path, getattr(request, "param", "sail")), request)


@pytest.fixture(scope="session", params=KINDS)
def engine_home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with a running engine of each kind in turn, shared by all tests."""
    for home in _inside(Home(tmp_path_factory.mktemp(request.param), request.param), request):
        control.start()
        yield home


def _inside(home: Home, request: pytest.FixtureRequest) -> Iterator[Home]:
    if home.engine == "spark":
        shared: Path = request.getfixturevalue("resolved_jars")
        mine = home.path / "engine" / "jars"
        mine.mkdir(parents=True)
        shutil.copytree(shared, mine / shared.name)
    with _settings_of(home):
        try:
            yield home
        finally:
            spark_session.close()
            control.stop()


@contextmanager
def _settings_of(home: Home) -> Iterator[None]:
    """This process works in `home` inside the block."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in home.environment(LAKEHOUSE_ENGINE_MEMORY_GB=MEMORY_GB).items():
            if name.startswith("LAKEHOUSE_"):
                patch.setenv(name, value)
        settings.cache_clear()
        yield
    settings.cache_clear()
