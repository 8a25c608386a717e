"""The engine and the empty lake of the jobs' tests; an engine that tests may break."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lakehouse.engine import control
from tests.spark_jobs.conftest import engine_home, lake, pytest_configure, pytest_generate_tests
from tests.support.homes import Home
from tests.support.own_engines import copy_jars, own_engine_in

__all__ = ["engine_home", "lake", "pytest_configure", "pytest_generate_tests"]


@pytest.fixture(scope="session", params=["sail", "spark"])
def own_engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with a running engine of each kind in turn, shared by all tests that break it."""
    home = Home(tmp_path_factory.mktemp(request.param), request.param)
    if home.engine == "spark":
        copy_jars(request.getfixturevalue("resolved_jars"), home)
    with own_engine_in(home):
        control.start()
        yield home
